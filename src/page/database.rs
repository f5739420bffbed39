//! The page's database in the browser (IndexedDB): how it is opened, and what can go wrong with it.

use std::cell::OnceCell;
use std::pin::Pin;
use std::rc::Rc;

use idb::{Database, DatabaseEvent, Error, Factory, ObjectStoreParams, TransactionResult};
use js_sys::Uint8Array;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::IdbDatabase;

use crate::page::json::from_text;
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

/// The page's one connection.
pub async fn open() -> Result<Rc<Database>, Trouble> {
    if let Some(database) = CONNECTION.with(|connection| connection.get().cloned()) {
        return Ok(database);
    }
    let mut request = Factory::new().and_then(|factory| factory.open(NAME, Some(VERSION))).map_err(trouble)?;
    request.on_upgrade_needed(|event| {
        // What fails here fails the request, too.
        if let Ok(database) = event.database() {
            for store in [RUNS, CURVES, WEIGHTS, INTERRUPTED, CHECKPOINTS] {
                database.create_object_store(store, ObjectStoreParams::new()).ok();
            }
        }
    });
    let mut database = request.await.map_err(trouble)?;
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

/// Bytes as they were put.
pub fn read_bytes(value: JsValue) -> Option<Bulk> {
    Some(value.dyn_into::<Uint8Array>().ok()?.to_vec().into())
}

/// A transaction that was aborted has written nothing: the disk is full.
pub fn ended(result: TransactionResult) -> Result<(), Error> {
    match result {
        TransactionResult::Committed => Ok(()),
        TransactionResult::Aborted => Err(Error::DomExceptionNotFound),
    }
}

pub fn trouble(error: Error) -> Trouble {
    if matches!(error, Error::DomExceptionNotFound) || error.to_string().contains("QuotaExceeded") {
        Trouble::Full
    } else {
        Trouble::Refused(error.to_string())
    }
}
