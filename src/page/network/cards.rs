//! One card per layer, in the network's order.

use leptos::prelude::*;

use super::card::Card;
use super::drag::Dragged;
use super::remedy_buttons::remedies_now;
use crate::page::network::designer::remedy::Remedy;
use crate::page::reactive::memo;
use crate::page::recipe::{Recipe, use_recipe};
use crate::page::text::format::count;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::{Hint, TermLink};
use crate::page::widgets::show::Show;
use kindling_core::network::FeatureShape;

/// State shared by the layers of a view.
#[derive(Clone, Copy)]
pub struct Deck {
    pub n_layers: Memo<usize>,
    /// The layer that the inspector shows, from 0.
    pub selected: RwSignal<usize>,
    /// FLOPs per image of all layers before the first that does not fit.
    pub flops: Memo<u64>,
    /// How many layers are frozen, and how many start with pre-trained weights, counted from the first.
    pub n_frozen: Memo<usize>,
    pub n_pretrained: Memo<usize>,
    pub remedies: Memo<Vec<Remedy>>,
    pub dragged: RwSignal<Option<Dragged>>,
}

impl Deck {
    pub fn new(recipe: Recipe) -> Self {
        let n_layers = memo(move |_| recipe.network.read().as_ref().map_or(0, |network| network.layers.len()));
        let flops = memo(move |_| {
            let survey = recipe.survey.read();
            survey.iter().flat_map(|survey| &survey.layers).fold(0, |sum: u64, layer| sum.saturating_add(layer.flops))
        });
        let n_frozen = memo(move |_| recipe.network.read().as_ref().map_or(0, |network| network.frozen as usize));
        let n_pretrained = memo(move |_| recipe.survey.read().as_ref().map_or(0, |survey| survey.n_pretrained));
        Self {
            n_layers,
            selected: RwSignal::new(0),
            flops,
            n_frozen,
            n_pretrained,
            remedies: remedies_now(recipe),
            dragged: RwSignal::new(None),
        }
    }
}

#[component]
pub fn Cards(deck: Deck) -> impl IntoView {
    let recipe = use_recipe();
    let n_layers = deck.n_layers;
    let input = move || recipe.dataset.read().as_ref().map(|dataset| FeatureShape::from(dataset.shape));
    view! {
        <p class="hint">
            {move || input().map(|input| tr!(network.input, values = count(input.n_values()), shape = input))}
            " "<TermLink term="channel" />" · "{move_tr!(designer.keys)}
        </p>
        <ol class="layer-cards" aria-label=move_tr!(network.layers)>
            // Keyed by index, so that keyboard focus stays in place while layers are added and removed.
            <For each=move || 0..n_layers.get() key=|at| *at let:at>
                <Card at deck />
            </For>
        </ol>
        <Hint text=Signal::derive(move_tr!(network.figures_why)) term=key_tr!(network.output) />
        <Show when=move || n_layers.get() == 0><p class="hint">{move_tr!(designer.empty)}</p></Show>
    }
}
