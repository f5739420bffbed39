//! Which engine runs and why, in a word and in full, with the visitor's choice.

use leptos::prelude::*;

use crate::channel::THREADS_LIMIT;
use crate::page::engines::choice;
use crate::page::engines::link::use_engines;
use crate::page::engines::threads::{self, Obstacle};
use crate::page::preferences::{EnginePreference, Preference, Threads};
use crate::page::reactive::memo;
use crate::page::state::{EngineProgram, EngineReason, EngineState, RaceState, StepTime};
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::figure;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::TermLink;
use crate::page::widgets::number_field::NumberField;
use crate::page::widgets::reveal::reveal;
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::show::Show;
use kindling_core::protocol::EngineKind;

/// The panel's id.
const PANEL: &str = "engine";

/// The panel's address: its place and its id.
const PANEL_ADDRESS: &str = "#train/engine";

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
            href=PANEL_ADDRESS
            // The address may be that already.
            on:click=|_| reveal(PANEL)
            class:is-ready=move || state.read().is_ready()
            title=move || engine_text(&state.read())
            // Begins with what is seen, by which people who speak to their computer call it.
            aria-label=move || format!("{} – {}", short(), tr!(engine.title))
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
        Some(EngineProgram::Gpu) => EnginePreference::Webgpu,
        Some(EngineProgram::Cpu | EngineProgram::CpuThreads { .. }) => EnginePreference::Cpu,
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
    let race = memo(move |_| race_text(&store.race.get()));
    let has_come = memo(move |_| state.read().choice().is_some_and(|choice| choice.reason == EngineReason::GpuCame));
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
        <section id=PANEL class="panel engine" tabindex="-1" aria-labelledby="engine-title">
            <h2 id="engine-title">{move_tr!(engine.title)}</h2>
            <p class="engine-state" aria-live="polite">
                <strong>{move || engine_text(&state.read())}</strong>
                <span class="hint">{adapter}</span>
            </p>
            <p class="hint">
                {move || state.read().choice().map(|choice| reason_text(&choice.reason))}" "<TermLink term=key_tr!(engine.title) />
            </p>
            <p class="hint" aria-live="polite">{move || race.get()}</p>
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

/// Which device is faster for the run's network, as far as it is known; tracked.
fn race_text(race: &RaceState) -> Option<String> {
    Some(match race {
        RaceState::Off => return None,
        RaceState::Open => tr!(engine.race_why),
        RaceState::UnderWay { challenger: EngineKind::Cpu } => tr!(engine.racing_cpu),
        RaceState::UnderWay { challenger: EngineKind::Webgpu | EngineKind::Gpu } => tr!(engine.racing_gpu),
        RaceState::Measured { times, .. } => {
            tr!(engine.raced, cpu = step_time_text(times.cpu), gpu = step_time_text(times.gpu))
        }
        RaceState::Differs { cpu, gpu } => differ_text(*cpu, *gpu),
        RaceState::Failed { challenger: EngineKind::Cpu, failure } => {
            tr!(engine.race_failed_cpu, failure = failure_text(failure))
        }
        RaceState::Failed { challenger: EngineKind::Webgpu | EngineKind::Gpu, failure } => {
            tr!(engine.race_failed_gpu, failure = failure_text(failure))
        }
    })
}

/// Five decimals, so that the difference is visible; tracked.
pub fn differ_text(cpu: f32, gpu: f32) -> String {
    tr!(engine.race_differs, cpu = format!("{cpu:.5}"), gpu = format!("{gpu:.5}"))
}

fn step_time_text(time: StepTime) -> String {
    match time {
        StepTime::Exactly(ms) => format!("{} ms", figure(ms)),
        StepTime::AtLeast(ms) => format!("> {} ms", figure(ms)),
    }
}

/// The device that the run trains on, and whether it moved there; tracked.
pub fn device_text(device: EngineKind, race: &RaceState) -> String {
    match (race, device) {
        (RaceState::UnderWay { challenger: EngineKind::Cpu }, _) => tr!(engine.racing_cpu),
        (RaceState::UnderWay { .. }, _) => tr!(engine.racing_gpu),
        (RaceState::Measured { times, has_moved: true }, EngineKind::Cpu) => {
            tr!(engine.moved_cpu, ratio = ratio_text(times.gain_of_leaving(EngineKind::Webgpu)))
        }
        (RaceState::Measured { times, has_moved: true }, EngineKind::Webgpu | EngineKind::Gpu) => {
            tr!(engine.moved_gpu, ratio = ratio_text(times.gain_of_leaving(EngineKind::Cpu)))
        }
        (_, EngineKind::Cpu) => tr!(engine.trains_cpu),
        (_, EngineKind::Webgpu | EngineKind::Gpu) => tr!(engine.trains_gpu),
    }
}

fn ratio_text(ratio: f64) -> String {
    format!("{ratio:.1}")
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
