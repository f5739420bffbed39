//! The runs that have ended, stored on this device: `use_runs()`.
//!
//! The list is in memory and in IndexedDB. If the browser stores nothing, the page shows a notice and the list lasts as
//! long as the page. Another window of the page shows the runs stored by this one after a reload.

pub mod at_hand;
pub mod continuing;
pub mod difference;
mod further;
pub mod import;
pub mod interrupted;
mod keep;
pub mod label;
pub mod limit;
pub mod link;
pub mod network_file;
mod notice;
mod reopen;
mod storage;
mod undo;
pub mod view;

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use self::at_hand::Opening;
use self::import::Import;
use self::keep::Began;
use self::limit::{WEIGHTS_LIMIT_BYTES, surplus, surplus_weights};
pub use self::notice::{refusal_text, run_notice_text};
use self::storage::{Parts, RunStorage};
use crate::page::database::Trouble;
use crate::page::evaluations::Evaluations;
use crate::page::recipe::Recipe;
use crate::page::sort::sort_by;
use crate::page::state::{NoticeKind, RunNotice};
use crate::page::store::Store;
use kindling_core::protocol::{Bulk, RunId};
use kindling_core::runs::curves::RunCurves;
use kindling_core::runs::incoming::RUNS_LIMIT;
use kindling_core::runs::record::{KeptRun, RunRecord};
use kindling_core::runs::weights;

/// Maximum number of runs whose curves stay in memory, the newest ones; older curves are read from the storage again.
const CURVES_LIMIT: usize = 50;

pub fn use_runs() -> Runs {
    expect_context()
}

#[derive(Clone, Copy)]
pub struct Runs {
    /// Sorted by start time, oldest first; at most [`RUNS_LIMIT`].
    pub list: RwSignal<Vec<Arc<RunRecord>>>,
    store: Store,
    recipe: Recipe,
    evaluations: Evaluations,
    is_loaded: StoredValue<bool>,
    curves: StoredValue<BTreeMap<String, Arc<RunCurves>>>,
    storage: StoredValue<Option<Rc<dyn RunStorage>>, LocalStorage>,
    /// The circumstances at the start of the current run.
    began: StoredValue<Option<Began>>,
    /// The run in the engine and the id of its record, once it is stored.
    newest: RwSignal<Option<(RunId, String)>>,
    /// The kept run that the page opens by itself.
    opening: RwSignal<Opening>,
    /// Deleted runs that can still be restored.
    deleted: StoredValue<Vec<(KeptRun, Option<Bulk>)>>,
    /// Imports that can still be undone.
    imports: StoredValue<Vec<Import>>,
}

impl Runs {
    /// Created once, beside the store; stores every run that ends from now on. Runs of earlier visits are listed after [`Runs::loaded`].
    pub fn new(store: Store, recipe: Recipe, evaluations: Evaluations) -> Self {
        let runs = Self {
            list: RwSignal::default(),
            store,
            recipe,
            evaluations,
            is_loaded: StoredValue::new(false),
            curves: StoredValue::default(),
            storage: StoredValue::new_local(None),
            began: StoredValue::new(None),
            newest: RwSignal::new(None),
            opening: RwSignal::default(),
            deleted: StoredValue::default(),
            imports: StoredValue::default(),
        };
        runs.watch();
        runs.watch_for_loss();
        runs.watch_imports();
        runs
    }

    pub fn find(self, id: &str) -> Option<Arc<RunRecord>> {
        self.list.with(|list| list.iter().find(|record| record.id == id).cloned())
    }

    /// The record of the run in view, once the run has ended and is stored; tracked.
    pub fn in_view(self) -> Option<Arc<RunRecord>> {
        let run = self.store.run.with(|state| state.run().map(|run| run.id))?;
        let (_, id) = self.newest.get().filter(|(newest, _)| *newest == run)?;
        self.find(&id)
    }

    /// Reads the runs of earlier visits, once.
    async fn load(self) {
        if self.is_loaded.get_value() {
            return;
        }
        let found = match self.storage().await {
            Ok(storage) => storage.records().await,
            Err(trouble) => Err(trouble),
        };
        // A concurrent call may have finished first.
        if self.is_loaded.get_value() {
            return;
        }
        // If the storage code could not be fetched, the next call tries again.
        self.is_loaded.set_value(found != Err(Trouble::Unfetched));
        match found {
            Ok(records) => self.add(records),
            Err(trouble) => self.report_trouble(trouble),
        }
    }

    async fn storage(self) -> Result<Rc<dyn RunStorage>, Trouble> {
        if let Some(storage) = self.storage.get_value() {
            return Ok(storage);
        }
        let storage = storage::open().await?;
        self.storage.set_value(Some(storage.clone()));
        Ok(storage)
    }

    /// Adds the records that are not in the list yet, and deletes the oldest if there are too many.
    fn add(self, records: Vec<RunRecord>) {
        self.enlist(records.into_iter().map(Arc::new).collect());
        let surplus = self.take_surplus();
        if surplus.is_empty() {
            return;
        }
        self.store.notify(NoticeKind::Runs(RunNotice::OldestGone));
        self.erase_all(surplus.iter().map(|record| record.id.clone()).collect());
    }

    /// Adds the records that are not in the list yet.
    fn enlist(self, records: Vec<Arc<RunRecord>>) {
        self.list.update(|list| {
            for record in records {
                if !list.iter().any(|known| known.id == record.id) {
                    list.push(record);
                }
            }
            sort_by(list, |left, right| {
                left.started_at.total_cmp(&right.started_at).then_with(|| left.id.cmp(&right.id))
            });
        });
    }

    /// Takes the oldest records off the list if there are too many. They stay in the storage.
    fn take_surplus(self) -> Vec<Arc<RunRecord>> {
        let surplus = self.list.with_untracked(|list| surplus(list, RUNS_LIMIT));
        let taken = surplus.iter().filter_map(|id| self.find(id)).collect();
        surplus.iter().for_each(|id| self.remove(id));
        taken
    }

    fn remove(self, id: &str) {
        self.list.update(|list| list.retain(|record| record.id != id));
        self.curves.update_value(|curves| drop(curves.remove(id)));
    }

    fn erase_all(self, ids: Vec<String>) {
        spawn_local(async move {
            for id in ids {
                self.erase(&id).await;
            }
        });
    }

    async fn erase(self, id: &str) {
        let erased = match self.storage().await {
            Ok(storage) => storage.delete(id).await,
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = erased {
            self.report_trouble(trouble);
        }
    }

    /// Adds a run with its curves and weights to the list and to the storage.
    fn insert(self, run: KeptRun, weights: Option<Bulk>) {
        // Written first: if there are too many runs, this may be the one that `add` deletes.
        let record = self.keep_parts(run, weights);
        self.add(vec![record]);
        self.limit_weights();
    }

    /// Writes a run with its curves and weights to the storage.
    fn keep_parts(self, KeptRun { record, curves }: KeptRun, weights: Option<Bulk>) -> RunRecord {
        let curves = Arc::new(curves);
        self.remember(&record.id, &curves);
        spawn_local(self.write(record.clone(), Some(curves), weights));
        record
    }

    /// Deletes weights, those of the oldest runs first, until the rest fits the limit.
    fn limit_weights(self) {
        for id in self.list.with_untracked(|list| surplus_weights(list, WEIGHTS_LIMIT_BYTES)) {
            self.delete_weights(id);
        }
    }

    fn delete_weights(self, id: String) {
        self.change(&id, |record| record.weights_bytes = None);
        spawn_local(async move {
            if let Ok(storage) = self.storage().await {
                // If this fails, the weights only take up space.
                storage.delete_weights(&id).await.ok();
            }
        });
    }

    async fn write(self, record: RunRecord, curves: Option<Arc<RunCurves>>, weights: Option<Bulk>) {
        let parts = Parts { curves: curves.as_deref(), weights: weights.as_ref() };
        let written = match self.storage().await {
            Ok(storage) => storage.put(&record, parts).await,
            Err(trouble) => Err(trouble),
        };
        if let Err(trouble) = written {
            self.report_trouble(trouble);
        }
    }

    fn report_trouble(self, trouble: Trouble) {
        self.store.notify(NoticeKind::Runs(RunNotice::NotKept(trouble)));
    }

    /// Changes a record, in the list and in the storage: its name, note, star, test result or size of weights.
    pub fn change(self, id: &str, change: impl FnOnce(&mut RunRecord)) {
        let changed = self.list.try_update(|list| {
            let record = list.iter_mut().find(|record| record.id == id)?;
            change(Arc::make_mut(record));
            Some((**record).clone())
        });
        if let Some(record) = changed.flatten() {
            spawn_local(self.write(record, None, None));
        }
    }

    /// The curves of a run, if they can be read.
    pub async fn curves_of(self, id: &str) -> Option<Arc<RunCurves>> {
        if let Some(curves) = self.curves.with_value(|curves| curves.get(id).cloned()) {
            return Some(curves);
        }
        let curves = Arc::new(self.storage().await.ok()?.curves(id).await.ok()??);
        self.remember(id, &curves);
        Some(curves)
    }

    fn remember(self, id: &str, curves: &Arc<RunCurves>) {
        self.curves.update_value(|known| {
            known.insert(id.to_owned(), curves.clone());
            while known.len() > CURVES_LIMIT {
                known.pop_first();
            }
        });
    }

    /// Waits until the runs of earlier visits are listed.
    pub async fn loaded(self) {
        self.load().await;
    }

    /// All runs with their curves, oldest first.
    pub async fn all(self) -> Vec<KeptRun> {
        self.load().await;
        let list = self.list.get_untracked();
        let mut runs = Vec::with_capacity(list.len());
        for record in list {
            let curves = self.curves_of(&record.id).await.map(|curves| (*curves).clone()).unwrap_or_default();
            runs.push(KeptRun { record: (*record).clone(), curves });
        }
        runs
    }

    /// A run with its weights as one file. None if the weights are not stored.
    pub async fn with_weights(self, id: &str) -> Option<Vec<u8>> {
        let record = self.find(id)?;
        let weights = self.storage().await.ok()?.weights(id).await.ok()??;
        let curves = self.curves_of(id).await.map(|curves| (*curves).clone()).unwrap_or_default();
        weights::with_run(&weights, &KeptRun { record: (*record).clone(), curves }).ok()
    }
}
