//! The Network place: the presets for the dataset, and the designer for the chosen network.

mod add_layer;
mod card;
mod cards;
pub mod designer;
mod drag;
mod figures;
mod focus;
mod init_field;
mod json_view;
mod layers;
mod names;
mod parameter_field;
mod remedy_buttons;
mod toolbar;
mod totals;

use leptos::prelude::*;

use self::layers::Designer;
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::format::{count, short_count};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::text::preset::{preset_name, preset_text};
use crate::page::text::reason::network_reason;
use crate::page::widgets::hint::TermLink;
use kindling_core::network::{Preset, shape};
use kindling_core::protocol::DatasetSummary;

pub const PART: Part = part!(network::place, NetworkPlace);

#[component]
fn NetworkPlace() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let dataset_name = move || recipe.dataset.read().as_ref().map(|dataset| dataset.name.clone());
    let cards = move || {
        let dataset = recipe.dataset.get()?;
        let cards = recipe.presets.get().into_iter().map(|preset| view! { <PresetCard preset dataset=&dataset /> });
        Some(cards.collect_view())
    };
    view! {
        <section class="network-place" aria-labelledby="network-title">
            <header class="place-header">
                <h1 id="network-title">{move_tr!(network.title)}</h1>
                <p>{move_tr!(network.lead)}" "<TermLink term=key_tr!(network.layers) /></p>
            </header>
            <div class="main-column">
                <fieldset class="choices">
                    <legend class="hint">
                        {move || dataset_name().map(|name| tr!(network.fitting, dataset = name))}
                        {move || is_active.get().then(|| format!(" {}", tr!(train.next_run)))}
                    </legend>
                    <div class="choice-cards">{cards}</div>
                </fieldset>
                <Designer />
                <ToTrain />
            </div>
        </section>
    }
}

/// The link to training, or the reason why the network cannot be trained.
#[component]
fn ToTrain() -> impl IntoView {
    let recipe = use_recipe();
    let error = memo(move |_| recipe.survey.read().as_ref().and_then(|survey| survey.error.clone()));
    view! {
        <div class="controls">
            {move || match error.get() {
                None => view! { <a class="button is-primary" href="#train">{move_tr!(network.to_train)}</a> }.into_any(),
                Some(error) => view! {
                    <button type="button" class="button is-primary" disabled>{move_tr!(network.to_train)}</button>
                    <p class="hint">{move || network_reason(&error)}</p>
                }
                .into_any(),
            }}
        </div>
    }
}

#[component]
fn PresetCard<'a>(preset: Preset, dataset: &'a DatasetSummary) -> impl IntoView + use<> {
    let recipe = use_recipe();
    let id = preset.id;
    let summaries = shape::infer(&preset.config.network, dataset.shape, dataset.classes.len()).unwrap_or_default();
    let parameters: u64 = summaries.iter().map(|layer| layer.parameters).sum();
    let flops: u64 = summaries.iter().map(|layer| layer.flops).sum();
    let n_layers = preset.config.network.layers.len();
    let (named, chosen) = (preset.clone(), preset.clone());
    view! {
        <label class="choice-card">
            <input
                type="radio"
                name="preset"
                value=id
                prop:checked=move || recipe.preset.get() == Some(id)
                on:change=move |_| recipe.choose(&chosen)
            />
            <span class="choice-card-body">
                <strong>{move || preset_name(&named)}</strong>
                <span class="hint">{move || preset_text(&preset)}</span>
                <span class="choice-figures">
                    <span>{move_tr!(network.n_layers, count = n_layers)}</span>
                    <span>{move_tr!(network.n_parameters, count = count(parameters))}</span>
                    <span>{move_tr!(network.n_flops, count = short_count(flops))}</span>
                </span>
            </span>
        </label>
    }
}
