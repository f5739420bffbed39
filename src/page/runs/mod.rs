//! The runs that have ended, stored on this device: `use_runs()`.
//!
//! The list is in memory and in IndexedDB. If the browser stores nothing, the page shows a notice and the list lasts as
//! long as the page. Another window of the page shows the runs stored by this one after a reload.

pub mod at_hand;
pub mod difference;
mod further;
pub mod import;
pub mod interrupted;
mod keep;
pub mod label;
pub mod limit;
pub mod link;
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
        };
        runs.watch();
        runs.watch_for_loss();
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
        self.list.update(|list| {
            for record in records {
                if !list.iter().any(|known| known.id == record.id) {
                    list.push(Arc::new(record));
                }
            }
            sort_by(list, |left, right| {
                left.started_at.total_cmp(&right.started_at).then_with(|| left.id.cmp(&right.id))
            });
        });
        let surplus = self.list.with_untracked(|list| surplus(list, RUNS_LIMIT));
        if surplus.is_empty() {
            return;
        }
        self.store.notify(NoticeKind::Runs(RunNotice::OldestGone));
        for id in &surplus {
            self.remove(id);
        }
        spawn_local(async move {
            for id in surplus {
                self.erase(&id).await;
            }
        });
    }

    fn remove(self, id: &str) {
        self.list.update(|list| list.retain(|record| record.id != id));
        self.curves.update_value(|curves| drop(curves.remove(id)));
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
        let curves = Arc::new(run.curves);
        self.remember(&run.record.id, &curves);
        // Written first: if there are too many runs, this may be the one that `add` deletes.
        spawn_local(self.write(run.record.clone(), Some(curves), weights));
        self.add(vec![run.record]);
        self.limit_weights();
    }

    /// Deletes weights, those of the oldest runs first, until the rest fits the limit.
    fn limit_weights(self) {
        for id in self.list.with_untracked(|list| surplus_weights(list, WEIGHTS_LIMIT_BYTES)) {
            self.change(&id, |record| record.weights_bytes = None);
            spawn_local(async move {
                if let Ok(storage) = self.storage().await {
                    // If this fails, the weights only take up space.
                    storage.delete_weights(&id).await.ok();
                }
            });
        }
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

    /// How many of the runs that are kept now would have to go for these.
    pub fn n_pushed_out(self, runs: &[KeptRun]) -> usize {
        self.list.with_untracked(|list| {
            let is_new = |run: &&KeptRun| list.iter().all(|known| known.id != run.record.id);
            let new = runs.iter().filter(is_new).map(|run| Arc::new(run.record.clone()));
            let all: Vec<_> = list.iter().cloned().chain(new).collect();
            let going = surplus(&all, RUNS_LIMIT);
            list.iter().filter(|known| going.contains(&known.id)).count()
        })
    }

    /// Adds the runs of a file; runs that are already present are left unchanged.
    pub fn import(self, runs: Vec<KeptRun>) {
        let ids = self.keep_records(runs);
        self.tell_imported(ids);
    }

    pub fn tell_imported(self, ids: Vec<String>) {
        self.store.notify(NoticeKind::Runs(RunNotice::Imported { ids }));
    }

    /// As [`Runs::import`], without telling. Returns the ids of those that are new.
    pub fn keep_records(self, runs: Vec<KeptRun>) -> Vec<String> {
        let is_new = |run: &KeptRun| self.list.with_untracked(|list| list.iter().all(|it| it.id != run.record.id));
        let runs: Vec<KeptRun> = runs.into_iter().filter(is_new).collect();
        let ids = runs.iter().map(|run| run.record.id.clone()).collect();
        // A file of runs has no weights.
        for KeptRun { record, curves } in runs {
            self.insert(KeptRun { record: RunRecord { weights_bytes: None, ..record }, curves }, None);
        }
        ids
    }

    /// Adds a run with its weights. A run that is already present only receives the weights, if it has none and its config is the same.
    pub fn import_trained(self, run: KeptRun, weights: Bulk) {
        let id = run.record.id.clone();
        let is_new = self.keep_trained(run, weights);
        self.tell_imported(is_new.then_some(id).into_iter().collect());
    }

    /// As [`Runs::import_trained`], without telling. Returns whether the run is new.
    pub fn keep_trained(self, run: KeptRun, weights: Bulk) -> bool {
        let weights_bytes = Some(weights.len() as u64);
        let known = self.find(&run.record.id);
        let is_new = known.is_none();
        match known {
            None => {
                let record = RunRecord { weights_bytes, ..run.record };
                self.insert(KeptRun { record, ..run }, Some(weights));
            }
            Some(known) if known.weights_bytes.is_none() && known.config == run.record.config => {
                let (record, id) = ((*known).clone(), known.id.clone());
                self.change(&id, |record| record.weights_bytes = weights_bytes);
                spawn_local(self.write(RunRecord { weights_bytes, ..record }, None, Some(weights)));
                self.limit_weights();
            }
            Some(_) => {}
        }
        is_new
    }

    /// Removes runs that were imported.
    pub fn undo_import(self, ids: Vec<String>) {
        for id in &ids {
            self.remove(id);
        }
        spawn_local(async move {
            for id in ids {
                self.erase(&id).await;
            }
        });
    }

    /// A run with its weights as one file. None if the weights are not stored.
    pub async fn with_weights(self, id: &str) -> Option<Vec<u8>> {
        let record = self.find(id)?;
        let weights = self.storage().await.ok()?.weights(id).await.ok()??;
        let curves = self.curves_of(id).await.map(|curves| (*curves).clone()).unwrap_or_default();
        weights::with_run(&weights, &KeptRun { record: (*record).clone(), curves }).ok()
    }
}
