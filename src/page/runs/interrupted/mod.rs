//! Runs that a reload, a crash or a lost GPU broke off, and how they go on: `use_interrupted()`.
//!
//! While a run trains, each of its checkpoints is put in the place of the one before. A run that ends takes its checkpoint with it, unless
//! it ended with its engine. What is left over when the page opens was broken off.

mod keep;
pub mod panel;
pub mod record;
mod storage;

use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use self::keep::{Task, tab};
use self::record::InterruptedRun;
use self::storage::InterruptedStorage;
use crate::page::database::Trouble;
use crate::page::recipe::Recipe;
use crate::page::sort::sort_by;
use crate::page::state::{Checkpoint, NoticeKind};
use crate::page::store::Store;
use kindling_core::protocol::{Failure, FailureKind, RunId, RunReport, RunUpdate};

/// Runs that are kept at most; of more, the oldest go.
const LIMIT: usize = 3;

pub fn use_interrupted() -> Interrupted {
    expect_context()
}

#[derive(Clone, Copy)]
pub struct Interrupted {
    /// Those that can go on, the newest first.
    pub list: RwSignal<Vec<Arc<InterruptedRun>>>,
    store: Store,
    recipe: Recipe,
    storage: StoredValue<Option<Rc<dyn InterruptedStorage>>, LocalStorage>,
    /// The run under way, as it was kept last.
    current: StoredValue<Option<(RunId, Arc<InterruptedRun>)>>,
    /// What is to be done in the storage, one after the other.
    tasks: StoredValue<VecDeque<Task>>,
    is_working: StoredValue<bool>,
    is_loaded: StoredValue<bool>,
}

impl Interrupted {
    /// Made once, beside the store. What was left over is there after [`Interrupted::loaded`].
    pub fn new(store: Store, recipe: Recipe) -> Self {
        let interrupted = Self {
            list: RwSignal::default(),
            store,
            recipe,
            storage: StoredValue::new_local(None),
            current: StoredValue::new(None),
            tasks: StoredValue::default(),
            is_working: StoredValue::new(false),
            is_loaded: StoredValue::new(false),
        };
        store.on_run_news(move |news| interrupted.hear(news));
        interrupted
    }

    /// Waits until what was left over is known.
    pub async fn loaded(self) {
        if !self.is_loaded.get_value() {
            drop(self.load().await);
        }
    }

    /// The newest, tracked.
    pub fn newest(self) -> Option<Arc<InterruptedRun>> {
        self.list.with(|list| list.first().cloned())
    }

    /// Where the browser keeps nothing, there is nothing to go on with; kept runs tell of that trouble.
    async fn load(self) -> Result<(), Trouble> {
        let (tab, now_ms) = (tab(), js_sys::Date::now());
        let mut found = self.storage().await?.list().await?;
        // Somebody else was as impatient, and the list may have changed since.
        if self.is_loaded.get_value() {
            return Ok(());
        }
        sort_by(&mut found, |left, right| right.saved_at.total_cmp(&left.saved_at));
        for surplus in found.split_off(found.len().min(LIMIT)) {
            self.plan(Task::Delete(surplus.id));
        }
        found.retain(|run| run.is_offered(&tab, now_ms));
        self.is_loaded.set_value(true);
        self.list.set(found.into_iter().map(Arc::new).collect());
        Ok(())
    }

    async fn storage(self) -> Result<Rc<dyn InterruptedStorage>, Trouble> {
        if let Some(storage) = self.storage.get_value() {
            return Ok(storage);
        }
        let storage = storage::open().await?;
        self.storage.set_value(Some(storage.clone()));
        Ok(storage)
    }

    /// Whether its dataset is here, or can be fetched.
    pub fn has_dataset(self, run: &InterruptedRun) -> bool {
        let is_here = self.store.dataset.with(|dataset| {
            let current = dataset.current.as_ref();
            current.is_some_and(|current| current.id == run.run.config.dataset && current.name == run.dataset_name)
                || dataset.load.is_loading()
        });
        is_here || run.served.is_some()
    }

    /// Goes on with a run; loads its dataset first where that is needed. What goes wrong is told as a notice, or by the run.
    pub fn resume(self, id: String) {
        spawn_local(async move {
            if let Err(failure) = self.go_on(&id, |_| {}).await
                && self.list.with_untracked(|list| list.iter().any(|run| run.id == id))
            {
                self.store.notify(NoticeKind::Warning(failure));
            }
        });
    }

    /// As [`Interrupted::resume`], to the end of the run.
    pub async fn go_on(self, id: &str, on_update: impl Fn(&RunUpdate) + 'static) -> Result<RunReport, Failure> {
        if self.recipe.is_starting.get_untracked() {
            return Err(Failure::new(FailureKind::Canceled, "another run is about to start"));
        }
        self.recipe.is_starting.set(true);
        let prepared = self.prepare(id).await;
        self.recipe.is_starting.set(false);
        let (interrupted, checkpoint) = prepared?;
        let (run, report) = self.store.go_on(checkpoint, on_update)?;
        self.current.set_value(Some((run, Arc::new(interrupted))));
        self.list.update(|list| list.retain(|it| it.id != id));
        report.await
    }

    /// Reads the run and sees to its dataset; the settings become the run's.
    async fn prepare(self, id: &str) -> Result<(InterruptedRun, Checkpoint), Failure> {
        self.store.ready().await?;
        let gone = |detail: &str| Failure::new(FailureKind::BadFile, detail.to_owned());
        let storage = self.storage().await.map_err(|_| gone("the browser does not give the run back"))?;
        let found = storage.get(id).await.map_err(|_| gone("the browser does not give the run back"))?;
        let (interrupted, bytes) = found.ok_or_else(|| gone("the run is no longer there"))?;
        let InterruptedRun { run, curves, served, .. } = interrupted.clone();
        self.recipe.dataset_for(&run.config, served).await?;
        self.recipe.take((*run.config).clone());
        let step = run.progress.step;
        Ok((interrupted, Checkpoint { run, curves, step, bytes }))
    }

    /// Lets a run go.
    pub fn discard(self, id: &str) {
        self.list.update(|list| list.retain(|run| run.id != id));
        self.plan(Task::Delete(id.to_owned()));
    }
}
