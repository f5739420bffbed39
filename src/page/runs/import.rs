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

/// What had to go for an import.
#[derive(Clone)]
pub(super) struct Replaced {
    /// The ids of the imported runs.
    by: Vec<String>,
    runs: Vec<Arc<RunRecord>>,
    /// The ids of runs that stay without their weights, with the sizes of these.
    weights: Vec<(String, u64)>,
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
        let is_new = |run: &KeptRun| self.list.with_untracked(|list| list.iter().all(|it| it.id != run.record.id));
        // A file of runs has no weights.
        let without_weights = |run: KeptRun| {
            let record = RunRecord { weights_bytes: None, ..run.record };
            (KeptRun { record, ..run }, None)
        };
        self.take_in(runs.into_iter().filter(is_new).map(without_weights).collect());
    }

    /// Adds a run with its weights. A run that is already present only receives the weights, if it has none and its config is the same.
    pub fn import_trained(self, run: KeptRun, weights: Bulk) {
        let weights_bytes = Some(weights.len() as u64);
        match self.find(&run.record.id) {
            None => {
                let record = RunRecord { weights_bytes, ..run.record };
                self.take_in(vec![(KeptRun { record, ..run }, Some(weights))]);
                return;
            }
            Some(known) if known.weights_bytes.is_none() && known.config == run.record.config => {
                let (record, id) = ((*known).clone(), known.id.clone());
                self.change(&id, |record| record.weights_bytes = weights_bytes);
                spawn_local(self.write(RunRecord { weights_bytes, ..record }, None, Some(weights)));
                self.limit_weights();
            }
            Some(_) => {}
        }
        self.store.notify(NoticeKind::Runs(RunNotice::Imported { ids: Vec::new() }));
    }

    /// Adds new runs. What has to go for them can be restored as long as their notice stands.
    fn take_in(self, runs: Vec<(KeptRun, Option<Bulk>)>) {
        let records: Vec<_> = runs.into_iter().map(|(run, weights)| Arc::new(self.keep_parts(run, weights))).collect();
        let ids: Vec<_> = records.iter().map(|record| record.id.clone()).collect();
        self.enlist(records);
        let gone = self.take_surplus();
        let weights = self.take_surplus_weights();
        self.replaced.update_value(|replaced| replaced.push(Replaced { by: ids.clone(), runs: gone, weights }));
        self.store.notify(NoticeKind::Runs(RunNotice::Imported { ids }));
    }

    /// Strikes the weights that are too much from the list. They stay in the storage.
    fn take_surplus_weights(self) -> Vec<(String, u64)> {
        let surplus = self.list.with_untracked(|list| surplus_weights(list, WEIGHTS_LIMIT_BYTES));
        let taken = self.list.try_update(|list| {
            let of_surplus = list.iter_mut().filter(|record| surplus.contains(&record.id));
            let taken =
                of_surplus.filter_map(|record| Some((record.id.clone(), Arc::make_mut(record).weights_bytes.take()?)));
            taken.collect()
        });
        taken.unwrap_or_default()
    }

    /// Removes runs that were imported, and restores what had to go for them.
    pub fn undo_import(self, ids: Vec<String>) {
        ids.iter().for_each(|id| self.remove(id));
        let undone = self.replaced.try_update_value(|replaced| {
            let place = replaced.iter().position(|replaced| replaced.by == ids)?;
            let undone = replaced.remove(place);
            // A later import may have pushed out runs of this one.
            replaced.iter_mut().for_each(|later| later.runs.retain(|record| !ids.contains(&record.id)));
            Some(undone)
        });
        if let Some(Replaced { runs, weights, .. }) = undone.flatten() {
            self.enlist(runs.into_iter().filter(|record| !ids.contains(&record.id)).collect());
            for (id, bytes) in weights {
                self.change(&id, |record| record.weights_bytes = Some(bytes));
            }
        }
        self.erase_all(ids);
    }

    /// Deletes what had to go for an import, once its notice is gone.
    pub(super) fn watch_imports(self) {
        effect(move |_| {
            let over: Vec<Replaced> = self.store.notices.with(|notices| {
                let is_offered = |replaced: &Replaced| {
                    notices.list().iter().any(|notice| match &notice.kind {
                        NoticeKind::Runs(RunNotice::Imported { ids }) => *ids == replaced.by,
                        _ => false,
                    })
                };
                let over = self.replaced.try_update_value(|all| all.extract_if(.., |it| !is_offered(it)).collect());
                over.unwrap_or_default()
            });
            for Replaced { runs, weights, .. } in over {
                // One of them may have been imported anew.
                self.erase_all(
                    runs.iter().filter(|run| self.find(&run.id).is_none()).map(|run| run.id.clone()).collect(),
                );
                let is_without = |id: &str| self.find(id).is_some_and(|record| record.weights_bytes.is_none());
                weights.into_iter().filter(|(id, _)| is_without(id)).for_each(|(id, _)| self.delete_weights(id));
            }
        });
    }
}
