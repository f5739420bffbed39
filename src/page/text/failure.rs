//! Texts for failures: what happened, and what helps.

use crate::page::text::i18n::tr;
use kindling_core::protocol::{Failure, FailureKind};

/// One or two sentences; tracks the language. The failure's detail is appended in English.
pub fn failure_text(failure: &Failure) -> String {
    let sentence = match failure.kind {
        FailureKind::DownloadFailed => tr!(failures.download_failed),
        FailureKind::WrongHash => tr!(failures.wrong_hash),
        FailureKind::BadFile => tr!(failures.bad_file),
        FailureKind::UnknownFormat => tr!(failures.unknown_format),
        FailureKind::OneClass => tr!(failures.one_class),
        FailureKind::TooFewImages => tr!(failures.too_few_images),
        FailureKind::NoDataset => tr!(failures.no_dataset),
        FailureKind::NoNetwork => tr!(failures.no_network),
        FailureKind::BadNetwork => tr!(failures.bad_network),
        FailureKind::BadConfig => tr!(failures.bad_config),
        FailureKind::BadImage => tr!(failures.bad_image),
        FailureKind::CannotExport => tr!(failures.cannot_export),
        FailureKind::LossNotFinite => tr!(failures.loss_not_finite),
        FailureKind::OutOfMemory => tr!(failures.out_of_memory),
        FailureKind::NoWebGpu => tr!(failures.no_webgpu),
        FailureKind::GpuError => tr!(failures.gpu_error),
        FailureKind::DeviceLost => tr!(failures.device_lost),
        FailureKind::EngineCrashed => tr!(failures.engine_crashed),
        FailureKind::BuildMismatch => tr!(failures.build_mismatch),
        FailureKind::Canceled => tr!(failures.canceled),
    };
    if failure.detail.is_empty() {
        sentence
    } else {
        tr!(failures.with_detail, sentence = sentence, detail = failure.detail)
    }
}
