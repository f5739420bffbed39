//! Storage of ended runs in IndexedDB, by the run's id: records and curves separately as JSON, weights as bytes.

use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::page::database::{
    CURVES, RUNS, Records, Trouble, WEIGHTS, Waiting, read, read_bytes, written, written_bytes,
};
use kindling_core::protocol::Bulk;
use kindling_core::runs::curves::RunCurves;
use kindling_core::runs::record::RunRecord;

/// What is stored of a run besides its record.
#[derive(Clone, Copy, Default)]
pub struct Parts<'a> {
    pub curves: Option<&'a RunCurves>,
    pub weights: Option<&'a Bulk>,
}

/// A trait, so that only [`opener`] refers to the database and to the code that parses records. This keeps them out of the page's first part.
pub trait RunStorage {
    /// All records. Those that cannot be parsed, for example from a later version of the page, are skipped but not deleted.
    fn records(&self) -> Waiting<'_, Vec<RunRecord>>;

    /// The curves of a run. None if there are none, or if they cannot be parsed.
    fn curves<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<RunCurves>>;

    /// The weights of a run. None if there are none.
    fn weights<'a>(&'a self, id: &'a str) -> Waiting<'a, Option<Bulk>>;

    /// Stores a record in place of the previous one, with the given parts; other parts stay unchanged.
    fn put<'a>(&'a self, record: &'a RunRecord, parts: Parts<'a>) -> Waiting<'a, ()>;

    /// Deletes the weights of a run and keeps the rest.
    fn delete_weights<'a>(&'a self, id: &'a str) -> Waiting<'a, ()>;

    fn delete<'a>(&'a self, id: &'a str) -> Waiting<'a, ()>;
}

type Opening = Waiting<'static, Rc<dyn RunStorage>>;

/// Fetches the part of the page that contains the storage code, and opens the storage.
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
