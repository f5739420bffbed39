//! Where kept runs lie: IndexedDB, by the run's id. Records and curves apart, each as JSON; weights as bytes.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::page::database::{
    CURVES, RUNS, Records, Trouble, WEIGHTS, Waiting, read, read_bytes, written, written_bytes,
};
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
            let storage: Rc<dyn RunStorage> = Rc::new(Indexed(Records::open().await?));
            Ok(storage)
        })
    })
}

struct Indexed(Records);

impl RunStorage for Indexed {
    fn records(&self) -> Waiting<'_, Vec<RunRecord>> {
        Box::pin(self.0.all(RUNS))
    }

    fn curves<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<RunCurves>> {
        Box::pin(async { Ok(self.one(CURVES, id).await?.as_ref().and_then(read)) })
    }

    fn weights<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<Bulk>> {
        Box::pin(async { Ok(self.one(WEIGHTS, id).await?.and_then(read_bytes)) })
    }

    fn put<'a>(&'a self, record: &'a RunRecord, Parts { curves, weights }: Parts<'a>) -> Waiting<'a, ()> {
        let mut values = vec![(RUNS, written(record))];
        values.extend(curves.map(|curves| (CURVES, written(curves))));
        values.extend(weights.map(|weights| (WEIGHTS, written_bytes(weights))));
        Box::pin(async move { self.0.put(&record.id, &values).await })
    }

    fn delete_weights<'a>(&'a self, id: &'a str) -> Waiting<'a, ()> {
        Box::pin(self.0.delete(&[WEIGHTS], id))
    }

    fn delete<'a>(&'a self, id: &'a str) -> Waiting<'a, ()> {
        Box::pin(self.0.delete(&[RUNS, CURVES, WEIGHTS], id))
    }
}

impl Indexed {
    async fn one(&self, store: &str, id: &str) -> Result<Option<JsValue>, Trouble> {
        Ok(self.0.get(&[store], id).await?.pop().flatten())
    }
}
