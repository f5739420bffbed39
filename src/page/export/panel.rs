//! The panel below the predictions: the formats, what each is for, and the proof beside each file.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{export, exported_name};
use crate::page::download::save_bytes;
use crate::page::export::snippets::snippet;
use crate::page::parts::{Part, part};
use crate::page::reactive::{memo, watch};
use crate::page::runs::use_runs;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{bytes, count, percent};
use crate::page::text::i18n::{TextKey, key_tr, move_tr, text_of, tr};
use crate::page::widgets::hint::{Hint, TermLink};
use kindling_core::config::Layer;
use kindling_core::dataset::patterns::N_PATTERNS;
use kindling_core::protocol::{ExportFormat, ExportProof, ExportTarget, Failure, Int8Format, Int8Proof};
use kindling_core::runs::record::RunRecord;

pub const PART: Part = part!(export::panel, ExportPanel);

/// What became of an export.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Underway,
    Saved { name: String, n_bytes: usize, proof: ExportProof },
    Failed(Failure),
}

/// The formats with their outcomes. One is exported at a time.
type Outcomes = RwSignal<Vec<(ExportTarget, Outcome)>>;

#[component]
fn ExportPanel() -> impl IntoView {
    let runs = use_runs();
    let outcomes: Outcomes = RwSignal::new(Vec::new());
    let record = memo(move |_| runs.in_view().filter(|record| record.weights_bytes.is_some()));
    // The files of another run say nothing of this one.
    let id = memo(move |_| record.with(|record| record.as_ref().map(|record| record.id.clone())));
    watch(move || id.get(), move |_, _| outcomes.set(Vec::new()), false);
    view! {
        <section class="panel export" aria-labelledby="export-title">
            <details id="export">
                <summary><h2 id="export-title">{move_tr!(export.title)}</h2></summary>
                <Hint text=Signal::derive(move_tr!(export.lead)) term=key_tr!(export.title) />
                {move || match record.get() {
                    None => view! { <p>{move_tr!(export.not_yet)}</p> }.into_any(),
                    Some(record) => view! {
                        <ul class="export-formats">
                            {ExportTarget::ALL.map(|format| view! { <Row format record=record.clone() outcomes /> }).collect_view()}
                        </ul>
                    }
                    .into_any(),
                }}
            </details>
        </section>
    }
}

#[component]
fn Row(format: ExportTarget, record: Arc<RunRecord>, outcomes: Outcomes) -> impl IntoView {
    let (store, runs) = (use_store(), use_runs());
    let name = exported_name(&record, format);
    if let Some(obstacle) = obstacle(format, &record) {
        return view! {
            <li class="export-format">
                <h3>{move || format_name(format)}</h3>
                <p>{move || format_use(format)}</p>
                <p class="hint">{move || text_of(obstacle)}</p>
            </li>
        }
        .into_any();
    }
    let size = bytes(estimate(format, &record));
    let code = record.input.as_ref().map(|input| snippet(format, &name, input)).unwrap_or_default();
    let outcome = memo(move |_| {
        outcomes.with(|outcomes| outcomes.iter().find(|(of, _)| *of == format).map(|(_, outcome)| outcome.clone()))
    });
    let is_busy = memo(move |_| outcomes.with(|all| all.iter().any(|(_, outcome)| *outcome == Outcome::Underway)));
    let note = move |outcome: Outcome| {
        // Does nothing if the visitor has moved on to another place meanwhile.
        outcomes.try_update(|outcomes| {
            outcomes.retain(|(of, _)| *of != format);
            outcomes.push((format, outcome));
        });
    };
    let save = move |_| {
        if is_busy.get_untracked() {
            return;
        }
        note(Outcome::Underway);
        let (id, name) = (record.id.clone(), name.clone());
        spawn_local(async move {
            note(match export(store, runs, &id, format.into()).await {
                Ok(file) => {
                    save_bytes(&name, &file.bytes);
                    Outcome::Saved { name, n_bytes: file.bytes.len(), proof: file.proof }
                }
                Err(failure) => Outcome::Failed(failure),
            });
        });
    };
    view! {
        <li class="export-format">
            <h3>{move || format_name(format)}" "<span class="hint">{move || tr!(export.about, size = size)}</span></h3>
            <p>{move || format_use(format)}" "{format_term(format).map(|term| view! { <TermLink term /> })}</p>
            // Not disabled while busy, because it would lose the focus.
            <button
                type="button"
                class="button"
                id=format!("export-{}", format.id())
                aria-disabled=move || is_busy.get().to_string()
                on:click=save
            >
                {move || tr!(export.save, format = format_name(format))}
            </button>
            <div role="status">{move || outcome.get().map(|outcome| view! { <Said outcome /> })}</div>
            <details>
                <summary>{move_tr!(export.how)}</summary>
                <pre class="export-code" tabindex="0" translate="no"><code>{code}</code></pre>
            </details>
        </li>
    }
    .into_any()
}

/// Why a format cannot hold a network, as the exporter would say after the fact.
fn obstacle(format: ExportTarget, record: &RunRecord) -> Option<TextKey> {
    /// What programs for TensorFlow.js give a model.
    const TFJS_SIDE: u32 = 224;
    if format != ExportTarget::Float(ExportFormat::Tfjs) {
        return None;
    }
    let is_large = record.input.as_ref().is_some_and(|input| input.shape.width.max(input.shape.height) > TFJS_SIDE);
    match () {
        () if has_gru(&record.config.network.layers) => Some(key_tr!(export.no_gru)),
        () if is_large => Some(key_tr!(export.too_large)),
        () => None,
    }
}

fn has_gru(layers: &[Layer]) -> bool {
    let is_gru = |layer: &Layer| match layer {
        Layer::Gru { .. } => true,
        Layer::Residual { layers } | Layer::PooledSkip { layers } => has_gru(layers),
        _ => false,
    };
    layers.iter().any(is_gru)
}

#[component]
fn Said(outcome: Outcome) -> impl IntoView {
    match outcome {
        Outcome::Underway => view! {
            <progress aria-label=move_tr!(export.working)></progress>
            <p class="hint">{move_tr!(export.working)}</p>
        }
        .into_any(),
        Outcome::Saved { name, n_bytes, proof: ExportProof::Difference(largest) } => view! {
            <p class="export-proof" data-difference=largest.to_string()>
                {move || {
                    let (size, difference) = (bytes(n_bytes as u64), format!("{largest:.1e}"));
                    tr!(export.saved, name = name, size = size, difference = difference)
                }}
            </p>
        }
        .into_any(),
        Outcome::Saved { name, n_bytes, proof: ExportProof::Int8 { proof, .. } } => {
            view! { <SavedInt8 name n_bytes proof /> }.into_any()
        }
        Outcome::Failed(failure) => {
            view! { <p class="failure" role="alert">{move || failure_text(&failure)}</p> }.into_any()
        }
    }
}

/// How often the integers predict what the floats do, and what that costs in accuracy.
#[component]
fn SavedInt8(name: String, n_bytes: usize, proof: Int8Proof) -> impl IntoView {
    view! {
        <p class="export-proof" data-agreement=proof.agreement().to_string() data-loss=(proof.float_accuracy() - proof.int8_accuracy()).to_string()>
            {move || {
                tr!(
                    export.saved_int8,
                    name = name,
                    size = bytes(n_bytes as u64),
                    images = count(proof.n_images as u64),
                    same = percent(proof.agreement()),
                    accuracy = percent(proof.int8_accuracy()),
                    before = percent(proof.float_accuracy())
                )
            }}
        </p>
    }
}

/// What a format is called.
pub fn format_name(format: ExportTarget) -> String {
    match format {
        ExportTarget::Float(ExportFormat::Page) => tr!(export.page),
        ExportTarget::Float(ExportFormat::Onnx) => tr!(export.onnx),
        ExportTarget::Float(ExportFormat::Tflite) => tr!(export.tflite),
        ExportTarget::Float(ExportFormat::Tfjs) => tr!(export.tfjs),
        ExportTarget::Float(ExportFormat::Safetensors) => tr!(export.safetensors),
        ExportTarget::Float(ExportFormat::Module) => tr!(export.module),
        ExportTarget::Int8(Int8Format::Onnx) => tr!(export.onnx_int8),
        ExportTarget::Int8(Int8Format::Tflite) => tr!(export.tflite_int8),
    }
}

fn format_use(format: ExportTarget) -> String {
    match format {
        ExportTarget::Float(ExportFormat::Page) => tr!(export.page_why),
        ExportTarget::Float(ExportFormat::Onnx) => tr!(export.onnx_why),
        ExportTarget::Float(ExportFormat::Tflite) => tr!(export.tflite_why),
        ExportTarget::Float(ExportFormat::Tfjs) => tr!(export.tfjs_why),
        ExportTarget::Float(ExportFormat::Safetensors) => tr!(export.safetensors_why),
        ExportTarget::Float(ExportFormat::Module) => tr!(export.module_why),
        ExportTarget::Int8(Int8Format::Onnx) => tr!(export.onnx_int8_why),
        ExportTarget::Int8(Int8Format::Tflite) => tr!(export.tflite_int8_why),
    }
}

/// The key of a text with the term that names the format, if it is one.
fn format_term(format: ExportTarget) -> Option<TextKey> {
    match format {
        ExportTarget::Float(ExportFormat::Onnx) => Some(key_tr!(export.onnx)),
        ExportTarget::Float(ExportFormat::Tflite) => Some(key_tr!(export.tflite)),
        ExportTarget::Float(ExportFormat::Safetensors) => Some(key_tr!(export.safetensors)),
        ExportTarget::Int8(Int8Format::Onnx) => Some(key_tr!(export.onnx_int8)),
        ExportTarget::Int8(Int8Format::Tflite) => Some(key_tr!(export.tflite_int8)),
        ExportTarget::Float(ExportFormat::Page | ExportFormat::Tfjs | ExportFormat::Module) => None,
    }
}

/// About how many bytes a file will have: its weights, the patterns that prove it, and what surrounds them; in a page as base64.
pub fn estimate(format: ExportTarget, record: &RunRecord) -> u64 {
    const SURROUNDINGS_BYTES: u64 = 15_000;
    let weights = record.weights_bytes.unwrap_or_default();
    let shape = record.input.as_ref().map(|input| input.shape);
    let patterns = as_base64((N_PATTERNS * shape.map_or(0, |shape| shape.n_values())) as u64);
    match format {
        ExportTarget::Float(ExportFormat::Page) => as_base64(weights) + patterns + 2 * SURROUNDINGS_BYTES,
        ExportTarget::Float(ExportFormat::Onnx | ExportFormat::Tflite) => weights + patterns + SURROUNDINGS_BYTES,
        ExportTarget::Int8(_) => weights / 4 + patterns + SURROUNDINGS_BYTES,
        // Packed, which makes the patterns small.
        ExportTarget::Float(ExportFormat::Tfjs | ExportFormat::Safetensors | ExportFormat::Module) => {
            weights + SURROUNDINGS_BYTES
        }
    }
}

fn as_base64(n_bytes: u64) -> u64 {
    n_bytes.div_ceil(3).saturating_mul(4)
}
