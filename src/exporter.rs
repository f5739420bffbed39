//! The exporter: a worker that writes a trained network as a file for other tools and proves it, or makes a network of such a file. The page fetches it
//! when something is exported or imported; it is no part of an engine, because nobody needs it to train.

use kindling_core::protocol::{
    Bulk, ExchangeAnswer, ExchangeRequest, ExportProof, ExportRequest, ExportTarget, ExportedFile, Failure,
    FailureKind, ImportRequest, ImportedFile, Int8Format, QuantizationImages,
};
use kindling_exchange::quantize::Options;
use kindling_exchange::trained::write_weights;
use kindling_exchange::{
    Check, Description, Evaluation, ExchangeError, Imported, QuantizedNetwork, TrainedNetwork, export_int8,
    float_probabilities, quantize, read,
};

use crate::channel;

#[cfg(target_family = "wasm")]
unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Waits for the page's request. The worker's `main` calls this once.
pub fn start() {
    // As for an engine: without this reference, the linker makes every call from JavaScript run the constructors again.
    #[cfg(target_family = "wasm")]
    // SAFETY: nothing has run before this line, and nothing runs the constructors again.
    unsafe {
        __wasm_call_ctors();
    }
    console_error_panic_hook::set_once();
    channel::watch();
    channel::answer_once(|request| answer(request).map_err(failure));
}

fn answer(request: ExchangeRequest) -> Result<ExchangeAnswer, ExchangeError> {
    match request {
        ExchangeRequest::Export(request) => export(*request).map(ExchangeAnswer::Exported),
        ExchangeRequest::Import(request) => import(request).map(Box::new).map(ExchangeAnswer::Imported),
    }
}

fn import(ImportRequest { files, scaling }: ImportRequest) -> Result<ImportedFile, ExchangeError> {
    let files: Vec<_> = files.into_iter().map(|(name, bytes)| (name, bytes.to_vec())).collect();
    let Imported { network, has_class_names, largest_difference } = kindling_exchange::import(&files, &scaling)?;
    let weights = write_weights(network.weights())?.into();
    let Description { network, input: shape, classes, style, origin } = network.description;
    Ok(ImportedFile { network, shape, classes, has_class_names, style, origin, weights, largest_difference })
}

fn export(request: ExportRequest) -> Result<ExportedFile, ExchangeError> {
    let ExportRequest {
        target,
        network,
        shape,
        classes,
        style,
        origin,
        weights,
        images,
        probabilities,
        quantization,
        float_layers,
    } = request;
    let description = Description { network, input: shape, classes, style, origin };
    let trained = TrainedNetwork::from_file(description, &weights)?;
    let check = Check { images: vectors(&images), probabilities };
    match target {
        ExportTarget::Float(format) => {
            let export = kindling_exchange::export(&trained, &check, format)?;
            Ok(ExportedFile { bytes: export.bytes.into(), proof: ExportProof::Difference(export.largest_difference) })
        }
        ExportTarget::Int8(format) => {
            let options = Options { float_layers, ..Options::default() };
            in_integers(&trained, &check, &quantization, &options, format)
        }
    }
}

fn in_integers(
    trained: &TrainedNetwork,
    check: &Check,
    QuantizationImages { calibration, test, labels }: &QuantizationImages,
    options: &Options,
    format: Int8Format,
) -> Result<ExportedFile, ExchangeError> {
    let images = vectors(test);
    let probabilities = float_probabilities(trained, check, &images)?;
    let quantized = quantize(trained, &vectors(calibration), options)?;
    let ms_per_image = time(&quantized, &images)?;
    let export = export_int8(&quantized, &Evaluation { images, labels: labels.clone(), probabilities }, format)?;
    Ok(ExportedFile { bytes: export.bytes.into(), proof: ExportProof::Int8 { proof: export.proof, ms_per_image } })
}

/// Milliseconds per image, as an engine measures them for the network in floats: in batches of 32 images, for a while.
fn time(network: &QuantizedNetwork, images: &[Vec<u8>]) -> Result<f64, ExchangeError> {
    const BATCH_IMAGES: usize = 32;
    const TIMED_MS: f64 = 50.0;
    let batch = images.get(..BATCH_IMAGES).unwrap_or(images);
    let round = || -> Result<f64, ExchangeError> {
        let (began_ms, mut n_images) = (channel::now_ms(), 0);
        loop {
            read::quantized::run(network, batch)?;
            n_images += batch.len().max(1);
            let elapsed_ms = channel::now_ms() - began_ms;
            if elapsed_ms >= TIMED_MS {
                return Ok(elapsed_ms / n_images as f64);
            }
        }
    };
    // Browsers optimize code only once it has run for some time.
    round()?;
    round()
}

fn vectors(images: &[Bulk]) -> Vec<Vec<u8>> {
    images.iter().map(|image| image.to_vec()).collect()
}

fn failure(error: ExchangeError) -> Failure {
    let kind = match error {
        ExchangeError::Network(_) | ExchangeError::Channels { .. } => FailureKind::BadNetwork,
        ExchangeError::NoTensor { .. }
        | ExchangeError::Unreadable(_)
        | ExchangeError::Project
        | ExchangeError::Incomplete(_)
        | ExchangeError::Node { .. }
        | ExchangeError::BadTensor { .. } => FailureKind::BadFile,
        ExchangeError::CannotHold { .. }
        | ExchangeError::Unwritable(_)
        | ExchangeError::BadCheck { .. }
        | ExchangeError::NoImages
        | ExchangeError::NoLayer { .. }
        | ExchangeError::NotFinite { .. }
        | ExchangeError::Disagrees { .. } => FailureKind::CannotExport,
    };
    Failure::new(kind, error.to_string())
}
