//! The network as a picture: every layer's output drawn to one scale, from the image on the left to the classes on the right.

pub mod scale;

use leptos::prelude::*;
use web_sys::KeyboardEvent;

use self::scale::{Block, Scale, Space};
use super::cards::Deck;
use super::drag::move_layer;
use super::focus::focus_layer;
use crate::page::network::designer::edit::Edit;
use crate::page::network::designer::palette::{Group, group_of};
use crate::page::reactive::memo;
use crate::page::recipe::{Recipe, use_recipe};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::text::layer::{layer_short, layer_title};
use crate::page::widgets::show::Show;
use kindling_core::config::Layer;
use kindling_core::network::FeatureShape;

const SPACE: Space = Space { height: 148.0, width: 52.0, thin: 6.0 };

/// The block of a layer whose output is unknown, as those behind the first that does not fit.
const UNKNOWN: Block = Block { width: 24.0, height: 48.0 };

/// One tab per layer, of which the arrow keys choose one; the inspector is its panel.
#[component]
pub fn Picture(deck: Deck) -> impl IntoView {
    let recipe = use_recipe();
    let scale = memo(move |_| Scale::of(shapes(recipe), SPACE));
    let input = memo(move |_| recipe.dataset.read().as_ref().map(|dataset| FeatureShape::from(dataset.shape)));
    let input_block = move || input.get().map_or(UNKNOWN, |input| scale.get().block(input));
    view! {
        <div class="strip">
            <div class="strip-layer is-input" style=move || style(input_block(), input_block())>
                <Drawing />
                <span class="strip-name">{move_tr!(network.image)}</span>
                <span class="strip-shape">{move || input.get().map(|input| input.to_string())}</span>
            </div>
            <div
                class="strip-layers"
                role=move || (deck.n_layers.get() > 0).then_some("tablist")
                aria-label=move || (deck.n_layers.get() > 0).then(|| tr!(network.layers))
                on:keydown=move |event| steer(recipe, deck, &event)
            >
                // Keyed by index, so that keyboard focus stays in place while layers are added and removed.
                <For each=move || 0..deck.n_layers.get() key=|at| *at let:at>
                    <LayerTab at deck scale />
                </For>
            </div>
        </div>
        <Show when=move || deck.n_layers.get() == 0><p class="hint">{move_tr!(designer.empty)}</p></Show>
    }
}

/// The shapes of the image and of all outputs that are known, tracked.
fn shapes(recipe: Recipe) -> Vec<FeatureShape> {
    let image = recipe.dataset.read().as_ref().map(|dataset| FeatureShape::from(dataset.shape));
    let survey = recipe.survey.read();
    let outputs = survey.iter().flat_map(|survey| &survey.layers).map(|layer| layer.output);
    image.into_iter().chain(outputs).collect()
}

#[component]
fn LayerTab(
    /// The layer's index, from 0.
    at: usize,
    deck: Deck,
    scale: Memo<Scale>,
) -> impl IntoView {
    let recipe = use_recipe();
    let layer = memo(move |_| recipe.network.read().as_ref()?.layers.get(at).cloned());
    let output_of = move |at: usize| recipe.survey.read().as_ref()?.layers.get(at).map(|summary| summary.output);
    let output = memo(move |_| output_of(at));
    let block_at = move |at: usize| {
        let network = recipe.network.read();
        let layer = network.as_ref().and_then(|network| network.layers.get(at));
        layer.zip(output_of(at)).map_or(UNKNOWN, |(layer, output)| scale.get().block_of(layer, output))
    };
    let before = move || match at.checked_sub(1) {
        Some(before) => block_at(before),
        None => recipe.dataset.read().as_ref().map_or(UNKNOWN, |data| scale.get().block(data.shape.into())),
    };
    let is_wrong = memo(move |_| {
        let survey = recipe.survey.read();
        survey.as_ref().and_then(|survey| survey.misfit()).is_some_and(|(layer, _)| layer == at)
    });
    let is_frozen = memo(move |_| at < deck.n_frozen.get());
    let of_layer = move |text: fn(&Layer) -> String| move || layer.read().as_ref().map(text);
    let is_selected = move || deck.selected.get() == at;
    view! {
        <button
            type="button"
            role="tab"
            class="strip-layer"
            data-group=move || layer.read().as_ref().map(|layer| group_key(group_of(layer)))
            class:is-wrong=move || is_wrong.get()
            class:is-unknown=move || output.get().is_none()
            class:is-frozen=move || is_frozen.get()
            data-layer=at + 1
            title=of_layer(layer_title)
            aria-selected=move || is_selected().to_string()
            aria-controls="layer-inspector"
            aria-keyshortcuts="Alt+ArrowUp Alt+ArrowDown Delete"
            tabindex=move || if is_selected() { "0" } else { "-1" }
            style=move || style(block_at(at), before())
            on:click=move |_| deck.selected.set(at)
        >
            <Drawing />
            <span class="strip-name">
                {at + 1}". "{of_layer(layer_short)}
                <Show when=move || is_frozen.get()><span class="visually-hidden">", "{move_tr!(designer.frozen)}</span></Show>
            </span>
            <span class="strip-shape">{move || output.get().map_or_else(|| "–".to_owned(), |output| output.to_string())}</span>
        </button>
    }
}

/// The block, and the band that leads to it from the block before.
#[component]
fn Drawing() -> impl IntoView {
    view! {
        <span class="strip-drawing" aria-hidden="true">
            <span class="strip-band"></span>
            <span class="strip-block"></span>
        </span>
    }
}

fn style(block: Block, before: Block) -> String {
    let Block { width, height } = block;
    format!("--width: {width:.1}px; --height: {height:.1}px; --before: {:.1}px", before.height)
}

/// What the style sheet calls a group, each of which has its color.
pub fn group_key(group: Group) -> &'static str {
    match group {
        Group::Convolution => "convolution",
        Group::Normalization => "normalization",
        Group::Activation => "activation",
        Group::Pooling => "pooling",
        Group::Regularization => "regularization",
        Group::Shape => "shape",
        Group::Blocks => "blocks",
        Group::Sequences => "sequences",
        Group::Attention => "attention",
    }
}

/// Left and Right select a layer; Up and Down with Alt move it, as they do a card; Delete removes it.
fn steer(recipe: Recipe, deck: Deck, event: &KeyboardEvent) {
    let (at, n_layers) = (deck.selected.get_untracked(), deck.n_layers.get_untracked());
    let Some(last) = n_layers.checked_sub(1) else { return };
    let is_move = event.alt_key();
    let to = match event.key().as_str() {
        "ArrowUp" if is_move => at.saturating_sub(1),
        "ArrowDown" if is_move => (at + 1).min(last),
        // With Alt, these are the browser's.
        _ if is_move => return,
        "ArrowLeft" => at.saturating_sub(1),
        "ArrowRight" => (at + 1).min(last),
        "Home" => 0,
        "End" => last,
        "Delete" => {
            event.prevent_default();
            recipe.edit(&Edit::Remove(at));
            if last > 0 {
                deck.selected.set(at.min(last - 1));
                focus_layer(at.min(last - 1));
            }
            return;
        }
        _ => return,
    };
    event.prevent_default();
    match is_move {
        true => move_layer(recipe, deck, at, to),
        false => deck.selected.set(to),
    }
    focus_layer(to);
}
