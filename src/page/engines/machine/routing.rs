//! Decides which engine a command goes to, and what an engine's event means.

use super::race::{ChallengerNews, News};
use super::{Engine, EngineId, Engines, Stopping, Told};
use crate::page::state::{AppState, Checkpoint};
use kindling_core::protocol::{Command, DatasetUpdate, Event, FailureKind, RunUpdate};

impl Engines {
    /// Sends a command to the engine that it concerns.
    pub(super) fn carry(&mut self, command: Command, page: &AppState) {
        match &command {
            Command::Train { run, config, start, is_kept } => {
                self.stopping = Stopping::of(*run, start.clone(), *is_kept);
                self.begin_run(config, *is_kept, page);
            }
            Command::Open { .. } | Command::SetDataset { .. } => {
                let next = self.race.abandon();
                self.follow(next, page);
            }
            Command::Pause | Command::Resume | Command::Step | Command::Stop | Command::Adjust { .. } => {
                let next = self.race.interrupt();
                self.follow(next, page);
            }
            Command::Withdraw { request } => {
                if let Some(retired) = self.beside.as_ref().filter(|beside| beside.asked.contains(request)) {
                    return self.send_to(retired.id, command);
                }
            }
            Command::CancelDataset
            | Command::Ask { .. }
            | Command::Checkpoint
            | Command::Hold
            | Command::Release
            | Command::Watch(_) => {}
        }
        let is_stop = command == Command::Stop;
        self.send(command);
        if is_stop {
            self.expect_stop(page);
        }
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
        let Some(engine) = &mut self.active else { return };
        match &event {
            Event::Crashed(failure) => return self.replace_lost(failure.clone(), page),
            Event::Ready(info) => engine.info = Some(info.clone()),
            Event::Dataset(update) if engine.is_catching_up => {
                engine.is_catching_up = is_load_in_progress(update);
                // The page loads the dataset again, and shows what goes wrong.
                return if matches!(update, DatasetUpdate::Failed(_)) {
                    self.reload_dataset(page)
                };
            }
            Event::Answer { request, .. } => drop(engine.asked.remove(request)),
            Event::Run { update: RunUpdate::Finished(_), .. } => self.n_lost = 0,
            Event::Run { run, update: RunUpdate::Checkpoint { bytes, .. } } => self.stopping.keep(*run, bytes),
            Event::Dataset(_) | Event::Run { .. } | Event::AnswerProgress { .. } | Event::Warning(_) => {}
        }
        if matches!(event, Event::Run { .. }) {
            self.stop_is_near();
        }
        let news = if self.race.is_at_work() { news_of(&event, page) } else { None };
        // The page is not told that the run stands still, which takes a second.
        if !matches!(event, Event::Run { update: RunUpdate::Held { .. }, .. }) {
            self.tell(Told::Event(Box::new(event)));
        }
        if let Some(news) = news {
            let next = self.race.hear(news);
            self.follow(next, page);
        }
    }

    fn beside_said(&mut self, event: Event, page: &AppState) {
        let Some(beside) = &mut self.beside else { return };
        let is_retired = beside.is_retired;
        let news = match event {
            Event::Ready(info) => {
                beside.info = Some(info);
                None
            }
            // It was asked while it trained the run.
            Event::Answer { request, .. } => {
                beside.asked.remove(&request);
                let is_done = is_retired && beside.asked.is_empty();
                self.tell(Told::Event(Box::new(event)));
                if is_done {
                    self.end_beside();
                }
                None
            }
            Event::AnswerProgress { .. } => {
                self.tell(Told::Event(Box::new(event)));
                None
            }
            Event::Crashed(_) if is_retired => {
                self.end_beside();
                None
            }
            Event::Run { run, update } if run == self.heat => match update {
                RunUpdate::Progress(progress) => {
                    let (losses, elapsed_ms) = (progress.losses, progress.elapsed_ms);
                    Some(ChallengerNews::Progress { losses, elapsed_ms })
                }
                RunUpdate::Failed(failure) if failure.kind != FailureKind::Canceled => {
                    Some(ChallengerNews::Failed(failure))
                }
                RunUpdate::Finished(_) => Some(ChallengerNews::Ended),
                _ => None,
            },
            Event::Crashed(failure) | Event::Dataset(DatasetUpdate::Failed(failure)) => {
                Some(ChallengerNews::Failed(failure))
            }
            Event::Dataset(update) => {
                beside.is_catching_up = is_load_in_progress(&update);
                None
            }
            Event::Run { .. } | Event::Warning(_) => None,
        };
        if let Some(news) = news.filter(|_| !is_retired) {
            let next = self.race.hear(News::Challenger(news));
            self.follow(next, page);
        }
    }
}

fn is_load_in_progress(update: &DatasetUpdate) -> bool {
    match update {
        DatasetUpdate::Downloading { .. }
        | DatasetUpdate::Retrying { .. }
        | DatasetUpdate::Parsing
        | DatasetUpdate::Decoding { .. } => true,
        DatasetUpdate::Set(_) | DatasetUpdate::Canceled | DatasetUpdate::Failed(_) => false,
    }
}

/// An event as news for the race. None if it is not about the page's run.
fn news_of(event: &Event, page: &AppState) -> Option<News> {
    let Event::Run { run: id, update } = event else { return None };
    let run = page.run.run().filter(|run| run.id == *id)?;
    match update {
        RunUpdate::Progress(progress) => Some(News::Progress {
            losses: progress.losses.clone(),
            elapsed_ms: progress.elapsed_ms,
            remaining_ms: progress.remaining_ms,
        }),
        RunUpdate::Checkpoint { step, bytes } => {
            let (run, curves) = (run.clone(), page.curves.clone());
            Some(News::Checkpoint(Box::new(Checkpoint { run, curves, step: *step, bytes: bytes.clone() })))
        }
        RunUpdate::Held { .. } => Some(News::Held),
        RunUpdate::Finished(_) | RunUpdate::Failed(_) => Some(News::Ended),
        _ => None,
    }
}
