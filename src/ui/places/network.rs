//! The place Network: the networks that fit the dataset, and what each layer of the chosen one does and costs.

mod layers;

use leptos::prelude::*;

use self::layers::LayerTable;
use crate::network::{Preset, shape};
use crate::protocol::DatasetSummary;
use crate::ui::format::{count, short_count};
use crate::ui::i18n::{move_tr, tr};
use crate::ui::preset_text::{preset_name, preset_text};
use crate::ui::recipe::use_recipe;
use crate::ui::state::RunState;
use crate::ui::store::use_store;

#[component]
pub fn NetworkPlace() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let is_active = Memo::new(move |_| store.run.with(RunState::is_active));
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
                <p>{move_tr!(network.lead)}</p>
            </header>
            <div class="main-column">
                <fieldset class="choices">
                    <legend class="hint">
                        {move || dataset_name().map(|name| tr!(network.fitting, dataset = name))}
                        {move || is_active.get().then(|| format!(" {}", tr!(train.next_run)))}
                    </legend>
                    <div class="choice-cards">{cards}</div>
                </fieldset>
                <LayerTable />
                <div class="controls"><a class="button is-primary" href="#train">{move_tr!(network.to_train)}</a></div>
            </div>
        </section>
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
