//! The page's link to its engines: carries out the effects of their state machine with workers, timers and requests to the host.

use std::collections::{BTreeMap, VecDeque};

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::files::EngineFiles;
use super::machine::{Effect, EngineId, Engines, Input, Told, Verdicts, Wish};
use super::wire::{self, Start, Wire};
use crate::page::at_once::sleep;
use crate::page::engines::{choice, threads};
use crate::page::offline;
use crate::page::parts::unfetched;
use crate::page::preferences::{EnginePreference, Threads};
use crate::page::store::Store;
use kindling_core::protocol::{Command, Event};

/// Interval between polls of the host for an engine that is still being built.
const COMING_MS: u32 = 3_000;

/// The page's engines: `use_engines()`.
#[derive(Clone, Copy)]
pub struct Link {
    store: Store,
    engines: StoredValue<Engines, LocalStorage>,
    workers: StoredValue<BTreeMap<EngineId, Wire>, LocalStorage>,
    /// None until it is fetched, or if it cannot be.
    start: StoredValue<Option<Start>>,
    due: StoredValue<Due, LocalStorage>,
}

/// Effects that are not carried out yet, oldest first.
#[derive(Default)]
struct Due {
    effects: VecDeque<Effect>,
    /// Whether a caller is already draining the queue.
    is_draining: bool,
}

pub fn use_engines() -> Link {
    expect_context()
}

impl Link {
    /// Call once. From then on the store's commands go through the link. Starts no engine.
    pub fn new(store: Store) -> Self {
        let link = Self {
            store,
            engines: StoredValue::new_local(Engines::new(Verdicts::remembered())),
            workers: StoredValue::new_local(BTreeMap::new()),
            start: StoredValue::new(None),
            due: StoredValue::new_local(Due::default()),
        };
        store.set_carrier(move |command: Command| link.hear(Input::Asked(command)));
        link
    }

    /// Chooses an engine and starts it. The page's address overrides the visitor's preferences, of which the number of threads is the
    /// remembered one.
    pub fn start(self, preference: EnginePreference) {
        let threads = threads::asked_by_address().or_else(Threads::remembered).unwrap_or_default();
        self.hear(Input::Wanted(Wish { address: choice::asked_by_address(), preference, threads }));
    }

    /// Replaces the engine. The next one loads the same dataset.
    pub fn restart(self, preference: EnginePreference, threads: Threads) {
        self.hear(Input::Wanted(Wish { address: None, preference, threads }));
    }

    /// Carries out the effects of an input. Telling the page something may make it send a command, whose effects are carried out after those
    /// already due.
    fn hear(self, input: Input) {
        let effects = self.store.with_state(|page| self.engines.try_update_value(|engines| engines.hear(input, page)));
        let is_draining = self.due.try_update_value(|due| {
            due.effects.extend(effects.unwrap_or_default());
            std::mem::replace(&mut due.is_draining, true)
        });
        if is_draining != Some(false) {
            return;
        }
        while let Some(effect) = self.due.try_update_value(|due| due.effects.pop_front()).flatten() {
            self.carry_out(effect);
        }
        self.due.update_value(|due| due.is_draining = false);
    }

    fn carry_out(self, effect: Effect) {
        match effect {
            Effect::Find { id, wish } => {
                // Under way while the host and the browser are asked.
                spawn_local(async { drop(wire::starter().await) });
                spawn_local(async move {
                    let files = EngineFiles::fetch();
                    let (choice, adapter) = choice::choose(wish.address, wish.preference).await;
                    let files = files.await.unwrap_or_default();
                    self.start.set_value(wire::starter().await.ok());
                    let n_threads = threads::count(wish.threads);
                    self.hear(Input::Found { wish: id, choice, adapter, n_threads, files });
                });
            }
            Effect::AskHostLater(wish) => spawn_local(async move {
                sleep(COMING_MS).await;
                let files = EngineFiles::fetch().await;
                self.hear(Input::HostHas { wish, files });
            }),
            Effect::Start { engine, url } => {
                let address = url.clone();
                let on_event = Box::new(move |event: Event| {
                    if matches!(event, Event::Ready(_)) {
                        offline::keep(address.clone());
                    }
                    self.hear(Input::Said { engine, event });
                });
                match self.start.get_value() {
                    Some(start) => {
                        let wire = start(&url, on_event);
                        self.workers.update_value(|workers| drop(workers.insert(engine, wire)));
                    }
                    None => spawn_local(async move {
                        self.hear(Input::Said { engine, event: Event::Crashed(unfetched()) });
                    }),
                }
            }
            Effect::Send { to, command } => self.workers.with_value(|workers| {
                if let Some(send) = workers.get(&to) {
                    send(&command);
                }
            }),
            Effect::End(engine) => self.workers.update_value(|workers| drop(workers.remove(&engine))),
            Effect::SetAlarm { id, after_ms } => spawn_local(async move {
                sleep(after_ms).await;
                self.hear(Input::Alarm(id));
            }),
            Effect::Remember(verdicts) => verdicts.remember(),
            Effect::Load { source, split } => {
                // A load in progress was asked for later.
                if !self.store.dataset.with_untracked(|dataset| dataset.load.is_loading()) {
                    // The dataset's own view shows the progress and a failure.
                    spawn_local(async move { drop(self.store.load_dataset(source, split).await) });
                }
            }
            Effect::Tell(told) => self.tell(told),
        }
    }

    fn tell(self, told: Told) {
        let store = self.store;
        match told {
            Told::Event(event) => store.receive(*event),
            Told::Starting(choice) => store.engine_starting(choice),
            Told::Explained(reason) => store.engine_explained(reason),
            Told::Switched(program, info) => store.engine_switched(program, info),
            Told::Replaced => store.engine_replaced(),
            Told::GaveUp(failure) => store.no_engine(&failure),
            Told::Race(race) => store.race_changed(race),
            Told::RunMoves(run) => store.run_moves(run),
            Told::Notice(notice) => store.notify(notice),
        }
    }
}
