//! Decides which engine a command goes to, and what an engine's event means.

use super::tuner::{BesideNews, News};
use super::{Engine, EngineId, Engines, Told};
use crate::page::state::{AppState, Checkpoint, EngineProgram, Load};
use kindling_core::protocol::event::Preparation;
use kindling_core::protocol::question::FindRate;
use kindling_core::protocol::{Command, DatasetUpdate, Event, FailureKind, Question, RunUpdate};

impl Engines {
    /// Sends a command to the engine that it concerns.
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
                // The tuned engine would autotune unknown kernels in the middle of the test.
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

    /// Handles an event. Events of an engine that was ended are ignored.
    pub(super) fn said(&mut self, id: EngineId, event: Event, page: &AppState) {
        let is = |engine: &Option<Engine>| engine.as_ref().is_some_and(|engine| engine.id == id);
        if is(&self.active) {
            self.active_said(event, page);
        } else if is(&self.beside) {
            self.beside_said(event, page);
        }
    }

    fn active_said(&mut self, event: Event, page: &AppState) {
        if let Event::Crashed(failure) = event {
            if !self.rescue(&failure, page) {
                self.replace_lost(failure, page);
            }
            return;
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
            self.n_lost = 0;
        }
        // The tuned engine concerns the tuner only while it is on trial.
        let is_untuned = self.active.as_ref().is_some_and(|engine| engine.program == EngineProgram::Gpu);
        let concerns_tuner = self.tuner.is_on() && (is_untuned || self.tuner.is_at_work());
        let news = if concerns_tuner { news_of(&event, page) } else { None };
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
            // It was asked while it was the active engine.
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
        // If the engine beside is the untuned one, the tuner does not depend on it.
        if let Some(news) = news.filter(|_| program == EngineProgram::TunedGpu) {
            let next = self.tuner.hear_beside(news);
            self.follow(next, page);
        }
    }
}

/// An event as news for the tuner. None if it is not about the page's run.
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
