//! The exporter: a worker that writes a trained network as a file for other tools and proves it. The page fetches it when something is exported; it
//! is no part of an engine, because nobody needs it to train.

use kindling_core::protocol::{ExportRequest, ExportedFile, Failure, FailureKind};
use kindling_exchange::{Check, Description, ExchangeError, TrainedNetwork};

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
    channel::answer_once(|request: ExportRequest| export(request).map_err(failure));
}

fn export(request: ExportRequest) -> Result<ExportedFile, ExchangeError> {
    let ExportRequest { format, network, shape, classes, style, weights, images, probabilities } = request;
    let description = Description { network, input: shape, classes, style };
    let trained = TrainedNetwork::from_file(description, &weights)?;
    let check = Check { images: images.iter().map(|image| image.to_vec()).collect(), probabilities };
    let export = kindling_exchange::export(&trained, &check, format)?;
    Ok(ExportedFile { bytes: export.bytes.into(), largest_difference: export.largest_difference })
}

fn failure(error: ExchangeError) -> Failure {
    let kind = match error {
        ExchangeError::Network(_) | ExchangeError::Channels { .. } => FailureKind::BadNetwork,
        ExchangeError::NoTensor { .. } | ExchangeError::Unreadable(_) => FailureKind::BadFile,
        ExchangeError::CannotHold { .. }
        | ExchangeError::Unwritable(_)
        | ExchangeError::BadCheck { .. }
        | ExchangeError::Disagrees { .. } => FailureKind::CannotExport,
    };
    Failure::new(kind, error.to_string())
}
