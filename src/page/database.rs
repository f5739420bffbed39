//! The page's database in the browser (IndexedDB): its stores of records, and what can go wrong with it.

use std::cell::OnceCell;
use std::pin::Pin;
use std::rc::Rc;

use idb::{Database, DatabaseEvent, Error, Factory, ObjectStoreParams, TransactionMode, TransactionResult};
use js_sys::Uint8Array;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::IdbDatabase;

use crate::page::json::{from_text, to_text};
use kindling_core::protocol::Bulk;

const NAME: &str = "kindling";
const VERSION: u32 = 1;

/// Records of kept runs, their curves, and the weights that they ended with.
pub const RUNS: &str = "runs";
pub const CURVES: &str = "curves";
pub const WEIGHTS: &str = "weights";
/// Runs that have not ended, and the engine's part of them.
pub const INTERRUPTED: &str = "interrupted";
pub const CHECKPOINTS: &str = "checkpoints";

/// Why the browser does not keep what it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The page's part that knows the database could not be fetched.
    Unfetched,
    /// As in a private window, or where the visitor forbids it; with the browser's own words.
    Refused(String),
    Full,
}

/// What comes from the database, sooner or later.
pub type Waiting<'a, T> = Pin<Box<dyn Future<Output = Result<T, Trouble>> + 'a>>;

thread_local! {
    /// All that keep something here share it.
    static CONNECTION: OnceCell<Rc<Database>> = const { OnceCell::new() };
}

/// Records by their id, in stores that are named above. What concerns several stores happens in all of them or in none.
pub struct Records(Rc<Database>);

impl Records {
    pub async fn open() -> Result<Self, Trouble> {
        connection().await.map(Self).map_err(trouble)
    }

    /// All of a store that can be read. The rest, as from a later version of the page, is left where it is.
    pub async fn all<T: DeserializeOwned>(&self, store: &str) -> Result<Vec<T>, Trouble> {
        let values = self.read_all(store).await.map_err(trouble)?;
        Ok(values.iter().filter_map(read).collect())
    }

    /// What each of the stores has by this id.
    pub async fn get(&self, stores: &[&str], id: &str) -> Result<Vec<Option<JsValue>>, Trouble> {
        self.read_by_id(stores, id).await.map_err(trouble)
    }

    /// Puts a value in each of the stores, in the place of the one before.
    pub async fn put(&self, id: &str, values: &[(&str, JsValue)]) -> Result<(), Trouble> {
        self.write(id, values).await.map_err(trouble)
    }

    pub async fn delete(&self, stores: &[&str], id: &str) -> Result<(), Trouble> {
        self.remove(stores, id).await.map_err(trouble)
    }

    async fn read_all(&self, store: &str) -> Result<Vec<JsValue>, Error> {
        let transaction = self.0.transaction(&[store], TransactionMode::ReadOnly)?;
        transaction.object_store(store)?.get_all(None, None)?.await
    }

    async fn read_by_id(&self, stores: &[&str], id: &str) -> Result<Vec<Option<JsValue>>, Error> {
        let transaction = self.0.transaction(stores, TransactionMode::ReadOnly)?;
        // All are asked for before any is waited for: a transaction that has nothing to do ends.
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
        ended(transaction.await?)
    }

    async fn remove(&self, stores: &[&str], id: &str) -> Result<(), Error> {
        let transaction = self.0.transaction(stores, TransactionMode::ReadWrite)?;
        for store in stores {
            transaction.object_store(store)?.delete(JsValue::from_str(id))?;
        }
        ended(transaction.await?)
    }
}

/// The page's one.
async fn connection() -> Result<Rc<Database>, Error> {
    if let Some(database) = CONNECTION.with(|connection| connection.get().cloned()) {
        return Ok(database);
    }
    let mut request = Factory::new().and_then(|factory| factory.open(NAME, Some(VERSION)))?;
    request.on_upgrade_needed(|event| {
        // What fails here fails the request, too.
        if let Ok(database) = event.database() {
            for store in [RUNS, CURVES, WEIGHTS, INTERRUPTED, CHECKPOINTS] {
                database.create_object_store(store, ObjectStoreParams::new()).ok();
            }
        }
    });
    let mut database = request.await?;
    // A later version of the page in another tab wants to change the database, and would wait for this one for ever.
    database.on_version_change(|event| {
        if let Some(database) = event.target().and_then(|target| target.dyn_into::<IdbDatabase>().ok()) {
            database.close();
        }
    });
    Ok(CONNECTION.with(|connection| {
        if connection.get().is_some() {
            // Somebody else has opened it meanwhile. Without this the browser would hold this one for a while.
            database.close();
        }
        connection.get_or_init(|| Rc::new(database)).clone()
    }))
}

/// A new name: by time, then by chance, so that two windows never meet.
pub fn unique_id() -> String {
    let chance = (js_sys::Math::random() * f64::from(1 << 24)) as u32;
    format!("{:011x}-{chance:06x}", js_sys::Date::now() as u64)
}

/// None for what cannot be read, as from a later version of the page.
pub fn read<T: DeserializeOwned>(value: &JsValue) -> Option<T> {
    from_text(&value.as_string()?)
}

/// As it is put, and read again.
pub fn written<T: Serialize>(value: &T) -> JsValue {
    to_text(value).into()
}

/// Bytes as they were put.
pub fn read_bytes(value: JsValue) -> Option<Bulk> {
    Some(value.dyn_into::<Uint8Array>().ok()?.to_vec().into())
}

/// As they are put.
pub fn written_bytes(bytes: &Bulk) -> JsValue {
    Uint8Array::from(&bytes[..]).into()
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
