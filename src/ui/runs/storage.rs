//! Where kept runs lie: IndexedDB, by the run's id. Records and curves apart, each as JSON; weights as bytes.

use idb::{Database, Error, TransactionMode};
use js_sys::Uint8Array;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use super::curves::RunCurves;
use super::record::RunRecord;
use crate::protocol::Bulk;
use crate::ui::database::{self, CURVES, RUNS, Trouble, WEIGHTS, ended, read, read_bytes, trouble};
use crate::ui::json::to_text;

/// What a run has beside its record.
#[derive(Clone, Copy, Default)]
pub struct Parts<'a> {
    pub curves: Option<&'a RunCurves>,
    pub weights: Option<&'a Bulk>,
}

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

    /// Puts a record in the place of the one before; its parts too, those that are given.
    pub async fn put(&self, record: &RunRecord, parts: Parts<'_>) -> Result<(), Trouble> {
        self.write(record, parts).await.map_err(trouble)
    }

    async fn write(&self, record: &RunRecord, Parts { curves, weights }: Parts<'_>) -> Result<(), Error> {
        let transaction = self.database.transaction(&[RUNS, CURVES, WEIGHTS], TransactionMode::ReadWrite)?;
        let key = JsValue::from_str(&record.id);
        let record = to_text(record);
        transaction.object_store(RUNS)?.put(&record.into(), Some(&key))?;
        if let Some(curves) = curves {
            transaction.object_store(CURVES)?.put(&to_text(curves).into(), Some(&key))?;
        }
        if let Some(weights) = weights {
            transaction.object_store(WEIGHTS)?.put(&Uint8Array::from(&weights[..]), Some(&key))?;
        }
        ended(transaction.await?)
    }

    /// None where there are none.
    pub async fn weights(&self, id: &str) -> Result<Option<Bulk>, Trouble> {
        self.read_weights(id).await.map_err(trouble)
    }

    async fn read_weights(&self, id: &str) -> Result<Option<Bulk>, Error> {
        let transaction = self.database.transaction(&[WEIGHTS], TransactionMode::ReadOnly)?;
        let value = transaction.object_store(WEIGHTS)?.get(JsValue::from_str(id))?.await?;
        Ok(value.and_then(read_bytes))
    }

    /// The rest of the run stays.
    pub async fn delete_weights(&self, id: &str) -> Result<(), Trouble> {
        self.remove(id, &[WEIGHTS]).await.map_err(trouble)
    }

    pub async fn delete(&self, id: &str) -> Result<(), Trouble> {
        self.remove(id, &[RUNS, CURVES, WEIGHTS]).await.map_err(trouble)
    }

    async fn remove(&self, id: &str, stores: &[&str]) -> Result<(), Error> {
        let transaction = self.database.transaction(stores, TransactionMode::ReadWrite)?;
        for store in stores {
            transaction.object_store(store)?.delete(JsValue::from_str(id))?;
        }
        ended(transaction.await?)
    }
}
