//! The panel below the predictions: the formats, what each is for, and the proof beside each file.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{export, exported_name};
use crate::page::export::snippets::snippet;
use crate::page::parts::{Part, part};
use crate::page::reactive::{memo, watch};
use crate::page::runs::download::save_bytes;
use crate::page::runs::use_runs;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::bytes;
use crate::page::text::i18n::{TextKey, key_tr, move_tr, text_of, tr};
use crate::page::widgets::hint::{Hint, TermLink};
use kindling_core::config::Layer;
use kindling_core::dataset::patterns::N_PATTERNS;
use kindling_core::protocol::{ExportFormat, Failure};
use kindling_core::runs::record::RunRecord;

pub const PART: Part = part!(export::panel, ExportPanel);

/// What became of an export.
#[derive(Clone, Debug, PartialEq)]
enum Outcome {
    Underway,
    Saved { name: String, n_bytes: usize, largest_difference: f32 },
    Failed(Failure),
}

/// The formats with their outcomes. One is exported at a time.
type Outcomes = RwSignal<Vec<(ExportFormat, Outcome)>>;

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
                            {ExportFormat::ALL.map(|format| view! { <Row format record=record.clone() outcomes /> }).collect_view()}
                        </ul>
                    }
                    .into_any(),
                }}
            </details>
        </section>
    }
}

#[component]
fn Row(format: ExportFormat, record: Arc<RunRecord>, outcomes: Outcomes) -> impl IntoView {
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
            note(match export(store, runs, &id, format).await {
                Ok(file) => {
                    save_bytes(&name, &file.bytes);
                    let (n_bytes, largest_difference) = (file.bytes.len(), file.largest_difference);
                    Outcome::Saved { name, n_bytes, largest_difference }
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
fn obstacle(format: ExportFormat, record: &RunRecord) -> Option<TextKey> {
    /// What programs for TensorFlow.js give a model.
    const TFJS_SIDE: u32 = 224;
    if format != ExportFormat::Tfjs {
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
        Outcome::Saved { name, n_bytes, largest_difference } => view! {
            <p class="export-proof" data-difference=largest_difference.to_string()>
                {move || {
                    let (size, difference) = (bytes(n_bytes as u64), format!("{largest_difference:.1e}"));
                    tr!(export.saved, name = name, size = size, difference = difference)
                }}
            </p>
        }
        .into_any(),
        Outcome::Failed(failure) => {
            view! { <p class="failure" role="alert">{move || failure_text(&failure)}</p> }.into_any()
        }
    }
}

fn format_name(format: ExportFormat) -> String {
    match format {
        ExportFormat::Page => tr!(export.page),
        ExportFormat::Onnx => tr!(export.onnx),
        ExportFormat::Tflite => tr!(export.tflite),
        ExportFormat::Tfjs => tr!(export.tfjs),
        ExportFormat::Safetensors => tr!(export.safetensors),
        ExportFormat::Module => tr!(export.module),
    }
}

fn format_use(format: ExportFormat) -> String {
    match format {
        ExportFormat::Page => tr!(export.page_why),
        ExportFormat::Onnx => tr!(export.onnx_why),
        ExportFormat::Tflite => tr!(export.tflite_why),
        ExportFormat::Tfjs => tr!(export.tfjs_why),
        ExportFormat::Safetensors => tr!(export.safetensors_why),
        ExportFormat::Module => tr!(export.module_why),
    }
}

/// The key of a text with the term that names the format, if it is one.
fn format_term(format: ExportFormat) -> Option<TextKey> {
    match format {
        ExportFormat::Onnx => Some(key_tr!(export.onnx)),
        ExportFormat::Tflite => Some(key_tr!(export.tflite)),
        ExportFormat::Safetensors => Some(key_tr!(export.safetensors)),
        ExportFormat::Page | ExportFormat::Tfjs | ExportFormat::Module => None,
    }
}

/// About how many bytes a file will have: its weights, the patterns that prove it, and what surrounds them; in a page as base64.
fn estimate(format: ExportFormat, record: &RunRecord) -> u64 {
    const SURROUNDINGS_BYTES: u64 = 15_000;
    let weights = record.weights_bytes.unwrap_or_default();
    let shape = record.input.as_ref().map(|input| input.shape);
    let patterns = as_base64((N_PATTERNS * shape.map_or(0, |shape| shape.n_values())) as u64);
    match format {
        ExportFormat::Page => as_base64(weights) + patterns + 2 * SURROUNDINGS_BYTES,
        ExportFormat::Onnx | ExportFormat::Tflite => weights + patterns + SURROUNDINGS_BYTES,
        // Packed, which makes the patterns small.
        ExportFormat::Tfjs | ExportFormat::Safetensors | ExportFormat::Module => weights + SURROUNDINGS_BYTES,
    }
}

fn as_base64(n_bytes: u64) -> u64 {
    n_bytes.div_ceil(3).saturating_mul(4)
}
