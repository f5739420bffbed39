//! The page's engines: starts one, sends it commands, hears its events, and starts another when it is lost. On a GPU a second one may run
//! beside it, see [`tuner`].

mod crash;
mod files;
mod moving;
mod tuner;

use futures_channel::oneshot;
use gloo::timers::callback::Timeout;
use leptos::prelude::*;
use leptos::task::spawn_local;

use self::files::{EngineFiles, Presence};
use self::moving::hear;
use self::tuner::Tuner;
use crate::channel::EngineLink;
use crate::page::engines::choice::{self, Asked};
use crate::page::preferences::{EnginePreference, Preference, Tuning};
use crate::page::state::{EngineChoice, EngineProgram, EngineReason, RunState};
use crate::page::store::{Carrier, Store};
use kindling_core::config::SplitConfig;
use kindling_core::protocol::{Command, DatasetSource, EngineInfo, Failure, RunId};

/// Restarts in a row, without a finished run between them, before the page gives up and asks the visitor.
const RESTARTS_LIMIT: u32 = 3;

/// Commands that wait for an engine to be chosen, at most; more means a page gone wild, and they are dropped.
const QUEUE_LIMIT: usize = 64;

/// How often the page asks whether an engine is there that is still being built.
const COMING_MS: u32 = 3_000;

/// The engines' workers, and how often one had to be replaced.
#[derive(Default)]
struct Link {
    /// The one that trains and is asked.
    active: Option<Engine>,
    /// The GPU's other one, with tuned kernels or without, once there was a reason to start it.
    beside: Option<Engine>,
    /// Only while there is no engine.
    queue: Vec<Command>,
    choice: Option<EngineChoice>,
    files: EngineFiles,
    /// Counts up, so that who waits for an engine sees whether another choice was made since.
    n_choices: u32,
    n_restarts: u32,
    n_started: u32,
    tuner: Tuner,
    /// The run in which the other engine repeats steps; counts down, where the page's runs count up.
    proof: RunId,
}

/// An engine that runs, or starts.
struct Engine {
    /// Names it among all that were started.
    id: u32,
    program: EngineProgram,
    link: EngineLink,
    /// Once it is ready.
    info: Option<EngineInfo>,
    /// What it has loaded, or was told to load.
    dataset: Option<(DatasetSource, SplitConfig)>,
    /// Whether questions may have been put to it.
    was_active: bool,
    /// Whether the run has moved on, and the engine has not yet said that it is over.
    is_leaving: bool,
}

impl Link {
    /// A run went well: earlier restarts no longer count.
    fn forgive(&mut self) {
        self.n_restarts = 0;
    }

    /// To the engine that trains and is asked.
    fn send(&mut self, command: Command) {
        match &self.active {
            Some(engine) => engine.link.send(&command),
            None if self.queue.len() < QUEUE_LIMIT => self.queue.push(command),
            None => {}
        }
    }

    fn start(&mut self, engines: Engines, program: EngineProgram) -> Engine {
        self.n_started += 1;
        let id = self.n_started;
        let link = EngineLink::start(&self.files.url(program), move |event| hear(engines, id, event));
        Engine { id, program, link, info: None, dataset: None, was_active: false, is_leaving: false }
    }

    fn end_engines(&mut self) {
        self.active = None;
        self.beside = None;
        self.tuner = Tuner::default();
    }
}

/// The page's way to its engines: `use_engines()`.
#[derive(Clone, Copy)]
pub struct Engines {
    store: Store,
    link: StoredValue<Link, LocalStorage>,
}

pub fn use_engines() -> Engines {
    expect_context()
}

impl Engines {
    /// Made once, beside the store, whose commands it carries from then on; starts no engine yet.
    pub fn new(store: Store) -> Self {
        let engines = Self { store, link: StoredValue::new_local(Link::default()) };
        store.set_carrier(engines);
        engines
    }

    /// Chooses an engine and starts it; `preference` is the visitor's, which the page's address overrides.
    pub fn start(self, preference: EnginePreference) {
        spawn_local(choose(self, choice::asked_by_address(), preference));
    }

    /// The visitor asked for another engine, or to try again: what the engine held is loaded again by the next one.
    pub fn restart(self, preference: EnginePreference) {
        replace(self, None, preference);
    }

    /// The visitor wants kernels to be tuned, or no longer; runs under way stay where they are.
    pub fn set_tuning(self, tuning: Tuning) {
        moving::set_tuning(self, tuning);
    }
}

impl Carrier for Engines {
    fn send(&self, command: Command) {
        moving::send(*self, command);
    }

    fn run_finished(&self) {
        self.link.update_value(Link::forgive);
    }

    fn lost(&self, failure: Failure, was_ready: bool) {
        crash::after_crash(*self, failure, was_ready);
    }
}

fn replace(engines: Engines, asked: Option<Asked>, preference: EnginePreference) {
    engines.link.update_value(|link| {
        link.forgive();
        link.end_engines();
    });
    engines.store.engine_replaced();
    spawn_local(async move {
        choose(engines, asked, preference).await;
        reload_dataset(engines);
    });
}

/// Starts the engine that is best, or stands in for it as long as that is not there.
async fn choose(engines: Engines, asked: Option<Asked>, preference: EnginePreference) {
    let files = EngineFiles::fetch();
    let wanted = choice::choose(asked, preference).await;
    let files = files.await.unwrap_or_default();
    let choice = files.settle(wanted.clone());
    let n_choices = engines.link.try_update_value(|link| {
        link.files = files;
        link.n_choices += 1;
        link.n_choices
    });
    let is_coming = choice.reason == EngineReason::GpuComing;
    start_engine(engines, choice);
    if let Some(id) = n_choices.filter(|_| is_coming) {
        spawn_local(take_when_there(engines, id, wanted.program, move || replace(engines, asked, preference)));
    }
}

/// Waits for an engine that is still being built, and takes it as long as nothing is lost by it: no run was begun, nothing loads, nothing is
/// asked. After that the visitor decides.
async fn take_when_there(engines: Engines, id: u32, program: EngineProgram, take: impl FnOnce()) {
    let store = engines.store;
    loop {
        sleep(COMING_MS).await;
        if engines.link.with_value(|link| link.n_choices != id) {
            return;
        }
        // The host may be gone for a moment.
        let Some(files) = EngineFiles::fetch().await else { continue };
        let is_begun = store.run.with_untracked(|run| *run != RunState::Idle);
        let is_busy = store.dataset.with_untracked(|dataset| dataset.load.is_loading())
            || store.questions.with_untracked(|questions| !questions.is_empty());
        match files.presence(program) {
            Presence::Coming => {}
            Presence::There if is_begun => return explain(engines, id, EngineReason::GpuCame),
            Presence::There if is_busy => {}
            Presence::There if engines.link.with_value(|link| link.n_choices == id) => return take(),
            Presence::There => return,
            Presence::Absent => return explain(engines, id, EngineReason::GpuNotBuilt),
        }
    }
}

/// Says why the engine runs that does, where that has changed since it was chosen.
fn explain(engines: Engines, id: u32, reason: EngineReason) {
    let is_current = engines.link.try_update_value(|link| {
        let choice = link.choice.as_mut().filter(|_| link.n_choices == id)?;
        choice.reason = reason.clone();
        Some(())
    });
    if is_current.flatten().is_some() {
        engines.store.engine_explained(reason);
    }
}

async fn sleep(duration_ms: u32) {
    let (over, waiting) = oneshot::channel();
    Timeout::new(duration_ms, move || over.send(()).unwrap_or_default()).forget();
    waiting.await.ok();
}

fn start_engine(engines: Engines, choice: EngineChoice) {
    engines.store.engine_starting(choice.clone());
    engines.link.update_value(|link| {
        let mut engine = link.start(engines, choice.program);
        engine.was_active = true;
        // A new engine does not know yet that somebody looks inside.
        if let Some(watch) = engines.store.inside.with_untracked(|inside| inside.watch) {
            engine.link.send(&Command::Watch(Some(watch)));
        }
        link.queue.drain(..).for_each(|command| engine.link.send(&command));
        link.active = Some(engine);
        link.beside = None;
        link.tuner = Tuner::new(choice.may_tune && Tuning::remembered().unwrap_or_default() == Tuning::On);
        link.choice = Some(choice);
    });
    moving::show_tuning(engines);
}

/// The dataset before, if there was one. A load that was under way when the engine was lost is left to the visitor: it may
/// be what the engine was lost by.
fn reload_dataset(engines: Engines) {
    let origin = engines.store.dataset.with_untracked(|dataset| dataset.origin.clone());
    if let Some((source, split)) = origin {
        // The dataset's place shows how it goes.
        spawn_local(async move { drop(engines.store.load_dataset(source, split).await) });
    }
}
