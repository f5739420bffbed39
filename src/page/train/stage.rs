//! The status of the run, or what one click will start: the first thing a visitor sees.
//!
//! What changes by itself is marked `translate="no"`, here and elsewhere: a browser that translates the page puts nodes of its own in place of
//! the text, and the figures would stand still.

use std::time::Duration;

use leptos::html::Div;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{FocusEvent, HtmlElement, Node};

use super::controls::{Controls, TrainButton};
use super::outcome::{Failed, Finished, Outcome};
use super::run_name::{network_name, run_name};
use super::search_stage;
use crate::page::engines::panel::device_text;
use crate::page::load_status::LoadStatus;
use crate::page::parts::Parted;
use crate::page::reactive::{memo, watch};
use crate::page::recipe::catalog::{Catalog, CatalogState};
use crate::page::recipe::use_recipe;
use crate::page::runs::interrupted::panel::InterruptedOffer;
use crate::page::runs::interrupted::use_interrupted;
use crate::page::search::use_searcher;
use crate::page::state::{Run, RunState};
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{bytes, clock, count, figure, percent};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::train::run_bar::state_text;
use crate::page::widgets::hint::TermName;
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;
use kindling_core::protocol::event::Preparation;

/// A first step that takes longer is explained.
const FIRST_STEP: Duration = Duration::from_secs(3);

/// What the stage shows. A change within one face does not rebuild it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Face {
    Offer,
    Loading,
    Active,
    Finished,
    Failed,
    /// A trial of a search.
    Trial,
}

#[component]
pub fn Stage() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let searcher = use_searcher();
    let has_search = memo(move |_| searcher.search.read().is_some());
    let face = memo(move |_| {
        let is_loading = store.dataset.with(|dataset| dataset.load.is_loading()) || recipe.is_starting.get();
        store.run.with(|run| match run {
            run if has_search.get() && run.run().is_some_and(|run| store.is_trial(run.id)) => Face::Trial,
            RunState::Preparing { .. } | RunState::Training(_) | RunState::Paused(_) => Face::Active,
            _ if is_loading => Face::Loading,
            RunState::Idle => Face::Offer,
            RunState::Finished { .. } => Face::Finished,
            RunState::Failed { .. } => Face::Failed,
        })
    });
    let status = memo(move |_| match face.get() {
        Face::Offer | Face::Failed | Face::Trial => String::new(),
        // The load reports its own progress.
        Face::Loading if store.dataset.with(|dataset| dataset.load.is_loading()) => String::new(),
        Face::Loading => tr!(load.asked),
        Face::Active => store.run.with(active_text),
        Face::Finished => Outcome::now(store).map(|outcome| outcome.verdict()).unwrap_or_default(),
    });
    let is_good = memo(move |_| face.get() == Face::Finished && Outcome::now(store).is_some_and(|it| it.is_good()));
    let what = memo(move |_| {
        let name = run_name(store, recipe)?;
        let device = store.engine.with(|engine| engine.choice().map(|choice| choice.program.kind()));
        let device = device.filter(|_| face.get() == Face::Active);
        // A sentence of its own elsewhere, and here part of a line.
        let device = device.map(|kind| store.race.with(|race| device_text(kind, race)));
        let device = device.as_deref().map(|text| text.trim_end_matches(['.', '。']));
        Some(std::iter::once(&*name).chain(device).collect::<Vec<_>>().join(" · "))
    });
    let has_what = memo(move |_| matches!(face.get(), Face::Active | Face::Finished | Face::Failed | Face::Trial));
    let stage = NodeRef::<Div>::new();
    let is_focused = StoredValue::new(false);
    keep_focus(stage, face, is_focused);
    let on_focus_out = move |event: FocusEvent| {
        // None if the focused element is removed, or the page is clicked where nothing takes the focus.
        if let Some(next) = event.related_target() {
            let next = next.dyn_ref::<Node>();
            is_focused.set_value(stage.get_untracked().is_some_and(|stage| stage.contains(next)));
        }
    };
    view! {
        <div
            node_ref=stage
            class="panel stage"
            translate="no"
            on:focusin=move |_| is_focused.set_value(true)
            on:focusout=on_focus_out
        >
            <div class="stage-line" class:is-silent=move || status.read().is_empty() && !has_what.get()>
                {move || is_good.get().then(|| view! { <Glyph icon=Icon::Check /> })}
                // Always there, so that screen readers announce what changes in it.
                <p class="stage-status" role="status">{status}</p>
                <Show when=move || has_what.get()><p class="stage-what">{move || what.get()}</p></Show>
            </div>
            {move || match face.get() {
                Face::Offer => view! { <Offer /> }.into_any(),
                Face::Loading => view! { <LoadStatus /> }.into_any(),
                Face::Active => view! { <Active /> }.into_any(),
                Face::Finished => view! { <Finished /> }.into_any(),
                Face::Failed => view! { <Failed /> }.into_any(),
                Face::Trial => view! { <Parted part=search_stage::PART /> }.into_any(),
            }}
        </div>
    }
}

/// When one face replaces another, moves the keyboard's focus from the removed button to the first button of the new face.
fn keep_focus(stage: NodeRef<Div>, face: Memo<Face>, is_focused: StoredValue<bool>) {
    const BUTTONS: &str = ".controls :is(button, a):not(:disabled), .load button";
    let move_on = move || {
        let is_lost = document().active_element().is_none_or(|active| active.tag_name() == "BODY");
        if !is_lost || is_focused.try_get_value() != Some(true) {
            return;
        }
        let button = stage.get_untracked().and_then(|stage| stage.query_selector(BUTTONS).ok()?);
        if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
            button.focus().ok();
        }
    };
    // The new face is there in the next frame.
    watch(move || face.get(), move |_, _| request_animation_frame(move_on), false);
}

/// Before the first run: a description of what the button starts.
#[component]
fn Offer() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let catalog = expect_context::<Catalog>();
    let interrupted = use_interrupted();
    let plan = move || {
        let dataset = recipe.dataset.get()?;
        Some(tr!(
            train.plan,
            network = network_name(recipe.network.read().as_ref()?, recipe),
            images = count(dataset.counts.train + dataset.counts.validation),
            dataset = dataset.name
        ))
    };
    let download = move || {
        let id = recipe.dataset.get()?.id.clone();
        if store.dataset.with(|dataset| dataset.current.is_some()) || catalog.is_kept(&id) {
            return Some(tr!(train.already_here));
        }
        let served = catalog.find(&id)?;
        Some(tr!(train.download, size = bytes(served.total_bytes())))
    };
    let trouble = move || match &*catalog.state().read() {
        CatalogState::Failed(failure) => Some(failure_text(failure)),
        CatalogState::Loading | CatalogState::Ready(_) => None,
    };
    view! {
        <InterruptedOffer />
        <div class="offer">
            <p class="offer-plan">{plan}</p>
            <div class="controls"><TrainButton is_primary=Signal::derive(move || interrupted.newest().is_none()) /></div>
            <p class="hint">{download}" "{move_tr!(train.private)}</p>
            <p class="hint">{move_tr!(train.lead)}</p>
            <LoadStatus />
            {move || trouble().map(|text| view! {
                <p class="failure" role="alert">{text}</p>
                <button type="button" class="button" on:click=move |_| catalog.load()>{move_tr!(shell.try_again)}</button>
            })}
        </div>
    }
}

/// An active run: the buttons that control it, its progress and its figures.
#[component]
fn Active() -> impl IntoView {
    let store = use_store();
    let fraction = memo(move |_| store.run.with(|run| run.run().map_or(0.0, Run::fraction)));
    let slow = memo(move |_| store.run.with(|run| run.run().and_then(slow_step_seconds)));
    // Images of the first batch, while it takes longer than one expects.
    let has_waited = RwSignal::new(false);
    let tell = move || {
        // The run may be over by then.
        has_waited.try_set(true);
    };
    set_timeout(tell, FIRST_STEP);
    let first = memo(move |_| store.run.with(|run| has_waited.get().then(|| first_batch(run)).flatten()));
    view! {
        <div class="active">
            <Controls />
            <progress
                class="stage-progress"
                max="1"
                prop:value=move || fraction.get()
                aria-label=move_tr!(shell.run_bar)
            ></progress>
            {move || slow.get().map(|seconds| view! {
                <p class="hint" id="slow-steps">{move_tr!(train.slow_steps, seconds = seconds)}</p>
            })}
            {move || first.get().map(|images| view! {
                <p class="hint" role="status">{move_tr!(train.first_step, count = count(images))}</p>
            })}
            <Figures />
        </div>
    }
}

/// The batch size of a run that trains and has not ended its first step.
fn first_batch(state: &RunState) -> Option<u32> {
    let is_training = matches!(state, RunState::Training(_));
    state.run().filter(|run| is_training && run.progress.step == 0).map(|run| run.config.batch_size)
}

/// The seconds that a step takes, where they are so many that the run reacts late; rounded.
fn slow_step_seconds(run: &Run) -> Option<u32> {
    const SLOW_SECONDS: f64 = 3.0;
    let seconds = f64::from(run.config.batch_size) / run.progress.images_per_second;
    (seconds.is_finite() && seconds >= SLOW_SECONDS).then_some(seconds.round() as u32)
}

/// The run's latest figures.
#[component]
pub fn Figures() -> impl IntoView {
    let store = use_store();
    let of_run = move |read: fn(&Run) -> Option<String>| {
        memo(move |_| store.run.with(|run| run.run().and_then(read)).unwrap_or_else(|| "–".to_owned()))
    };
    let step = of_run(|run| {
        let plan = run.plan?;
        Some(format!("{} / {}", count(run.progress.step), count(plan.total_steps)))
    });
    let loss = of_run(|run| run.progress.loss.map(|loss| figure(loss.into())));
    let accuracy = of_run(|run| run.progress.accuracy.map(|accuracy| percent(accuracy.into())));
    let validation = of_run(|run| run.epochs.last()?.validation_accuracy.map(|accuracy| percent(accuracy.into())));
    let speed = of_run(|run| {
        let speed = run.progress.images_per_second;
        (speed > 0.0).then(|| count(speed.round() as u64))
    });
    let elapsed = of_run(|run| (run.progress.step > 0).then(|| clock(run.progress.elapsed_ms)));
    let left = of_run(|run| (run.progress.step > 0).then(|| clock(run.progress.remaining_ms)));
    view! {
        <dl class="figures">
            <div><dt><TermName label=key_tr!(train.accuracy) /></dt><dd>{accuracy}</dd></div>
            <div><dt><TermName label=key_tr!(train.validation_accuracy) /></dt><dd>{validation}</dd></div>
            <div><dt><TermName label=key_tr!(train.loss) /></dt><dd>{loss}</dd></div>
            <div><dt>{move_tr!(train.speed)}</dt><dd>{speed}</dd></div>
            <div><dt><TermName label=key_tr!(train.steps) /></dt><dd>{step}</dd></div>
            <div><dt>{move_tr!(train.elapsed)}</dt><dd>{elapsed}</dd></div>
            <div><dt>{move_tr!(train.left)}</dt><dd>{left}</dd></div>
        </dl>
    }
}

/// The state of an active run.
fn active_text(state: &RunState) -> String {
    match state {
        RunState::Preparing { preparation, .. } => preparation_text(*preparation),
        RunState::Idle
        | RunState::Training(_)
        | RunState::Paused(_)
        | RunState::Finished { .. }
        | RunState::Failed { .. } => state_text(state),
    }
}

fn preparation_text(preparation: Option<Preparation>) -> String {
    match preparation {
        None => tr!(train.preparing),
        Some(Preparation::BuildingNetwork) => tr!(train.building),
        Some(Preparation::CompilingKernels) => tr!(train.compiling),
        Some(Preparation::LoadingWeights { received_bytes, total_bytes }) => {
            tr!(train.loading_weights, percent = 100 * received_bytes / total_bytes.max(1))
        }
        Some(Preparation::ComputingFeatures { done, total, images_per_second }) => {
            let left_ms = 1_000.0 * f64::from(total.saturating_sub(done)) / images_per_second.max(0.001);
            let (rate, left) = (images_per_second.round() as u64, clock(left_ms));
            tr!(train.computing_features, done = done, total = total, rate = rate, left = left)
        }
    }
}
