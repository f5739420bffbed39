//! Runs that a reload, a crash or a lost GPU interrupted, and how they resume: `use_interrupted()`.
//!
//! While a run trains, each of its checkpoints replaces the previous one in the storage. The checkpoint is deleted when the run ends, unless
//! the run was lost with its engine. Every checkpoint found when the page opens belongs to an interrupted run.

mod keep;
mod locks;
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
use crate::page::property::property;
use crate::page::recipe::Recipe;
use crate::page::sort::sort_by;
use crate::page::state::{Checkpoint, NoticeKind};
use crate::page::store::Store;
use kindling_core::protocol::{Failure, FailureKind, RunId, RunReport, RunUpdate};

/// Maximum number of interrupted runs kept; the oldest are deleted.
const LIMIT: usize = 3;

pub fn use_interrupted() -> Interrupted {
    expect_context()
}

#[derive(Clone, Copy)]
pub struct Interrupted {
    /// The runs that can be resumed, newest first.
    pub list: RwSignal<Vec<Arc<InterruptedRun>>>,
    store: Store,
    recipe: Recipe,
    storage: StoredValue<Option<Rc<dyn InterruptedStorage>>, LocalStorage>,
    /// The current run, as it was last stored.
    current: StoredValue<Option<(RunId, Arc<InterruptedRun>)>>,
    /// The latest run with a checkpoint in the storage.
    stored: StoredValue<Option<RunId>>,
    /// Pending storage operations, done one after the other.
    tasks: StoredValue<VecDeque<Task>>,
    is_working: StoredValue<bool>,
    is_loaded: StoredValue<bool>,
}

impl Interrupted {
    /// Created once, beside the store. Runs of earlier visits are listed after [`Interrupted::loaded`].
    pub fn new(store: Store, recipe: Recipe) -> Self {
        let interrupted = Self {
            list: RwSignal::default(),
            store,
            recipe,
            storage: StoredValue::new_local(None),
            current: StoredValue::new(None),
            stored: StoredValue::new(None),
            tasks: StoredValue::default(),
            is_working: StoredValue::new(false),
            is_loaded: StoredValue::new(false),
        };
        store.on_run_news(move |news| interrupted.receive(news));
        locks::hold(&tab());
        let ask = window_event_listener(leptos::ev::beforeunload, move |event| {
            if has_been_used() && interrupted.would_lose_run() {
                // The browser asks in its own words.
                event.prevent_default();
            }
        });
        on_cleanup(move || ask.remove());
        interrupted
    }

    /// Whether closing the page now would lose a run: it has no checkpoint in the storage yet.
    fn would_lose_run(self) -> bool {
        let run = self.store.run.with_untracked(|run| run.run().filter(|_| run.is_active()).map(|run| run.id));
        let is_stored = |run| self.stored.get_value() == Some(run);
        run.is_some_and(|run| !self.store.is_trial(run) && !is_stored(run))
    }

    /// Waits until the interrupted runs of earlier visits are listed.
    pub async fn loaded(self) {
        if !self.is_loaded.get_value() {
            drop(self.load().await);
        }
    }

    /// The newest interrupted run; tracked.
    pub fn newest(self) -> Option<Arc<InterruptedRun>> {
        self.list.with(|list| list.first().cloned())
    }

    /// Reads the interrupted runs. The caller ignores errors: without storage there is nothing to resume, and `Runs` reports the trouble.
    async fn load(self) -> Result<(), Trouble> {
        let (tab, now_ms) = (tab(), js_sys::Date::now());
        let open_tabs = locks::open_tabs().await;
        let mut found = self.storage().await?.list().await?;
        // A concurrent call has finished first, and the list may have changed since.
        if self.is_loaded.get_value() {
            return Ok(());
        }
        sort_by(&mut found, |left, right| right.saved_at.total_cmp(&left.saved_at));
        for surplus in found.split_off(found.len().min(LIMIT)) {
            self.plan(Task::Delete(surplus.id));
        }
        found.retain(|run| run.is_offered(&tab, open_tabs.as_ref(), now_ms));
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

    /// Whether the run's dataset is loaded, being loaded, or can be fetched; tracked.
    pub fn has_dataset(self, run: &InterruptedRun) -> bool {
        let is_here = self.store.dataset.with(|dataset| {
            let current = dataset.current.as_ref();
            current.is_some_and(|current| current.id == run.run.config.dataset && current.name == run.dataset_name)
                || dataset.load.is_loading()
        });
        is_here || run.served.is_some()
    }

    /// Resumes a run, after loading its dataset if necessary. Failures are shown as a notice, or reported by the run.
    pub fn resume(self, id: String) {
        spawn_local(async move {
            if let Err(failure) = self.resume_to_end(&id, |_| {}).await
                && self.list.with_untracked(|list| list.iter().any(|run| run.id == id))
            {
                self.store.notify(NoticeKind::Warning(failure));
            }
        });
    }

    /// As [`Interrupted::resume`], but waits for the end of the run.
    ///
    /// # Errors
    ///
    /// Fails if another run is about to start, if the run or its dataset cannot be loaded, or if the run fails.
    pub async fn resume_to_end(self, id: &str, on_update: impl Fn(&RunUpdate) + 'static) -> Result<RunReport, Failure> {
        if self.recipe.is_starting.get_untracked() {
            return Err(Failure::new(FailureKind::Canceled, "another run is about to start"));
        }
        self.recipe.is_starting.set(true);
        let prepared = self.prepare(id).await;
        self.recipe.is_starting.set(false);
        let (interrupted, checkpoint) = prepared?;
        let (run, report) = self.store.resume_run(checkpoint, on_update)?;
        self.current.set_value(Some((run, Arc::new(interrupted))));
        self.stored.set_value(Some(run));
        self.list.update(|list| list.retain(|it| it.id != id));
        report.await
    }

    /// Reads the run from the storage, loads its dataset if necessary, and copies its config into the form.
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

    /// Removes a run from the list and deletes it from the storage.
    pub fn discard(self, id: &str) {
        self.list.update(|list| list.retain(|run| run.id != id));
        self.plan(Task::Delete(id.to_owned()));
    }
}

/// Whether the visitor has clicked or typed on this page. Browsers hold a page for nobody else, and log an attempt as an error.
fn has_been_used() -> bool {
    let activation = property(&window().navigator(), "userActivation");
    // A browser without the property may hold it.
    property(&activation, "hasBeenActive").as_bool().unwrap_or(true)
}
