//! What a model costs: size, work, memory, time. Times are measured here, and estimated for machines that are not here.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{Int8Cost, Model, Size, quantized};
use crate::page::export::panel::{estimate, format_name};
use crate::page::runs::use_runs;
use crate::page::state::EngineState;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{bytes, count, figure, percent, short_count};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::{Hint, TermName};
use kindling_core::protocol::{EngineKind, ExportTarget, Failure, Measurement};
use kindling_core::runs::record::RunRecord;

/// FLOPs per second of one core of a phone of 2016, a Google Pixel, in floats: MobileNetV2 takes 75 ms for 300 million multiply-adds (Sandler and
/// others, 2018, table 4).
const PHONE_RATE: f64 = 8.0e9;

/// Operations per second of a microcontroller, a Cortex-M7 at 216 MHz, in integers of 8 bits (Lai and others, 2018, arXiv:1801.06601).
const MICROCONTROLLER_RATE: f64 = 249.0e6;

/// Milliseconds per image for so many operations at a rate per second.
fn milliseconds(flops: u64, rate: f64) -> f64 {
    1_000.0 * flops as f64 / rate
}

/// What integers of 8 bits lose.
fn said(Int8Cost { n_bytes, proof, .. }: Int8Cost) -> String {
    tr!(
        compress.int8,
        size = bytes(n_bytes as u64),
        images = count(proof.n_images as u64),
        same = percent(proof.agreement()),
        accuracy = percent(proof.int8_accuracy()),
        before = percent(proof.float_accuracy())
    )
}

#[component]
pub fn Cost(record: Arc<RunRecord>) -> impl IntoView {
    let (store, runs) = (use_store(), use_runs());
    let Size { parameters, flops, activation_bytes } = Size::of(&record);
    let measured = RwSignal::new(None::<Measurement>);
    let int8 = RwSignal::new(None::<Int8Cost>);
    let failure = RwSignal::new(None::<Failure>);
    let is_busy = RwSignal::new(false);
    let id = record.id.clone();
    let measure = move |_| {
        if is_busy.get_untracked() {
            return;
        }
        is_busy.set(true);
        failure.set(None);
        let id = id.clone();
        spawn_local(async move {
            let outcome = async {
                let measurement = Model::of(runs, &id).await?.measure(store).await?;
                // As the others, it does nothing if the visitor has moved on meanwhile.
                measured.try_set(Some(measurement));
                quantized(store, runs, &id).await
            };
            match outcome.await {
                Ok(cost) => drop(int8.try_set(Some(cost))),
                Err(why) => drop(failure.try_set(Some(why))),
            }
            is_busy.try_set(false);
        });
    };
    let is_gpu = move || {
        store.engine.with(|engine| matches!(engine, EngineState::Ready { info, .. } if info.kind == EngineKind::Webgpu))
    };
    let shown = |ms: Option<f64>| ms.map_or_else(|| "–".to_owned(), |ms| tr!(compress.ms, time = figure(ms)));
    let time = move || shown(measured.get().map(|measurement| measurement.ms_per_image));
    let time_int8 = move || shown(int8.get().map(|cost| cost.ms_per_image));
    let sizes = ExportTarget::ALL.map(|format| {
        let size = bytes(estimate(format, &record));
        view! { <div><dt>{move || format_name(format)}</dt><dd>{move || tr!(export.about, size = size)}</dd></div> }
    });
    let estimated = move |rate| move || tr!(compress.about_ms, time = figure(milliseconds(flops, rate)));
    view! {
        <div class="compress-cost">
            <h3>{move_tr!(compress.cost)}</h3>
            <dl class="layer-figures">
                <div><dt><TermName label=key_tr!(network.parameters) /></dt><dd>{count(parameters)}</dd></div>
                <div><dt><TermName label=key_tr!(network.flops) /></dt><dd>{short_count(flops)}</dd></div>
                <div><dt><TermName label=key_tr!(network.memory) /></dt><dd>{bytes(activation_bytes)}</dd></div>
                {sizes.collect_view()}
                <div><dt>{move || if is_gpu() { tr!(compress.time_gpu) } else { tr!(compress.time_cpu) }}</dt><dd id="compress-time">{time}</dd></div>
                <div><dt>{move_tr!(compress.time_int8)}</dt><dd id="compress-time-int8">{time_int8}</dd></div>
                <div><dt>{move_tr!(compress.phone)}</dt><dd>{estimated(PHONE_RATE)}</dd></div>
                <div><dt>{move_tr!(compress.microcontroller)}</dt><dd>{estimated(MICROCONTROLLER_RATE)}</dd></div>
            </dl>
            <Hint text=Signal::derive(move_tr!(compress.cost_why)) term=key_tr!(network.flops) />
            // Not disabled while busy, because it would lose the focus.
            <button type="button" class="button" id="compress-measure" aria-disabled=move || is_busy.get().to_string() on:click=measure>
                {move || if is_busy.get() { tr!(compress.measuring) } else { tr!(compress.measure) }}
            </button>
            {move || int8.get().map(|cost| view! { <p class="hint">{move || said(cost)}</p> })}
            {move || failure.get().map(|failure| view! { <p class="failure" role="alert">{move || failure_text(&failure)}</p> })}
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
