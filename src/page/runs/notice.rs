//! The texts of notices about stored runs and imported configs.

use crate::page::database::Trouble;
use crate::page::state::RunNotice;
use crate::page::text::failure::failure_text;
use crate::page::text::i18n::tr;
use kindling_core::protocol::{Failure, FailureKind};
use kindling_core::runs::incoming::{RUNS_LIMIT, Refusal};

/// In the visitor's language; tracked.
pub fn run_notice_text(notice: &RunNotice) -> String {
    match notice {
        RunNotice::NotKept(Trouble::Unfetched) => tr!(runs.storage_unfetched),
        RunNotice::NotKept(Trouble::Full) => tr!(runs.storage_full),
        RunNotice::NotKept(Trouble::Refused(detail)) => tr!(runs.storage_refused, detail = detail),
        RunNotice::Deleted { name, .. } => tr!(runs.deleted, name = name),
        RunNotice::WeightsGone => tr!(runs.weights_gone),
        RunNotice::OldestGone => tr!(runs.oldest_gone, limit = RUNS_LIMIT),
        RunNotice::LinkRefused(refusal) => tr!(runs.link_refused, reason = refusal_text(refusal)),
        RunNotice::FileRefused(refusal) => tr!(runs.file_refused, reason = refusal_text(refusal)),
        RunNotice::NetworkRefused(failure) => tr!(runs.network_refused, reason = refused_network(failure)),
        RunNotice::Imported { ids } => tr!(runs.imported, count = ids.len()),
        RunNotice::OtherDataset { dataset } => tr!(runs.other_dataset, dataset = dataset),
    }
}

/// Most files are refused for one of their nodes or tensors, which the detail names.
fn refused_network(failure: &Failure) -> String {
    match failure.kind {
        FailureKind::BadFile | FailureKind::CannotExport | FailureKind::BadNetwork => failure.detail.clone(),
        _ => failure_text(failure),
    }
}

pub fn refusal_text(refusal: &Refusal) -> String {
    match refusal {
        Refusal::TooLong { limit_bytes } => {
            tr!(runs.too_long, limit = crate::page::text::format::bytes(*limit_bytes as u64))
        }
        Refusal::NotBase64 => tr!(runs.not_base64),
        Refusal::NotText => tr!(runs.not_text),
        Refusal::NotJson(detail) => tr!(runs.not_json, detail = detail),
        Refusal::NotConfig(detail) => tr!(runs.not_config, detail = detail),
        Refusal::NotRun { place, detail } => tr!(runs.not_run, place = place, detail = detail),
        Refusal::TooManyRuns { limit } => tr!(runs.too_many, limit = limit),
        Refusal::NotWeights(detail) => tr!(runs.not_weights, detail = detail),
        Refusal::Unreadable => tr!(runs.unreadable),
    }
}
