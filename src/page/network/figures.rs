//! A layer's output shape and cost.

use leptos::prelude::*;

use super::cards::Deck;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::format::{bytes, count, short_count};
use crate::page::text::i18n::move_tr;
use kindling_core::network::LayerSummary;

#[component]
pub fn Figures(
    /// The layer's index, from 0.
    at: usize,
    deck: Deck,
) -> impl IntoView {
    let recipe = use_recipe();
    let summary = memo(move |_| recipe.survey.read().as_ref()?.layers.get(at).copied());
    // Unknown from the first layer that does not fit.
    let figure = move |write: fn(LayerSummary) -> String| move || summary.get().map_or_else(|| "–".to_owned(), write);
    let flops_fraction = move || summary.get().map_or(0.0, |layer| layer.flops as f64 / deck.flops.get().max(1) as f64);
    view! {
        <dl class="layer-figures">
            <div>
                <dt>{move_tr!(network.output)}</dt>
                <dd data-figure="output">{figure(|layer| layer.output.to_string())}</dd>
            </div>
            <div>
                <dt>{move_tr!(network.parameters)}</dt>
                <dd data-figure="parameters">{figure(|layer| count(layer.parameters))}</dd>
            </div>
            <div>
                <dt>{move_tr!(network.flops)}</dt>
                <dd data-figure="flops">
                    {figure(|layer| short_count(layer.flops))}
                    <span class="layer-share" aria-hidden="true">
                        <span style:width=move || format!("{:.1}%", flops_fraction() * 100.0)></span>
                    </span>
                </dd>
            </div>
            <div>
                <dt>{move_tr!(network.memory)}</dt>
                <dd data-figure="memory">{figure(|layer| bytes(layer.activation_bytes))}</dd>
            </div>
        </dl>
    }
}
