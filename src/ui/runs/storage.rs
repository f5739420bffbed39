//! Where kept runs lie: IndexedDB, records and curves apart, each as JSON by the run's id.

use idb::{Database, DatabaseEvent, Error, Factory, ObjectStoreParams, TransactionMode, TransactionResult};
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use super::curves::RunCurves;
use super::record::RunRecord;

const NAME: &str = "kindling";
const VERSION: u32 = 1;
const RECORDS: &str = "runs";
const CURVES: &str = "curves";

/// Why the browser does not keep what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// As in a private window, or where the visitor forbids it; with the browser's own words.
    Refused(String),
    Full,
}

pub struct RunStorage {
    database: Database,
}

impl RunStorage {
    pub async fn open() -> Result<Self, Trouble> {
        let mut request = Factory::new().and_then(|factory| factory.open(NAME, Some(VERSION))).map_err(trouble)?;
        request.on_upgrade_needed(|event| {
            // What fails here fails the request, too.
            if let Ok(database) = event.database() {
                for store in [RECORDS, CURVES] {
                    database.create_object_store(store, ObjectStoreParams::new()).ok();
                }
            }
        });
        Ok(Self { database: request.await.map_err(trouble)? })
    }

    /// All records. What cannot be read, as from a later version of the page, is left where it is.
    pub async fn records(&self) -> Result<Vec<RunRecord>, Trouble> {
        self.read_all(RECORDS).await.map_err(trouble)
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
        let transaction = self.database.transaction(&[RECORDS, CURVES], TransactionMode::ReadWrite)?;
        let key = JsValue::from_str(&record.id);
        // Plain data: it can be written as JSON.
        let record = serde_json::to_string(record).unwrap_or_default();
        transaction.object_store(RECORDS)?.put(&record.into(), Some(&key))?;
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
        let transaction = self.database.transaction(&[RECORDS, CURVES], TransactionMode::ReadWrite)?;
        for store in [RECORDS, CURVES] {
            transaction.object_store(store)?.delete(JsValue::from_str(id))?;
        }
        ended(transaction.await?)
    }
}

fn read<T: DeserializeOwned>(value: &JsValue) -> Option<T> {
    serde_json::from_str(&value.as_string()?).ok()
}

/// A transaction that was aborted has written nothing: the disk is full.
fn ended(result: TransactionResult) -> Result<(), Error> {
    match result {
        TransactionResult::Committed => Ok(()),
        TransactionResult::Aborted => Err(Error::DomExceptionNotFound),
    }
}

fn trouble(error: Error) -> Trouble {
    if matches!(error, Error::DomExceptionNotFound) || error.to_string().contains("QuotaExceeded") {
        Trouble::Full
    } else {
        Trouble::Refused(error.to_string())
    }
}
