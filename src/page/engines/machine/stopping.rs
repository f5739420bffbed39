//! Stops a run in the middle of a step: a CPU engine hears nothing before the step has ended, and steps of large batches take minutes.
//!
//! The engine is ended, and the run goes back to its last checkpoint in a new one, where it stops at once, with its network at hand.

use super::{AlarmId, Engines, Told};
use crate::page::state::{AppState, NoticeKind};
use kindling_core::protocol::{Bulk, Command, EngineKind, RunId, RunStart};

/// How long a run may take to stop after its engine was last heard of.
const PATIENCE_MS: f64 = 3_000.0;

/// The latest run, and the alarm that is due if it does not stop.
pub(super) struct Stopping {
    run: Option<RunId>,
    is_kept: bool,
    /// Where it begins in a new engine: at its last checkpoint, if it has one.
    start: RunStart,
    alarm: Option<AlarmId>,
}

impl Default for Stopping {
    fn default() -> Self {
        Self { run: None, is_kept: false, start: RunStart::New, alarm: None }
    }
}

impl Stopping {
    /// A run that is about to begin.
    pub(super) fn of(run: RunId, start: RunStart, is_kept: bool) -> Self {
        Self { run: Some(run), is_kept, start, alarm: None }
    }

    pub(super) fn keep(&mut self, run: RunId, checkpoint: &Bulk) {
        if self.run == Some(run) {
            self.start = RunStart::Checkpoint(checkpoint.clone());
        }
    }

    pub(super) fn is_due(&self, alarm: AlarmId) -> bool {
        self.alarm == Some(alarm)
    }
}

impl Engines {
    /// The run was asked to stop. A step on a GPU keeps its engine waiting, but not from hearing, and its kernels are slow to compile anew.
    pub(super) fn expect_stop(&mut self, page: &AppState) {
        let is_cpu = self.active.as_ref().is_some_and(|engine| engine.program.kind() == EngineKind::Cpu);
        let is_known = page.run.is_active() && page.run.run().map(|run| run.id) == self.stopping.run;
        if is_cpu && is_known && page.dataset.origin.is_some() && !page.dataset.load.is_loading() {
            self.set_stop_alarm();
        }
    }

    /// The engine was heard of: a step has ended, and the run stops before the next one.
    pub(super) fn stop_is_near(&mut self) {
        if self.stopping.alarm.is_some() {
            self.set_stop_alarm();
        }
    }

    fn set_stop_alarm(&mut self) {
        self.set_alarm(PATIENCE_MS);
        self.stopping.alarm = Some(self.alarm);
    }

    /// The run has not stopped in time.
    pub(super) fn stop_by_force(&mut self, page: &AppState) {
        self.stopping.alarm = None;
        let run = page.run.run().filter(|run| page.run.is_active() && Some(run.id) == self.stopping.run);
        let (Some(run), Some(choice)) = (run, self.choice.clone()) else { return };
        let asked = self.active.as_mut().map(|engine| std::mem::take(&mut engine.asked));
        self.start_active(choice, page);
        self.give_up_questions(asked.unwrap_or_default());
        if let Some(mut engine) = self.active.take() {
            self.catch_up(&mut engine, page);
            self.active = Some(engine);
        }
        self.tell(Told::RunMoves(run.id));
        let (start, is_kept) = (self.stopping.start.clone(), self.stopping.is_kept);
        let config = Box::new((*run.config).clone());
        self.send(Command::Train { run: run.id, config, start, is_kept });
        self.send(Command::Stop);
        self.tell(Told::Notice(NoticeKind::StoppedMidStep));
    }
}
