//! Runs from files, and how an import is undone.
//!
//! What has to go for an import leaves the list at once, but the storage only with the notice that offers to undo it. A page that is closed
//! before that finds all of it again, and deletes what is too much.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Runs;
use super::limit::{WEIGHTS_LIMIT_BYTES, surplus, surplus_weights};
use crate::page::reactive::effect;
use crate::page::state::{NoticeKind, RunNotice};
use kindling_core::protocol::Bulk;
use kindling_core::runs::incoming::RUNS_LIMIT;
use kindling_core::runs::record::{KeptRun, RunRecord};

/// An import, and what had to go for it.
#[derive(Clone, Default)]
pub struct Import {
    /// The ids of the imported runs.
    ids: Vec<String>,
    gone: Vec<Arc<RunRecord>>,
    /// The ids of runs that stay without their weights, with the sizes of these.
    without_weights: Vec<(String, u64)>,
}

impl Import {
    /// Whether no run of it is new.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

impl Runs {
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
        let mut import = Import::default();
        self.keep_records(runs, &mut import);
        self.tell_imported(import);
    }

    /// Adds a run with its weights. A run that is already present only receives the weights, if it has none and its config is the same.
    pub fn import_trained(self, run: KeptRun, weights: Bulk) {
        let mut import = Import::default();
        self.keep_trained(run, weights, &mut import);
        self.tell_imported(import);
    }

    /// As [`Runs::import`], as a part of an import.
    pub fn keep_records(self, runs: Vec<KeptRun>, import: &mut Import) {
        let is_new = |run: &KeptRun| self.list.with_untracked(|list| list.iter().all(|it| it.id != run.record.id));
        // A file of runs has no weights.
        let without_weights = |run: KeptRun| {
            let record = RunRecord { weights_bytes: None, ..run.record };
            (KeptRun { record, ..run }, None)
        };
        self.take_in(runs.into_iter().filter(is_new).map(without_weights).collect(), import);
    }

    /// As [`Runs::import_trained`], as a part of an import.
    pub fn keep_trained(self, run: KeptRun, weights: Bulk, import: &mut Import) {
        let weights_bytes = Some(weights.len() as u64);
        match self.find(&run.record.id) {
            None => {
                let record = RunRecord { weights_bytes, ..run.record };
                self.take_in(vec![(KeptRun { record, ..run }, Some(weights))], import);
            }
            Some(known) if known.weights_bytes.is_none() && known.config == run.record.config => {
                let (record, id) = ((*known).clone(), known.id.clone());
                self.change(&id, |record| record.weights_bytes = weights_bytes);
                spawn_local(self.write(RunRecord { weights_bytes, ..record }, None, Some(weights)));
                self.limit_weights();
            }
            Some(_) => {}
        }
    }

    /// Adds new runs. What has to go for them stays in the storage.
    fn take_in(self, runs: Vec<(KeptRun, Option<Bulk>)>, import: &mut Import) {
        let records: Vec<_> = runs.into_iter().map(|(run, weights)| Arc::new(self.keep_parts(run, weights))).collect();
        import.ids.extend(records.iter().map(|record| record.id.clone()));
        self.enlist(records);
        import.gone.extend(self.take_surplus());
        import.without_weights.extend(self.take_surplus_weights());
    }

    /// Strikes the weights that are too much from the list. They stay in the storage.
    fn take_surplus_weights(self) -> Vec<(String, u64)> {
        let surplus = self.list.with_untracked(|list| surplus_weights(list, WEIGHTS_LIMIT_BYTES));
        let taken = self.list.try_update(|list| {
            let of_surplus = list.iter_mut().filter(|record| surplus.contains(&record.id));
            of_surplus
                .filter_map(|record| Some((record.id.clone(), Arc::make_mut(record).weights_bytes.take()?)))
                .collect()
        });
        taken.unwrap_or_default()
    }

    /// Tells the visitor of an import. As long as the notice stands, the import can be undone.
    pub fn tell_imported(self, import: Import) {
        let ids = import.ids.clone();
        self.imports.update_value(|imports| imports.push(import));
        self.store.notify(NoticeKind::Runs(RunNotice::Imported { ids }));
    }

    /// Removes runs that were imported, and restores what had to go for them.
    pub fn undo_import(self, ids: Vec<String>) {
        ids.iter().for_each(|id| self.remove(id));
        let undone = self.imports.try_update_value(|imports| {
            let place = imports.iter().position(|import| import.ids == ids)?;
            let undone = imports.remove(place);
            // A later import may have pushed out runs of this one.
            imports.iter_mut().for_each(|later| later.gone.retain(|record| !ids.contains(&record.id)));
            Some(undone)
        });
        if let Some(Import { gone, without_weights, .. }) = undone.flatten() {
            self.enlist(gone.into_iter().filter(|record| !ids.contains(&record.id)).collect());
            for (id, bytes) in without_weights {
                self.change(&id, |record| record.weights_bytes = Some(bytes));
            }
        }
        self.erase_all(ids);
    }

    /// Deletes what had to go for an import, once its notice is gone.
    pub(super) fn watch_imports(self) {
        effect(move |_| {
            let over: Vec<Import> = self.store.notices.with(|notices| {
                let is_offered = |import: &Import| {
                    notices.list().iter().any(|notice| match &notice.kind {
                        NoticeKind::Runs(RunNotice::Imported { ids }) => *ids == import.ids,
                        _ => false,
                    })
                };
                let over = self.imports.try_update_value(|all| all.extract_if(.., |it| !is_offered(it)).collect());
                over.unwrap_or_default()
            });
            for Import { gone, without_weights, .. } in over {
                // One of them may have been imported anew.
                let is_gone = |record: &&Arc<RunRecord>| self.find(&record.id).is_none();
                self.erase_all(gone.iter().filter(is_gone).map(|record| record.id.clone()).collect());
                let is_without = |id: &str| self.find(id).is_some_and(|record| record.weights_bytes.is_none());
                let without = without_weights.into_iter().map(|(id, _)| id).filter(|id| is_without(id));
                without.for_each(|id| self.delete_weights(id));
            }
        });
    }
}
