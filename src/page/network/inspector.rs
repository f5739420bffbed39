//! The selected layer of the picture: its fields, its output and cost, and the arithmetic behind them.

use leptos::prelude::*;

use super::arithmetic::{Formula, arithmetic};
use super::card::{LayerBody, Tools};
use super::cards::Deck;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::{TextKey, key_tr, text_of};
use crate::page::text::layer::{layer_short, layer_title};
use kindling_core::config::Layer;

#[component]
pub fn Inspector(deck: Deck) -> impl IntoView {
    let recipe = use_recipe();
    let has_layers = memo(move |_| deck.n_layers.get() > 0);
    let of_layer = move |text: fn(&Layer) -> String| {
        let network = recipe.network.read();
        network.as_ref().and_then(|network| network.layers.get(deck.selected.get())).map(text)
    };
    view! {
        <section class="inspector" id="layer-inspector" role="tabpanel" aria-label=move || of_layer(layer_title).unwrap_or_default()>
            {move || has_layers.get().then(|| {
                let at = deck.selected.get();
                view! {
                    <div class="layer-head">
                        // The fields below give the rest.
                        <strong class="layer-title">{at + 1}". "{move || of_layer(layer_short)}</strong>
                        <Tools at deck />
                    </div>
                    <LayerBody at deck>
                        <Formulas at />
                    </LayerBody>
                }
            })}
        </section>
    }
}

/// Empty where nothing is computed, and behind the first layer that does not fit.
#[component]
fn Formulas(
    /// The layer's index, from 0.
    at: usize,
) -> impl IntoView {
    let recipe = use_recipe();
    let computed = memo(move |_| {
        let (network, survey) = (recipe.network.read(), recipe.survey.read());
        let image = recipe.dataset.read().as_ref()?.shape;
        let layer = network.as_ref()?.layers.get(at)?;
        let output = survey.as_ref()?.layers.get(at)?.output;
        Some(arithmetic(layer, survey.as_ref()?.input_of(at, image)?, output))
    });
    let line = |label: TextKey, formula: Option<Formula>| {
        formula.map(|Formula { text, result }| {
            view! { <p class="formula"><span>{move || text_of(label)}</span>" "<code>{text}" = "<strong>{result}</strong></code></p> }
        })
    };
    view! {
        {move || computed.get().map(|computed| view! {
            {line(key_tr!(network.output_size), computed.output)}
            {line(key_tr!(network.parameters), computed.parameters)}
        })}
    }
}
