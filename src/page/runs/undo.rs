//! Deletes a run, and restores it if the visitor asks for that while its notice is visible.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Runs;
use crate::page::state::{NoticeKind, RunNotice};
use kindling_core::protocol::Bulk;
use kindling_core::runs::record::KeptRun;

/// How long a deletion can be undone.
const UNDO_MS: u32 = 10_000;

/// Maximum number of deletions that can be undone at the same time.
const DELETED_LIMIT: usize = 20;

impl Runs {
    /// Deletes a run; for `UNDO_MS` a notice offers to undo it. `name` is the run's name in the notice.
    pub fn delete(self, id: String, name: String) {
        spawn_local(async move {
            // Removed immediately, so that a second click finds nothing to delete.
            let Some(record) = self.find(&id) else { return };
            self.list.update(|list| list.retain(|it| it.id != id));
            let curves = self.curves_of(&id).await.map(|curves| (*curves).clone()).unwrap_or_default();
            let weights = match self.storage().await {
                Ok(storage) => storage.weights(&id).await.ok().flatten(),
                Err(_) => None,
            };
            self.remove(&id);
            self.deleted.update_value(|deleted| {
                if deleted.len() >= DELETED_LIMIT {
                    deleted.remove(0);
                }
                deleted.push((KeptRun { record: (*record).clone(), curves }, weights));
            });
            let notice = NoticeKind::Runs(RunNotice::Deleted { id: id.clone(), name });
            let gone = id.clone();
            let forget = move || drop(self.take_deleted(&gone));
            self.store.notify_for(notice, UNDO_MS, forget);
            self.erase(&id).await;
        });
    }

    pub fn undo_delete(self, id: &str) {
        if let Some((run, weights)) = self.take_deleted(id) {
            self.insert(run, weights);
        }
    }

    fn take_deleted(self, id: &str) -> Option<(KeptRun, Option<Bulk>)> {
        let taken = self.deleted.try_update_value(|deleted| {
            let place = deleted.iter().position(|(run, _)| run.record.id == id)?;
            Some(deleted.remove(place))
        });
        taken.flatten()
    }
}
