//! The page's state: plain data that changes mainly through [`AppState::apply`] (an event from the engine) and
//! [`AppState::sent`] (a command to the engine).
//!
//! Late events of an older run, load or question are dropped here and nowhere else: `apply` then returns [`Changed::NOTHING`].

mod dataset;
mod engine;
mod inside;
mod notices;
mod race;
mod run;
mod run_updates;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use dataset::{DatasetState, Load, LoadStage};
pub use engine::{EngineChoice, EngineProgram, EngineReason, EngineState};
pub use inside::{Inside, SNAPSHOTS_LIMIT};
pub use notices::{NOTICES_LIMIT, Notice, NoticeKind, Notices, RunNotice};
pub use race::{RaceState, StepTime, StepTimes, other_device};
pub use run::{Checkpoint, EndedRun, Outcome, Run, RunNews, RunPlan, RunProgress, RunState};

use kindling_core::protocol::{
    Answer, Bulk, Command, DatasetSummary, DatasetUpdate, EngineInfo, Event, Failure, LayersReport, Prediction,
    RequestId, RunId, RunReport,
};
pub use kindling_core::runs::curves::Curves;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppState {
    pub engine: EngineState,
    pub race: RaceState,
    pub dataset: DatasetState,
    pub run: RunState,
    pub curves: Curves,
    /// The newest predictions for the dataset's sample images.
    pub samples: Vec<Prediction>,
    /// Pending questions and their progress, 0 to 1.
    pub questions: BTreeMap<RequestId, f32>,
    pub notices: Notices,
    /// The current run's final weights, held until its end is recorded.
    weights: Option<Bulk>,
    /// The report of the ended run that is being opened.
    opening: Option<RunReport>,
    /// Whether the run is moving to another engine: the updates that precede its first step there are ignored.
    is_moving: bool,
    /// Checkpoints and ended runs that still have to be stored.
    pub news: Vec<RunNews>,
    /// Monitoring of the current run's network.
    pub inside: Inside,
}

/// The parts of the state that changed; none for an event that was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    pub engine: bool,
    pub race: bool,
    pub dataset: bool,
    pub run: bool,
    pub curves: bool,
    pub samples: bool,
    pub questions: bool,
    pub notices: bool,
    pub inside: bool,
}

impl Changed {
    pub const NOTHING: Self = Self {
        engine: false,
        race: false,
        dataset: false,
        run: false,
        curves: false,
        samples: false,
        questions: false,
        notices: false,
        inside: false,
    };

    pub fn is_nothing(self) -> bool {
        self == Self::NOTHING
    }
}

impl AppState {
    /// Applies an event from the engine. A stale event changes nothing.
    pub fn apply(&mut self, event: &Event) -> Changed {
        match event {
            Event::Ready(info) => self.ready(info),
            Event::Dataset(update) => self.apply_dataset(update),
            Event::Run { run, update } => {
                if self.run.run().is_some_and(|current| current.id == *run) && self.run.is_active() {
                    self.apply_run(update)
                } else {
                    Changed::NOTHING
                }
            }
            Event::AnswerProgress { request, progress } => match self.questions.get_mut(request) {
                Some(known) => {
                    *known = progress.fraction().clamp(0.0, 1.0);
                    Changed { questions: true, ..Changed::NOTHING }
                }
                None => Changed::NOTHING,
            },
            Event::Answer { request, result } => {
                let is_known = self.questions.remove(request).is_some();
                let inside = is_known && result.as_ref().is_ok_and(|answer| self.inspected(answer));
                Changed { questions: is_known, inside, ..Changed::NOTHING }
            }
            Event::Warning(failure) => self.notify(NoticeKind::Warning(failure.clone())),
            Event::Crashed(failure) => self.lose_engine(failure),
        }
    }

    /// Records a command that the page is about to send to the engine.
    pub fn sent(&mut self, command: &Command) -> Changed {
        match command {
            Command::SetDataset { source, split } => {
                self.dataset.load = Load::Loading { source: source.clone(), split: *split, stage: LoadStage::Asked };
                Changed { dataset: true, ..Changed::NOTHING }
            }
            Command::Train { run, config, .. } | Command::Open { run, config, .. } => {
                let changed = self.forget_failed_load();
                self.replace_run();
                self.is_moving = false;
                self.run = RunState::Preparing { run: Run::new(*run, (**config).clone()), preparation: None };
                self.curves = Curves::default();
                self.samples.clear();
                self.inside.clear();
                Changed { run: true, curves: true, samples: true, inside: true, ..changed }
            }
            Command::Watch(watch) => {
                self.inside.watch = *watch;
                Changed { inside: true, ..Changed::NOTHING }
            }
            Command::Ask { request, .. } => {
                self.questions.insert(*request, 0.0);
                Changed { questions: true, ..Changed::NOTHING }
            }
            // These act within one step, and the engine reports when they have.
            Command::CancelDataset
            | Command::Pause
            | Command::Resume
            | Command::Step
            | Command::Stop
            | Command::Hold
            | Command::Release
            | Command::Checkpoint
            | Command::Adjust { .. }
            | Command::Withdraw { .. } => Changed::NOTHING,
        }
    }

    /// Records that an engine is starting, for the first time or again.
    pub fn engine_starting(&mut self, choice: EngineChoice) -> Changed {
        self.engine = EngineState::Starting(choice);
        Changed { engine: true, ..Changed::NOTHING }
    }

    /// Replaces the reason why the running engine was chosen.
    pub fn engine_explained(&mut self, reason: EngineReason) -> Changed {
        let Some(choice) = self.engine.choice_mut() else { return Changed::NOTHING };
        choice.reason = reason;
        Changed { engine: true, ..Changed::NOTHING }
    }

    /// Records that commands now go to another engine, which is already running.
    pub fn engine_switched(&mut self, program: EngineProgram, info: EngineInfo) -> Changed {
        let Some(choice) = self.engine.choice().cloned() else { return Changed::NOTHING };
        self.engine = EngineState::Ready { choice: EngineChoice { program, ..choice }, info };
        Changed { engine: true, ..Changed::NOTHING }
    }

    /// Records that the current run is moving to another engine.
    pub fn run_moves(&mut self, run: RunId) -> Changed {
        self.is_moving = self.run.run().is_some_and(|current| current.id == run);
        Changed::NOTHING
    }

    pub fn set_race(&mut self, race: RaceState) -> Changed {
        let is_new = self.race != race;
        self.race = race;
        Changed { race: is_new, ..Changed::NOTHING }
    }

    /// Records that no engine is started again until the visitor asks for it.
    pub fn engine_failed(&mut self, failure: &Failure) -> Changed {
        self.engine = EngineState::Failed(failure.clone());
        Changed { engine: true, ..Changed::NOTHING }
    }

    pub fn notify(&mut self, kind: NoticeKind) -> Changed {
        self.notices.push(kind);
        Changed { notices: true, ..Changed::NOTHING }
    }

    pub fn dismiss_notice(&mut self, id: u32) -> Changed {
        self.notices.dismiss(id);
        Changed { notices: true, ..Changed::NOTHING }
    }

    fn ready(&mut self, info: &EngineInfo) -> Changed {
        match self.engine.choice().cloned() {
            Some(choice) => {
                self.engine = EngineState::Ready { choice, info: info.clone() };
                Changed { engine: true, ..Changed::NOTHING }
            }
            None => Changed::NOTHING,
        }
    }

    fn apply_dataset(&mut self, update: &DatasetUpdate) -> Changed {
        // Without a load in progress the update is late: a crash has ended its load.
        let Load::Loading { source, split, stage } = &mut self.dataset.load else {
            return Changed::NOTHING;
        };
        let mut changed = Changed { dataset: true, ..Changed::NOTHING };
        match update.clone() {
            DatasetUpdate::Downloading { received_bytes, total_bytes, bytes_per_second } => {
                *stage = LoadStage::Downloading { received_bytes, total_bytes, bytes_per_second };
            }
            DatasetUpdate::Retrying { attempt, attempts, failure } => {
                *stage = LoadStage::Retrying { attempt, attempts, failure };
            }
            DatasetUpdate::Parsing => *stage = LoadStage::Parsing,
            DatasetUpdate::Decoding { done, total, images_per_second } => {
                *stage = LoadStage::Decoding { done, total, images_per_second };
            }
            DatasetUpdate::Set(summary) => {
                let origin = Some((source.clone(), *split));
                let version = self.dataset.version + 1;
                // The previous run's network belongs to the previous dataset. A run that was lost with its engine stays in view
                // while the same dataset is loaded again.
                if self.run.run().is_some_and(|run| run.is_in_engine || run.config.dataset != summary.id) {
                    self.replace_run();
                    self.run = RunState::Idle;
                    self.curves = Curves::default();
                    self.samples.clear();
                    self.inside.clear();
                    changed = Changed { run: true, curves: true, samples: true, inside: true, ..changed };
                }
                let given_name = self.dataset.given_name.take();
                let own_name = given_name.as_ref().filter(|(id, _)| *id == summary.id).map(|(_, name)| name.clone());
                let current = Some(Arc::new(DatasetSummary { name: own_name.unwrap_or(summary.name), ..summary }));
                self.dataset = DatasetState { current, origin, load: Load::Idle, version, given_name };
            }
            DatasetUpdate::Canceled => self.dataset.load = Load::Canceled,
            DatasetUpdate::Failed(failure) => {
                self.dataset.load = Load::Failed { source: source.clone(), failure };
            }
        }
        changed
    }

    /// Takes the layers of the network at hand; returns whether they were, and a run does not train on by now.
    fn inspected(&mut self, answer: &Answer) -> bool {
        let (Answer::Layers(report), Some(run)) = (answer, self.run.run()) else { return false };
        if matches!(self.run, RunState::Preparing { .. } | RunState::Training(_)) {
            return false;
        }
        // A finished run's network is that of its best epoch.
        let best = run.best.filter(|_| !self.run.is_active()).map(|best| best.step);
        let step = best.unwrap_or(run.progress.step);
        self.inside.rest(LayersReport { step, ..report.clone() });
        true
    }

    /// Drops everything that lived in the engine, until another is chosen. The curves and the dataset's origin stay.
    pub fn lose_engine(&mut self, failure: &Failure) -> Changed {
        self.engine = EngineState::Choosing;
        self.is_moving = false;
        if let Load::Loading { source, .. } = &self.dataset.load {
            self.dataset.load = Load::Failed { source: source.clone(), failure: failure.clone() };
        }
        self.dataset.current = None;
        if let Some(run) = self.run.run_mut() {
            run.is_in_engine = false;
        }
        if self.run.is_active()
            && let Some(run) = self.run.run().cloned()
        {
            self.end_run(run.clone(), Outcome::Failed(failure.clone()));
            self.run = RunState::Failed { run, failure: failure.clone() };
        }
        self.questions.clear();
        Changed { engine: true, dataset: true, run: true, questions: true, ..Changed::NOTHING }
    }
}
