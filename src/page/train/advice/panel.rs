//! Advice on the run: an observation, what to try, and a link to the setting. It changes nothing by itself.

use leptos::prelude::*;

use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::store::{Store, use_store};
use crate::page::text::advice::{Names, remedy, sentence};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::train::advice::use_advice;
use crate::page::train::settings::shown::use_shown_setting;
use crate::page::widgets::show::Show;
use kindling_core::advice::Advice;

pub const PART: Part = part!(workbench::advice, AdvicePanel);

/// For a run's outcome.
pub const SUMMARY: Part = part!(workbench::advice_summary, AdviceSummary);

/// Empty while there is no advice.
#[component]
fn AdvicePanel() -> impl IntoView {
    let store = use_store();
    let advice = use_advice(store);
    let has_advice = memo(move |_| !advice.read().is_empty());
    view! {
        // Present before the first advice, so that screen readers announce it; `polite` lets them finish speaking first.
        <div class="advice-place" aria-live="polite">
            <Show when=move || has_advice.get()>
                <section class="panel advice" id="advice" aria-labelledby="advice-title">
                    <h2 id="advice-title">{move_tr!(advice.title)}</h2>
                    <p class="hint">{move_tr!(advice.why)}</p>
                    <ul>{move || advice.get().into_iter().map(|advice| view! { <Item advice /> }).collect_view()}</ul>
                </section>
            </Show>
        </div>
    }
}

/// Where the visitor can act on the advice.
enum Place {
    /// A setting of the run, by the id of its field.
    Setting(&'static str),
    /// The network's layers.
    Network,
}

fn place_of(advice: &Advice) -> Place {
    match advice {
        Advice::RateTooHigh { .. } | Advice::RateTooLow { .. } => Place::Setting("field-learning-rate"),
        Advice::OverFitting { .. } => Place::Setting("field-early-stopping"),
        Advice::DeadUnits { .. } | Advice::SaturatedOutputs { .. } => Place::Network,
        // Class weights belong to one of the losses and are shown below it.
        Advice::UnbalancedClasses { .. } => Place::Setting("field-loss"),
    }
}

#[component]
fn Item(advice: Advice) -> impl IntoView {
    let store = use_store();
    let shown = use_shown_setting();
    let way = match place_of(&advice) {
        Place::Setting(id) => view! {
            <button type="button" class="link" data-setting=id on:click=move |_| shown.set(Some(id))>
                {move_tr!(advice.show_setting)}
            </button>
        }
        .into_any(),
        Place::Network => view! { <a href="#network">{move_tr!(advice.show_network)}</a> }.into_any(),
    };
    view! {
        <li>
            <p>{move || sentence_of(&advice, store)}</p>
            <p class="hint">{move || remedy(&advice)}" "{way}</p>
        </li>
    }
}

/// Only the observations.
#[component]
fn AdviceSummary() -> impl IntoView {
    let store = use_store();
    let advice = use_advice(store);
    let item = move |advice: Advice| view! { <li>{move || sentence_of(&advice, store)}</li> };
    let has_advice = memo(move |_| !advice.read().is_empty());
    view! {
        <Show when=move || has_advice.get()>
            <ul class="hint outcome-advice">{move || advice.get().into_iter().map(item).collect_view()}</ul>
        </Show>
    }
}

/// Tracked by the language only: advice is always about the run in view.
fn sentence_of(advice: &Advice, store: Store) -> String {
    let classes = store.dataset.with_untracked(|dataset| dataset.current.as_ref().map(|it| it.classes.clone()));
    let classes = classes.unwrap_or_default();
    let config = store.run.with_untracked(|state| state.run().map(|run| run.config.clone()));
    config
        .map(|config| sentence(advice, Names { classes: &classes, network: &config.network }))
        .unwrap_or_else(|| tr!(advice.title))
}
