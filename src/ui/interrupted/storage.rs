//! Where runs that have not ended lie: IndexedDB, the page's part as JSON, the engine's as bytes, both by the run's id.

use idb::{Database, Error, TransactionMode};
use js_sys::Uint8Array;
use wasm_bindgen::JsValue;

use super::record::InterruptedRun;
use crate::protocol::Bulk;
use crate::ui::database::{self, CHECKPOINTS, INTERRUPTED, Trouble, ended, read, read_bytes, trouble};
use crate::ui::json::to_text;

pub struct InterruptedStorage {
    database: Database,
}

impl InterruptedStorage {
    pub async fn open() -> Result<Self, Trouble> {
        Ok(Self { database: database::open().await? })
    }

    /// All of them, without the engine's part.
    pub async fn list(&self) -> Result<Vec<InterruptedRun>, Trouble> {
        self.read_all().await.map_err(trouble)
    }

    async fn read_all(&self) -> Result<Vec<InterruptedRun>, Error> {
        let transaction = self.database.transaction(&[INTERRUPTED], TransactionMode::ReadOnly)?;
        let values = transaction.object_store(INTERRUPTED)?.get_all(None, None)?.await?;
        Ok(values.iter().filter_map(read).collect())
    }

    /// A run as it was kept last, with the engine's part of it.
    pub async fn get(&self, id: &str) -> Result<Option<(InterruptedRun, Bulk)>, Trouble> {
        self.read_one(id).await.map_err(trouble)
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

    /// In the place of the one before.
    pub async fn put(&self, run: &InterruptedRun, bytes: &Bulk) -> Result<(), Trouble> {
        self.write(run, bytes).await.map_err(trouble)
    }

    async fn write(&self, run: &InterruptedRun, bytes: &Bulk) -> Result<(), Error> {
        let key = JsValue::from_str(&run.id);
        let transaction = self.database.transaction(&[INTERRUPTED, CHECKPOINTS], TransactionMode::ReadWrite)?;
        transaction.object_store(INTERRUPTED)?.put(&to_text(run).into(), Some(&key))?;
        transaction.object_store(CHECKPOINTS)?.put(&Uint8Array::from(&bytes[..]), Some(&key))?;
        ended(transaction.await?)
    }

    pub async fn delete(&self, id: &str) -> Result<(), Trouble> {
        self.remove(id).await.map_err(trouble)
    }

    async fn remove(&self, id: &str) -> Result<(), Error> {
        let transaction = self.database.transaction(&[INTERRUPTED, CHECKPOINTS], TransactionMode::ReadWrite)?;
        for store in [INTERRUPTED, CHECKPOINTS] {
            transaction.object_store(store)?.delete(JsValue::from_str(id))?;
        }
        ended(transaction.await?)
    }
}
