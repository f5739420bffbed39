//! Which engine runs and why, in a word and in full, with the visitor's choice.

use leptos::prelude::*;

use crate::page::engines::choice::{self, Asked};
use crate::page::engines::link::use_engines;
use crate::channel::THREADS_LIMIT;
use crate::page::engines::threads::{self, Obstacle};
use crate::page::preferences::{EnginePreference, Preference, Threads, Tuning};
use crate::page::reactive::memo;
use crate::page::state::{EngineProgram, EngineReason, EngineState, TuningState};
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::number_field::NumberField;
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
        Some(Asked::Program(EngineProgram::Cpu | EngineProgram::CpuThreads { .. })) => EnginePreference::Cpu,
        None => EnginePreference::remembered().unwrap_or_default(),
    });
    let threads = RwSignal::new(threads::asked_by_address().or_else(Threads::remembered).unwrap_or_default());
    let restart = move || engines.restart(preference.get_untracked(), threads.get_untracked());
    let choose = move |chosen: EnginePreference| {
        preference.set(chosen);
        chosen.remember();
        restart();
    };
    let choose_threads = move |chosen: f64| {
        let chosen = if chosen == 0.0 { Threads::Automatic } else { Threads::Exactly(chosen as u32) };
        threads.set(chosen);
        chosen.remember();
        restart();
    };
    let is_cpu = memo(move |before: Option<&bool>| match &*state.read() {
        EngineState::Ready { choice, .. } | EngineState::Starting(choice) => choice.program.kind() == EngineKind::Cpu,
        // As with the engine before: the field for its threads keeps the keyboard's focus.
        EngineState::Choosing => before == Some(&true),
        EngineState::Failed(_) => false,
    });
    let obstacle = threads::obstacle();
    let one_core = memo(move |_| {
        let program = state.read().choice()?.program;
        match obstacle {
            _ if program.kind() != EngineKind::Cpu => None,
            Some(obstacle) => Some(obstacle_text(obstacle)),
            None if program == EngineProgram::Cpu && threads::count(threads.get()) > 1 => {
                Some(tr!(engine.threads_absent))
            }
            None => None,
        }
    });
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
        EngineState::Ready { choice, info } => Some(threads_text(choice.program, info.threads)),
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
                <button type="button" on:click=move |_| restart()>{move_tr!(engine.take)}</button>
            </Show>
            <Segments
                name="engine"
                legend=Signal::derive(move_tr!(engine.choose))
                is_legend_hidden=true
                segments=preferences
                value=Signal::derive(move || Some(preference.get()))
                on_change=choose
            />
            <Show when=move || is_cpu.get() && obstacle.is_none()>
                <NumberField
                    id="engine-threads"
                    label=Signal::derive(move_tr!(engine.thread_count))
                    hint=Signal::derive(move_tr!(engine.thread_count_why))
                    value=Signal::derive(move || match threads.get() {
                        Threads::Automatic => 0.0,
                        Threads::Exactly(count) => count.into(),
                    })
                    range=(1.0, THREADS_LIMIT.into())
                    is_whole=true
                    can_be_empty=true
                    placeholder=threads::count(Threads::Automatic).to_string()
                    on_change=choose_threads
                />
            </Show>
            <Show when=move || one_core.get().is_some()>
                <p class="hint">{move || one_core.get()}</p>
            </Show>
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

/// How many threads train, and how many should, if there are fewer.
fn threads_text(program: EngineProgram, count: u32) -> String {
    match program {
        EngineProgram::CpuThreads { count: wanted } if count < wanted => {
            tr!(engine.threads_missing, count = count, wanted = wanted)
        }
        _ => tr!(engine.threads, count = count),
    }
}

fn obstacle_text(obstacle: Obstacle) -> String {
    match obstacle {
        Obstacle::NotIsolated => tr!(engine.not_isolated),
        Obstacle::Unsupported => tr!(engine.no_threads),
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
