//! Many images at once for programs: `kindling.classifyFiles`, as plain data.

use serde_json::{Value, json};
use web_sys::File;

use super::row::{Row, TOP};
use super::source::found;
use crate::page::store::Store;
use kindling_core::protocol::question::Classify;
use kindling_core::protocol::{Failure, FailureKind, Views};

/// Classifies files, the files of folders, and those in zip archives, one after another. Below the threshold, the label is null.
///
/// # Errors
///
/// There is no dataset or no trained network, or the engine fails. Files that are no images are left out and listed.
pub async fn classify_files(
    store: Store,
    files: Vec<(String, File)>,
    views: Views,
    threshold: f32,
) -> Result<Value, Failure> {
    let classes =
        store.dataset.with_untracked(|dataset| dataset.current.as_ref().map(|current| current.classes.clone()));
    let classes = classes.ok_or_else(|| Failure::new(FailureKind::NoDataset, "there is no dataset"))?;
    let (sources, refused) = found(files).await;
    let mut left_out: Vec<Value> = refused.into_iter().map(|(file, reason)| refusal(&file, &reason)).collect();
    let mut images = Vec::new();
    for (place, (path, source)) in sources.into_iter().enumerate() {
        let image = match source.pixels().await {
            Ok(image) => image,
            Err(reason) => {
                left_out.push(refusal(&path, &reason));
                continue;
            }
        };
        let mut found = store.ask(Classify { image, views }).await?.classes;
        found.truncate(TOP);
        let row = Row { place, path, classes: found, corrected: None };
        let name = |class: u16| classes.get(usize::from(class));
        let probable: Vec<Value> = row
            .classes
            .iter()
            .map(|class| json!({ "label": name(class.class), "probability": class.probability }))
            .collect();
        images.push(json!({
            "file": row.path, "label": row.predicted(threshold).and_then(name), "probability": row.confidence(), "classes": probable,
        }));
    }
    Ok(json!({ "images": images, "leftOut": left_out }))
}

fn refusal(file: &str, reason: &kindling_core::dataset::image_folder::LeftOutReason) -> Value {
    json!({ "file": file, "reason": reason.to_string() })
}
