//! Autotunes kernels beside a run, and moves the run from one engine to the other where the [`Tuner`] says so.
//!
//! [`Tuner`]: super::tuner::Tuner

use super::tuner::{Next, Refusal};
use super::{Effect, Engine, EngineId, Engines, Told};
use crate::page::preferences::Tuning;
use crate::page::state::{AppState, Checkpoint, EngineProgram, NoticeKind, RunState};
use kindling_core::config::RunConfig;
use kindling_core::protocol::{Command, Failure, FailureKind, RunId};

impl Engines {
    pub(super) fn set_tuning(&mut self, tuning: Tuning, page: &AppState) {
        self.remember(tuning);
        self.tuner.switch(tuning == Tuning::On && self.may_tune());
        let next = if tuning == Tuning::On { Next::Nothing } else { self.tuner.abandon() };
        self.follow(next, page);
    }

    /// Updates the page's view of the tuning.
    pub(super) fn show_tuning(&mut self, page: &AppState) {
        let config = page.run.run().map(|run| &*run.config);
        self.tell(Told::Tuning(self.tuner.state(config)));
    }

    /// Follows the tuner's decision.
    pub(super) fn follow(&mut self, next: Next, page: &AppState) {
        match next {
            Next::Nothing => {}
            Next::Tune(checkpoint) => self.prove(&checkpoint, page),
            Next::Rest => self.send_beside(Command::Stop),
            Next::Prepare => {
                self.send_beside(Command::Stop);
                // The run moves at a checkpoint, and the next regular one may be minutes away.
                self.send(Command::Checkpoint);
            }
            Next::Move(checkpoint) => self.move_run(&checkpoint, page),
            Next::End => self.end_beside(),
            Next::Refuse(refusal) => self.refuse(refusal),
        }
        self.show_tuning(page);
    }

    /// Has the other engine tune kernels for the run, and repeat the steps after the checkpoint.
    fn prove(&mut self, checkpoint: &Checkpoint, page: &AppState) {
        // A new id each time, because events of the previous proof may still arrive.
        self.proof = RunId(self.proof.0.wrapping_sub(1));
        let config = Box::new((*checkpoint.run.config).clone());
        let command =
            Command::Train { run: self.proof, config, checkpoint: Some(checkpoint.bytes.clone()), is_kept: false };
        let mut engine = self.beside.take().unwrap_or_else(|| self.start(EngineProgram::TunedGpu));
        self.see_to_dataset(&mut engine, page);
        self.send_to(engine.id, command);
        self.beside = Some(engine);
    }

    /// Continues the run in the other engine, if it is still there.
    fn move_run(&mut self, checkpoint: &Checkpoint, page: &AppState) {
        if self.switch(page) {
            if let Some(beside) = &mut self.beside {
                beside.is_leaving = true;
            }
            self.resume(checkpoint);
        }
    }

    /// Continues the run in the untuned engine after the tuned one was lost on trial. Returns false if that is not possible.
    pub(super) fn rescue(&mut self, failure: &Failure, page: &AppState) -> bool {
        let is_free = self.beside.as_ref().is_some_and(|engine| !engine.is_leaving);
        let Some(checkpoint) = is_free.then(|| self.tuner.rescue()).flatten() else { return false };
        if !self.switch(page) {
            return false;
        }
        self.tell(Told::RunFallsBack(checkpoint.clone()));
        self.tell(Told::QuestionsLost(failure.clone()));
        self.resume(&checkpoint);
        if matches!(page.run, RunState::Paused(_)) {
            self.send(Command::Pause);
        }
        self.refuse(Refusal::Failed(failure.clone()));
        self.show_tuning(page);
        true
    }

    fn resume(&mut self, Checkpoint { run, bytes, .. }: &Checkpoint) {
        self.tell(Told::RunMoves(run.id));
        let config = Box::new((*run.config).clone());
        self.send(Command::Train { run: run.id, config, checkpoint: Some(bytes.clone()), is_kept: true });
    }

    /// Ends the engine beside the active one. If the GPU failed, autotuning stays off in later visits too; any other failure, such as a file
    /// that cannot be fetched, says nothing about the GPU.
    fn refuse(&mut self, refusal: Refusal) {
        use FailureKind::{DeviceLost, EngineCrashed, GpuError, OutOfMemory};
        let has_started = self.beside.as_ref().is_none_or(|engine| engine.info.is_some());
        self.end_beside();
        match refusal {
            Refusal::Failed(failure) => {
                let is_gpus = matches!(failure.kind, GpuError | DeviceLost | EngineCrashed | OutOfMemory);
                if has_started && is_gpus {
                    self.remember(Tuning::Off);
                    self.tell(Told::Notice(NoticeKind::TuningFailed(failure)));
                }
            }
            Refusal::Differs { expected, found } => {
                self.tell(Told::Notice(NoticeKind::TunedDiffers { expected, found }));
            }
        }
    }

    fn remember(&mut self, tuning: Tuning) {
        self.tuning = tuning;
        self.effects.push(Effect::Remember(tuning));
    }

    fn may_tune(&self) -> bool {
        self.choice.as_ref().is_some_and(|choice| choice.may_tune)
    }

    /// Makes the engine active that a run of this config belongs in: the tuned one if its kernels are known to be faster, else the untuned one.
    pub(super) fn choose_for(&mut self, config: &RunConfig, page: &AppState) {
        if self.beside_for(config, page).is_some() {
            self.switch(page);
        }
    }

    /// The engine beside the active one, with the dataset loaded, if a run of this config belongs there.
    pub(super) fn beside_for(&mut self, config: &RunConfig, page: &AppState) -> Option<EngineId> {
        let wanted = if self.tuner.is_tuned(config) { EngineProgram::TunedGpu } else { EngineProgram::Gpu };
        if !self.may_tune() || page.dataset.load.is_loading() {
            return None;
        }
        let mut beside = self.beside.take_if(|engine| engine.program == wanted && engine.info.is_some())?;
        self.see_to_dataset(&mut beside, page);
        Some(self.beside.insert(beside).id)
    }

    /// Swaps the two engines. Returns false if there is no other one that is ready.
    fn switch(&mut self, page: &AppState) -> bool {
        let Some(mut now) = self.beside.take_if(|engine| engine.info.is_some()) else { return false };
        let program = now.program;
        now.was_active = true;
        self.see_to_dataset(&mut now, page);
        if page.inside.watch.is_some() {
            self.send_to(now.id, Command::Watch(page.inside.watch));
        }
        if let Some(info) = now.info.clone() {
            self.tell(Told::Switched(program, info));
        }
        if let Some(before) = self.active.replace(now) {
            self.send_to(before.id, Command::Watch(None));
            self.send_to(before.id, Command::Stop);
            self.beside = Some(before);
        }
        if let Some(choice) = &mut self.choice {
            choice.program = program;
        }
        true
    }

    /// Has an engine load the page's dataset, unless it holds it.
    fn see_to_dataset(&mut self, engine: &mut Engine, page: &AppState) {
        let wanted = &page.dataset.origin;
        if let Some((source, split)) = wanted.clone()
            && engine.dataset != *wanted
        {
            self.send_to(engine.id, Command::SetDataset { source, split });
            engine.dataset.clone_from(wanted);
        }
    }

    pub(super) fn send_beside(&mut self, command: Command) {
        if let Some(beside) = &self.beside {
            self.send_to(beside.id, command);
        }
    }

    pub(super) fn end_beside(&mut self) {
        if let Some(beside) = self.beside.take() {
            self.effects.push(Effect::End(beside.id));
        }
    }
}
