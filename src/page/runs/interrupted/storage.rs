//! Storage of runs that have not ended, in IndexedDB: the page's part as JSON and the engine's as bytes, both under the run's id.

use std::rc::Rc;

use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::record::InterruptedRun;
use crate::page::database::{
    CHECKPOINTS, INTERRUPTED, Records, Trouble, Waiting, read, read_bytes, written, written_bytes,
};
use kindling_core::protocol::Bulk;

/// A trait for the same reason as `RunStorage`.
pub trait InterruptedStorage {
    /// All stored runs, without the engine's part.
    fn list(&self) -> Waiting<'_, Vec<InterruptedRun>>;

    /// A run as it was last stored, with the engine's part.
    fn get<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<(InterruptedRun, Bulk)>>;

    /// Stores a run in place of its previous checkpoint.
    fn put<'a>(&'a self, run: &'a InterruptedRun, bytes: &'a Bulk) -> Waiting<'a, ()>;

    fn delete<'a>(&'a self, id: &'a str) -> Waiting<'a, ()>;
}

type Opening = Waiting<'static, Rc<dyn InterruptedStorage>>;

/// Fetches the part of the page that contains the storage code, and opens the storage.
pub async fn open() -> Result<Rc<dyn InterruptedStorage>, Trouble> {
    let open = opener().await.map_err(|_| Trouble::Unfetched)?;
    open().await
}

#[wasm_split(workbench, fallible)]
fn opener() -> Result<fn() -> Opening, SplitLoaderError> {
    Ok(|| {
        Box::pin(async {
            let storage: Rc<dyn InterruptedStorage> = Rc::new(Indexed(Records::open().await?));
            Ok(storage)
        })
    })
}

struct Indexed(Records);

impl InterruptedStorage for Indexed {
    fn list(&self) -> Waiting<'_, Vec<InterruptedRun>> {
        Box::pin(self.0.all(INTERRUPTED))
    }

    fn get<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<(InterruptedRun, Bulk)>> {
        Box::pin(async {
            let mut values = self.0.get(&[INTERRUPTED, CHECKPOINTS], id).await?;
            let bytes = values.pop().flatten().and_then(read_bytes);
            let run = values.pop().flatten().as_ref().and_then(read);
            Ok(run.zip(bytes))
        })
    }

    fn put<'a>(&'a self, run: &'a InterruptedRun, bytes: &'a Bulk) -> Waiting<'a, ()> {
        let values = [(INTERRUPTED, written(run)), (CHECKPOINTS, written_bytes(bytes))];
        Box::pin(async move { self.0.put(&run.id, &values).await })
    }

    fn delete<'a>(&'a self, id: &'a str) -> Waiting<'a, ()> {
        Box::pin(self.0.delete(&[INTERRUPTED, CHECKPOINTS], id))
    }
}
