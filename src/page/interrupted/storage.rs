//! Where runs that have not ended lie: IndexedDB, the page's part as JSON, the engine's as bytes, both by the run's id.

use std::rc::Rc;

use idb::{Database, Error, TransactionMode};
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use super::record::InterruptedRun;
use crate::page::database::{self, CHECKPOINTS, INTERRUPTED, Trouble, Waiting, ended, read, read_bytes, trouble};
use crate::page::json::to_text;
use kindling_core::protocol::Bulk;

/// A trait for the same reason as the storage of kept runs.
pub trait InterruptedStorage {
    /// All of them, without the engine's part.
    fn list(&self) -> Waiting<'_, Vec<InterruptedRun>>;

    /// A run as it was kept last, with the engine's part of it.
    fn get<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<(InterruptedRun, Bulk)>>;

    /// In the place of the one before.
    fn put<'a>(&'a self, run: &'a InterruptedRun, bytes: &'a Bulk) -> Waiting<'a, ()>;

    fn delete<'a>(&'a self, id: &'a str) -> Waiting<'a, ()>;
}

type Opening = Waiting<'static, Rc<dyn InterruptedStorage>>;

/// Fetches the part of the page that can, and opens the storage.
pub async fn open() -> Result<Rc<dyn InterruptedStorage>, Trouble> {
    let open = opener().await.map_err(|_| Trouble::Unfetched)?;
    open().await
}

#[wasm_split(workbench, fallible)]
fn opener() -> Result<fn() -> Opening, SplitLoaderError> {
    Ok(|| {
        Box::pin(async {
            let storage: Rc<dyn InterruptedStorage> = Rc::new(Indexed { database: database::open().await? });
            Ok(storage)
        })
    })
}

struct Indexed {
    database: Rc<Database>,
}

impl InterruptedStorage for Indexed {
    fn list(&self) -> Waiting<'_, Vec<InterruptedRun>> {
        Box::pin(async { self.read_all().await.map_err(trouble) })
    }

    fn get<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<(InterruptedRun, Bulk)>> {
        Box::pin(async { self.read_one(id).await.map_err(trouble) })
    }

    fn put<'a>(&'a self, run: &'a InterruptedRun, bytes: &'a Bulk) -> Waiting<'a, ()> {
        Box::pin(async { self.write(run, bytes).await.map_err(trouble) })
    }

    fn delete<'a>(&'a self, id: &'a str) -> Waiting<'a, ()> {
        Box::pin(async { self.remove(id).await.map_err(trouble) })
    }
}

impl Indexed {
    async fn read_all(&self) -> Result<Vec<InterruptedRun>, Error> {
        let transaction = self.database.transaction(&[INTERRUPTED], TransactionMode::ReadOnly)?;
        let values = transaction.object_store(INTERRUPTED)?.get_all(None, None)?.await?;
        Ok(values.iter().filter_map(read).collect())
    }

    async fn read_one(&self, id: &str) -> Result<Option<(InterruptedRun, Bulk)>, Error> {
        let key = || JsValue::from_str(id);
        let transaction = self.database.transaction(&[INTERRUPTED, CHECKPOINTS], TransactionMode::ReadOnly)?;
        // Both are asked for before either is waited for: a transaction that has nothing to do ends.
        let run = transaction.object_store(INTERRUPTED)?.get(key())?;
        let bytes = transaction.object_store(CHECKPOINTS)?.get(key())?;
        let run = run.await?.as_ref().and_then(read);
        Ok(run.zip(bytes.await?.and_then(read_bytes)))
    }

    async fn write(&self, run: &InterruptedRun, bytes: &Bulk) -> Result<(), Error> {
        let key = JsValue::from_str(&run.id);
        let transaction = self.database.transaction(&[INTERRUPTED, CHECKPOINTS], TransactionMode::ReadWrite)?;
        transaction.object_store(INTERRUPTED)?.put(&to_text(run).into(), Some(&key))?;
        transaction.object_store(CHECKPOINTS)?.put(&Uint8Array::from(&bytes[..]), Some(&key))?;
        ended(transaction.await?)
    }

    async fn remove(&self, id: &str) -> Result<(), Error> {
        let transaction = self.database.transaction(&[INTERRUPTED, CHECKPOINTS], TransactionMode::ReadWrite)?;
        for store in [INTERRUPTED, CHECKPOINTS] {
            transaction.object_store(store)?.delete(JsValue::from_str(id))?;
        }
        ended(transaction.await?)
    }
}
