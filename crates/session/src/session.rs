//! Executes commands: one dataset, one run at a time, and questions answered meanwhile.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use burn::module::Module;
use futures_util::future::{AbortHandle, Abortable};
use kindling_core::config::{RunConfig, SplitConfig};
use kindling_core::dataset::{self, Dataset, ReadAs, Split};
use kindling_core::protocol::{
    Bulk, Command, DatasetSource, DatasetSummary, DatasetUpdate, Event, Failure, FailureKind, RunId, RunStart,
    RunUpdate, Teacher, ValueChange, Watch,
};
use kindling_train::device::{DeviceDataset, EngineDevice};
use kindling_train::exchange::weight_file;
use kindling_train::module::Network;
use kindling_train::training::start::{checkpoint_of, continued_network};
use kindling_train::training::{self, Control, Published};

use crate::agenda::{Agenda, Job};
use crate::host::RunHost;
use crate::load::{self, Loaded};
use crate::memory;
use crate::platform::Platform;
use crate::questions::Questions;

/// The current dataset.
pub struct Current {
    pub dataset: Rc<Dataset>,
    pub split: Split,
    pub split_config: SplitConfig,
    pub summary: DatasetSummary,
    pub on_device: DeviceDataset,
}

/// The state of the engine.
pub struct Session<P> {
    platform: Rc<P>,
    device: EngineDevice,
    current: RefCell<Option<Rc<Current>>>,
    /// The network that answers questions. Cleared when its dataset is replaced.
    published: Published,
    agenda: RefCell<Agenda<Load, Run>>,
    under_way: RefCell<UnderWay>,
    questions: Questions,
    /// What to monitor in the network, in this run or the next.
    watch: Cell<Option<Watch>>,
    /// The config that kernels were last compiled for, see [`RunConfig::kernels`], on the current dataset.
    prepared: RefCell<Option<RunConfig>>,
}

#[derive(Default)]
enum UnderWay {
    #[default]
    Nothing,
    Loading(AbortHandle),
    Training(RunId, Rc<Control>),
}

struct Load {
    source: DatasetSource,
    split: SplitConfig,
}

struct Run {
    id: RunId,
    config: RunConfig,
    work: Work,
    control: Rc<Control>,
}

/// What to do for a run.
enum Work {
    Train {
        start: RunStart,
        is_kept: bool,
    },
    /// Load the weights of a finished run.
    Open {
        weights: Bulk,
    },
}

impl<P: Platform> Session<P> {
    pub fn new(platform: Rc<P>, device: EngineDevice) -> Rc<Self> {
        Rc::new(Self {
            platform,
            device,
            current: RefCell::default(),
            published: Published::default(),
            agenda: RefCell::default(),
            under_way: RefCell::default(),
            questions: Questions::default(),
            watch: Cell::default(),
            prepared: RefCell::default(),
        })
    }

    pub fn platform(&self) -> &Rc<P> {
        &self.platform
    }

    pub fn current(&self) -> Option<Rc<Current>> {
        self.current.borrow().clone()
    }

    pub fn published(&self) -> &Published {
        &self.published
    }

    pub fn questions(&self) -> &Questions {
        &self.questions
    }

    pub fn device(&self) -> &EngineDevice {
        &self.device
    }

    pub fn act(self: &Rc<Self>, command: Command) {
        match command {
            Command::SetDataset { source, split } => self.set_dataset(Load { source, split }),
            Command::CancelDataset => self.cancel_dataset(),
            Command::Train { run, config, start, is_kept } => {
                self.train(Run {
                    id: run,
                    config: *config,
                    work: Work::Train { start, is_kept },
                    control: Rc::default(),
                });
            }
            Command::Open { run, config, weights } => {
                self.train(Run { id: run, config: *config, work: Work::Open { weights }, control: Rc::default() });
            }
            Command::Pause => self.steer(Control::pause),
            Command::Resume => self.steer(Control::resume),
            Command::Step => self.steer(Control::step),
            Command::Stop => self.steer(Control::stop),
            Command::Hold => self.steer(Control::hold),
            Command::Release => self.steer(Control::release),
            Command::Checkpoint => self.steer(Control::checkpoint),
            Command::Adjust { run, change } => self.adjust(run, change),
            Command::Watch(watch) => {
                self.watch.set(watch);
                self.steer(|control| control.set_watch(watch));
            }
            Command::Ask { request, question } => self.questions.ask(self, request, question),
            Command::Withdraw { request } => self.questions.withdraw(&*self.platform, request),
        }
    }

    /// The device is lost or its results are wrong: ends the engine, and with it the run in progress.
    pub fn give_up(&self, failure: Failure) {
        self.platform.emit(Event::Crashed(failure));
    }

    fn set_dataset(self: &Rc<Self>, load: Load) {
        self.interrupt();
        let (load, run) = self.agenda.borrow_mut().plan_load(load);
        if load.is_some() {
            self.emit_dataset(DatasetUpdate::Canceled);
        }
        if let Some(run) = run {
            self.fail(run.id, Failure::new(FailureKind::Canceled, "another dataset was chosen before the run began"));
        }
        self.run_agenda();
    }

    fn cancel_dataset(&self) {
        if let UnderWay::Loading(abort) = &*self.under_way.borrow() {
            abort.abort();
        }
        if self.agenda.borrow_mut().cancel_load().is_some() {
            self.emit_dataset(DatasetUpdate::Canceled);
        }
    }

    fn train(self: &Rc<Self>, run: Run) {
        run.control.set_watch(self.watch.get());
        if let UnderWay::Training(_, control) = &*self.under_way.borrow() {
            control.stop();
        }
        let replaced = self.agenda.borrow_mut().plan_train(run);
        if let Some(run) = replaced {
            self.fail(run.id, Failure::new(FailureKind::Canceled, "another run was started before this one began"));
        }
        self.run_agenda();
    }

    /// Controls the latest run: the waiting one, or else the one in progress.
    fn steer(&self, action: impl Fn(&Control)) {
        if let Some(run) = self.agenda.borrow().waiting_train() {
            action(&run.control);
        } else if let UnderWay::Training(_, control) = &*self.under_way.borrow() {
            action(control);
        }
    }

    /// Adjusts only the given run: never one that has ended, nor its successor.
    fn adjust(&self, run: RunId, change: ValueChange) {
        if let Some(waiting) = self.agenda.borrow().waiting_train().filter(|waiting| waiting.id == run) {
            waiting.control.adjust(change);
        } else if let UnderWay::Training(id, control) = &*self.under_way.borrow()
            && *id == run
        {
            control.adjust(change);
        }
    }

    /// Asks the job in progress to end.
    fn interrupt(&self) {
        match &*self.under_way.borrow() {
            UnderWay::Nothing => {}
            UnderWay::Loading(abort) => abort.abort(),
            UnderWay::Training(_, control) => control.stop(),
        }
    }

    /// Works through the agenda, unless another task already does.
    fn run_agenda(self: &Rc<Self>) {
        let session = self.clone();
        self.platform.spawn(async move {
            while let Some(job) = { session.agenda.borrow_mut().begin() } {
                match job {
                    Job::Load(load) => session.perform_load(load).await,
                    Job::Train(run) => session.perform_run(run).await,
                }
                session.under_way.replace(UnderWay::Nothing);
                session.agenda.borrow_mut().end();
            }
        });
    }

    async fn perform_load(&self, load: Load) {
        let (abort, registration) = AbortHandle::new_pair();
        self.under_way.replace(UnderWay::Loading(abort));
        let update = match Abortable::new(load::load(&*self.platform, load.source), registration).await {
            Ok(Ok(Loaded { id, dataset, read_as })) => {
                match self.set_current(&id, Rc::new(dataset), read_as, load.split) {
                    Ok(summary) => DatasetUpdate::Set(summary),
                    Err(failure) => DatasetUpdate::Failed(failure),
                }
            }
            Ok(Err(failure)) => DatasetUpdate::Failed(failure),
            Err(_aborted) => DatasetUpdate::Canceled,
        };
        self.emit_dataset(update);
    }

    /// Splits a dataset and uploads it to the device. On failure the previous dataset stays.
    fn set_current(
        &self,
        id: &str,
        dataset: Rc<Dataset>,
        read_as: ReadAs,
        split_config: SplitConfig,
    ) -> Result<DatasetSummary, Failure> {
        let split = Split::new(&dataset, &split_config)?;
        let summary = DatasetSummary { read_as, ..dataset::summarize(id, &dataset, &split) };
        let EngineDevice { device, max_buffer_bytes, .. } = &self.device;
        let on_device = DeviceDataset::new(&dataset, split.clone(), device, *max_buffer_bytes)?
            .with_samples(summary.samples.clone());
        // Nothing below can fail. Questions and the network belong to the previous dataset.
        self.questions.cancel_all(&*self.platform);
        self.published.clear();
        let current = Current { dataset, split, split_config, summary: summary.clone(), on_device };
        self.current.replace(Some(Rc::new(current)));
        self.prepared.replace(None);
        Ok(summary)
    }

    async fn perform_run(&self, run: Run) {
        self.under_way.replace(UnderWay::Training(run.id, run.control.clone()));
        match self.run(&run).await {
            Ok(update) => self.emit_run(run.id, update),
            Err(failure) => {
                let is_fatal = matches!(failure.kind, FailureKind::GpuError | FailureKind::DeviceLost);
                if is_fatal { self.give_up(failure) } else { self.fail(run.id, failure) }
            }
        }
    }

    /// Executes a run and returns its last update.
    async fn run(&self, run: &Run) -> Result<RunUpdate, Failure> {
        let current = self.current().ok_or_else(|| Failure::new(FailureKind::NoDataset, "no dataset is loaded"))?;
        load::check_dataset(&run.config.dataset, &current.summary.id, &current.summary.name)?;
        let current = self.resplit(current, &run.config.split)?;
        let (data, config) = (&current.on_device, &run.config);
        let (start, is_kept) = match &run.work {
            Work::Train { start, is_kept } => (start, *is_kept),
            Work::Open { weights } => {
                let (weights, _) = weight_file::from_bytes(weights)?;
                let (shape, n_classes, device) = (data.shape(), data.n_classes(), data.device());
                let network = Network::with_weights(&config.network, shape, n_classes, weights, &device)?;
                self.published.set(network.valid());
                return Ok(RunUpdate::Opened);
            }
        };
        memory::check(config, data.shape(), data.n_classes(), &self.device)?;
        let teacher = match start {
            RunStart::Taught(teacher) => Some((**teacher).clone()),
            RunStart::New | RunStart::Checkpoint(_) | RunStart::Trained(_) => None,
        };
        if let Some(Teacher { network, .. }) = &teacher {
            let config = RunConfig { network: network.clone(), ..config.clone() };
            memory::check(&config, data.shape(), data.n_classes(), &self.device)?;
        }
        let host = RunHost { platform: self.platform.clone(), run: run.id, is_kept, teacher, listener: None };
        let kernels = Some(config.kernels());
        let is_prepared = !self.device.compiles_kernels || *self.prepared.borrow() == kernels;
        // A warm-up whose result is discarded, so that the run's time does not include compiling kernels. A run that is stopped meanwhile
        // ends like one that is stopped before its first step.
        if !is_prepared && training::warm_up(&host, &run.control, data, config).await? {
            self.prepared.replace(kernels);
        }
        let checkpoint = match start {
            RunStart::New | RunStart::Taught(_) => None,
            RunStart::Checkpoint(bytes) => Some(bytes.clone()),
            RunStart::Trained(trained) => {
                let network = continued_network(config, data, trained, &current.summary.classes)?;
                Some(checkpoint_of(network, config).await?.into())
            }
        };
        let report = match checkpoint {
            None => training::train(&host, &run.control, data, config, &self.published).await,
            Some(bytes) => training::resume(&host, &run.control, data, config, &self.published, &bytes).await,
        };
        report.map(RunUpdate::Finished)
    }

    /// Splits the dataset again if the run's config needs another split.
    fn resplit(&self, current: Rc<Current>, split: &SplitConfig) -> Result<Rc<Current>, Failure> {
        if current.split_config == *split {
            return Ok(current);
        }
        let DatasetSummary { id, read_as, .. } = &current.summary;
        let summary = self.set_current(id, current.dataset.clone(), *read_as, *split)?;
        self.emit_dataset(DatasetUpdate::Set(summary));
        Ok(self.current().unwrap_or(current))
    }

    fn emit_run(&self, run: RunId, update: RunUpdate) {
        self.platform.emit(Event::Run { run, update });
    }

    fn fail(&self, run: RunId, failure: Failure) {
        self.emit_run(run, RunUpdate::Failed(failure));
    }

    fn emit_dataset(&self, update: DatasetUpdate) {
        self.platform.emit(Event::Dataset(update));
    }
}
