//! A run's outcome, and what the visitor can do next.

use leptos::prelude::*;

use super::controls::TrainButton;
use crate::page::data::load_status::LoadStatus;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::runs::interrupted::panel::InterruptedOffer;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{clock, count, percent};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::train::advice::panel::AdviceSummary;
use crate::page::widgets::hint::TermLink;
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;
use kindling_core::protocol::{Ending, FailureKind, RunReport};

#[component]
pub fn Finished() -> impl IntoView {
    let store = use_store();
    let report = memo(move |_| {
        store.run.with(|run| match run {
            RunState::Finished { report, .. } => Some(*report),
            RunState::Idle
            | RunState::Preparing { .. }
            | RunState::Training(_)
            | RunState::Paused(_)
            | RunState::Failed { .. } => None,
        })
    });
    let has_network = memo(move |_| store.run.with(RunState::has_network));
    let is_lost = memo(move |_| !has_network.get() && report.get().is_some_and(|report| report.steps > 0));
    view! {
        <div class="outcome">
            <p class="stage-status" role="status">
                <Glyph icon=Icon::Check />
                {move || report.get().map(|report| verdict(&report))}
            </p>
            <p>{move || report.get().map(|report| details(&report))}" "<TermLink term="checkpoint" /></p>
            <AdviceSummary />
            <Show when=move || is_lost.get()>
                <p class="hint">{move_tr!(train.network_gone)}</p>
            </Show>
            <div class="controls">
                <Show when=move || has_network.get()>
                    <a class="button is-primary is-big" href="#understand">{move_tr!(train.test_it)}</a>
                    <a class="button is-big" href="#use">{move_tr!(train.use_it)}</a>
                </Show>
                <TrainButton is_again=true />
            </div>
            <LoadStatus />
        </div>
    }
}

fn verdict(report: &RunReport) -> String {
    match report.best.map(|best| best.validation_accuracy) {
        Some(Some(accuracy)) => tr!(train.finished, accuracy = percent(accuracy.into())),
        Some(None) => tr!(train.finished_unvalidated),
        None => tr!(train.finished_early),
    }
}

fn details(report: &RunReport) -> String {
    if report.steps == 0 {
        return tr!(train.stopped_untrained);
    }
    let ending = match report.ending {
        Ending::Completed => tr!(train.completed, steps = count(report.steps), time = clock(report.elapsed_ms)),
        Ending::StepLimit => tr!(train.step_limit, steps = count(report.steps), time = clock(report.elapsed_ms)),
        Ending::EarlyStopped => {
            tr!(train.early_stopped, steps = count(report.steps), time = clock(report.elapsed_ms))
        }
        Ending::Stopped => tr!(train.stopped, steps = count(report.steps), time = clock(report.elapsed_ms)),
    };
    let kept = match report.best {
        Some(best) if best.validation_accuracy.is_none() => tr!(train.last_epoch_kept, epoch = best.epoch + 1),
        Some(best) => tr!(train.best_kept, epoch = best.epoch + 1),
        None => tr!(train.last_kept),
    };
    format!("{ending} {kept}")
}

/// What went wrong and, for failures with a known remedy, a button that applies it and trains again.
#[component]
pub fn Failed() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let failure = memo(move |_| {
        store.run.with(|run| match run {
            RunState::Failed { failure, .. } => Some(failure.clone()),
            RunState::Idle
            | RunState::Preparing { .. }
            | RunState::Training(_)
            | RunState::Paused(_)
            | RunState::Finished { .. } => None,
        })
    });
    let kind = move || failure.read().as_ref().map(|failure| failure.kind);
    let lower_rate = move |_| {
        recipe.change(|config| config.learning_rate /= 10.0);
        recipe.start();
    };
    let halve_batch = move |_| {
        recipe.change(|config| config.batch_size = (config.batch_size / 2).max(1));
        recipe.start();
    };
    view! {
        <div class="outcome is-failed">
            <p class="stage-status" role="alert">
                <Glyph icon=Icon::Warning />
                {move || failure.get().map(|failure| failure_text(&failure))}
            </p>
            <div class="controls">
                {move || match kind() {
                    Some(FailureKind::LossNotFinite) => view! {
                        <button type="button" class="button is-primary is-big" on:click=lower_rate>
                            {move_tr!(train.lower_rate)}
                        </button>
                    }.into_any(),
                    Some(FailureKind::OutOfMemory) => view! {
                        <button type="button" class="button is-primary is-big" on:click=halve_batch>
                            {move_tr!(train.halve_batch)}
                        </button>
                    }.into_any(),
                    _ => ().into_any(),
                }}
                <TrainButton is_again=true />
            </div>
            <LoadStatus />
        </div>
        <InterruptedOffer />
    }
}
