//! The page's browser database (IndexedDB): its object stores and its errors.

use std::cell::OnceCell;
use std::pin::Pin;
use std::rc::Rc;

use idb::{
    Database, DatabaseEvent, Error, Factory, KeyRange, ObjectStoreParams, Query, Transaction, TransactionMode,
    TransactionResult,
};
use js_sys::Uint8Array;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::IdbDatabase;

use crate::page::json::{from_text, to_text};
use kindling_core::protocol::Bulk;

const NAME: &str = "kindling";

/// Counts the sets of object stores: a database of an earlier version gets the stores that it lacks.
const VERSION: u32 = 2;

/// Records of kept runs, their curves, and their final weights.
pub const RUNS: &str = "runs";
pub const CURVES: &str = "curves";
pub const WEIGHTS: &str = "weights";
/// Records of runs that have not ended, and the engine's checkpoints of them.
pub const INTERRUPTED: &str = "interrupted";
pub const CHECKPOINTS: &str = "checkpoints";
/// Projects; the records of their images, and the image files, under the project's id, a slash, and the image's.
pub const PROJECTS: &str = "projects";
pub const IMAGES: &str = "images";
pub const IMAGE_FILES: &str = "image-files";

const STORES: [&str; 8] = [RUNS, CURVES, WEIGHTS, INTERRUPTED, CHECKPOINTS, PROJECTS, IMAGES, IMAGE_FILES];

/// Why the database could not be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The part of the page with the database code could not be fetched.
    Unfetched,
    /// The browser refuses access, as in a private window or where the visitor forbids it. Holds the browser's message.
    Refused(String),
    /// The storage quota is used up.
    Full,
}

/// A pending result from the database.
pub type Waiting<'a, T> = Pin<Box<dyn Future<Output = Result<T, Trouble>> + 'a>>;

thread_local! {
    /// One connection for the whole page.
    static CONNECTION: OnceCell<Rc<Database>> = const { OnceCell::new() };
}

/// Records by id, in the stores named above. An operation on several stores is one transaction: it succeeds in all of them or in none.
pub struct Records(Rc<Database>);

impl Records {
    pub async fn open() -> Result<Self, Trouble> {
        connection().await.map(Self).map_err(trouble)
    }

    /// All records of a store that can be parsed. Others, such as those of a later version of the page, are skipped and stay in the store.
    pub async fn all<T: DeserializeOwned>(&self, store: &str) -> Result<Vec<T>, Trouble> {
        let values = self.read_all(store).await.map_err(trouble)?;
        Ok(values.iter().filter_map(read).collect())
    }

    /// The ids and values of a store whose ids begin with `start`, which ends with a slash, in the order of the ids.
    pub async fn all_below(&self, store: &str, start: &str) -> Result<Vec<(String, JsValue)>, Trouble> {
        self.read_below(store, start).await.map_err(trouble)
    }

    /// The value with this id in each of the stores, in their order.
    pub async fn get(&self, stores: &[&str], id: &str) -> Result<Vec<Option<JsValue>>, Trouble> {
        self.read_by_id(stores, id).await.map_err(trouble)
    }

    /// Writes a value under this id to each of the stores, replacing the previous one.
    pub async fn put(&self, id: &str, values: &[(&str, JsValue)]) -> Result<(), Trouble> {
        self.write(id, values).await.map_err(trouble)
    }

    /// Writes values of several ids, each with the store that it belongs to: all of them or none.
    pub async fn put_all(&self, values: &[(&str, String, JsValue)]) -> Result<(), Trouble> {
        self.write_all(values).await.map_err(trouble)
    }

    /// Reads a record, changes it, and writes it back, in one transaction, so that no change of another tab is lost. Returns the changed record;
    /// none if there is no such record.
    pub async fn change<T: Serialize + DeserializeOwned>(
        &self,
        store: &str,
        id: &str,
        change: impl FnOnce(&mut T),
    ) -> Result<Option<T>, Trouble> {
        self.rewrite(store, id, change).await.map_err(trouble)
    }

    pub async fn delete(&self, stores: &[&str], id: &str) -> Result<(), Trouble> {
        self.remove(stores, &[id]).await.map_err(trouble)
    }

    /// Deletes several ids from all of the stores.
    pub async fn delete_all(&self, stores: &[&str], ids: &[&str]) -> Result<(), Trouble> {
        self.remove(stores, ids).await.map_err(trouble)
    }

    async fn read_all(&self, store: &str) -> Result<Vec<JsValue>, Error> {
        let transaction = self.0.transaction(&[store], TransactionMode::ReadOnly)?;
        transaction.object_store(store)?.get_all(None, None)?.await
    }

    async fn read_below(&self, store: &str, start: &str) -> Result<Vec<(String, JsValue)>, Error> {
        // The character after the slash comes after all ids that begin with `start`.
        let end = format!("{}0", start.trim_end_matches('/'));
        let range = KeyRange::bound(&start.into(), &JsValue::from_str(&end), None, Some(true))?;
        let transaction = self.0.transaction(&[store], TransactionMode::ReadOnly)?;
        let keys = transaction.object_store(store)?.get_all_keys(Some(Query::KeyRange(range.clone())), None)?;
        let values = transaction.object_store(store)?.get_all(Some(Query::KeyRange(range)), None)?;
        let keys = keys.await?.into_iter().map(|key| key.as_string().unwrap_or_default());
        Ok(keys.zip(values.await?).collect())
    }

    async fn read_by_id(&self, stores: &[&str], id: &str) -> Result<Vec<Option<JsValue>>, Error> {
        let transaction = self.0.transaction(stores, TransactionMode::ReadOnly)?;
        // All requests are made before the first await: a transaction without pending requests commits.
        let mut requests = Vec::with_capacity(stores.len());
        for store in stores {
            requests.push(transaction.object_store(store)?.get(JsValue::from_str(id))?);
        }
        let mut values = Vec::with_capacity(stores.len());
        for request in requests {
            values.push(request.await?);
        }
        Ok(values)
    }

    async fn write(&self, id: &str, values: &[(&str, JsValue)]) -> Result<(), Error> {
        let stores: Vec<&str> = values.iter().map(|(store, _)| *store).collect();
        let transaction = self.0.transaction(&stores, TransactionMode::ReadWrite)?;
        for (store, value) in values {
            transaction.object_store(store)?.put(value, Some(&JsValue::from_str(id)))?;
        }
        committed(transaction).await
    }

    async fn write_all(&self, values: &[(&str, String, JsValue)]) -> Result<(), Error> {
        let mut stores: Vec<&str> = values.iter().map(|(store, ..)| *store).collect();
        stores.sort_unstable();
        stores.dedup();
        if stores.is_empty() {
            return Ok(());
        }
        let transaction = self.0.transaction(&stores, TransactionMode::ReadWrite)?;
        let put = |(store, id, value): &(&str, String, JsValue)| {
            transaction.object_store(store)?.put(value, Some(&JsValue::from_str(id))).map(drop)
        };
        if let Err(error) = values.iter().try_for_each(put) {
            // What was put before it would be stored otherwise. It fails if the transaction has ended already.
            transaction.abort().ok();
            return Err(error);
        }
        committed(transaction).await
    }

    async fn rewrite<T: Serialize + DeserializeOwned>(
        &self,
        store: &str,
        id: &str,
        change: impl FnOnce(&mut T),
    ) -> Result<Option<T>, Error> {
        let transaction = self.0.transaction(&[store], TransactionMode::ReadWrite)?;
        let key = JsValue::from_str(id);
        let value = transaction.object_store(store)?.get(key.clone())?.await?;
        let Some(mut record) = value.as_ref().and_then(read::<T>) else { return Ok(None) };
        change(&mut record);
        transaction.object_store(store)?.put(&written(&record), Some(&key))?;
        committed(transaction).await?;
        Ok(Some(record))
    }

    async fn remove(&self, stores: &[&str], ids: &[&str]) -> Result<(), Error> {
        let transaction = self.0.transaction(stores, TransactionMode::ReadWrite)?;
        for store in stores {
            let store = transaction.object_store(store)?;
            for id in ids {
                store.delete(JsValue::from_str(id))?;
            }
        }
        committed(transaction).await
    }
}

/// The page's connection, opened on first use.
async fn connection() -> Result<Rc<Database>, Error> {
    if let Some(database) = CONNECTION.with(|connection| connection.get().cloned()) {
        return Ok(database);
    }
    let mut request = Factory::new().and_then(|factory| factory.open(NAME, Some(VERSION)))?;
    request.on_upgrade_needed(|event| {
        // An error here also fails the request.
        if let Ok(database) = event.database() {
            let present = database.store_names();
            for store in STORES.iter().filter(|store| !present.iter().any(|name| name == *store)) {
                database.create_object_store(store, ObjectStoreParams::new()).ok();
            }
        }
    });
    let mut database = request.await?;
    // A later version of the page in another tab cannot upgrade the database until this connection is closed.
    database.on_version_change(|event| {
        if let Some(database) = event.target().and_then(|target| target.dyn_into::<IdbDatabase>().ok()) {
            database.close();
        }
    });
    Ok(CONNECTION.with(|connection| {
        if connection.get().is_some() {
            // A concurrent call has opened one meanwhile. Without `close`, the browser would keep this one open for a while.
            database.close();
        }
        connection.get_or_init(|| Rc::new(database)).clone()
    }))
}

/// A new id: the time in ms, then a random number, so that two windows do not produce the same id.
pub fn unique_id() -> String {
    let random = (js_sys::Math::random() * f64::from(1 << 24)) as u32;
    format!("{:011x}-{random:06x}", js_sys::Date::now() as u64)
}

/// Parses a stored record. None if it cannot be parsed, as when a later version of the page wrote it.
pub fn read<T: DeserializeOwned>(value: &JsValue) -> Option<T> {
    from_text(&value.as_string()?)
}

/// The stored form of a record: JSON text, which [`read`] parses.
pub fn written<T: Serialize>(value: &T) -> JsValue {
    to_text(value).into()
}

/// The bytes of a value made by [`written_bytes`].
pub fn read_bytes(value: JsValue) -> Option<Bulk> {
    Some(value.dyn_into::<Uint8Array>().ok()?.to_vec().into())
}

/// The stored form of bytes.
pub fn written_bytes(bytes: &Bulk) -> JsValue {
    Uint8Array::from(&bytes[..]).into()
}

/// An aborted transaction has written nothing. It is reported as [`Trouble::Full`], the usual cause.
/// Waits until the transaction has committed. One that the browser aborts fails with its open requests, too, and idb expects no such event.
async fn committed(transaction: Transaction) -> Result<(), Error> {
    match transaction.await {
        Ok(TransactionResult::Committed) => Ok(()),
        Ok(TransactionResult::Aborted) | Err(_) => Err(Error::DomExceptionNotFound),
    }
}

fn trouble(error: Error) -> Trouble {
    if matches!(error, Error::DomExceptionNotFound) || error.to_string().contains("QuotaExceeded") {
        Trouble::Full
    } else {
        Trouble::Refused(error.to_string())
    }
}
