//! Networks leave for other tools: the engine classifies a few patterns, and the exporter, a worker of its own, writes the file, runs it on these
//! patterns and compares.

pub mod panel;
mod snippets;

use crate::channel::ask_once;
use crate::page::engines::exporter_url;
use crate::page::runs::Runs;
use crate::page::runs::download::file_name;
use crate::page::store::Store;
use crate::page::widgets::pixel_image::to_rgba;
use kindling_core::dataset::patterns::patterns;
use kindling_core::protocol::question::Classify;
use kindling_core::protocol::{
    Bulk, Classification, ExportFormat, ExportRequest, ExportedFile, Failure, FailureKind, ImageInput, ImageShape,
    InputKind, Views,
};
use kindling_core::runs::record::{NetworkInput, RunRecord};

/// Writes the network of a stored run, which must be the one in the engine.
///
/// # Errors
///
/// `NoNetwork` if the run, its weights or the engine's network are gone; `CannotExport` if the format lacks a layer of the network, or if the file
/// classifies the patterns differently.
pub async fn export(store: Store, runs: Runs, id: &str, format: ExportFormat) -> Result<ExportedFile, Failure> {
    let gone = || Failure::new(FailureKind::NoNetwork, "the weights of this run are no longer there");
    let record = runs.find(id).ok_or_else(gone)?;
    let NetworkInput { shape, classes, style } = record.input.clone().ok_or_else(gone)?;
    let weights = runs.with_weights(id).await.ok_or_else(gone)?;
    let mut request = ExportRequest {
        format,
        network: record.config.network.clone(),
        shape,
        classes,
        style,
        weights: weights.into(),
        images: Vec::new(),
        probabilities: Vec::new(),
    };
    for pattern in patterns(shape) {
        let classification = store.ask(Classify { image: input(shape, &pattern), views: Views::One }).await?;
        request.probabilities.push(in_order(&classification));
        // As the engine saw it: where a dataset has figures, it may have cropped and centered something.
        request.images.push(classification.seen);
    }
    ask_once::<_, Result<ExportedFile, Failure>>(&exporter_url().await, &request).await?
}

fn input(shape: ImageShape, pattern: &[u8]) -> ImageInput {
    let rgba = to_rgba(shape, pattern).unwrap_or_default();
    ImageInput { width: shape.width, height: shape.height, rgba: Bulk::from(rgba), kind: InputKind::Photo }
}

/// The probabilities in the order of the classes.
fn in_order(Classification { classes, .. }: &Classification) -> Vec<f32> {
    let mut probabilities = vec![0.0; classes.len()];
    for class in classes {
        if let Some(place) = probabilities.get_mut(usize::from(class.class)) {
            *place = class.probability;
        }
    }
    probabilities
}

/// What the file of a run is called: `LeNet.onnx`, `LeNet-tfjs.zip`.
fn exported_name(record: &RunRecord, format: ExportFormat) -> String {
    let words = if record.name.is_empty() { &record.config.network.name } else { &record.name };
    match format.extension() {
        "zip" => file_name(&format!("{words} {}", format.id()), "zip"),
        extension => file_name(words, extension),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::protocol::ClassProbability;
    use kindling_core::runs::samples::kept;

    #[test]
    fn probabilities_are_in_the_order_of_the_classes() {
        let shape = ImageShape { channels: 1, height: 1, width: 1 };
        let class = |class, probability| ClassProbability { class, probability };
        let classes = vec![class(2, 0.7), class(0, 0.2), class(1, 0.1)];
        let found = Classification { classes, seen: Bulk::default(), shape, treatment: None };
        assert_eq!(in_order(&found), [0.2, 0.1, 0.7]);
    }

    #[test]
    fn archives_say_what_is_in_them() {
        let mut record = kept("one").record;
        record.config.network.name = "My net".to_owned();
        assert_eq!(exported_name(&record, ExportFormat::Onnx), "My-net.onnx");
        assert_eq!(exported_name(&record, ExportFormat::Tfjs), "My-net-tfjs.zip");
        record.name = "Best".to_owned();
        assert_eq!(exported_name(&record, ExportFormat::Page), "Best.html");
    }
}
