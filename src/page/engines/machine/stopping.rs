//! Stops a run in the middle of a step: a CPU engine hears nothing before the step has ended, and steps of large batches take minutes.
//!
//! The engine is ended, and the run goes back to its last checkpoint in a new one, where it stops at once, with its network at hand.

use super::{AlarmId, Engines, Told};
use crate::page::state::{AppState, NoticeKind};
use kindling_core::protocol::{Bulk, Command, EngineKind, RunId, RunStart};

/// How long a run may take to stop after its engine was last heard of.
const PATIENCE_MS: f64 = 3_000.0;

/// The latest run, and the alarm that is due if it does not stop.
#[derive(Default)]
pub(super) struct Stopping {
    run: Option<Latest>,
    alarm: Option<AlarmId>,
}

struct Latest {
    id: RunId,
    /// Its last checkpoint, or what it began with.
    start: RunStart,
    is_kept: bool,
}

impl Stopping {
    /// A run that is about to begin.
    pub(super) fn of(id: RunId, start: RunStart, is_kept: bool) -> Self {
        Self { run: Some(Latest { id, start, is_kept }), alarm: None }
    }

    pub(super) fn keep(&mut self, id: RunId, checkpoint: &Bulk) {
        if let Some(run) = self.run.as_mut().filter(|run| run.id == id) {
            run.start = RunStart::Checkpoint(checkpoint.clone());
        }
    }

    /// The latest run, if it is the page's and active.
    fn active(&self, page: &AppState) -> Option<&Latest> {
        let of_page = page.run.run().filter(|_| page.run.is_active())?.id;
        self.run.as_ref().filter(|run| run.id == of_page)
    }

    pub(super) fn is_due(&self, alarm: AlarmId) -> bool {
        self.alarm == Some(alarm)
    }
}

impl Engines {
    /// The run was asked to stop. A step on a GPU keeps its engine waiting, but not from hearing, and its kernels are slow to compile anew.
    pub(super) fn expect_stop(&mut self, page: &AppState) {
        let is_cpu = self.active.as_ref().is_some_and(|engine| engine.program.kind() == EngineKind::Cpu);
        if is_cpu
            && self.stopping.active(page).is_some()
            && page.dataset.origin.is_some()
            && !page.dataset.load.is_loading()
        {
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
        let run = self.stopping.active(page).map(|run| (run.id, run.start.clone(), run.is_kept));
        let config = page.run.run().map(|run| Box::new((*run.config).clone()));
        let (Some((run, start, is_kept)), Some(config), Some(choice)) = (run, config, self.choice.clone()) else {
            return;
        };
        let asked = self.active.as_mut().map(|engine| std::mem::take(&mut engine.asked));
        self.start_active(choice, page);
        self.give_up_questions(asked.unwrap_or_default());
        if let Some(mut engine) = self.active.take() {
            self.catch_up(&mut engine, page);
            self.active = Some(engine);
        }
        self.tell(Told::RunMoves(run));
        self.send(Command::Train { run, config, start, is_kept });
        self.send(Command::Stop);
        self.tell(Told::Notice(NoticeKind::StoppedMidStep));
    }
}
