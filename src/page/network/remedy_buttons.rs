//! The network's error, and the remedies that one click applies.

use leptos::prelude::*;

use super::focus::{focus_control, focus_soon};
use crate::page::network::designer::edit::Edit;
use crate::page::network::designer::remedy::{Remedy, remedies};
use crate::page::network::names::remedy_name;
use crate::page::reactive::memo;
use crate::page::recipe::{Recipe, use_recipe};
use crate::page::text::i18n::move_tr;
use crate::page::text::reason::network_reason;

/// The remedies for the current network.
pub fn remedies_now(recipe: Recipe) -> Memo<Vec<Remedy>> {
    memo(move |_| {
        let network = recipe.network.read();
        let dataset = recipe.dataset.read();
        let Some((network, dataset)) = network.as_ref().zip(dataset.as_ref()) else { return Vec::new() };
        remedies(network, dataset.shape, dataset.classes.len())
    })
}

#[component]
pub fn RemedyButtons(remedies: Memo<Vec<Remedy>>) -> impl IntoView {
    let recipe = use_recipe();
    let button = move |remedy: Remedy| {
        let Remedy { kind, network } = remedy;
        let mend = move |_| {
            let misfit = recipe.survey.with_untracked(|survey| survey.as_ref()?.misfit().map(|(layer, _)| layer));
            recipe.edit(&Edit::Network(network.clone()));
            // The clicked button disappears with the problem.
            match misfit {
                Some(layer) => focus_control(layer, "grip"),
                None => focus_soon("add-layer"),
            }
        };
        view! {
            <button type="button" class="button is-small" data-remedy="" on:click=mend>
                {move || remedy_name(kind)}
            </button>
        }
    };
    view! { <div class="designer-buttons">{move || remedies.get().into_iter().map(button).collect_view()}</div> }
}

/// The network's error, whether or not a layer causes it.
#[component]
pub fn NetworkProblem() -> impl IntoView {
    let recipe = use_recipe();
    let remedies = remedies_now(recipe);
    let error = memo(move |_| recipe.survey.read().as_ref().and_then(|survey| survey.error.clone()));
    move || {
        error.get().map(|error| {
            view! {
                <div class="layer-problem" id="network-problem">
                    <p>{move || network_reason(&error)}</p>
                    <RemedyButtons remedies />
                    <p class="hint">{move_tr!(designer.no_training)}</p>
                </div>
            }
        })
    }
}
