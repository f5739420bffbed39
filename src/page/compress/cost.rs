//! What a model costs: size, work, memory, time. Times are measured here, and estimated for machines that are not here.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::Model;
use crate::page::export::panel::estimate;
use crate::page::runs::use_runs;
use crate::page::state::EngineState;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{bytes, count, figure, short_count};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::{Hint, TermName};
use kindling_core::network::LayerSummary;
use kindling_core::network::shape::infer;
use kindling_core::protocol::{EngineKind, ExportFormat, ExportTarget, Failure, Int8Format, Measurement};
use kindling_core::runs::record::RunRecord;

/// FLOPs per second of one core of a phone of 2016, a Google Pixel, in floats: MobileNetV2 takes 75 ms for 300 million multiply-adds (Sandler and
/// others, 2018, table 4).
const PHONE_RATE: f64 = 8.0e9;

/// Operations per second of a microcontroller, a Cortex-M7 at 216 MHz, in integers of 8 bits (Lai and others, 2018, arXiv:1801.06601).
const MICROCONTROLLER_RATE: f64 = 249.0e6;

/// The files whose sizes are shown.
const FORMATS: [(ExportTarget, &str); 4] = [
    (ExportTarget::Float(ExportFormat::Onnx), "ONNX"),
    (ExportTarget::Int8(Int8Format::Onnx), "ONNX int8"),
    (ExportTarget::Float(ExportFormat::Tflite), "TFLite"),
    (ExportTarget::Int8(Int8Format::Tflite), "TFLite int8"),
];

/// Milliseconds per image for so many operations at a rate per second.
fn milliseconds(flops: u64, rate: f64) -> f64 {
    1_000.0 * flops as f64 / rate
}

#[component]
pub fn Cost(record: Arc<RunRecord>) -> impl IntoView {
    let (store, runs) = (use_store(), use_runs());
    let input = record.input.as_ref();
    let layers = input.and_then(|input| infer(&record.config.network, input.shape, input.classes.len()).ok());
    let sum = |of: fn(&LayerSummary) -> u64| layers.iter().flatten().map(of).fold(0, u64::saturating_add);
    let (parameters, flops) = (sum(|layer| layer.parameters), sum(|layer| layer.flops));
    let memory = sum(|layer| layer.activation_bytes);
    let measured = RwSignal::new(None::<Result<Measurement, Failure>>);
    let is_busy = RwSignal::new(false);
    let id = record.id.clone();
    let measure = move |_| {
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        let id = id.clone();
        spawn_local(async move {
            let outcome = match Model::of(runs, &id).await {
                Ok(model) => model.measure(store).await,
                Err(failure) => Err(failure),
            };
            // Neither does anything if the visitor has moved on meanwhile.
            measured.try_set(Some(outcome));
            is_busy.try_set(false);
        });
    };
    let is_gpu = move || {
        store.engine.with(|engine| matches!(engine, EngineState::Ready { info, .. } if info.kind == EngineKind::Webgpu))
    };
    let time = move || match measured.get() {
        Some(Ok(measurement)) => tr!(compress.ms, time = figure(measurement.ms_per_image)),
        Some(Err(_)) | None => "–".to_owned(),
    };
    let sizes = FORMATS.map(|(format, name)| {
        let size = bytes(estimate(format, &record));
        view! { <div><dt>{name}</dt><dd>{move || tr!(export.about, size = size)}</dd></div> }
    });
    let estimated = move |rate| move || tr!(compress.about_ms, time = figure(milliseconds(flops, rate)));
    view! {
        <div class="compress-cost">
            <h3>{move_tr!(compress.cost)}</h3>
            <dl class="layer-figures">
                <div><dt><TermName label=key_tr!(network.parameters) /></dt><dd>{count(parameters)}</dd></div>
                <div><dt><TermName label=key_tr!(network.flops) /></dt><dd>{short_count(flops)}</dd></div>
                <div><dt><TermName label=key_tr!(network.memory) /></dt><dd>{bytes(memory)}</dd></div>
                {sizes.collect_view()}
                <div><dt>{move || if is_gpu() { tr!(compress.time_gpu) } else { tr!(compress.time_cpu) }}</dt><dd id="compress-time">{time}</dd></div>
                <div><dt>{move_tr!(compress.phone)}</dt><dd>{estimated(PHONE_RATE)}</dd></div>
                <div><dt>{move_tr!(compress.microcontroller)}</dt><dd>{estimated(MICROCONTROLLER_RATE)}</dd></div>
            </dl>
            <Hint text=Signal::derive(move_tr!(compress.cost_why)) term=key_tr!(network.flops) />
            // Not disabled while busy, because it would lose the focus.
            <button type="button" class="button" id="compress-measure" aria-disabled=move || is_busy.get().to_string() on:click=measure>
                {move || if is_busy.get() { tr!(compress.measuring) } else { tr!(compress.measure) }}
            </button>
            {move || match measured.get() {
                Some(Err(failure)) => Some(view! { <p class="failure" role="alert">{move || failure_text(&failure)}</p> }),
                Some(Ok(_)) | None => None,
            }}
        </div>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_estimated_from_the_work() {
        // The two networks that the rates come from.
        assert!((milliseconds(600_000_000, PHONE_RATE) - 75.0).abs() < 0.1);
        assert!((milliseconds(24_700_000, MICROCONTROLLER_RATE) - 99.1).abs() < 0.2);
    }
}
