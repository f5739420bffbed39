//! A simulated machine for a session: its clock advances by itself, its network replies as scripted, and its store can fail.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::Poll;

use burn::tensor::Device;
use futures_executor::{LocalPool, LocalSpawner};
use futures_util::task::LocalSpawnExt;
use kindling_core::config::{Layer, NetworkConfig, OptimizerConfig, RunConfig, SplitConfig};
use kindling_core::dataset::Reading;
use kindling_core::dataset::served::sha256;
use kindling_core::protocol::question::{Ask, Question};
use kindling_core::protocol::{
    Answer, Command, DatasetFile, DatasetSource, DatasetUpdate, Event, Failure, FailureKind, ImageInput, InputKind,
    RequestId, RunId, RunStart, RunUpdate, SplitName,
};
use kindling_session::retry::Trouble;
use kindling_session::{Download, EngineDevice, Freshness, Platform, Session, Store, StoreError};

/// Maximum number of polls before a test fails; a run takes a few thousand.
const POLLS_LIMIT: u32 = 1_000_000;

const BASE: &str = "http://page";

/// The network's reply to one request.
#[derive(Clone, Debug)]
pub enum Reply {
    File(Vec<u8>),
    Status(u16),
    /// The connection ends early.
    Cut(Vec<u8>),
    /// Never ends.
    Hangs,
}

/// The platform of tests.
pub struct TestMachine {
    pub events: RefCell<Vec<Event>>,
    now_ms: Cell<f64>,
    spawner: LocalSpawner,
    /// Scripted replies by URL; the last reply of a URL repeats.
    replies: RefCell<BTreeMap<String, VecDeque<Reply>>>,
    pub requests: RefCell<Vec<String>>,
    /// Downloads that are not dropped yet.
    pub open_downloads: Rc<Cell<u32>>,
    pub store: TestStore,
}

impl Platform for TestMachine {
    type Store = TestStore;
    type Download = TestDownload;

    fn emit(&self, event: Event) {
        self.events.borrow_mut().push(event);
    }

    fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.spawner.spawn_local(task).unwrap();
    }

    fn now_ms(&self) -> f64 {
        self.now_ms.get()
    }

    async fn sleep(&self, duration_ms: u32) {
        self.now_ms.set(self.now_ms.get() + f64::from(duration_ms));
        pending_once().await;
    }

    /// Each macrotask takes 20 ms, so that several steps share a report.
    async fn yield_now(&self) {
        self.now_ms.set(self.now_ms.get() + 20.0);
        pending_once().await;
    }

    fn served_url(&self, path: &str) -> String {
        path.to_owned()
    }

    async fn fetch(&self, url: &str, _: Freshness) -> Result<TestDownload, Trouble> {
        self.requests.borrow_mut().push(url.to_owned());
        let reply = self.replies.borrow_mut().get_mut(url).and_then(|replies| match replies.len() {
            0 | 1 => replies.front().cloned(),
            _ => replies.pop_front(),
        });
        pending_once().await;
        let (bytes, hangs) = match reply {
            None => return Err(Trouble::NoAnswer("no such address".to_owned())),
            Some(Reply::Status(status)) => return Err(Trouble::Status(status)),
            Some(Reply::File(bytes) | Reply::Cut(bytes)) => (bytes, false),
            Some(Reply::Hangs) => (Vec::new(), true),
        };
        self.open_downloads.set(self.open_downloads.get() + 1);
        Ok(TestDownload {
            chunks: bytes.chunks(1_000).map(<[u8]>::to_vec).collect(),
            hangs,
            open: self.open_downloads.clone(),
        })
    }

    async fn decode(&self, file: &[u8]) -> Result<Option<ImageInput>, Failure> {
        pending_once().await;
        let Ok(image) = image::load_from_memory(file) else { return Ok(None) };
        let image = image.into_rgba8();
        let (width, height) = image.dimensions();
        Ok(Some(ImageInput { width, height, rgba: image.into_raw().into(), kind: InputKind::Photo }))
    }

    fn store(&self) -> &TestStore {
        &self.store
    }
}

pub struct TestDownload {
    chunks: VecDeque<Vec<u8>>,
    hangs: bool,
    open: Rc<Cell<u32>>,
}

impl Download for TestDownload {
    async fn next_chunk(&mut self) -> Result<Option<Vec<u8>>, Trouble> {
        if self.hangs {
            std::future::pending::<()>().await;
        }
        pending_once().await;
        Ok(self.chunks.pop_front())
    }
}

impl Drop for TestDownload {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
    }
}

/// Records in memory, or a store where every operation fails.
#[derive(Default)]
pub struct TestStore {
    pub records: RefCell<BTreeMap<String, Vec<u8>>>,
    pub is_broken: Cell<bool>,
}

impl TestStore {
    fn check(&self) -> Result<(), StoreError> {
        if self.is_broken.get() { Err(StoreError("the disk is full".to_owned())) } else { Ok(()) }
    }
}

impl Store for TestStore {
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.check()?;
        Ok(self.records.borrow().get(name).cloned())
    }

    async fn write(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.check()?;
        self.records.borrow_mut().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.check()?;
        self.records.borrow_mut().remove(name);
        Ok(())
    }

    async fn names(&self) -> Result<Vec<String>, StoreError> {
        self.check()?;
        Ok(self.records.borrow().keys().cloned().collect())
    }
}

async fn pending_once() {
    let mut is_first = true;
    poll_fn(|context| {
        if std::mem::take(&mut is_first) {
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    })
    .await;
}

/// A name and what the file holds.
type File = (String, Vec<u8>);

/// A session on a simulated machine, with its executor.
pub struct World {
    pub machine: Rc<TestMachine>,
    session: Rc<Session<TestMachine>>,
    pool: LocalPool,
    n_requests: u32,
}

impl World {
    /// Serves the dataset `bands`; nothing is loaded.
    pub fn new() -> Self {
        Self::on(false)
    }

    /// A world with a device that compiles kernels.
    pub fn that_compiles() -> Self {
        Self::on(true)
    }

    fn on(compiles_kernels: bool) -> Self {
        let pool = LocalPool::new();
        let machine = Rc::new(TestMachine {
            events: RefCell::default(),
            now_ms: Cell::default(),
            spawner: pool.spawner(),
            replies: RefCell::default(),
            requests: RefCell::default(),
            open_downloads: Rc::default(),
            store: TestStore::default(),
        });
        let device = EngineDevice {
            device: Device::flex(),
            max_buffer_bytes: u64::MAX,
            memory_bytes: u64::MAX,
            compiles_kernels,
        };
        let session = Session::new(machine.clone(), device);
        let world = Self { machine, session, pool, n_requests: 0 };
        let (images, labels) = bands();
        world.serve("dataset.json", Reply::File(description(&images, &labels)));
        world.serve("images-idx3-ubyte", Reply::File(images));
        world.serve("labels-idx1-ubyte", Reply::File(labels));
        world
    }

    /// A world with the dataset loaded.
    pub fn loaded() -> Self {
        let mut world = Self::new();
        world.load();
        world.until("the dataset", |event| matches!(event, Event::Dataset(DatasetUpdate::Set(_))));
        world
    }

    /// Adds a reply to those for a file of the dataset; the last one repeats.
    pub fn serve(&self, file: &str, reply: Reply) {
        let url = format!("{BASE}/datasets/bands/{file}");
        self.machine.replies.borrow_mut().entry(url).or_default().push_back(reply);
    }

    /// Replaces the replies for a file of the dataset.
    pub fn serve_only(&self, file: &str, replies: impl IntoIterator<Item = Reply>) {
        let url = format!("{BASE}/datasets/bands/{file}");
        self.machine.replies.borrow_mut().insert(url, replies.into_iter().collect());
    }

    /// Sets the reply for a file that the page serves, by its path.
    pub fn serve_file(&self, path: &str, reply: Reply) {
        self.machine.replies.borrow_mut().insert(path.to_owned(), [reply].into());
    }

    pub fn act(&self, command: Command) {
        self.session.act(command);
    }

    pub fn load(&self) {
        let source = DatasetSource::Served { id: "bands".to_owned(), base: format!("{BASE}/") };
        self.act(Command::SetDataset { source, split: SplitConfig::default() });
    }

    /// Loads the same images as files dropped by the visitor.
    pub fn drop_files(&self) {
        let (images, labels) = bands();
        let files = [("images-idx3-ubyte", images), ("labels-idx1-ubyte", labels)].map(|(name, bytes)| DatasetFile {
            name: name.to_owned(),
            url: format!("{BASE}/datasets/bands/{name}"),
            size_bytes: bytes.len() as u64,
            unit: None,
            is_pseudo: false,
            split: None,
        });
        self.act(Command::SetDataset {
            source: DatasetSource::Files { files: files.into(), reading: Default::default() },
            split: SplitConfig::default(),
        });
    }

    /// Loads files as if the visitor had dropped them.
    pub fn load_files(&self, files: Vec<File>, reading: Reading) {
        self.load_given_files(files.into_iter().map(|file| (file, None)).collect(), reading);
    }

    /// Loads files as the page does those of a project: each with the split that it came in.
    pub fn load_given_files(&self, files: Vec<(File, Option<SplitName>)>, reading: Reading) {
        let files = files.into_iter().map(|((name, bytes), split)| {
            let (url, size_bytes) = (format!("blob:{name}"), bytes.len() as u64);
            self.machine.replies.borrow_mut().insert(url.clone(), [Reply::File(bytes)].into());
            DatasetFile { name, url, size_bytes, unit: None, is_pseudo: false, split }
        });
        let source = DatasetSource::Files { files: files.collect(), reading };
        self.act(Command::SetDataset { source, split: SplitConfig::default() });
    }

    pub fn train(&self, run: u32, config: RunConfig) {
        self.train_from(run, config, RunStart::New);
    }

    pub fn train_from(&self, run: u32, config: RunConfig, start: RunStart) {
        self.act(Command::Train { run: RunId(run), config: Box::new(config), start, is_kept: true });
    }

    pub fn ask(&mut self, question: impl Ask) -> RequestId {
        self.n_requests += 1;
        let request = RequestId(self.n_requests);
        let question: Question = question.into();
        self.act(Command::Ask { request, question });
        request
    }

    /// Runs until an event satisfies the condition, and returns all events so far.
    pub fn until(&mut self, what: &str, is_it: impl Fn(&Event) -> bool) -> Vec<Event> {
        let machine = self.machine.clone();
        let seen = Cell::new(0);
        let mut n_polls = 0;
        self.pool.run_until(poll_fn(|context| {
            let events = machine.events.borrow();
            if events[seen.get()..].iter().any(&is_it) {
                return Poll::Ready(());
            }
            seen.set(events.len());
            n_polls += 1;
            assert!(n_polls < POLLS_LIMIT, "waited for {what}, but: {:?}", events.last());
            context.waker().wake_by_ref();
            Poll::Pending
        }));
        self.machine.events.borrow().clone()
    }

    /// Runs until all tasks are stalled, and returns all events so far.
    pub fn settle(&mut self) -> Vec<Event> {
        self.pool.run_until_stalled();
        self.machine.events.borrow().clone()
    }

    /// Reports a lost device, as the GPU's error handler does.
    pub fn give_up(&self) {
        self.session.give_up(Failure::new(FailureKind::DeviceLost, "the device is gone"));
    }

    /// Clears the recorded events.
    pub fn forget(&self) {
        self.machine.events.borrow_mut().clear();
    }

    /// Waits for the end of a run, and returns its updates.
    pub fn end_of(&mut self, run: u32) -> Vec<RunUpdate> {
        let is_end = |event: &Event| matches!(event, Event::Run { run: id, update: RunUpdate::Finished(_) | RunUpdate::Failed(_) | RunUpdate::Opened } if id.0 == run);
        let events = self.until("the end of the run", is_end);
        updates(&events, run)
    }

    pub fn answer_to(&mut self, request: RequestId) -> Result<Answer, Failure> {
        let is_answer = |event: &Event| matches!(event, Event::Answer { request: id, .. } if *id == request);
        let events = self.until("the answer", is_answer);
        let answer = events.into_iter().find(is_answer);
        let Some(Event::Answer { result, .. }) = answer else { panic!("it was there") };
        result
    }
}

/// The updates of one run, in order.
pub fn updates(events: &[Event], run: u32) -> Vec<RunUpdate> {
    let of_run = |event: &Event| match event {
        Event::Run { run: id, update } if id.0 == run => Some(update.clone()),
        _ => None,
    };
    events.iter().filter_map(of_run).collect()
}

/// The loss of every step, in order.
pub fn losses(updates: &[RunUpdate]) -> Vec<f32> {
    let of_progress = |update: &RunUpdate| match update {
        RunUpdate::Progress(progress) => progress.losses.clone(),
        _ => Vec::new(),
    };
    updates.iter().flat_map(of_progress).collect()
}

/// A linear network with one hidden layer; 3 epochs of 10 steps.
pub fn config() -> RunConfig {
    let layers = vec![
        Layer::Flatten,
        Layer::Linear { units: 12, bias: true },
        Layer::Dropout { rate: 0.1 },
        Layer::Classifier { bias: true },
    ];
    let network = NetworkConfig::new("tiny", layers);
    RunConfig {
        optimizer: OptimizerConfig::ADAM,
        learning_rate: 0.01,
        batch_size: 20,
        epochs: 3,
        ..RunConfig::new("bands", network)
    }
}

/// As IDX files: 3 classes of 6x6 images, 90 each, with a bright band at the top, in the middle, or at the bottom.
fn bands() -> (Vec<u8>, Vec<u8>) {
    const N_IMAGES: u32 = 270;
    const SIDE: u32 = 6;
    let mut images = vec![0, 0, 8, 3];
    for number in [N_IMAGES, SIDE, SIDE] {
        images.extend(number.to_be_bytes());
    }
    let mut labels = vec![0, 0, 8, 1];
    labels.extend(N_IMAGES.to_be_bytes());
    for index in 0..N_IMAGES {
        let label = index % 3;
        labels.push(label as u8);
        for place in 0..SIDE * SIDE {
            let noise = (index * 31 + place * 17) % 60;
            let band = if place / SIDE / 2 == label { 150 } else { 0 };
            images.push((noise + band) as u8);
        }
    }
    (images, labels)
}

fn description(images: &[u8], labels: &[u8]) -> Vec<u8> {
    let file = |name: &str, bytes: &[u8]| {
        format!(r#"{{"name":"{name}","bytes":{},"sha256":"{}"}}"#, bytes.len(), sha256(bytes))
    };
    let files = [file("images-idx3-ubyte", images), file("labels-idx1-ubyte", labels)].join(",");
    format!(
        r#"{{"id":"bands","name":"Bands","classes":["above","middle","below"],"shape":{{"channels":1,"height":6,"width":6}},
            "counts":{{"train":270,"test":0}},"files":[{files}],"license":{{"name":"none","file":"LICENSE"}},
            "credit":"a test","source":"a test","homepage":"a test"}}"#
    )
    .into_bytes()
}
