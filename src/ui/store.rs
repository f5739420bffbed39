//! The page's one handle on its state and its engine. Copy it into any component: `use_store()`.
//!
//! # Reading
//!
//! Each part of [`AppState`] is a [`Part`]: `store.run.with(|run| …)` and `store.run.get()` read it and, inside a view,
//! memo or effect, track it; `with_untracked` only reads. Parts change independently: a component that reads `run` is not
//! woken by `curves`. Where a component needs one figure of a part, put it behind a `Memo`:
//!
//! ```ignore
//! let step = Memo::new(move |_| store.run.with(|run| run.run().map(|run| run.progress.step)));
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

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use futures_channel::oneshot;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::link::{self, Link};
use super::state::{
    AppState, Changed, Checkpoint, Curves, DatasetState, EngineChoice, EngineState, Inside, NoticeKind, Notices, Run,
    RunNews, RunState,
};
use crate::protocol::{
    Answer, Bulk, Command, DatasetSource, DatasetSummary, DatasetUpdate, EngineInfo, Event, Failure, FailureKind,
    Prediction, Question, RatePoint, RateTest, RequestId, RunConfig, RunId, RunReport, RunUpdate, SplitConfig,
};

/// Questions under way at most; more means a page gone wild, and they are refused.
const QUESTIONS_LIMIT: usize = 64;

/// Trials that are told from runs; older ones are over and kept nowhere.
const TRIALS_LIMIT: usize = 1_000;

pub fn use_store() -> Store {
    expect_context()
}

#[derive(Clone, Copy)]
pub struct Store {
    pub engine: Part<EngineState>,
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
    pub(super) link: StoredValue<Link, LocalStorage>,
}

/// A part of the state that can be read and tracked by itself.
pub struct Part<T: 'static> {
    state: StoredValue<AppState>,
    changed: RwSignal<()>,
    select: fn(&AppState) -> &T,
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Part<T> {}

impl<T> Part<T> {
    fn new(state: StoredValue<AppState>, select: fn(&AppState) -> &T) -> Self {
        Self { state, changed: RwSignal::new(()), select }
    }

    /// Reads the part and tracks it. `read` must not change the state.
    pub fn with<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        self.changed.track();
        self.with_untracked(read)
    }

    pub fn with_untracked<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        self.state.with_value(|state| read((self.select)(state)))
    }

    /// A copy of the part, tracked.
    pub fn get(&self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    fn notify(&self, has_changed: bool) {
        if has_changed {
            self.changed.set(());
        }
    }
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

type Keeper = Rc<dyn Fn(&RunNews)>;
type Sender<T> = oneshot::Sender<Result<T, Failure>>;
type OnProgress = Rc<dyn Fn(f32, &[RatePoint])>;
type Receiver<T> = oneshot::Receiver<Result<T, Failure>>;

struct RunWatch {
    id: RunId,
    on_update: Rc<dyn Fn(&RunUpdate)>,
    done: Sender<RunReport>,
}

impl Store {
    /// Made once, for the whole page; starts no engine yet.
    pub fn new() -> Self {
        let state = StoredValue::new(AppState::default());
        Self {
            engine: Part::new(state, |state| &state.engine),
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
            link: StoredValue::new_local(Link::default()),
        }
    }

    /// Sends a command that needs no answer: pause, resume, step, stop, cancel.
    pub fn send(self, command: Command) {
        self.change(|state| state.sent(&command));
        self.link.update_value(|link| link.send(command));
    }

    /// Fails where no engine will come to do what is asked.
    fn expect_engine(self) -> Result<(), Failure> {
        self.engine.with_untracked(|engine| match engine {
            EngineState::Failed(failure) => Err(failure.clone()),
            EngineState::Choosing | EngineState::Starting(_) | EngineState::Ready { .. } => Ok(()),
        })
    }

    pub async fn ask(self, question: Question) -> Result<Answer, Failure> {
        self.ask_with_progress(question, |_, _| {}).await
    }

    /// `on_progress` hears how far a long question has come, 0 to 1, and the new points of a range test.
    pub async fn ask_with_progress(
        self,
        question: Question,
        on_progress: impl Fn(f32, &[RatePoint]) + 'static,
    ) -> Result<Answer, Failure> {
        let (_, answer) = self.open_question(question, on_progress)?;
        self.answer(answer).await
    }

    /// Tests learning rates on throw-away weights of this config. A test under way is stopped first.
    pub async fn find_rate(
        self,
        config: RunConfig,
        on_progress: impl Fn(f32, &[RatePoint]) + 'static,
    ) -> Result<RateTest, Failure> {
        self.stop_range_test();
        let (request, answer) = self.open_question(Question::FindRate { config: Box::new(config) }, on_progress)?;
        self.waiting.update_value(|waiting| waiting.range_test = Some(request));
        match self.answer(answer).await? {
            Answer::Rates(test) => Ok(test),
            Answer::Images(_) | Answer::Evaluation(_) | Answer::Classification(_) => {
                Err(Failure::new(FailureKind::EngineCrashed, "the engine answered another question"))
            }
        }
    }

    /// Without a test under way, nothing happens.
    pub fn stop_range_test(self) {
        if let Some(request) = self.waiting.try_update_value(|waiting| waiting.range_test.take()).flatten() {
            self.send(Command::Withdraw { request });
        }
    }

    fn open_question(
        self,
        question: Question,
        on_progress: impl Fn(f32, &[RatePoint]) + 'static,
    ) -> Result<(RequestId, Receiver<Answer>), Failure> {
        self.expect_engine()?;
        let (sender, answer) = oneshot::channel();
        let request = self.waiting.try_update_value(|waiting| {
            if waiting.answers.len() >= QUESTIONS_LIMIT {
                return None;
            }
            waiting.n_requests = waiting.n_requests.wrapping_add(1);
            let request = RequestId(waiting.n_requests);
            waiting.answers.insert(request, (sender, Rc::new(on_progress)));
            Some(request)
        });
        let Some(request) = request.flatten() else {
            return Err(canceled("too many questions at once"));
        };
        self.send(Command::Ask { request, question });
        Ok((request, answer))
    }

    async fn answer(self, answer: Receiver<Answer>) -> Result<Answer, Failure> {
        answer.await.unwrap_or_else(|_| Err(canceled("the page no longer waits for the answer")))
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

    /// Starts a run and waits for its end. `on_update` hears each of its updates; a run under way is stopped first.
    pub async fn train(
        self,
        config: RunConfig,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<RunReport, Failure> {
        self.begin(config, None, false, on_update)?.await
    }

    /// As [`Store::train`], for a trial of a search.
    pub async fn train_trial(
        self,
        config: RunConfig,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<RunReport, Failure> {
        self.begin(config, None, true, on_update)?.await
    }

    /// Whether a run is a trial of a search, and not the visitor's own.
    pub fn is_trial(self, run: RunId) -> bool {
        self.trials.with_value(|trials| trials.contains(&run))
    }

    /// As [`Store::train`], but goes on with a run from where a checkpoint of it was made.
    pub async fn go_on(
        self,
        Checkpoint { run, curves, bytes, .. }: Checkpoint,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<RunReport, Failure> {
        let report = self.begin((*run.config).clone(), Some(bytes), false, on_update)?;
        self.change(|state| state.take_past(run, curves));
        report.await
    }

    /// Takes the network of a run that has ended for the current one: it can be asked, tested and used again.
    pub fn open_run(self, run: Run, curves: Curves, report: RunReport, weights: Bulk) -> Result<RunId, Failure> {
        self.expect_engine()?;
        let id = self.waiting.try_update_value(|waiting| {
            waiting.n_runs = waiting.n_runs.wrapping_add(1);
            RunId(waiting.n_runs)
        });
        let id = id.ok_or_else(|| canceled("the page is closing"))?;
        self.end_run(Err(canceled("the network of another run was taken")));
        self.send(Command::Open { run: id, config: Box::new((*run.config).clone()), weights });
        self.change(|state| state.open(run, curves, report));
        Ok(id)
    }

    fn begin(
        self,
        config: RunConfig,
        checkpoint: Option<Bulk>,
        is_trial: bool,
        on_update: impl Fn(&RunUpdate) + 'static,
    ) -> Result<impl Future<Output = Result<RunReport, Failure>>, Failure> {
        self.expect_engine()?;
        let (done, report) = oneshot::channel();
        let replaced = self.waiting.try_update_value(|waiting| {
            waiting.n_runs = waiting.n_runs.wrapping_add(1);
            let id = RunId(waiting.n_runs);
            (id, waiting.run.replace(RunWatch { id, on_update: Rc::new(on_update), done }))
        });
        let Some((run, before)) = replaced else { return Err(canceled("the page is closing")) };
        if let Some(before) = before {
            before.done.send(Err(canceled("another run was started"))).ok();
        }
        if is_trial {
            self.trials.update_value(|trials| {
                trials.insert(run);
                if trials.len() > TRIALS_LIMIT {
                    trials.pop_first();
                }
            });
        }
        self.send(Command::Train { run, config: Box::new(config), checkpoint });
        Ok(async { report.await.unwrap_or_else(|_| Err(canceled("the page no longer waits for the run"))) })
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

    /// The engine was ended on purpose.
    pub(super) fn engine_replaced(self) {
        let failure = canceled("the engine was changed");
        self.change(|state| state.lose_engine(&failure));
        self.give_up_waiting(&failure);
    }

    /// Takes in what the engine says; the only way in.
    pub(super) fn receive(self, event: Event) {
        let was_ready = self.engine.with_untracked(EngineState::is_ready);
        let changed = self.change(|state| state.apply(&event));
        if changed.is_nothing() {
            return;
        }
        match event {
            Event::Ready(_) => self.tell_ready(),
            Event::Dataset(update) => self.tell_dataset(update),
            Event::Run { run, update } => self.tell_run(run, &update),
            Event::AnswerProgress { request, fraction, points } => {
                let on_progress = self.waiting.with_value(|it| it.answers.get(&request).map(|(_, on)| on.clone()));
                if let Some(on_progress) = on_progress {
                    on_progress(fraction, &points);
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
            Event::Crashed(failure) => {
                self.give_up_waiting(&failure);
                // Not from within the link's own call.
                spawn_local(async move { link::after_crash(self, failure, was_ready) });
            }
        }
    }

    fn change(self, change: impl FnOnce(&mut AppState) -> Changed) -> Changed {
        let (changed, news) =
            self.state.try_update_value(|state| (change(state), std::mem::take(&mut state.news))).unwrap_or_default();
        self.engine.notify(changed.engine);
        self.dataset.notify(changed.dataset);
        self.run.notify(changed.run);
        self.curves.notify(changed.curves);
        self.samples.notify(changed.samples);
        self.questions.notify(changed.questions);
        self.notices.notify(changed.notices);
        self.inside.notify(changed.inside);
        if !news.is_empty() {
            let keepers = self.keepers.get_value();
            let of_runs = news.iter().filter(|news| !self.is_trial(news.run()));
            of_runs.for_each(|news| keepers.iter().for_each(|keep| keep(news)));
        }
        changed
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

    fn tell_run(self, run: RunId, update: &RunUpdate) {
        let watch = self.waiting.with_value(|waiting| {
            waiting.run.as_ref().filter(|watch| watch.id == run).map(|watch| watch.on_update.clone())
        });
        let Some(on_update) = watch else { return };
        on_update(update);
        match update {
            RunUpdate::Finished(report) => {
                self.link.update_value(Link::forgive);
                self.end_run(Ok(*report));
            }
            RunUpdate::Failed(failure) => self.end_run(Err(failure.clone())),
            RunUpdate::Preparing(_)
            | RunUpdate::Started { .. }
            | RunUpdate::Progress(_)
            | RunUpdate::Epoch(_)
            | RunUpdate::Samples(_)
            | RunUpdate::Layers(_)
            | RunUpdate::Paused { .. }
            | RunUpdate::Resumed
            | RunUpdate::Adjusted(_)
            | RunUpdate::Checkpoint { .. }
            | RunUpdate::Weights(_)
            | RunUpdate::Opened => {}
        }
    }

    fn end_run(self, result: Result<RunReport, Failure>) {
        let watch = self.waiting.try_update_value(|waiting| waiting.run.take()).flatten();
        if let Some(watch) = watch {
            watch.done.send(result).ok();
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
