//! The page's one handle on its state and its engine. Copy it into any component: `use_store()`.
//!
//! # Reading
//!
//! Each part of [`AppState`] is a [`Part`]: `store.run.with(|run| …)` and `store.run.get()` read it and, inside a view,
//! memo or effect, track it; `with_untracked` only reads. Parts change independently: a component that reads `run` is not
//! woken by `curves`. Where a component needs one figure of a part, put it behind a `Memo`:
//!
//! ```ignore
//! let step = memo(move |_| store.run.with(|run| run.run().map(|run| run.progress.step)));
//! ```
//!
//! # Asking
//!
//! - `store.ask(question).await` gives the [`Answer`] or the [`Failure`]; `ask_with_progress` also tells how far it is.
//! - `store.load_dataset(source, split).await` loads a dataset; one under way is canceled first. `cancel_dataset()` ends it.
//! - `store.train(config, on_update).await` starts a run and waits for its end; `on_update` hears each update.
//! - `store.train_trial(config, on_update).await` does the same for a trial of a search, which is not kept among the runs.
//! - `store.find_rate(config, on_progress).await` tests learning rates; `stop_range_test()` ends it.
//! - `store.ready().await` waits for an engine.
//! - `store.send(Command::Pause)` and the like for what needs no answer.
//!
//! All may be called at any time, also while the engine starts: commands wait for it. When an engine is lost, everything
//! that waits for it ends with its failure. `window.kindling` and the buttons use the same functions.

/// Questions and their answers.
mod questions;

/// How runs begin, go on and end.
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
    AppState, Changed, Checkpoint, Curves, DatasetState, EngineChoice, EngineProgram, EngineReason, EngineState,
    Inside, NoticeKind, Notices, RunNews, RunState, TuningState,
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
    /// Whether kernels are tuned for the run.
    pub tuning: Part<TuningState>,
    pub dataset: Part<DatasetState>,
    pub run: Part<RunState>,
    pub curves: Part<Curves>,
    /// Newest predictions for the dataset's sample images.
    pub samples: Part<Vec<Prediction>>,
    /// Questions under way, and how far each has come, 0 to 1.
    pub questions: Part<BTreeMap<RequestId, f32>>,
    pub notices: Part<Notices>,
    /// Looks inside the network.
    pub inside: Part<Inside>,
    state: StoredValue<AppState>,
    waiting: StoredValue<Waiting, LocalStorage>,
    /// Those who keep something of runs.
    keepers: StoredValue<Vec<Keeper>, LocalStorage>,
    /// Runs that are trials of a search, the latest.
    trials: StoredValue<BTreeSet<RunId>>,
    carrier: StoredValue<Option<Carrier>, LocalStorage>,
}

/// The engine that runs, and why it was chosen.
#[derive(Clone, Debug, PartialEq)]
pub struct EngineReady {
    pub choice: EngineChoice,
    pub info: EngineInfo,
}

/// Who waits for what the engine will say.
#[derive(Default)]
struct Waiting {
    n_requests: u32,
    n_runs: u32,
    answers: BTreeMap<RequestId, (Sender<Answer>, OnProgress)>,
    /// The range test under way, the latest.
    range_test: Option<RequestId>,
    /// Those that wait for the end of the load under way.
    dataset: Vec<Sender<Arc<DatasetSummary>>>,
    run: Option<RunWatch>,
    ready: Vec<Sender<EngineReady>>,
}

/// Takes commands to an engine.
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
    /// Made once, for the whole page; starts no engine yet.
    pub fn new() -> Self {
        let state = StoredValue::new(AppState::default());
        Self {
            engine: Part::new(state, |state| &state.engine),
            tuning: Part::new(state, |state| &state.tuning),
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

    /// What takes commands to an engine from now on.
    pub(super) fn set_carrier(self, carry: impl Fn(Command) + 'static) {
        self.carrier.set_value(Some(Rc::new(carry)));
    }

    /// Reads all that the page knows, untracked.
    pub(super) fn look<R>(self, look: impl FnOnce(&AppState) -> R) -> R {
        look(&self.state.read_value())
    }

    /// Fails where no engine will come to do what is asked.
    fn expect_engine(self) -> Result<(), Failure> {
        self.engine.with_untracked(|engine| match engine {
            EngineState::Failed(failure) => Err(failure.clone()),
            EngineState::Choosing | EngineState::Starting(_) | EngineState::Ready { .. } => Ok(()),
        })
    }

    /// Makes a dataset the current one. A load under way is canceled first, so that its late events cannot be taken for
    /// those of the new one.
    pub async fn load_dataset(self, source: DatasetSource, split: SplitConfig) -> Result<Arc<DatasetSummary>, Failure> {
        self.expect_engine()?;
        while self.dataset.with_untracked(|dataset| dataset.load.is_loading()) {
            self.send(Command::CancelDataset);
            // However the load ends, it is over.
            drop(self.dataset_loaded().await);
        }
        let loaded = self.dataset_loaded();
        self.send(Command::SetDataset { source, split });
        loaded.await
    }

    /// Waits for the end of a load that is under way, however it ends.
    pub async fn dataset_settled(self) {
        if self.dataset.with_untracked(|dataset| dataset.load.is_loading()) {
            drop(self.dataset_loaded().await);
        }
    }

    pub fn cancel_dataset(self) {
        self.send(Command::CancelDataset);
    }

    /// Waits for an engine that runs.
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

    pub fn dismiss_notice(self, id: u32) {
        self.change(|state| state.dismiss_notice(id));
    }

    pub(super) fn notify(self, kind: NoticeKind) {
        self.change(|state| state.notify(kind));
    }

    /// A notice that goes by itself, `then` what it waited for.
    pub(super) fn notify_for(self, kind: NoticeKind, duration_ms: u32, then: impl FnOnce() + 'static) {
        self.notify(kind);
        let id = self.notices.with_untracked(|notices| notices.list().last().map(|notice| notice.id));
        // The page lives longer than its notices.
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

    /// The engine runs for another reason than it was chosen for.
    pub(super) fn engine_explained(self, reason: EngineReason) {
        self.change(|state| state.engine_explained(reason));
    }

    /// Another engine trains and is asked from now on.
    pub(super) fn engine_switched(self, program: EngineProgram, info: EngineInfo) {
        self.change(|state| state.engine_switched(program, info));
    }

    pub(super) fn tuning_changed(self, tuning: TuningState) {
        self.change(|state| state.set_tuning(tuning));
    }

    /// The run under way goes on in another engine.
    pub(super) fn run_moves(self) {
        self.change(AppState::run_moves);
    }

    /// The run under way goes on from where it was at a checkpoint.
    pub(super) fn run_falls_back(self, checkpoint: &Checkpoint) {
        let Checkpoint { run, curves, .. } = checkpoint.clone();
        self.change(|state| state.take_past(run, curves));
    }

    /// An engine is lost that may have been asked something, while another goes on.
    pub(super) fn questions_lost(self, failure: &Failure) {
        self.change(AppState::lose_questions);
        let answers = self.waiting.try_update_value(|waiting| std::mem::take(&mut waiting.answers)).unwrap_or_default();
        for (sender, _) in answers.into_values() {
            sender.send(Err(failure.clone())).ok();
        }
    }

    /// The engine was ended on purpose.
    pub(super) fn engine_replaced(self) {
        let failure = canceled("the engine was changed");
        self.change(|state| state.lose_engine(&failure));
        self.give_up_waiting(&failure);
    }

    /// Takes in what the engine says; the only way in.
    pub(super) fn receive(self, event: Event) {
        let changed = self.change(|state| state.apply(&event));
        if changed.is_nothing() {
            return;
        }
        match event {
            Event::Ready(_) => self.tell_ready(),
            Event::Dataset(update) => self.tell_dataset(update),
            Event::Run { run, update } => self.tell_run(run, &update),
            Event::AnswerProgress { request, progress } => {
                let on_progress = self.waiting.with_value(|it| it.answers.get(&request).map(|(_, on)| on.clone()));
                if let Some(on_progress) = on_progress {
                    on_progress(progress);
                }
            }
            Event::Answer { request, result } => {
                let asker = self.waiting.try_update_value(|waiting| waiting.answers.remove(&request)).flatten();
                if let Some((sender, _)) = asker {
                    // Whoever asked may have left meanwhile.
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
        self.tell_views(&changed);
        self.tell_keepers(&news);
        changed
    }

    fn tell_views(self, changed: &Changed) {
        self.engine.notify(changed.engine);
        self.tuning.notify(changed.tuning);
        self.dataset.notify(changed.dataset);
        self.run.notify(changed.run);
        self.curves.notify(changed.curves);
        self.samples.notify(changed.samples);
        self.questions.notify(changed.questions);
        self.notices.notify(changed.notices);
        self.inside.notify(changed.inside);
    }

    fn tell_keepers(self, news: &[RunNews]) {
        if !news.is_empty() {
            let keepers = self.keepers.get_value();
            let of_runs = news.iter().filter(|news| !self.is_trial(news.run()));
            of_runs.for_each(|news| keepers.iter().for_each(|keep| keep(news)));
        }
    }

    /// `keep` hears of every checkpoint, and of every run that ends, however it does, but not of trials; those who wait for its end hear of it
    /// afterwards.
    pub(super) fn on_run_news(self, keep: impl Fn(&RunNews) + 'static) {
        self.keepers.update_value(|keepers| keepers.push(Rc::new(keep)));
    }

    /// Waits for the end of the load that is under way or about to be asked for.
    fn dataset_loaded(self) -> impl Future<Output = Result<Arc<DatasetSummary>, Failure>> {
        let (sender, loaded) = oneshot::channel();
        self.waiting.update_value(|waiting| waiting.dataset.push(sender));
        async { loaded.await.unwrap_or_else(|_| Err(canceled("the page no longer waits for the dataset"))) }
    }

    fn tell_ready(self) {
        let waiting = self.waiting.try_update_value(|waiting| std::mem::take(&mut waiting.ready)).unwrap_or_default();
        for sender in waiting {
            spawn_local(async move { drop(sender.send(self.ready().await)) });
        }
    }

    fn tell_dataset(self, update: DatasetUpdate) {
        let result = match update {
            DatasetUpdate::Downloading { .. } | DatasetUpdate::Retrying { .. } | DatasetUpdate::Parsing => return,
            DatasetUpdate::Set(summary) => Ok(Arc::new(summary)),
            DatasetUpdate::Canceled => Err(canceled("the download was canceled")),
            DatasetUpdate::Failed(failure) => Err(failure),
        };
        let waiting = self.waiting.try_update_value(|it| std::mem::take(&mut it.dataset)).unwrap_or_default();
        for sender in waiting {
            sender.send(result.clone()).ok();
        }
        // The run before is over with its dataset.
        if !self.run.with_untracked(RunState::is_active) {
            self.end_run(Err(canceled("another dataset was loaded")));
        }
    }

    /// The engine is gone: nobody will answer.
    fn give_up_waiting(self, failure: &Failure) {
        let Some(waiting) = self.waiting.try_update_value(|waiting| {
            let (n_requests, n_runs) = (waiting.n_requests, waiting.n_runs);
            // Those that wait for an engine wait for the next one.
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
            watch.done.send(Err(failure.clone())).ok();
        }
    }

    /// No engine will come: those that wait for one are told.
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
