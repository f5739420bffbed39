//! Carries commands and events between the page and its engines, and moves a run from one engine to another where the [`Tuner`] says so.
//!
//! [`Tuner`]: super::tuner::Tuner

use super::tuner::{BesideNews, News, Next, Refusal};
use super::{Effect, Engine, EngineId, Engines, Told};
use crate::page::preferences::Tuning;
use crate::page::state::{AppState, Checkpoint, EngineProgram, Load, NoticeKind, RunState};
use kindling_core::config::RunConfig;
use kindling_core::protocol::event::Preparation;
use kindling_core::protocol::question::FindRate;
use kindling_core::protocol::{Command, DatasetUpdate, Event, Failure, FailureKind, Question, RunId, RunUpdate};

impl Engines {
    /// Sends a command to the engine that it is for.
    pub(super) fn carry(&mut self, command: Command, page: &AppState) {
        match &command {
            Command::Train { config, .. } => {
                let next = self.tuner.abandon();
                self.follow(next, page);
                self.choose_for(config, page);
            }
            Command::Open { .. } => {
                let next = self.tuner.abandon();
                self.follow(next, page);
            }
            Command::Adjust { .. } => {
                let next = self.tuner.adjusted();
                self.follow(next, page);
            }
            Command::Pause | Command::Resume | Command::Step | Command::Stop => self.tuner.steered(),
            Command::Ask { question: Question::FindRate(FindRate { config }), .. } => {
                // Kernels would be tuned in the middle of it, in silence.
                if let Some(beside) = self.beside_for(config, page) {
                    return self.send_to(beside, command);
                }
            }
            Command::Withdraw { .. } => self.send_beside(command.clone()),
            Command::SetDataset { .. }
            | Command::CancelDataset
            | Command::Checkpoint
            | Command::Watch(_)
            | Command::Ask { .. } => {}
        }
        self.send(command);
    }

    /// Takes in what an engine says.
    pub(super) fn said(&mut self, id: EngineId, event: Event, page: &AppState) {
        let is = |engine: &Option<Engine>| engine.as_ref().is_some_and(|engine| engine.id == id);
        if is(&self.active) {
            self.active_said(event, page);
        } else if is(&self.beside) {
            self.beside_said(event, page);
        }
        // What an engine says that was ended comes too late.
    }

    pub(super) fn tune(&mut self, tuning: Tuning, page: &AppState) {
        self.set_tuning(tuning);
        self.tuner.switch(tuning == Tuning::On && self.may_tune());
        let next = if tuning == Tuning::On { Next::Nothing } else { self.tuner.abandon() };
        self.follow(next, page);
    }

    /// Tells the page how far tuning is.
    pub(super) fn show_tuning(&mut self, page: &AppState) {
        let config = page.run.run().map(|run| &*run.config);
        self.tell(Told::Tuning(self.tuner.state(config)));
    }

    fn active_said(&mut self, event: Event, page: &AppState) {
        match event {
            Event::Crashed(failure) if self.rescue(&failure, page) => return,
            Event::Crashed(failure) => return self.replace_lost(failure, page),
            _ => {}
        }
        if let Some(engine) = &mut self.active {
            match (&event, &page.dataset.load) {
                (Event::Ready(info), _) => engine.info = Some(info.clone()),
                (Event::Dataset(DatasetUpdate::Set(_)), Load::Loading { source, split, .. }) => {
                    engine.dataset = Some((source.clone(), *split));
                }
                _ => {}
            }
        }
        if matches!(event, Event::Run { update: RunUpdate::Finished(_), .. }) {
            // A run went well: earlier losses no longer count.
            self.n_restarts = 0;
        }
        // Where kernels are tuned already, only a trial goes on.
        let is_untuned = self.active.as_ref().is_some_and(|engine| engine.program == EngineProgram::Gpu);
        let is_heard = self.tuner.is_on() && (is_untuned || self.tuner.is_at_work());
        let news = if is_heard { news_of(&event, page) } else { None };
        self.tell(Told::Event(event));
        if let Some(news) = news {
            let next = self.tuner.hear(news);
            self.follow(next, page);
        }
    }

    fn beside_said(&mut self, event: Event, page: &AppState) {
        let Some(beside) = &mut self.beside else { return };
        let (program, was_active) = (beside.program, beside.was_active);
        let news = match event {
            Event::Ready(info) => {
                beside.info = Some(info);
                None
            }
            // Of a question that it was asked when it trained.
            Event::Answer { .. } | Event::AnswerProgress { .. } => {
                self.tell(Told::Event(event));
                None
            }
            Event::Run { run, update } if run == self.proof => match update {
                RunUpdate::Preparing(Preparation::TuningKernels { done, total }) => {
                    Some(BesideNews::Tuning { done, total })
                }
                RunUpdate::Progress(progress) => Some(BesideNews::Losses(progress.losses)),
                RunUpdate::Failed(failure) if failure.kind != FailureKind::Canceled => {
                    Some(BesideNews::Failed(failure))
                }
                _ => None,
            },
            Event::Run { update: RunUpdate::Finished(_) | RunUpdate::Failed(_), .. } => {
                beside.is_leaving = false;
                None
            }
            Event::Dataset(DatasetUpdate::Failed(failure)) => {
                beside.dataset = None;
                Some(BesideNews::Failed(failure))
            }
            Event::Crashed(failure) => {
                if was_active {
                    self.tell(Told::QuestionsLost(failure.clone()));
                }
                if program != EngineProgram::TunedGpu {
                    self.end_beside();
                }
                Some(BesideNews::Failed(failure))
            }
            Event::Run { .. } | Event::Dataset(_) | Event::Warning(_) => None,
        };
        // Without the one that does not tune, the other trains on.
        if let Some(news) = news.filter(|_| program == EngineProgram::TunedGpu) {
            let next = self.tuner.hear_beside(news);
            self.follow(next, page);
        }
    }

    /// Does what the tuner says, and shows where it is.
    fn follow(&mut self, next: Next, page: &AppState) {
        match next {
            Next::Nothing => {}
            Next::Tune(checkpoint) => self.prove(&checkpoint, page),
            Next::Rest => self.send_beside(Command::Stop),
            Next::Prepare => {
                self.send_beside(Command::Stop);
                // The next one may be minutes away.
                self.send(Command::Checkpoint);
            }
            Next::Move(checkpoint) => self.move_run(&checkpoint, page),
            Next::End => self.end_beside(),
            Next::Refuse(refusal) => self.refuse(refusal),
        }
        self.show_tuning(page);
    }

    /// Has the other engine tune for the run, and repeat the steps after the checkpoint.
    fn prove(&mut self, checkpoint: &Checkpoint, page: &AppState) {
        // Another name each time: what is left of the one before may still be told.
        self.proof = RunId(self.proof.0.wrapping_sub(1));
        let config = Box::new((*checkpoint.run.config).clone());
        let command =
            Command::Train { run: self.proof, config, checkpoint: Some(checkpoint.bytes.clone()), is_kept: false };
        let mut engine = self.beside.take().unwrap_or_else(|| self.start(EngineProgram::TunedGpu));
        self.see_to_dataset(&mut engine, page);
        self.send_to(engine.id, command);
        self.beside = Some(engine);
    }

    /// The run goes on in the other engine, if it is still there.
    fn move_run(&mut self, checkpoint: &Checkpoint, page: &AppState) {
        if self.switch(page) {
            if let Some(beside) = &mut self.beside {
                beside.is_leaving = true;
            }
            self.go_on(checkpoint);
        }
    }

    /// The engine that trained is lost while its tuned kernels were tried: the other one goes on. Whether it can.
    fn rescue(&mut self, failure: &Failure, page: &AppState) -> bool {
        let is_free = self.beside.as_ref().is_some_and(|engine| !engine.is_leaving);
        let Some(checkpoint) = is_free.then(|| self.tuner.rescue()).flatten() else { return false };
        self.switch(page);
        self.tell(Told::RunFallsBack(checkpoint.clone()));
        self.tell(Told::QuestionsLost(failure.clone()));
        self.go_on(&checkpoint);
        if matches!(page.run, RunState::Paused(_)) {
            self.send(Command::Pause);
        }
        self.refuse(Refusal::Failed(failure.clone()));
        self.show_tuning(page);
        true
    }

    fn go_on(&mut self, Checkpoint { run, bytes, .. }: &Checkpoint) {
        self.tell(Told::RunMoves);
        let config = Box::new((*run.config).clone());
        self.send(Command::Train { run: run.id, config, checkpoint: Some(bytes.clone()), is_kept: true });
    }

    /// Ends the engine that tunes. What the GPU did wrong it would do again in the next visit; all else, such as a file that cannot be
    /// fetched as there is no network, says nothing about tuning.
    fn refuse(&mut self, refusal: Refusal) {
        use FailureKind::{DeviceLost, EngineCrashed, GpuError, OutOfMemory};
        let has_started = self.beside.as_ref().is_none_or(|engine| engine.info.is_some());
        self.end_beside();
        match refusal {
            Refusal::Failed(failure) => {
                let is_gpus = matches!(failure.kind, GpuError | DeviceLost | EngineCrashed | OutOfMemory);
                if has_started && is_gpus {
                    self.set_tuning(Tuning::Off);
                    self.tell(Told::Notice(NoticeKind::TuningFailed(failure)));
                }
            }
            Refusal::Differs { expected, found } => {
                self.tell(Told::Notice(NoticeKind::TunedDiffers { expected, found }));
            }
        }
    }

    fn set_tuning(&mut self, tuning: Tuning) {
        self.tuning = tuning;
        self.effects.push(Effect::Remember(tuning));
    }

    fn may_tune(&self) -> bool {
        self.choice.as_ref().is_some_and(|choice| choice.may_tune)
    }

    /// For a run that is about to begin: the engine that has its kernels tuned, or the one that needs none.
    fn choose_for(&mut self, config: &RunConfig, page: &AppState) {
        if self.beside_for(config, page).is_some() {
            self.switch(page);
        }
    }

    /// The other engine, its dataset seen to, where a run of this config belongs there.
    fn beside_for(&mut self, config: &RunConfig, page: &AppState) -> Option<EngineId> {
        let wanted = if self.tuner.is_tuned(config) { EngineProgram::TunedGpu } else { EngineProgram::Gpu };
        if !self.may_tune() || page.dataset.load.is_loading() {
            return None;
        }
        let mut beside = self.beside.take_if(|engine| engine.program == wanted && engine.info.is_some())?;
        self.see_to_dataset(&mut beside, page);
        Some(self.beside.insert(beside).id)
    }

    /// The two engines change places. Whether there are two.
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

    /// Has an engine load the dataset in use, unless it holds it.
    fn see_to_dataset(&mut self, engine: &mut Engine, page: &AppState) {
        let wanted = &page.dataset.origin;
        if let Some((source, split)) = wanted.clone()
            && engine.dataset != *wanted
        {
            self.send_to(engine.id, Command::SetDataset { source, split });
            engine.dataset.clone_from(wanted);
        }
    }

    fn send_beside(&mut self, command: Command) {
        if let Some(beside) = &self.beside {
            self.send_to(beside.id, command);
        }
    }

    fn end_beside(&mut self) {
        if let Some(beside) = self.beside.take() {
            self.effects.push(Effect::End(beside.id));
        }
    }
}

/// What the tuner wants to know of an event; none where it is not of the run in view.
fn news_of(event: &Event, page: &AppState) -> Option<News> {
    let Event::Run { run: id, update } = event else { return None };
    let run = page.run.run().filter(|run| run.id == *id)?;
    match update {
        RunUpdate::Progress(progress) => {
            Some(News::Losses { losses: progress.losses.clone(), elapsed_ms: progress.elapsed_ms })
        }
        RunUpdate::Checkpoint { step, bytes } => {
            let (run, curves) = (run.clone(), page.curves.clone());
            Some(News::Checkpoint(Box::new(Checkpoint { run, curves, step: *step, bytes: bytes.clone() })))
        }
        RunUpdate::Finished(_) | RunUpdate::Failed(_) => Some(News::Ended),
        _ => None,
    }
}
