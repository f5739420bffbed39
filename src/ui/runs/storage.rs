//! Where kept runs lie: IndexedDB, records and curves apart, each as JSON by the run's id.

use idb::{Database, Error, TransactionMode};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use super::curves::RunCurves;
use super::record::RunRecord;
use crate::ui::database::{self, CURVES, RUNS, Trouble, ended, read, trouble};

pub struct RunStorage {
    database: Database,
}

impl RunStorage {
    pub async fn open() -> Result<Self, Trouble> {
        Ok(Self { database: database::open().await? })
    }

    /// All records. What cannot be read, as from a later version of the page, is left where it is.
    pub async fn records(&self) -> Result<Vec<RunRecord>, Trouble> {
        self.read_all(RUNS).await.map_err(trouble)
    }

    async fn read_all<T: DeserializeOwned>(&self, store: &str) -> Result<Vec<T>, Error> {
        let transaction = self.database.transaction(&[store], TransactionMode::ReadOnly)?;
        let values = transaction.object_store(store)?.get_all(None, None)?.await?;
        Ok(values.iter().filter_map(read).collect())
    }

    /// None where there are none, or none that can be read.
    pub async fn curves(&self, id: &str) -> Result<Option<RunCurves>, Trouble> {
        self.read_curves(id).await.map_err(trouble)
    }

    async fn read_curves(&self, id: &str) -> Result<Option<RunCurves>, Error> {
        let transaction = self.database.transaction(&[CURVES], TransactionMode::ReadOnly)?;
        let value = transaction.object_store(CURVES)?.get(JsValue::from_str(id))?.await?;
        Ok(value.as_ref().and_then(read))
    }

    /// Puts a record in the place of the one before; its curves too, where they are given.
    pub async fn put(&self, record: &RunRecord, curves: Option<&RunCurves>) -> Result<(), Trouble> {
        self.write(record, curves).await.map_err(trouble)
    }

    async fn write(&self, record: &RunRecord, curves: Option<&RunCurves>) -> Result<(), Error> {
        let transaction = self.database.transaction(&[RUNS, CURVES], TransactionMode::ReadWrite)?;
        let key = JsValue::from_str(&record.id);
        // Plain data: it can be written as JSON.
        let record = serde_json::to_string(record).unwrap_or_default();
        transaction.object_store(RUNS)?.put(&record.into(), Some(&key))?;
        if let Some(curves) = curves {
            let curves = serde_json::to_string(curves).unwrap_or_default();
            transaction.object_store(CURVES)?.put(&curves.into(), Some(&key))?;
        }
        ended(transaction.await?)
    }

    pub async fn delete(&self, id: &str) -> Result<(), Trouble> {
        self.remove(id).await.map_err(trouble)
    }

    async fn remove(&self, id: &str) -> Result<(), Error> {
        let transaction = self.database.transaction(&[RUNS, CURVES], TransactionMode::ReadWrite)?;
        for store in [RUNS, CURVES] {
            transaction.object_store(store)?.delete(JsValue::from_str(id))?;
        }
        ended(transaction.await?)
    }
}
