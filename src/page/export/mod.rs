//! Networks leave for other tools: the engine classifies a few patterns, and the exporter, a worker of its own, writes the file, runs it on these
//! patterns and compares.
//!
//! The weights come from the storage, the patterns from `core/dataset/patterns.rs`. The exporter is fetched with the first export, so no engine grows
//! by it; what it does is `kindling_exchange::export`, as natively.

pub mod panel;
mod snippets;

use crate::page::download::file_name;
use crate::page::exporter::asked;
use crate::page::runs::Runs;
use crate::page::store::Store;
use crate::page::widgets::pixel_image::to_rgba;
use kindling_core::dataset::patterns::patterns;
use kindling_core::protocol::question::{Classify, Images};
use kindling_core::protocol::{
    Bulk, Classification, ExchangeAnswer, ExchangeRequest, ExportRequest, ExportTarget, ExportedFile, Failure,
    FailureKind, ImageInput, ImageShape, InputKind, Origin, QuantizationImages, SplitName, Views,
};
use kindling_core::runs::record::{NetworkInput, RunRecord};

/// Train images that calibrate a network for integers, and test images that the result is measured on: enough for both, and computed within
/// seconds by code that nothing accelerates.
const N_CALIBRATION: u32 = 100;
const N_TEST: u32 = 300;

/// What a network is written as.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportOptions {
    pub target: ExportTarget,
    /// The paths of layers that stay in floats where the others are quantized.
    pub float_layers: Vec<String>,
}

impl From<ExportTarget> for ExportOptions {
    fn from(target: ExportTarget) -> Self {
        Self { target, float_layers: Vec::new() }
    }
}

/// Writes the network of a stored run, which must be the one in the engine.
///
/// # Errors
///
/// `NoNetwork` if the run, its weights or the engine's network are gone; `CannotExport` if the format lacks a layer of the network, or if the file
/// classifies the patterns differently.
pub async fn export(store: Store, runs: Runs, id: &str, options: ExportOptions) -> Result<ExportedFile, Failure> {
    let ExportOptions { target, float_layers } = options;
    let gone = || Failure::new(FailureKind::NoNetwork, "the weights of this run are no longer there");
    let record = runs.find(id).ok_or_else(gone)?;
    let NetworkInput { shape, classes, style } = record.input.clone().ok_or_else(gone)?;
    let weights = runs.with_weights(id).await.ok_or_else(gone)?;
    let mut request = ExportRequest {
        target,
        network: record.config.network.clone(),
        shape,
        classes,
        style,
        origin: Some(Origin { dataset: record.config.dataset.clone(), split: record.config.split }),
        weights: weights.into(),
        images: Vec::new(),
        probabilities: Vec::new(),
        quantization: match target {
            ExportTarget::Float(_) => QuantizationImages::default(),
            ExportTarget::Int8(_) => quantization_images(store).await?,
        },
        float_layers,
    };
    for pattern in patterns(shape) {
        let classification = store.ask(Classify { image: input(shape, &pattern), views: Views::One }).await?;
        request.probabilities.push(in_order(&classification));
        // As the engine saw it: where a dataset has figures, it may have cropped and centered something.
        request.images.push(classification.seen);
    }
    match asked(&ExchangeRequest::Export(Box::new(request))).await? {
        ExchangeAnswer::Exported(file) => Ok(file),
        ExchangeAnswer::Imported(_) => Err(Failure::new(FailureKind::EngineCrashed, "the exporter imported instead")),
    }
}

/// Images of the dataset that the network was trained on.
async fn quantization_images(store: Store) -> Result<QuantizationImages, Failure> {
    let (calibration, _) = spread(store, SplitName::Train, N_CALIBRATION).await?;
    let (mut test, mut labels) = spread(store, SplitName::Test, N_TEST).await?;
    if test.is_empty() {
        (test, labels) = spread(store, SplitName::Validation, N_TEST).await?;
    }
    if test.is_empty() {
        return Err(Failure::new(FailureKind::TooFewImages, "there is no test image to measure integers of 8 bits on"));
    }
    Ok(QuantizationImages { calibration, test, labels })
}

/// About `n` images with their classes from all over a split, which may be in the order of its classes.
async fn spread(store: Store, split: SplitName, n: u32) -> Result<(Vec<Bulk>, Vec<u16>), Failure> {
    const AT_ONCE: u32 = 4;
    let total = store.ask(Images { split, class: None, offset: 0, count: 1 }).await?.total;
    let stride = total.div_ceil(n.div_ceil(AT_ONCE)).max(AT_ONCE) as usize;
    let (mut images, mut labels) = (Vec::new(), Vec::new());
    for offset in (0..total).step_by(stride) {
        let batch = store.ask(Images { split, class: None, offset, count: AT_ONCE }).await?;
        images.extend(batch.pixels.chunks_exact(batch.shape.n_values().max(1)).map(|image| Bulk::from(image.to_vec())));
        labels.extend(batch.labels);
    }
    Ok((images, labels))
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
fn exported_name(record: &RunRecord, target: ExportTarget) -> String {
    let words = if record.name.is_empty() { &record.config.network.name } else { &record.name };
    match target {
        ExportTarget::Float(format) if format.extension() != "zip" => file_name(words, format.extension()),
        ExportTarget::Float(format) => file_name(&format!("{words} {}", format.id()), "zip"),
        ExportTarget::Int8(format) => file_name(&format!("{words} int8"), format.extension()),
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
    fn files_say_what_is_in_them() {
        let mut record = kept("one").record;
        record.config.network.name = "My net".to_owned();
        let name = |record: &RunRecord, id| exported_name(record, ExportTarget::of_id(id).unwrap());
        assert_eq!(name(&record, "onnx"), "My-net.onnx");
        assert_eq!(name(&record, "onnx-int8"), "My-net-int8.onnx");
        assert_eq!(name(&record, "tfjs"), "My-net-tfjs.zip");
        record.name = "Best".to_owned();
        assert_eq!(name(&record, "page"), "Best.html");
    }
}
