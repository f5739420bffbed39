//! Where kept runs lie: IndexedDB, by the run's id. Records and curves apart, each as JSON; weights as bytes.

use std::rc::Rc;

use idb::{Database, Error, TransactionMode};
use js_sys::Uint8Array;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::page::database::{self, CURVES, RUNS, Trouble, WEIGHTS, Waiting, ended, read, read_bytes, trouble};
use crate::page::json::to_text;
use kindling_core::protocol::Bulk;
use kindling_core::runs::curves::RunCurves;
use kindling_core::runs::record::RunRecord;

/// What a run has beside its record.
#[derive(Clone, Copy, Default)]
pub struct Parts<'a> {
    pub curves: Option<&'a RunCurves>,
    pub weights: Option<&'a Bulk>,
}

/// A trait, so that all that knows records as JSON and the database is reached from [`opener`] only.
pub trait RunStorage {
    /// All records. What cannot be read, as from a later version of the page, is left where it is.
    fn records(&self) -> Waiting<'_, Vec<RunRecord>>;

    /// None where there are none, or none that can be read.
    fn curves<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<RunCurves>>;

    /// None where there are none.
    fn weights<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<Bulk>>;

    /// Puts a record in the place of the one before; its parts too, those that are given.
    fn put<'a>(&'a self, record: &'a RunRecord, parts: Parts<'a>) -> Waiting<'a, ()>;

    /// The rest of the run stays.
    fn delete_weights<'a>(&'a self, id: &'a str) -> Waiting<'a, ()>;

    fn delete<'a>(&'a self, id: &'a str) -> Waiting<'a, ()>;
}

type Opening = Waiting<'static, Rc<dyn RunStorage>>;

/// Fetches the part of the page that can, and opens the storage.
pub async fn open() -> Result<Rc<dyn RunStorage>, Trouble> {
    let open = opener().await.map_err(|_| Trouble::Unfetched)?;
    open().await
}

#[wasm_split(workbench, fallible)]
fn opener() -> Result<fn() -> Opening, SplitLoaderError> {
    Ok(|| {
        Box::pin(async {
            let storage: Rc<dyn RunStorage> = Rc::new(Indexed { database: database::open().await? });
            Ok(storage)
        })
    })
}

struct Indexed {
    database: Rc<Database>,
}

impl RunStorage for Indexed {
    fn records(&self) -> Waiting<'_, Vec<RunRecord>> {
        Box::pin(async { self.read_all(RUNS).await.map_err(trouble) })
    }

    fn curves<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<RunCurves>> {
        Box::pin(async { self.read_curves(id).await.map_err(trouble) })
    }

    fn weights<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<Bulk>> {
        Box::pin(async { self.read_weights(id).await.map_err(trouble) })
    }

    fn put<'a>(&'a self, record: &'a RunRecord, parts: Parts<'a>) -> Waiting<'a, ()> {
        Box::pin(async move { self.write(record, parts).await.map_err(trouble) })
    }

    fn delete_weights<'a>(&'a self, id: &'a str) -> Waiting<'a, ()> {
        Box::pin(async { self.remove(id, &[WEIGHTS]).await.map_err(trouble) })
    }

    fn delete<'a>(&'a self, id: &'a str) -> Waiting<'a, ()> {
        Box::pin(async { self.remove(id, &[RUNS, CURVES, WEIGHTS]).await.map_err(trouble) })
    }
}

impl Indexed {
    async fn read_all<T: DeserializeOwned>(&self, store: &str) -> Result<Vec<T>, Error> {
        let transaction = self.database.transaction(&[store], TransactionMode::ReadOnly)?;
        let values = transaction.object_store(store)?.get_all(None, None)?.await?;
        Ok(values.iter().filter_map(read).collect())
    }

    async fn read_curves(&self, id: &str) -> Result<Option<RunCurves>, Error> {
        let transaction = self.database.transaction(&[CURVES], TransactionMode::ReadOnly)?;
        let value = transaction.object_store(CURVES)?.get(JsValue::from_str(id))?.await?;
        Ok(value.as_ref().and_then(read))
    }

    async fn read_weights(&self, id: &str) -> Result<Option<Bulk>, Error> {
        let transaction = self.database.transaction(&[WEIGHTS], TransactionMode::ReadOnly)?;
        let value = transaction.object_store(WEIGHTS)?.get(JsValue::from_str(id))?.await?;
        Ok(value.and_then(read_bytes))
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

    async fn remove(&self, id: &str, stores: &[&str]) -> Result<(), Error> {
        let transaction = self.database.transaction(stores, TransactionMode::ReadWrite)?;
        for store in stores {
            transaction.object_store(store)?.delete(JsValue::from_str(id))?;
        }
        ended(transaction.await?)
    }
}
