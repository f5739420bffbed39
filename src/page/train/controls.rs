//! The buttons that start and control a run. Each takes effect within one step.

use std::time::Duration;

use leptos::prelude::*;

use super::{continuing, feature_time};
use crate::page::parts::Parted;
use crate::page::place::Place;
use crate::page::reactive::{memo, watch};
use crate::page::recipe::use_recipe;
use crate::page::runs::use_runs;
use crate::page::state::{EngineState, RunState};
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::text::reason::network_reason;
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;
use kindling_core::protocol::Command;

/// A pause or a stop that takes longer is explained.
const LATE: Duration = Duration::from_secs(1);

/// Starts a run; loads its dataset first if necessary.
#[component]
pub fn TrainButton(
    /// Whether a run precedes this one.
    #[prop(optional)]
    is_again: bool,
    /// Whether it is the first thing to do now.
    is_primary: Signal<bool>,
) -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let can_start = move || {
        recipe.config.read().is_some()
            && !recipe.is_starting.get()
            && recipe.survey.read().as_ref().is_none_or(|survey| survey.error.is_none())
            && !store.engine.with(|engine| matches!(engine, EngineState::Failed(_)))
    };
    let runs = use_runs();
    let has_grown = memo(move |_| runs.grown_since().is_some());
    let has_frozen = memo(move |_| recipe.network.read().as_ref().is_some_and(|network| network.frozen > 0));
    let has_draft = memo(move |_| recipe.draft.read().is_some());
    let obstacle =
        memo(move |_| recipe.survey.read().as_ref().and_then(|survey| survey.error.as_ref()).map(network_reason));
    view! {
        <button
            type="button"
            class="button is-big"
            class:is-primary=move || is_primary.get()
            disabled=move || !can_start()
            on:click=move |_| recipe.start()
        >
            <Glyph icon=Icon::Play />
            {move || if is_again { tr!(train.again) } else { tr!(train.start) }}
        </button>
        <Show when=move || has_grown.get()><Parted part=continuing::OFFER is_quiet=true /></Show>
        <Show when=move || has_frozen.get()><Parted part=feature_time::PART is_quiet=true /></Show>
        <Show when=move || has_draft.get()>
            <p class="hint">{move_tr!(train.draft)}" "<a href=Place::Network.hash()>{move_tr!(train.to_draft)}</a></p>
        </Show>
        {move || recipe.refusals.first().map(|refusal| view! {
            <p class="failure" role="alert">
                {move || tr!(train.held_back, refused = refusal.sentence())}
            </p>
        })}
        {move || obstacle.get().map(|reason| view! {
            <p class="failure">
                <span>{tr!(train.obstacle, reason = reason)}" "<a href=Place::Network.hash()>{move_tr!(train.to_network)}</a></span>
            </p>
        })}
    }
}

/// Pause, resume, step and stop, each enabled while it applies.
#[component]
pub fn Controls() -> impl IntoView {
    let store = use_store();
    let is_training = memo(move |_| store.run.with(|run| matches!(run, RunState::Training(_))));
    let is_paused = memo(move |_| store.run.with(|run| matches!(run, RunState::Paused(_))));
    // A long step ends first. The number counts what was asked for and what has followed.
    let (is_late, turn) = (RwSignal::new(false), StoredValue::new(0_u32));
    let next_turn = move || {
        turn.try_update_value(|turn| {
            *turn = turn.wrapping_add(1);
            *turn
        })
    };
    let follow = move |_: &_, _: Option<&_>| {
        next_turn();
        is_late.set(false);
    };
    watch(move || is_training.get(), follow, false);
    let ask = move |command: Command| {
        store.send(command);
        if is_training.get_untracked() {
            let asked = next_turn();
            let tell = move || {
                // The controls may be gone by then.
                is_late.try_set(turn.try_get_value() == asked);
            };
            set_timeout(tell, LATE);
        }
    };
    // One button for both, so that it keeps keyboard focus from pause to resume.
    let steer = move |_| match (is_training.get_untracked(), is_paused.get_untracked()) {
        (true, _) => ask(Command::Pause),
        (_, true) => store.send(Command::Resume),
        (false, false) => {}
    };
    // Not `disabled`, so that it can have the focus before the first step, too.
    let is_waiting = move || !is_training.get() && !is_paused.get();
    view! {
        <div class="controls" role="group" aria-label=move_tr!(train.controls)>
            <button
                type="button"
                class="button is-primary"
                aria-disabled=move || is_waiting().then_some("true")
                on:click=steer
            >
                <Glyph icon=Signal::derive(move || if is_paused.get() { Icon::Play } else { Icon::Pause }) />
                {move || if is_paused.get() { tr!(train.resume) } else { tr!(train.pause) }}
            </button>
            <button
                type="button"
                class="button"
                disabled=move || !is_paused.get()
                title=move_tr!(train.step_why)
                on:click=move |_| store.send(Command::Step)
            >
                <Glyph icon=Icon::Step />
                {move_tr!(train.step)}
            </button>
            <button type="button" class="button" title=move_tr!(train.stop_why) on:click=move |_| ask(Command::Stop)>
                <Glyph icon=Icon::Stop />
                {move_tr!(train.stop)}
            </button>
            <Show when=move || is_late.get()><p class="hint" role="status">{move_tr!(train.late)}</p></Show>
        </div>
    }
}
