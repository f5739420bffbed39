//! Which engine runs and why, in a word and in full, with the visitor's choice.

use leptos::prelude::*;

use crate::page::engines::choice::{self, Asked};
use crate::page::engines::link::use_engines;
use crate::page::preferences::{EnginePreference, Preference, Tuning};
use crate::page::reactive::memo;
use crate::page::state::{EngineProgram, EngineReason, EngineState, TuningState};
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::show::Show;
use kindling_core::protocol::EngineKind;

/// The engine in a word, for the header.
#[component]
pub fn EngineChip() -> impl IntoView {
    let store = use_store();
    let state = memo(move |_| store.engine.get());
    let short = move || match &*state.read() {
        EngineState::Ready { choice, .. } | EngineState::Starting(choice) => match choice.program.kind() {
            EngineKind::Webgpu | EngineKind::Gpu => "WebGPU",
            EngineKind::Cpu => "CPU",
        },
        EngineState::Choosing => "…",
        EngineState::Failed(_) => "–",
    };
    view! {
        <a
            class="chip"
            href="#train"
            class:is-ready=move || state.read().is_ready()
            title=move || engine_text(&state.read())
            aria-label=move || format!("{}: {}", tr!(engine.title), engine_text(&state.read()))
        >
            {short}
        </a>
    }
}

/// The engine in full.
#[component]
pub fn EnginePanel() -> impl IntoView {
    let store = use_store();
    let engines = use_engines();
    let state = memo(move |_| store.engine.get());
    let asked = choice::asked_by_address();
    let preference = RwSignal::new(match asked {
        Some(Asked::Webgpu | Asked::Program(EngineProgram::Gpu | EngineProgram::TunedGpu)) => EnginePreference::Webgpu,
        Some(Asked::Program(EngineProgram::Cpu)) => EnginePreference::Cpu,
        None => EnginePreference::remembered().unwrap_or_default(),
    });
    let choose = move |chosen: EnginePreference| {
        preference.set(chosen);
        chosen.remember();
        engines.restart(chosen);
    };
    let tuning = memo(move |_| store.tuning.get());
    let can_tune = memo(move |before: Option<&bool>| match &*state.read() {
        EngineState::Ready { choice, .. } => choice.may_tune,
        // As with the engine before, so that nothing flickers.
        EngineState::Choosing | EngineState::Starting(_) => before == Some(&true),
        EngineState::Failed(_) => false,
    });
    let has_come = memo(move |_| state.read().choice().is_some_and(|choice| choice.reason == EngineReason::GpuCame));
    let tune = move |is_wanted: bool| engines.set_tuning(if is_wanted { Tuning::On } else { Tuning::Off });
    let preferences = vec![
        Segment { value: EnginePreference::Automatic, id: "engine-automatic", name: || tr!(engine.automatic) },
        Segment { value: EnginePreference::Webgpu, id: "engine-webgpu", name: || "WebGPU".to_owned() },
        Segment { value: EnginePreference::Cpu, id: "engine-cpu", name: || "CPU".to_owned() },
    ];
    let adapter = move || match &*state.read() {
        EngineState::Ready { info, .. } if info.is_software => {
            Some(format!("{} – {}", info.adapter, tr!(engine.software)))
        }
        EngineState::Ready { info, .. } if info.kind == EngineKind::Webgpu => Some(info.adapter.clone()),
        EngineState::Ready { .. } => None,
        EngineState::Choosing | EngineState::Starting(_) | EngineState::Failed(_) => None,
    };
    view! {
        <section class="panel engine" aria-labelledby="engine-title">
            <h2 id="engine-title">{move_tr!(engine.title)}</h2>
            <p class="engine-state" aria-live="polite">
                <strong>{move || engine_text(&state.read())}</strong>
                <span class="hint">{adapter}</span>
            </p>
            <p class="hint">{move || state.read().choice().map(|choice| reason_text(&choice.reason))}</p>
            <Show when=move || has_come.get()>
                <button type="button" on:click=move |_| engines.restart(preference.get())>{move_tr!(engine.take)}</button>
            </Show>
            <Segments
                name="engine"
                legend=Signal::derive(move_tr!(engine.choose))
                is_legend_hidden=true
                segments=preferences
                value=Signal::derive(move || Some(preference.get()))
                on_change=choose
            />
            <p class="hint">{move_tr!(engine.change_warning)}</p>
            <Show when=move || can_tune.get()>
                <label class="inline-field">
                    <input
                        type="checkbox"
                        prop:checked=move || tuning.get() != TuningState::Off
                        on:change:target=move |event| tune(event.target().checked())
                    />
                    <span>{move_tr!(engine.tune)}</span>
                </label>
                <p class="hint" aria-live="polite">{move || tuning_text(tuning.get())}</p>
            </Show>
        </section>
    }
}

fn engine_text(state: &EngineState) -> String {
    match state {
        EngineState::Choosing => tr!(engine.choosing),
        EngineState::Starting(choice) => match choice.program.kind() {
            EngineKind::Webgpu | EngineKind::Gpu => tr!(engine.starting_gpu),
            EngineKind::Cpu => tr!(engine.starting_cpu),
        },
        EngineState::Ready { info, .. } => match info.kind {
            EngineKind::Webgpu | EngineKind::Gpu => tr!(engine.webgpu),
            EngineKind::Cpu => tr!(engine.cpu),
        },
        EngineState::Failed(_) => tr!(engine.failed),
    }
}

/// What tuning does, or has brought; tracked.
pub fn tuning_text(tuning: TuningState) -> String {
    match tuning {
        TuningState::Off | TuningState::Idle => tr!(engine.tune_why),
        TuningState::Tuning { total: 0, .. } => tr!(engine.tuning_begins),
        TuningState::Tuning { done, total } => tr!(engine.tuning, done = done, total = total),
        TuningState::OnTrial => tr!(engine.tuned_on_trial),
        TuningState::Measured { ratio } if ratio >= 1.0 => tr!(engine.tuned_faster, ratio = format!("{ratio:.2}")),
        TuningState::TookTooLong => tr!(engine.tuning_too_long),
        TuningState::Measured { ratio } => tr!(engine.tuned_slower, ratio = format!("{ratio:.2}")),
    }
}

fn reason_text(reason: &EngineReason) -> String {
    match reason {
        EngineReason::GpuFound => tr!(engine.gpu_found),
        EngineReason::NoWebGpu => tr!(engine.no_webgpu),
        EngineReason::NoAdapter => tr!(engine.no_adapter),
        EngineReason::SoftwareAdapter => tr!(engine.software_adapter),
        EngineReason::NoTimestampQuery => tr!(engine.no_timestamps),
        EngineReason::Chosen => tr!(engine.chosen),
        EngineReason::Address => tr!(engine.address),
        EngineReason::GpuComing => tr!(engine.coming),
        EngineReason::GpuCame => tr!(engine.came),
        EngineReason::GpuNotBuilt => tr!(engine.not_built),
        EngineReason::GpuFailed(failure) => tr!(engine.gpu_failed, detail = failure.detail),
    }
}
