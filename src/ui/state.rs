//! What the page knows: plain data that changes only by [`AppState::apply`] (what the engine says) and
//! [`AppState::sent`] (what the page asks of it).
//!
//! Late events of an older run, load or question are dropped here and nowhere else: `apply` then says that nothing changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::protocol::event::Preparation;
use crate::protocol::{
    Command, DatasetSource, DatasetSummary, DatasetUpdate, EngineInfo, EngineKind, EpochReport, Event, Failure,
    Prediction, RequestId, RunConfig, RunId, RunReport, RunUpdate, SplitConfig,
};

use super::series::Series;

/// Notices kept at most; older ones go.
pub const NOTICES_LIMIT: usize = 5;

/// Completed epochs whose reports are kept; of longer runs, every other one of the older half goes.
pub const EPOCHS_LIMIT: usize = 1_000;

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
    pub kind: EngineKind,
    pub reason: EngineReason,
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

#[derive(Clone, Debug, Default, PartialEq)]
pub enum RunState {
    #[default]
    Idle,
    /// Asked for; nothing is trained yet.
    Preparing {
        run: Run,
        preparation: Option<Preparation>,
    },
    Training(Run),
    Paused(Run),
    Finished {
        run: Run,
        report: RunReport,
    },
    Failed {
        run: Run,
        failure: Failure,
    },
}

impl RunState {
    pub fn run(&self) -> Option<&Run> {
        match self {
            Self::Idle => None,
            Self::Preparing { run, .. }
            | Self::Training(run)
            | Self::Paused(run)
            | Self::Finished { run, .. }
            | Self::Failed { run, .. } => Some(run),
        }
    }

    fn run_mut(&mut self) -> Option<&mut Run> {
        match self {
            Self::Idle => None,
            Self::Preparing { run, .. }
            | Self::Training(run)
            | Self::Paused(run)
            | Self::Finished { run, .. }
            | Self::Failed { run, .. } => Some(run),
        }
    }

    /// Whether a run is under way, paused included.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Preparing { .. } | Self::Training(_) | Self::Paused(_))
    }

    /// Whether the engine has a network that was trained for at least one step: it can be asked and used.
    pub fn has_network(&self) -> bool {
        self.run().is_some_and(|run| run.is_in_engine && run.progress.step > 0)
    }
}

/// One run as far as it has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    pub id: RunId,
    pub config: Arc<RunConfig>,
    /// False once the engine that trained it is gone, and the weights with it.
    pub is_in_engine: bool,
    /// Known once the first step is about to start.
    pub plan: Option<RunPlan>,
    pub progress: RunProgress,
    /// Reports of the completed epochs, at most [`EPOCHS_LIMIT`].
    pub epochs: Vec<EpochReport>,
    /// The best of all completed epochs: its weights are kept.
    pub best: Option<EpochReport>,
}

impl Run {
    fn new(id: RunId, config: RunConfig) -> Self {
        Self {
            id,
            config: Arc::new(config),
            is_in_engine: true,
            plan: None,
            progress: RunProgress::default(),
            epochs: Vec::new(),
            best: None,
        }
    }

    /// Share of the run that is done, 0 to 1.
    pub fn fraction(&self) -> f64 {
        match self.plan {
            Some(plan) if plan.total_steps > 0 => {
                (f64::from(self.progress.step) / f64::from(plan.total_steps)).min(1.0)
            }
            _ => 0.0,
        }
    }

    fn push_epoch(&mut self, report: EpochReport) {
        if report.is_best {
            self.best = Some(report);
        }
        self.epochs.push(report);
        if self.epochs.len() > EPOCHS_LIMIT {
            let older_half = EPOCHS_LIMIT / 2;
            let mut position = 0;
            self.epochs.retain(|_| {
                position += 1;
                position > older_half || position % 2 == 0
            });
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunPlan {
    pub steps_per_epoch: u32,
    pub total_steps: u32,
    pub parameters: u64,
}

/// The newest figures of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct RunProgress {
    /// Steps done.
    pub step: u32,
    /// Epoch under way, from 0.
    pub epoch: u32,
    /// Loss of the newest step.
    pub loss: Option<f32>,
    /// Train accuracy of the newest steps, 0 to 1.
    pub accuracy: Option<f32>,
    pub images_per_second: f64,
    pub elapsed_ms: f64,
    pub remaining_ms: f64,
}

/// The run's histories, each bounded (see [`Series`]); x is the step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    pub train_loss: Series,
    pub train_accuracy: Series,
    pub validation_loss: Series,
    pub validation_accuracy: Series,
}

/// What the visitor should know and may dismiss; oldest first, at most [`NOTICES_LIMIT`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notices {
    list: Vec<Notice>,
    n_given: u32,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub id: u32,
    pub kind: NoticeKind,
}

#[derive(Clone, Debug, PartialEq)]
pub enum NoticeKind {
    /// Something went wrong and work goes on.
    Warning(Failure),
    /// The GPU engine failed and the CPU engine took over.
    FellBack(Failure),
    /// The engine failed and was started again.
    Restarted(Failure),
}

impl Notices {
    pub fn list(&self) -> &[Notice] {
        &self.list
    }

    fn push(&mut self, kind: NoticeKind) {
        self.n_given += 1;
        self.list.retain(|notice| notice.kind != kind);
        self.list.push(Notice { id: self.n_given, kind });
        if self.list.len() > NOTICES_LIMIT {
            self.list.remove(0);
        }
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
            Event::AnswerProgress { request, fraction } => match self.questions.get_mut(request) {
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
            Command::Train { run, config } => {
                self.run = RunState::Preparing { run: Run::new(*run, config.clone()), preparation: None };
                self.curves = Curves::default();
                self.samples.clear();
                Changed { run: true, curves: true, samples: true, ..Changed::NOTHING }
            }
            Command::Ask { request, .. } => {
                self.questions.insert(*request, 0.0);
                Changed { questions: true, ..Changed::NOTHING }
            }
            // These act within one step, and the engine says so when they have.
            Command::CancelDataset | Command::Pause | Command::Resume | Command::Step | Command::Stop => {
                Changed::NOTHING
            }
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
        self.notices.list.retain(|notice| notice.id != id);
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
                    self.run = RunState::Idle;
                    self.curves = Curves::default();
                    self.samples.clear();
                    changed = Changed { run: true, curves: true, samples: true, ..changed };
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
            RunUpdate::Paused { step } => {
                run.progress.step = *step;
                self.run = RunState::Paused(run.clone());
            }
            RunUpdate::Resumed => self.run = RunState::Training(run.clone()),
            RunUpdate::Finished(report) => {
                run.progress.step = report.steps;
                run.progress.elapsed_ms = report.elapsed_ms;
                run.progress.remaining_ms = 0.0;
                run.best = report.best.or(run.best);
                self.run = RunState::Finished { run: run.clone(), report: *report };
            }
            RunUpdate::Failed(failure) => {
                self.run = RunState::Failed { run: run.clone(), failure: failure.clone() };
            }
        }
        changed
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
            self.run = RunState::Failed { run, failure: failure.clone() };
        }
        self.questions.clear();
        Changed { dataset: true, run: true, questions: true, ..Changed::NOTHING }
    }
}
