//! The page's one handle on its state and its engine. Copy it into any component: `use_store()`.
//!
//! # Reading
//!
//! Each part of [`AppState`] is a [`Part`]: `store.run.with(|run| …)` and `store.run.get()` read it and, inside a view,
//! memo or effect, track it; `with_untracked` only reads. Parts change independently: a component that reads `run` does not
//! rerun when `curves` changes. If a component needs one value of a part, read it through a `Memo`:
//!
//! ```ignore
//! let step = memo(move |_| store.run.with(|run| run.run().map(|run| run.progress.step)));
//! ```
//!
//! # Commands and questions
//!
//! - `store.ask(question).await` returns the [`Answer`] or the [`Failure`]; `ask_with_progress` also reports progress.
//! - `store.load_dataset(source, split).await` loads a dataset, and cancels a load in progress first. `cancel_dataset()` cancels it.
//! - `store.train(config, on_update).await` starts a run and waits for its end; `on_update` receives each update.
//! - `store.train_trial(config, on_update).await` does the same for a trial of a search, which is not kept among the runs.
//! - `store.find_rate(config, on_progress).await` runs an LR range test; `stop_range_test()` cancels it.
//! - `store.find_label_errors(question, on_progress).await` finds images whose labels are probably wrong; `stop_label_errors()` cancels it.
//! - `store.ready().await` waits for an engine.
//! - `store.send(Command::Pause)` sends a command that needs no answer.
//!
//! Call any of them at any time: while the engine starts, commands wait for it. When an engine is lost, everything that waits for it fails
//! with its failure. `window.kindling` and the buttons use the same functions.

/// Questions and their answers.
mod questions;

/// How runs start, continue and end.
mod runs;

/// What views read.
mod part;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use futures_channel::oneshot;
use leptos::prelude::*;
use leptos::task::spawn_local;

pub use self::part::Part;
use crate::page::state::{
    AppState, Changed, Curves, DatasetState, EngineChoice, EngineProgram, EngineReason, EngineState, Inside,
    NoticeKind, Notices, RaceState, RunNews, RunState,
};
use kindling_core::config::SplitConfig;
use kindling_core::protocol::{
    Answer, AnswerProgress, Command, DatasetSource, DatasetSummary, DatasetUpdate, EngineInfo, Event, Failure,
    FailureKind, Prediction, RequestId, RunId, RunReport, RunUpdate,
};

pub fn use_store() -> Store {
    expect_context()
}

#[derive(Clone, Copy)]
pub struct Store {
    pub engine: Part<EngineState>,
    /// The race of the two devices for the current run.
    pub race: Part<RaceState>,
    pub dataset: Part<DatasetState>,
    pub run: Part<RunState>,
    pub curves: Part<Curves>,
    /// The latest predictions for the dataset's sample images.
    pub samples: Part<Vec<Prediction>>,
    /// Open questions with their progress, 0 to 1.
    pub questions: Part<BTreeMap<RequestId, f32>>,
    pub notices: Part<Notices>,
    /// Snapshots of the network's internals.
    pub inside: Part<Inside>,
    state: StoredValue<AppState>,
    waiting: StoredValue<Waiting, LocalStorage>,
    /// Callbacks that store runs and checkpoints.
    keepers: StoredValue<Vec<Keeper>, LocalStorage>,
    /// The latest runs that are trials of a search.
    trials: StoredValue<BTreeSet<RunId>>,
    carrier: StoredValue<Option<Carrier>, LocalStorage>,
}

/// The running engine, and why it was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineReady {
    pub choice: EngineChoice,
    pub info: EngineInfo,
}

/// Callers that wait for the engine.
#[derive(Default)]
struct Waiting {
    n_requests: u32,
    n_runs: u32,
    answers: BTreeMap<RequestId, (Sender<Answer>, OnProgress)>,
    /// The latest LR range test.
    range_test: Option<RequestId>,
    /// The latest search for label errors.
    label_errors: Option<RequestId>,
    /// Callers that wait for the load in progress to end.
    dataset: Vec<Sender<Arc<DatasetSummary>>>,
    run: Option<RunWatch>,
    ready: Vec<Sender<EngineReady>>,
}

/// Carries commands to an engine.
type Carrier = Rc<dyn Fn(Command)>;
type Keeper = Rc<dyn Fn(&RunNews)>;
type Sender<T> = oneshot::Sender<Result<T, Failure>>;
type OnUpdate = Rc<dyn Fn(&RunUpdate)>;
type OnProgress = Rc<dyn Fn(AnswerProgress)>;
type Receiver<T> = oneshot::Receiver<Result<T, Failure>>;

struct RunWatch {
    id: RunId,
    on_update: OnUpdate,
    done: Sender<RunReport>,
}

impl Store {
    /// Call once, for the whole page. Starts no engine.
    pub fn new() -> Self {
        let state = StoredValue::new(AppState::default());
        Self {
            engine: Part::new(state, |state| &state.engine),
            race: Part::new(state, |state| &state.race),
            dataset: Part::new(state, |state| &state.dataset),
            run: Part::new(state, |state| &state.run),
            curves: Part::new(state, |state| &state.curves),
            samples: Part::new(state, |state| &state.samples),
            questions: Part::new(state, |state| &state.questions),
            notices: Part::new(state, |state| &state.notices),
            inside: Part::new(state, |state| &state.inside),
            state,
            waiting: StoredValue::new_local(Waiting::default()),
            keepers: StoredValue::new_local(Vec::new()),
            trials: StoredValue::default(),
            carrier: StoredValue::new_local(None),
        }
    }

    /// Sends a command that needs no answer: pause, resume, step, stop, cancel.
    pub fn send(self, command: Command) {
        self.change(|state| state.sent(&command));
        if let Some(carry) = self.carrier.get_value() {
            carry(command);
        }
    }

    /// Sets what carries commands to an engine from now on.
    pub(super) fn set_carrier(self, carry: impl Fn(Command) + 'static) {
        self.carrier.set_value(Some(Rc::new(carry)));
    }

    /// Reads the whole state, untracked.
    pub(super) fn with_state<R>(self, read: impl FnOnce(&AppState) -> R) -> R {
        read(&self.state.read_value())
    }

    /// Fails if no engine will start without the visitor.
    fn expect_engine(self) -> Result<(), Failure> {
        self.engine.with_untracked(|engine| match engine {
            EngineState::Failed(failure) => Err(failure.clone()),
            EngineState::Choosing | EngineState::Starting(_) | EngineState::Ready { .. } => Ok(()),
        })
    }

    /// Loads a dataset and makes it the current one. Cancels a load in progress first, so that its late events are not mistaken for those of
    /// the new one.
    pub async fn load_dataset(self, source: DatasetSource, split: SplitConfig) -> Result<Arc<DatasetSummary>, Failure> {
        self.expect_engine()?;
        while self.dataset.with_untracked(|dataset| dataset.load.is_loading()) {
            self.send(Command::CancelDataset);
            // Any result means that the load has ended.
            drop(self.dataset_loaded().await);
        }
        let loaded = self.dataset_loaded();
        self.send(Command::SetDataset { source, split });
        loaded.await
    }

    /// Waits until no load is in progress.
    pub async fn dataset_settled(self) {
        if self.dataset.with_untracked(|dataset| dataset.load.is_loading()) {
            drop(self.dataset_loaded().await);
        }
    }

    pub fn cancel_dataset(self) {
        self.send(Command::CancelDataset);
    }

    /// Forgets that the latest load failed.
    pub fn forget_failed_load(self) {
        self.change(AppState::forget_failed_load);
    }

    /// Waits for a running engine.
    pub async fn ready(self) -> Result<EngineReady, Failure> {
        let now = self.engine.with_untracked(|engine| match engine {
            EngineState::Ready { choice, info } => Some(Ok(EngineReady { choice: choice.clone(), info: info.clone() })),
            EngineState::Failed(failure) => Some(Err(failure.clone())),
            EngineState::Choosing | EngineState::Starting(_) => None,
        });
        if let Some(now) = now {
            return now;
        }
        let (sender, ready) = oneshot::channel();
        self.waiting.update_value(|waiting| waiting.ready.push(sender));
        ready.await.unwrap_or_else(|_| Err(canceled("the page no longer waits for the engine")))
    }

    /// Gives the current dataset another name.
    pub fn rename_dataset(self, name: String) {
        self.change(|state| state.rename_dataset(name));
    }

    pub fn dismiss_notice(self, id: u32) {
        self.change(|state| state.dismiss_notice(id));
    }

    pub(super) fn notify(self, kind: NoticeKind) {
        self.change(|state| state.notify(kind));
    }

    /// Shows a notice for `duration_ms`, and then calls `then`.
    pub(super) fn notify_for(self, kind: NoticeKind, duration_ms: u32, then: impl FnOnce() + 'static) {
        self.notify(kind);
        let id = self.notices.with_untracked(|notices| notices.list().last().map(|notice| notice.id));
        // The page outlives its notices.
        gloo::timers::callback::Timeout::new(duration_ms, move || {
            if let Some(id) = id {
                self.dismiss_notice(id);
            }
            then();
        })
        .forget();
    }

    pub(super) fn engine_starting(self, choice: EngineChoice) {
        self.change(|state| state.engine_starting(choice));
    }

    /// The reason for the engine has changed since it was chosen.
    pub(super) fn engine_explained(self, reason: EngineReason) {
        self.change(|state| state.engine_explained(reason));
    }

    /// Another engine trains and answers from now on.
    pub(super) fn engine_switched(self, program: EngineProgram, info: EngineInfo) {
        self.change(|state| state.engine_switched(program, info));
    }

    /// The run continues in another engine.
    pub(super) fn run_moves(self, run: RunId) {
        self.change(|state| state.run_moves(run));
    }

    pub(super) fn race_changed(self, race: RaceState) {
        self.change(|state| state.set_race(race));
    }

    /// The engine was ended on purpose.
    pub(super) fn engine_replaced(self) {
        let failure = canceled("the engine was changed");
        self.change(|state| state.lose_engine(&failure));
        self.give_up_waiting(&failure);
    }

    /// Receives an event of the engine. All events enter here.
    pub(super) fn receive(self, event: Event) {
        let changed = self.change(|state| state.apply(&event));
        if changed.is_nothing() {
            return;
        }
        match event {
            Event::Ready(_) => self.notify_ready(),
            Event::Dataset(update) => self.notify_dataset(update),
            Event::Run { run, update } => self.notify_run(run, &update),
            Event::AnswerProgress { request, progress } => {
                let on_progress = self.waiting.with_value(|it| it.answers.get(&request).map(|(_, on)| on.clone()));
                if let Some(on_progress) = on_progress {
                    on_progress(progress);
                }
            }
            Event::Answer { request, result } => {
                let asker = self.waiting.try_update_value(|waiting| waiting.answers.remove(&request)).flatten();
                if let Some((sender, _)) = asker {
                    // The caller may be gone.
                    sender.send(result).ok();
                }
            }
            Event::Warning(_) => {}
            Event::Crashed(failure) => self.give_up_waiting(&failure),
        }
    }

    fn change(self, change: impl FnOnce(&mut AppState) -> Changed) -> Changed {
        let (changed, news) =
            self.state.try_update_value(|state| (change(state), std::mem::take(&mut state.news))).unwrap_or_default();
        self.notify_views(&changed);
        self.notify_keepers(&news);
        changed
    }

    fn notify_views(self, changed: &Changed) {
        self.engine.notify(changed.engine);
        self.race.notify(changed.race);
        self.dataset.notify(changed.dataset);
        self.run.notify(changed.run);
        self.curves.notify(changed.curves);
        self.samples.notify(changed.samples);
        self.questions.notify(changed.questions);
        self.notices.notify(changed.notices);
        self.inside.notify(changed.inside);
    }

    fn notify_keepers(self, news: &[RunNews]) {
        if !news.is_empty() {
            let keepers = self.keepers.get_value();
            let of_runs = news.iter().filter(|news| !self.is_trial(news.run()));
            of_runs.for_each(|news| keepers.iter().for_each(|keep| keep(news)));
        }
    }

    /// Calls `keep` with every checkpoint and every run that ends, trials excepted, before the callers that wait for the run receive its end.
    pub(super) fn on_run_news(self, keep: impl Fn(&RunNews) + 'static) {
        self.keepers.update_value(|keepers| keepers.push(Rc::new(keep)));
    }

    /// Waits for the end of the load that is in progress or about to start.
    fn dataset_loaded(self) -> impl Future<Output = Result<Arc<DatasetSummary>, Failure>> {
        let (sender, loaded) = oneshot::channel();
        self.waiting.update_value(|waiting| waiting.dataset.push(sender));
        async { loaded.await.unwrap_or_else(|_| Err(canceled("the page no longer waits for the dataset"))) }
    }

    fn notify_ready(self) {
        let waiting = self.waiting.try_update_value(|waiting| std::mem::take(&mut waiting.ready)).unwrap_or_default();
        for sender in waiting {
            spawn_local(async move { drop(sender.send(self.ready().await)) });
        }
    }

    fn notify_dataset(self, update: DatasetUpdate) {
        let result = match update {
            DatasetUpdate::Downloading { .. }
            | DatasetUpdate::Retrying { .. }
            | DatasetUpdate::Parsing
            | DatasetUpdate::Decoding { .. } => return,
            // With the name that the state has given it.
            DatasetUpdate::Set(summary) => {
                let current = self.dataset.with_untracked(|dataset| dataset.current.clone());
                Ok(current.unwrap_or_else(|| Arc::new(summary)))
            }
            DatasetUpdate::Canceled => Err(canceled("the download was canceled")),
            DatasetUpdate::Failed(failure) => Err(failure),
        };
        let waiting = self.waiting.try_update_value(|it| std::mem::take(&mut it.dataset)).unwrap_or_default();
        for sender in waiting {
            sender.send(result.clone()).ok();
        }
        // The previous run ended with its dataset.
        if !self.run.with_untracked(RunState::is_active) {
            self.end_run(Err(canceled("another dataset was loaded")));
        }
    }

    /// Fails everything that waits for the engine, because it is gone.
    fn give_up_waiting(self, failure: &Failure) {
        let Some(waiting) = self.waiting.try_update_value(|waiting| {
            let (n_requests, n_runs) = (waiting.n_requests, waiting.n_runs);
            // Callers that wait for an engine get the next one.
            let ready = std::mem::take(&mut waiting.ready);
            std::mem::replace(waiting, Waiting { n_requests, n_runs, ready, ..Waiting::default() })
        }) else {
            return;
        };
        for (sender, _) in waiting.answers.into_values() {
            sender.send(Err(failure.clone())).ok();
        }
        for sender in waiting.dataset {
            sender.send(Err(failure.clone())).ok();
        }
        if let Some(watch) = waiting.run {
            (watch.on_update)(&RunUpdate::Failed(failure.clone()));
            watch.done.send(Err(failure.clone())).ok();
        }
    }

    /// No engine will start: fails the callers that wait for one.
    pub(super) fn no_engine(self, failure: &Failure) {
        self.change(|state| state.engine_failed(failure));
        let waiting = self.waiting.try_update_value(|it| std::mem::take(&mut it.ready)).unwrap_or_default();
        for sender in waiting {
            sender.send(Err(failure.clone())).ok();
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::new()
    }
}

fn canceled(detail: &str) -> Failure {
    Failure::new(FailureKind::Canceled, detail)
}
