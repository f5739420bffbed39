//! What the page knows: plain data that changes only by [`AppState::apply`] (what the engine says) and
//! [`AppState::sent`] (what the page asks of it).
//!
//! Late events of an older run, load or question are dropped here and nowhere else: `apply` then says that nothing changed.

mod dataset;
mod engine;
mod inside;
mod notices;
mod run;
mod run_updates;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use dataset::{DatasetState, Load, LoadStage};
pub use engine::{EngineChoice, EngineProgram, EngineReason, EngineState, TuningState};
pub use inside::{Inside, LOOKS_LIMIT};
pub use notices::{NOTICES_LIMIT, Notice, NoticeKind, Notices, RunNotice};
pub use run::{Checkpoint, EndedRun, Outcome, Run, RunNews, RunPlan, RunProgress, RunState};

use kindling_core::protocol::{
    Bulk, Command, DatasetUpdate, EngineInfo, Event, Failure, Prediction, RequestId, RunReport,
};
pub use kindling_core::runs::curves::Curves;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppState {
    pub engine: EngineState,
    pub tuning: TuningState,
    pub dataset: DatasetState,
    pub run: RunState,
    pub curves: Curves,
    /// Newest predictions for the dataset's sample images.
    pub samples: Vec<Prediction>,
    /// Questions under way, and how far each has come, 0 to 1.
    pub questions: BTreeMap<RequestId, f32>,
    pub notices: Notices,
    /// The weights that the run under way ends with, until it has ended.
    weights: Option<Bulk>,
    /// How the run had ended that is being opened.
    opening: Option<RunReport>,
    /// Whether the run is on its way to another engine: what comes before its first step there is no news.
    is_moving: bool,
    /// What is to be kept of runs, until it is taken.
    pub news: Vec<RunNews>,
    /// Looks inside the network of the run.
    pub inside: Inside,
}

/// Which parts of the state a change touched; none for an event that was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    pub engine: bool,
    pub tuning: bool,
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
        tuning: false,
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
    /// Takes in what the engine says. A stale event changes nothing.
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
            Event::Answer { request, .. } => {
                Changed { questions: self.questions.remove(request).is_some(), ..Changed::NOTHING }
            }
            Event::Warning(failure) => self.notify(NoticeKind::Warning(failure.clone())),
            Event::Crashed(failure) => self.lose_engine(failure),
        }
    }

    /// Takes in what the page is about to ask of the engine.
    pub fn sent(&mut self, command: &Command) -> Changed {
        match command {
            Command::SetDataset { source, split } => {
                self.dataset.load = Load::Loading { source: source.clone(), split: *split, stage: LoadStage::Asked };
                Changed { dataset: true, ..Changed::NOTHING }
            }
            Command::Train { run, config, .. } | Command::Open { run, config, .. } => {
                self.replace_run();
                self.is_moving = false;
                self.run = RunState::Preparing { run: Run::new(*run, (**config).clone()), preparation: None };
                self.curves = Curves::default();
                self.samples.clear();
                self.inside.clear();
                Changed { run: true, curves: true, samples: true, inside: true, ..Changed::NOTHING }
            }
            Command::Watch(watch) => {
                self.inside.watch = *watch;
                Changed { inside: true, ..Changed::NOTHING }
            }
            Command::Ask { request, .. } => {
                self.questions.insert(*request, 0.0);
                Changed { questions: true, ..Changed::NOTHING }
            }
            // These act within one step, and the engine says so when they have.
            Command::CancelDataset
            | Command::Pause
            | Command::Resume
            | Command::Step
            | Command::Stop
            | Command::Checkpoint
            | Command::Adjust { .. }
            | Command::Withdraw { .. } => Changed::NOTHING,
        }
    }

    /// An engine is being started, for the first time or again.
    pub fn engine_starting(&mut self, choice: EngineChoice) -> Changed {
        self.engine = EngineState::Starting(choice);
        Changed { engine: true, ..Changed::NOTHING }
    }

    /// The engine runs for another reason than it was chosen for.
    pub fn engine_explained(&mut self, reason: EngineReason) -> Changed {
        let Some(choice) = self.engine.choice_mut() else { return Changed::NOTHING };
        choice.reason = reason;
        Changed { engine: true, ..Changed::NOTHING }
    }

    /// Another engine, which runs already, is the one that trains and is asked from now on.
    pub fn engine_switched(&mut self, program: EngineProgram, info: EngineInfo) -> Changed {
        let Some(choice) = self.engine.choice().cloned() else { return Changed::NOTHING };
        self.engine = EngineState::Ready { choice: EngineChoice { program, ..choice }, info };
        Changed { engine: true, ..Changed::NOTHING }
    }

    /// The run under way goes on in another engine.
    pub fn run_moves(&mut self) -> Changed {
        self.is_moving = true;
        Changed::NOTHING
    }

    /// Nobody will answer the questions under way.
    pub fn lose_questions(&mut self) -> Changed {
        self.questions.clear();
        Changed { questions: true, ..Changed::NOTHING }
    }

    pub fn set_tuning(&mut self, tuning: TuningState) -> Changed {
        let is_new = self.tuning != tuning;
        self.tuning = tuning;
        Changed { tuning: is_new, ..Changed::NOTHING }
    }

    /// No engine will be started any more without the visitor.
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
        // Without a load under way the update is late: its load was ended by a crash.
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
            DatasetUpdate::Set(summary) => {
                let origin = Some((source.clone(), *split));
                let version = self.dataset.version + 1;
                // The network of the run before belongs to the dataset before. A run that was lost with its engine stays
                // in sight while the same dataset is loaded again.
                if self.run.run().is_some_and(|run| run.is_in_engine || run.config.dataset != summary.id) {
                    self.replace_run();
                    self.run = RunState::Idle;
                    self.curves = Curves::default();
                    self.samples.clear();
                    self.inside.clear();
                    changed = Changed { run: true, curves: true, samples: true, inside: true, ..changed };
                }
                let current = Some(Arc::new(summary));
                self.dataset = DatasetState { current, origin, load: Load::Idle, version };
            }
            DatasetUpdate::Canceled => self.dataset.load = Load::Canceled,
            DatasetUpdate::Failed(failure) => {
                self.dataset.load = Load::Failed { source: source.clone(), failure };
            }
        }
        changed
    }

    /// Everything that lived in the engine is gone, until another is chosen; the charts and the dataset's origin stay.
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
