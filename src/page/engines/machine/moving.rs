//! Moves runs between the two devices: starts the challenger of a race, and follows what the [`Race`] decides.
//!
//! No step of a run that moves is reported twice, and none is lost: it moves when its checkpoint arrives, which holds all steps reported so far,
//! and from then on the engine that it leaves is no longer listened to.
//!
//! [`Race`]: super::race::Race

use std::collections::BTreeSet;

use super::race::Next;
use super::{AlarmId, Effect, Engine, Engines, Told};
use crate::page::state::{AppState, Checkpoint, EngineChoice, EngineProgram, NoticeKind, RaceState};
use kindling_core::config::RunConfig;
use kindling_core::protocol::{Command, Event, Failure, FailureKind, RequestId, RunId, RunStart};

impl Engines {
    /// A run is about to begin: in the engine of the better device, if that is known.
    pub(super) fn begin_run(&mut self, config: &RunConfig, is_kept: bool, page: &AppState) {
        let next = self.race.abandon();
        self.follow(next, page);
        let Some(own) = self.active.as_ref().map(|engine| engine.program.kind()) else { return };
        let better = self.race.better_device(config, own);
        if better.is_some() && page.dataset.origin.is_some() && !page.dataset.load.is_loading() {
            self.start_on_other_device(page);
        }
        let own = self.active.as_ref().map_or(own, |engine| engine.program.kind());
        self.race.begin(config, own, is_kept);
        self.show_race();
    }

    /// Follows the race's decision.
    pub(super) fn follow(&mut self, next: Next, page: &AppState) {
        match next {
            Next::Nothing => {}
            Next::Call => self.send(Command::Checkpoint),
            Next::Enter { checkpoint, limit_ms } => self.enter(&checkpoint, limit_ms, page),
            Next::Hold => self.send(Command::Hold),
            Next::Measure { limit_ms } => self.set_alarm(limit_ms),
            Next::Stay => {
                self.send(Command::Release);
                self.end_beside();
            }
            Next::Prepare => {
                self.send_beside(Command::Stop);
                self.send(Command::Release);
                // The next regular checkpoint may be minutes away.
                self.send(Command::Checkpoint);
            }
            Next::Move(checkpoint) => self.move_run(&checkpoint, page),
        }
        self.remember_verdicts();
        self.show_race();
    }

    /// Stores the verdicts, if they have changed.
    pub(super) fn remember_verdicts(&mut self) {
        if let Some(verdicts) = self.race.take_unsaved() {
            self.effects.push(Effect::Remember(verdicts));
        }
    }

    /// Updates the page's view of the race.
    pub(super) fn show_race(&mut self) {
        let state = self.race.state();
        if state == self.shown {
            return;
        }
        self.shown = state.clone();
        if let RaceState::Differs { cpu, gpu } = state {
            self.tell(Told::Notice(NoticeKind::DevicesDiffer { cpu, gpu }));
        }
        self.tell(Told::Race(state));
    }

    /// Has the other device's engine train the steps after the checkpoint.
    fn enter(&mut self, checkpoint: &Checkpoint, limit_ms: f64, page: &AppState) {
        let Some(program) = self.other_program() else { return };
        // A new id each time, because events of the previous challenger's run may still arrive.
        self.heat = RunId(self.heat.0.wrapping_sub(1));
        // An engine that still answers questions has to give way: three at once need too much memory.
        self.end_beside();
        let mut challenger = self.start(program);
        self.catch_up(&mut challenger, page);
        let config = Box::new((*checkpoint.run.config).clone());
        let command = Command::Train {
            run: self.heat,
            config,
            start: RunStart::Checkpoint(checkpoint.bytes.clone()),
            is_kept: false,
        };
        self.send_to(challenger.id, command);
        self.beside = Some(challenger);
        self.set_alarm(limit_ms);
    }

    /// Continues the run in the challenger.
    fn move_run(&mut self, checkpoint: &Checkpoint, page: &AppState) {
        let Some(challenger) = self.beside.take() else { return };
        let (program, info) = (challenger.program, challenger.info.clone());
        self.replace_active(challenger, page);
        if let Some(info) = info {
            self.tell(Told::Switched(program, info));
        }
        let Checkpoint { run, bytes, .. } = checkpoint;
        self.tell(Told::RunMoves(run.id));
        let config = Box::new((*run.config).clone());
        self.send(Command::Train { run: run.id, config, start: RunStart::Checkpoint(bytes.clone()), is_kept: true });
    }

    /// Starts the engine of the other device in place of the active one, with the same dataset.
    fn start_on_other_device(&mut self, page: &AppState) {
        let Some((program, choice)) = self.other_program().zip(self.choice.clone()) else { return };
        self.tell(Told::Starting(EngineChoice { program, ..choice }));
        let mut engine = self.start(program);
        self.catch_up(&mut engine, page);
        self.replace_active(engine, page);
    }

    /// Makes an engine active. The previous one stays only until it has answered its questions.
    fn replace_active(&mut self, engine: Engine, page: &AppState) {
        if let Some(choice) = &mut self.choice {
            choice.program = engine.program;
        }
        if page.inside.watch.is_some() {
            self.send_to(engine.id, Command::Watch(page.inside.watch));
        }
        self.end_beside();
        match self.active.replace(engine) {
            Some(previous) if previous.asked.is_empty() => self.effects.push(Effect::End(previous.id)),
            Some(previous) => {
                self.send_to(previous.id, Command::Stop);
                self.beside = Some(Engine { is_retired: true, ..previous });
            }
            None => {}
        }
    }

    /// The program of the device that the active engine does not use.
    fn other_program(&self) -> Option<EngineProgram> {
        let active = self.active.as_ref()?;
        Some(match active.program {
            EngineProgram::Cpu | EngineProgram::CpuThreads { .. } => EngineProgram::Gpu,
            EngineProgram::Gpu => self.cpu(),
        })
    }

    /// Has an engine load the page's dataset.
    pub(super) fn catch_up(&mut self, engine: &mut Engine, page: &AppState) {
        if let Some((source, split)) = page.dataset.origin.clone() {
            engine.is_catching_up = true;
            self.send_to(engine.id, Command::SetDataset { source, split });
        }
    }

    pub(super) fn set_alarm(&mut self, after_ms: f64) {
        self.alarm = AlarmId(self.alarm.0.wrapping_add(1));
        self.effects.push(Effect::SetAlarm { id: self.alarm, after_ms: after_ms as u32 });
    }

    fn send_beside(&mut self, command: Command) {
        if let Some(beside) = &self.beside {
            self.send_to(beside.id, command);
        }
    }

    /// Ends the engine beside the active one. Questions that it has not answered fail.
    pub(super) fn end_beside(&mut self) {
        let Some(beside) = self.beside.take() else { return };
        self.effects.push(Effect::End(beside.id));
        self.give_up_questions(beside.asked);
    }

    /// Fails the questions that an ended engine has not answered.
    pub(super) fn give_up_questions(&mut self, asked: BTreeSet<RequestId>) {
        for request in asked {
            let failure = Failure::new(FailureKind::Canceled, "the engine that was asked has ended");
            self.tell(Told::Event(Box::new(Event::Answer { request, result: Err(failure) })));
        }
    }
}
