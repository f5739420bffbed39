//! What the page knows: plain data that changes only by [`AppState::apply`] (what the engine says) and
//! [`AppState::sent`] (what the page asks of it).
//!
//! Late events of an older run, load or question are dropped here and nowhere else: `apply` then says that nothing changed.

mod inside;
mod notices;
mod run;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use inside::{Inside, LOOKS_LIMIT};
pub use notices::{NOTICES_LIMIT, Notice, NoticeKind, Notices};
pub use run::{
    ADJUSTMENTS_LIMIT, Checkpoint, EPOCHS_LIMIT, EndedRun, Outcome, Run, RunNews, RunPlan, RunProgress, RunState,
};

use super::series::Series;
use crate::protocol::{
    Bulk, Command, DatasetSource, DatasetSummary, DatasetUpdate, EngineInfo, EngineKind, Event, Failure, Prediction,
    RequestId, RunReport, RunUpdate, SplitConfig,
};

#[derive(Clone, Debug, Default, PartialEq)]
pub struct AppState {
    pub engine: EngineState,
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
    /// What is to be kept of runs, until it is taken.
    pub news: Vec<RunNews>,
    /// Looks inside the network of the run.
    pub inside: Inside,
}

/// Which parts of the state a change touched; none for an event that was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    pub engine: bool,
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

#[derive(Clone, Debug, Default, PartialEq)]
pub enum EngineState {
    /// The page looks for a GPU, or for what to do after an engine was lost.
    #[default]
    Choosing,
    /// The engine's file loads and its device is set up.
    Starting(EngineChoice),
    Ready {
        choice: EngineChoice,
        info: EngineInfo,
    },
    /// No engine runs, and none will be started again without the visitor.
    Failed(Failure),
}

impl EngineState {
    pub fn choice(&self) -> Option<&EngineChoice> {
        match self {
            Self::Starting(choice) | Self::Ready { choice, .. } => Some(choice),
            Self::Choosing | Self::Failed(_) => None,
        }
    }

    pub fn is_ready(&self) -> bool {
        matches!(self, Self::Ready { .. })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct EngineChoice {
    pub program: EngineProgram,
    pub reason: EngineReason,
}

/// Which of the engines' files runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EngineProgram {
    Cpu,
    Gpu,
    /// Times kernels against each other before the first step, on adapters where that pays.
    TunedGpu,
}

impl EngineProgram {
    pub fn kind(self) -> EngineKind {
        match self {
            Self::Cpu => EngineKind::Cpu,
            Self::Gpu | Self::TunedGpu => EngineKind::Webgpu,
        }
    }

    pub fn script(self) -> &'static str {
        match self {
            Self::Cpu => "engine_cpu.js",
            Self::Gpu => "engine_gpu.js",
            Self::TunedGpu => "engine_gpu_tuned.js",
        }
    }
}

/// Why an engine was chosen, as data so that each language can say it.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineReason {
    /// The browser offers a GPU that has all that is needed.
    GpuFound,
    /// The browser has no WebGPU.
    NoWebGpu,
    /// The browser has WebGPU and found no GPU for it.
    NoAdapter,
    /// The only adapter computes in software, slower than the CPU engine does.
    SoftwareAdapter,
    /// The GPU has no `timestamp-query`, which the GPU engine needs.
    NoTimestampQuery,
    /// The visitor chose it in the page.
    Chosen,
    /// The page's address names it (`?engine=`).
    Address,
    /// The GPU engine failed.
    GpuFailed(Failure),
}

impl EngineReason {
    /// The stable name that `window.kindling` gives.
    pub fn name(&self) -> &'static str {
        match self {
            Self::GpuFound => "gpu-found",
            Self::NoWebGpu => "no-webgpu",
            Self::NoAdapter => "no-adapter",
            Self::SoftwareAdapter => "software-adapter",
            Self::NoTimestampQuery => "no-timestamp-query",
            Self::Chosen => "chosen",
            Self::Address => "address",
            Self::GpuFailed(_) => "gpu-failed",
        }
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct DatasetState {
    /// The dataset that the engine holds.
    pub current: Option<Arc<DatasetSummary>>,
    /// Where the current dataset came from and how it was cut, to load it again after a crash.
    pub origin: Option<(DatasetSource, SplitConfig)>,
    pub load: Load,
    /// Counts the datasets that were set: images and answers of an older version are of another dataset.
    pub version: u32,
}

impl DatasetState {
    /// The first of the images whose predictions are reported while training.
    pub fn first_sample(&self) -> Option<u32> {
        self.current.as_ref()?.samples.first().copied()
    }
}

/// A load of a dataset; the dataset before stays current until it is over.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Load {
    #[default]
    Idle,
    Loading {
        source: DatasetSource,
        split: SplitConfig,
        stage: LoadStage,
    },
    Failed {
        source: DatasetSource,
        failure: Failure,
    },
    Canceled,
}

impl Load {
    pub fn is_loading(&self) -> bool {
        matches!(self, Self::Loading { .. })
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum LoadStage {
    Asked,
    Downloading { received_bytes: u64, total_bytes: Option<u64>, bytes_per_second: f64 },
    Retrying { attempt: u32, attempts: u32, failure: Failure },
    Parsing,
}

/// The run's histories, each bounded (see [`Series`]); x is the step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Curves {
    pub train_loss: Series,
    pub train_accuracy: Series,
    pub validation_loss: Series,
    pub validation_accuracy: Series,
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
            Event::AnswerProgress { request, fraction, .. } => match self.questions.get_mut(request) {
                Some(known) => {
                    *known = fraction.clamp(0.0, 1.0);
                    Changed { questions: true, ..Changed::NOTHING }
                }
                None => Changed::NOTHING,
            },
            Event::Answer { request, .. } => {
                Changed { questions: self.questions.remove(request).is_some(), ..Changed::NOTHING }
            }
            Event::Warning(failure) => self.notify(NoticeKind::Warning(failure.clone())),
            Event::Crashed(failure) => self.crashed(failure),
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
            | Command::Adjust { .. }
            | Command::Withdraw { .. } => Changed::NOTHING,
        }
    }

    /// An engine is being started, for the first time or again.
    pub fn engine_starting(&mut self, choice: EngineChoice) -> Changed {
        self.engine = EngineState::Starting(choice);
        Changed { engine: true, ..Changed::NOTHING }
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

    /// Only for updates of the current, active run.
    fn apply_run(&mut self, update: &RunUpdate) -> Changed {
        let Some(run) = self.run.run_mut() else { return Changed::NOTHING };
        let mut changed = Changed { run: true, ..Changed::NOTHING };
        match update {
            RunUpdate::Preparing(preparation) => {
                let run = run.clone();
                self.run = RunState::Preparing { run, preparation: Some(*preparation) };
            }
            RunUpdate::Started { steps_per_epoch, total_steps, parameters } => {
                run.plan = Some(RunPlan {
                    steps_per_epoch: *steps_per_epoch,
                    total_steps: *total_steps,
                    parameters: *parameters,
                });
                self.run = RunState::Training(run.clone());
            }
            RunUpdate::Progress(progress) => {
                run.progress = RunProgress {
                    step: progress.step,
                    epoch: progress.epoch,
                    loss: progress.losses.last().copied().or(run.progress.loss),
                    accuracy: Some(progress.accuracy),
                    images_per_second: progress.images_per_second,
                    elapsed_ms: progress.elapsed_ms,
                    remaining_ms: progress.remaining_ms,
                };
                let first_step = f64::from(progress.step) + 1.0 - progress.losses.len() as f64;
                for (offset, loss) in progress.losses.iter().enumerate() {
                    self.curves.train_loss.push(first_step + offset as f64, f64::from(*loss));
                }
                self.curves.train_accuracy.push(f64::from(progress.step), f64::from(progress.accuracy));
                changed.curves = true;
            }
            RunUpdate::Epoch(report) => {
                run.push_epoch(*report);
                let step = f64::from(report.step);
                self.curves.validation_loss.push(step, f64::from(report.validation_loss));
                self.curves.validation_accuracy.push(step, f64::from(report.validation_accuracy));
                changed.curves = true;
            }
            RunUpdate::Samples(predictions) => {
                self.samples.clone_from(predictions);
                changed = Changed { samples: true, ..Changed::NOTHING };
            }
            RunUpdate::Layers(report) => {
                self.inside.push(report.clone());
                changed = Changed { inside: true, ..Changed::NOTHING };
            }
            RunUpdate::Paused { step } => {
                run.progress.step = *step;
                self.run = RunState::Paused(run.clone());
            }
            RunUpdate::Resumed => self.run = RunState::Training(run.clone()),
            RunUpdate::Adjusted(adjustment) => run.push_adjustment(*adjustment),
            RunUpdate::Checkpoint { step, bytes } => {
                let (run, curves) = (run.clone(), self.curves.clone());
                self.news.push(RunNews::Checkpoint(Checkpoint { run, curves, step: *step, bytes: bytes.clone() }));
            }
            RunUpdate::Weights(bytes) => self.weights = Some(bytes.clone()),
            RunUpdate::Opened => {
                if let Some(report) = self.opening.take() {
                    let run = run.clone();
                    self.run = RunState::Finished { run, report };
                }
            }
            RunUpdate::Finished(report) => {
                run.progress.step = report.steps;
                run.progress.elapsed_ms = report.elapsed_ms;
                run.progress.remaining_ms = 0.0;
                run.best = report.best.or(run.best);
                let run = run.clone();
                self.end_run(run.clone(), Outcome::Finished(*report));
                self.run = RunState::Finished { run, report: *report };
            }
            RunUpdate::Failed(failure) => {
                let run = run.clone();
                self.end_run(run.clone(), Outcome::Failed(failure.clone()));
                self.run = RunState::Failed { run, failure: failure.clone() };
            }
        }
        changed
    }

    /// The run that was just asked for goes on from a checkpoint: what was known of it then.
    pub fn take_past(&mut self, past: Run, curves: Curves) -> Changed {
        let Some(run) = self.run.run_mut() else { return Changed::NOTHING };
        let Run { id, config, is_in_engine, .. } = run.clone();
        *run = Run { id, config, is_in_engine, ..past };
        self.curves = curves;
        Changed { run: true, curves: true, ..Changed::NOTHING }
    }

    /// The run that was just asked for has ended before; how, and what was known of it then.
    pub fn open(&mut self, past: Run, curves: Curves, report: RunReport) -> Changed {
        self.opening = Some(report);
        self.take_past(past, curves)
    }

    /// The run under way, if there is one, gives way to what comes next.
    fn replace_run(&mut self) {
        if self.run.is_active()
            && let Some(run) = self.run.run().cloned()
        {
            self.end_run(run, Outcome::Replaced);
        }
    }

    fn end_run(&mut self, run: Run, outcome: Outcome) {
        let weights = self.weights.take();
        self.news.push(RunNews::Ended(EndedRun { run, curves: self.curves.clone(), outcome, weights }));
    }

    fn crashed(&mut self, failure: &Failure) -> Changed {
        let changed = self.lose_engine(failure);
        self.engine = EngineState::Choosing;
        Changed { engine: true, ..changed }
    }

    /// Everything that lived in the engine is gone; the charts and the dataset's origin stay.
    pub fn lose_engine(&mut self, failure: &Failure) -> Changed {
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
        Changed { dataset: true, run: true, questions: true, ..Changed::NOTHING }
    }
}
