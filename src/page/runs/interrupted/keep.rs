//! Stores the current run at each checkpoint, until it ends.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Interrupted;
use super::record::{Circumstances, InterruptedRun};
use crate::page::database::unique_id;
use crate::page::state::{Checkpoint, EndedRun, Outcome, RunNews};
use kindling_core::protocol::{Bulk, DatasetSource, FailureKind, RunId};

/// A pending storage operation.
#[derive(Clone, Debug)]
pub(super) enum Task {
    Put(Arc<InterruptedRun>, Bulk),
    Delete(String),
}

impl Task {
    fn id(&self) -> &str {
        match self {
            Self::Put(run, _) => &run.id,
            Self::Delete(id) => id,
        }
    }
}

impl Interrupted {
    pub(super) fn receive(self, news: &RunNews) {
        match news {
            RunNews::Checkpoint(checkpoint) => self.keep(checkpoint),
            RunNews::Ended(ended) => self.end(ended),
        }
    }

    fn keep(self, checkpoint: &Checkpoint) {
        let dataset = &checkpoint.run.config.dataset;
        let (dataset_name, served) = self.store.dataset.with_untracked(|state| {
            let name = state.current.as_ref().map_or_else(|| dataset.clone(), |current| current.name.clone());
            let served = match &state.origin {
                Some((DatasetSource::Served { id, .. }, _)) => Some(id.clone()),
                Some((DatasetSource::Files { .. }, _)) | None => None,
            };
            (name, served)
        });
        let id = self.id_of(checkpoint.run.id);
        let circumstances = Circumstances { id, tab: tab(), saved_at: js_sys::Date::now(), dataset_name, served };
        let run = Arc::new(InterruptedRun::new(checkpoint, circumstances));
        self.current.set_value(Some((checkpoint.run.id, run.clone())));
        self.plan(Task::Put(run, checkpoint.bytes.clone()));
    }

    /// The id under which a run is stored; a resumed run keeps its id.
    fn id_of(self, run: RunId) -> String {
        let known = self.current.with_value(|current| {
            current.as_ref().filter(|(current, _)| *current == run).map(|(_, interrupted)| interrupted.id.clone())
        });
        known.unwrap_or_else(unique_id)
    }

    /// A run that failed through no fault of its own, such as a lost engine, can be resumed. Any other ended run is deleted.
    fn end(self, EndedRun { run, outcome, .. }: &EndedRun) {
        let current = self.current.try_update_value(Option::take).flatten().filter(|(id, _)| *id == run.id);
        let Some((_, interrupted)) = current else { return };
        match outcome {
            Outcome::Failed(failure) if !is_its_own(failure.kind) => {
                self.list.update(|list| list.insert(0, interrupted))
            }
            Outcome::Failed(_) | Outcome::Finished(_) | Outcome::Replaced => {
                self.plan(Task::Delete(interrupted.id.clone()));
            }
        }
    }

    /// Queues a task and works through the queue. A new task for a run replaces the one that is still pending.
    pub(super) fn plan(self, task: Task) {
        self.tasks.update_value(|tasks| {
            tasks.retain(|waiting| waiting.id() != task.id());
            tasks.push_back(task);
        });
        if self.is_working.get_value() {
            return;
        }
        self.is_working.set_value(true);
        spawn_local(async move {
            while let Some(task) = self.tasks.try_update_value(|tasks| tasks.pop_front()).flatten() {
                let Ok(storage) = self.storage().await else { break };
                // If the disk is full, the previous checkpoint stays.
                match task {
                    Task::Put(run, bytes) => {
                        let stored = storage.put(&run, &bytes).await;
                        if stored.is_ok() {
                            self.stored.set_value(Some(run.run.id));
                        }
                        stored.ok()
                    }
                    Task::Delete(id) => storage.delete(&id).await.ok(),
                };
            }
            self.is_working.set_value(false);
        });
    }
}

/// Whether the run would fail again after its checkpoint, or the checkpoint itself cannot be read.
fn is_its_own(kind: FailureKind) -> bool {
    use FailureKind::{BadConfig, BadFile, BadNetwork, LossNotFinite};
    matches!(kind, LossNotFinite | BadConfig | BadNetwork | BadFile)
}

/// An id of this browser tab, which survives a reload.
pub(super) fn tab() -> String {
    const KEY: &str = "kindling.tab";
    let Some(storage) = window().session_storage().ok().flatten() else { return String::new() };
    if let Some(tab) = storage.get_item(KEY).ok().flatten() {
        return tab;
    }
    let tab = unique_id();
    storage.set_item(KEY, &tab).ok();
    tab
}
