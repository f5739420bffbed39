//! The presets for the dataset as one row of small pictures.

use leptos::prelude::*;

use super::picture::group_key;
use super::picture::scale::{Scale, Space, is_film};
use crate::page::network::designer::palette::group_of;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::format::short_count;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::text::preset::preset_name;
use crate::page::widgets::hint::TermLink;
use kindling_core::network::presets::has_few_images;
use kindling_core::network::{LayerSummary, Preset, shape};
use kindling_core::protocol::DatasetSummary;

/// Of a picture, in pixels.
const SPACE: Space = Space { height: 36.0, width: 12.0, thin: 2.0 };

#[component]
pub fn Presets() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let dataset_name = move || recipe.dataset.read().as_ref().map(|dataset| dataset.name.clone());
    let cards = move || {
        let dataset = recipe.dataset.get()?;
        let cards = recipe.presets.get().into_iter().map(|preset| view! { <PresetCard preset dataset=&dataset /> });
        Some(cards.collect_view())
    };
    let about = move || {
        let presets = recipe.presets.read();
        presets.iter().find(|preset| recipe.preset.get() == Some(preset.id)).map(preset_text)
    };
    // Why the presets for few images come first.
    let few = move || {
        let dataset = recipe.dataset.get().filter(|dataset| has_few_images(dataset))?;
        let count = dataset.counts.train as usize / dataset.classes.len().max(1);
        Some(tr!(presets.few_images, count = count))
    };
    let term = move || match recipe.preset.get() {
        Some("features") => Some(key_tr!(presets.features)),
        Some("fine-tune") => Some(key_tr!(presets.fine_tune)),
        _ => None,
    };
    view! {
        <fieldset class="presets">
            <legend>
                {move || dataset_name().map(|name| tr!(network.fitting, dataset = name))}
                {move || is_active.get().then(|| view! { <span class="hint">" · "{move_tr!(train.next_run)}</span> })}
            </legend>
            <div class="preset-row">{cards}</div>
            {move || few().map(|why| view! { <p class="hint" id="few-images">{why}</p> })}
            <p class="hint" role="note">{about}{move || term().map(|term| view! { " "<TermLink term /> })}</p>
        </fieldset>
    }
}

#[component]
fn PresetCard<'a>(preset: Preset, dataset: &'a DatasetSummary) -> impl IntoView + use<> {
    let recipe = use_recipe();
    let id = preset.id;
    let layers = shape::infer(&preset.config.network, dataset.shape, dataset.classes.len()).unwrap_or_default();
    let sum = |of: fn(&LayerSummary) -> u64| layers.iter().map(of).fold(0, u64::saturating_add);
    let (parameters, flops) = (sum(|layer| layer.parameters), sum(|layer| layer.flops));
    let n_layers = preset.config.network.layers.len();
    let shapes = layers.iter().map(|layer| layer.output).chain([dataset.shape.into()]);
    let scale = Scale::of(shapes, SPACE);
    let drawn = preset.config.network.layers.iter().zip(&layers).filter(|(layer, _)| !is_film(layer));
    let blocks = drawn.map(|(layer, summary)| {
        let block = scale.block(summary.output);
        let style = format!("--width: {:.1}px; --height: {:.1}px", block.width, block.height);
        view! { <i class="strip-block" data-group=group_key(group_of(layer)) style=style></i> }
    });
    let blocks = blocks.collect_view();
    let figures = move || {
        let layers = tr!(network.n_layers, count = n_layers);
        format!("{layers}, {}", tr!(network.n_flops, count = short_count(flops)))
    };
    let chosen = preset.clone();
    view! {
        <label class="preset" title=figures>
            <input
                type="radio"
                name="preset"
                value=id
                prop:checked=move || recipe.preset.get() == Some(id)
                on:change=move |_| recipe.choose(&chosen)
            />
            <span class="preset-body">
                <span class="preset-picture" aria-hidden="true">{blocks}</span>
                <strong>{move || preset_name(&preset)}</strong>
                <span class="hint">{move_tr!(network.n_parameters, count = short_count(parameters))}</span>
            </span>
        </label>
    }
}

/// What the preset is good for, in a sentence; empty if it has no translation.
fn preset_text(preset: &Preset) -> String {
    match preset.id {
        "one-minute" => tr!(presets.one_minute_text),
        "lenet" => tr!(presets.lenet_text),
        "batch-norm" => tr!(presets.batch_norm_text),
        "mlp" => tr!(presets.mlp_text),
        "vgg" => tr!(presets.vgg_text),
        "resnet9" => tr!(presets.resnet9_text),
        "mobile" => tr!(presets.mobile_text),
        "lstm-rows" => tr!(presets.lstm_rows_text),
        "gru-rows" => tr!(presets.gru_rows_text),
        "vit" => tr!(presets.vit_text),
        "features" => tr!(presets.features_text),
        "fine-tune" => tr!(presets.fine_tune_text),
        _ => String::new(),
    }
}
