//! The methods of `window.kindling` that concern projects: what the panel "Your images" does.

use js_sys::{Array, Object};
use serde_json::{Value, json};
use wasm_bindgen::{JsCast, JsValue};

use super::glue::{blob, files, from_js, named_error, to_error, to_js};
use super::methods::dataset_json;
use super::values::bad;
use super::{Answering, Method, config, label_errors};
use crate::page::collect::collector::{Collector, Problem, collector};
use crate::page::collect::programs::{FilesOfClass, Refusal};
use crate::page::runs::Runs;
use crate::page::store::Store;
use kindling_core::dataset::Reading;
use kindling_core::protocol::SplitName;

/// Calls one of these methods.
pub fn call(store: Store, runs: Runs, method: Method, first: JsValue, second: JsValue) -> Answering {
    let collector = collector(store);
    Box::pin(async move {
        let result = match method {
            Method::ExportProject => export(collector, runs, &first).await,
            method => plain((store, runs), collector, method, &first, &second).await.map(|value| to_js(&value)),
        };
        result.map_err(|refusal| match refusal {
            Refusal::Named(name, sentence) => named_error(name, &sentence),
            Refusal::Engine(failure) => to_error(failure),
        })
    })
}

/// The methods whose results are plain data.
async fn plain(
    (store, runs): (Store, Runs),
    collector: Collector,
    method: Method,
    first: &JsValue,
    second: &JsValue,
) -> Result<Value, Refusal> {
    if method == Method::Projects {
        return Ok(collector.listed().await?);
    }
    collector.loaded().await?;
    match method {
        Method::CreateProject => {
            let name = text("the name", first)?;
            let classes = strings(&from_js(second).map_err(Refusal::Engine)?)?;
            Ok(json!(collector.create(&name, &classes).await?))
        }
        Method::AddClass => {
            collector.add_class(&text("the project", first)?, &text("the name", second)?).await?;
            Ok(Value::Null)
        }
        Method::AddImages => Ok(collector.add_by_class(&text("the project", first)?, by_class(second)?).await?),
        Method::ReviewImage => {
            let options = from_js(second).map_err(Refusal::Engine)?;
            label_errors::decide(collector, &text("the project", first)?, &options).await
        }
        Method::UseProject => {
            let options = from_js(second).map_err(Refusal::Engine)?;
            let (split, images) = config::load_options(&options).map_err(Refusal::Engine)?;
            store.ready().await.map_err(Refusal::Engine)?;
            let reading = Reading { images, ..Reading::default() };
            let dataset = collector.use_project(&text("the project", first)?, split, reading).await?;
            Ok(dataset_json(&dataset))
        }
        Method::ImportProject => {
            let file = blob(first.clone()).ok_or_else(|| refused("the file is no Blob"))?;
            Ok(collector.import_file(&file, runs).await?)
        }
        Method::DeleteProject => {
            collector.delete_project(&text("the project", first)?).await?;
            Ok(Value::Null)
        }
        _ => Ok(Value::Null),
    }
}

async fn export(collector: Collector, runs: Runs, project: &JsValue) -> Result<JsValue, Refusal> {
    collector.loaded().await?;
    let id = text("the project", project)?;
    // Nothing is exported of a project that is gone.
    collector.find(&id).ok_or(Problem::Gone)?;
    Ok(collector.export(&id, runs).await?.into())
}

fn text(what: &str, value: &JsValue) -> Result<String, Refusal> {
    value.as_string().ok_or_else(|| refused(&format!("{what} is no text")))
}

fn strings(value: &Value) -> Result<Vec<String>, Refusal> {
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(names) => {
            let names = names.iter().map(|name| name.as_str().map(str::to_owned));
            names.collect::<Option<_>>().ok_or_else(|| refused("a class's name is no text"))
        }
        _ => Err(refused("the classes are no list of names")),
    }
}

/// The files of each class, by its name, or by the splits that they come in below it.
fn by_class(value: &JsValue) -> Result<Vec<FilesOfClass>, Refusal> {
    let mut found = Vec::new();
    for (class, of_class) in entries(value).ok_or_else(|| refused("the images are no object of files by class"))? {
        if let Some(files) = files(&of_class) {
            found.push(FilesOfClass { class, split: None, files });
            continue;
        }
        let by_split = entries(&of_class);
        let by_split =
            by_split.ok_or_else(|| refused("the images of a class are no list of files, and in no splits"))?;
        // Of copies, the first is kept: one that is held out is not to be trained on.
        let splits = [("test", SplitName::Test), ("validation", SplitName::Validation), ("train", SplitName::Train)];
        if by_split.iter().any(|(name, _)| splits.iter().all(|(split, _)| split != name)) {
            return Err(refused("the splits of a class's images are `train`, `validation` and `test`"));
        }
        for (name, split) in splits {
            let Some((_, of_split)) = by_split.iter().find(|(it, _)| it == name) else { continue };
            let files = files(of_split).ok_or_else(|| refused("the images of a split are no list of files"))?;
            found.push(FilesOfClass { class: class.clone(), split: Some(split), files });
        }
    }
    Ok(found)
}

/// The entries of an object; none if the value is something else.
fn entries(value: &JsValue) -> Option<Vec<(String, JsValue)>> {
    // An object of a page around this one is an instance of that page's class.
    if !value.is_object() || Array::is_array(value) {
        return None;
    }
    let entries = Object::entries(value.unchecked_ref());
    let entries = entries.iter().map(|entry| Array::from(&entry));
    entries.map(|entry| Some((entry.get(0).as_string()?, entry.get(1)))).collect()
}

fn refused(sentence: &str) -> Refusal {
    Refusal::Engine(bad(sentence))
}
