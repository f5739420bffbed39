//! The page's way to its engines: carries out what their state machine says, with workers, clock and host.

use std::collections::{BTreeMap, VecDeque};

use futures_channel::oneshot;
use gloo::timers::callback::Timeout;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::files::EngineFiles;
use super::machine::{Effect, EngineId, Engines, Input, Told, Wish};
use crate::channel::EngineLink;
use crate::page::engines::choice;
use crate::page::preferences::{EnginePreference, Preference, Tuning};
use crate::page::store::Store;
use kindling_core::protocol::Command;

/// How often the page asks whether an engine is there that is still being built.
const COMING_MS: u32 = 3_000;

/// The page's engines: `use_engines()`.
#[derive(Clone, Copy)]
pub struct Link {
    store: Store,
    engines: StoredValue<Engines, LocalStorage>,
    workers: StoredValue<BTreeMap<EngineId, EngineLink>, LocalStorage>,
    due: StoredValue<Due, LocalStorage>,
}

/// What is still to be done, oldest first.
#[derive(Default)]
struct Due {
    effects: VecDeque<Effect>,
    /// Whether somebody is at it.
    is_served: bool,
}

pub fn use_engines() -> Link {
    expect_context()
}

impl Link {
    /// Made once, beside the store, whose commands it carries from then on; starts no engine yet.
    pub fn new(store: Store) -> Self {
        let engines = Engines::new(Tuning::remembered().unwrap_or_default());
        let link = Self {
            store,
            engines: StoredValue::new_local(engines),
            workers: StoredValue::new_local(BTreeMap::new()),
            due: StoredValue::new_local(Due::default()),
        };
        store.set_carrier(move |command: Command| link.hear(Input::Asked(command)));
        link
    }

    /// Chooses an engine and starts it; `preference` is the visitor's, which the page's address overrides.
    pub fn start(self, preference: EnginePreference) {
        self.hear(Input::Wanted(Wish { address: choice::asked_by_address(), preference }));
    }

    /// The visitor asked for another engine, or to try again: what the engine held is loaded again by the next one.
    pub fn restart(self, preference: EnginePreference) {
        self.hear(Input::Wanted(Wish { address: None, preference }));
    }

    /// The visitor wants kernels to be tuned, or no longer; runs under way stay where they are.
    pub fn set_tuning(self, tuning: Tuning) {
        self.hear(Input::Tune(tuning));
    }

    /// What the page is told may make it ask for more: that is done after what was due before.
    fn hear(self, input: Input) {
        let effects = self.store.look(|page| self.engines.try_update_value(|engines| engines.hear(input, page)));
        let is_served = self.due.try_update_value(|due| {
            due.effects.extend(effects.unwrap_or_default());
            std::mem::replace(&mut due.is_served, true)
        });
        if is_served != Some(false) {
            return;
        }
        while let Some(effect) = self.due.try_update_value(|due| due.effects.pop_front()).flatten() {
            self.carry_out(effect);
        }
        self.due.update_value(|due| due.is_served = false);
    }

    fn carry_out(self, effect: Effect) {
        match effect {
            Effect::Find { id, wish } => spawn_local(async move {
                let files = EngineFiles::fetch();
                let choice = choice::choose(wish.address, wish.preference).await;
                let files = files.await.unwrap_or_default();
                self.hear(Input::Found { wish: id, choice, files });
            }),
            Effect::AskHostLater(wish) => spawn_local(async move {
                sleep(COMING_MS).await;
                let files = EngineFiles::fetch().await;
                self.hear(Input::HostHas { wish, files });
            }),
            Effect::Start { engine, url } => {
                let worker = EngineLink::start(&url, move |event| self.hear(Input::Said { engine, event }));
                self.workers.update_value(|workers| drop(workers.insert(engine, worker)));
            }
            Effect::Send { to, command } => self.workers.with_value(|workers| {
                if let Some(worker) = workers.get(&to) {
                    worker.send(&command);
                }
            }),
            Effect::End(engine) => self.workers.update_value(|workers| drop(workers.remove(&engine))),
            Effect::Remember(tuning) => tuning.remember(),
            // The dataset's place shows how it goes.
            Effect::Load { source, split } => {
                spawn_local(async move { drop(self.store.load_dataset(source, split).await) });
            }
            Effect::Tell(told) => self.tell(told),
        }
    }

    fn tell(self, told: Told) {
        let store = self.store;
        match told {
            Told::Event(event) => store.receive(event),
            Told::Starting(choice) => store.engine_starting(choice),
            Told::Explained(reason) => store.engine_explained(reason),
            Told::Switched(program, info) => store.engine_switched(program, info),
            Told::Replaced => store.engine_replaced(),
            Told::None(failure) => store.no_engine(&failure),
            Told::Tuning(tuning) => store.tuning_changed(tuning),
            Told::RunMoves => store.run_moves(),
            Told::RunFallsBack(checkpoint) => store.run_falls_back(&checkpoint),
            Told::QuestionsLost(failure) => store.questions_lost(&failure),
            Told::Notice(notice) => store.notify(notice),
        }
    }
}

async fn sleep(duration_ms: u32) {
    let (over, waiting) = oneshot::channel();
    Timeout::new(duration_ms, move || over.send(()).unwrap_or_default()).forget();
    waiting.await.ok();
}
