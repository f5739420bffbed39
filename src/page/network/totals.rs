//! The cost of the whole network, up to the first layer that does not fit.

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::format::{bytes, count, short_count};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::{TermLink, TermName};
use crate::page::widgets::show::Show;
use kindling_core::network::LayerSummary;
use kindling_core::network::frozen::FrozenWork;

#[component]
pub fn Totals() -> impl IntoView {
    let recipe = use_recipe();
    let sum = move |of: fn(&LayerSummary) -> u64| {
        memo(move |_| {
            let survey = recipe.survey.read();
            survey.iter().flat_map(|survey| &survey.layers).map(of).fold(0, u64::saturating_add)
        })
    };
    let parameters = sum(|layer| layer.parameters);
    let flops = sum(|layer| layer.flops);
    let memory = sum(|layer| layer.activation_bytes);
    let is_partial = memo(move |_| recipe.survey.read().as_ref().is_some_and(|survey| survey.misfit().is_some()));
    view! {
        <div class="network-totals" id="network-totals">
            <h3>
                {move_tr!(network.total)}
                <Show when=move || is_partial.get()>" "<span class="hint">{move_tr!(designer.so_far)}</span></Show>
            </h3>
            <dl class="layer-figures">
                <div>
                    <dt><TermName label=key_tr!(network.parameters) /></dt>
                    <dd data-figure="parameters">{move || count(parameters.get())}</dd>
                </div>
                <div>
                    <dt><TermName label=key_tr!(network.flops) /></dt>
                    <dd data-figure="flops">{move || short_count(flops.get())}</dd>
                </div>
                <div>
                    <dt><TermName label=key_tr!(network.memory) /></dt>
                    <dd data-figure="memory">{move || bytes(memory.get())}</dd>
                </div>
                <div>
                    <dt><TermName label=key_tr!(network.weights) /></dt>
                    <dd data-figure="weights">{move || bytes(parameters.get().saturating_mul(4))}</dd>
                </div>
            </dl>
            <FrozenCost />
        </div>
    }
}

/// What training computes and keeps where layers are frozen.
#[component]
fn FrozenCost() -> impl IntoView {
    let recipe = use_recipe();
    let work = memo(move |_| {
        let (dataset, survey) = (recipe.dataset.read(), recipe.survey.read());
        FrozenWork::of(recipe.config.read().as_ref()?, &survey.as_ref()?.layers, dataset.as_ref()?.counts)
    });
    let text = move || {
        let FrozenWork { learning_flops, learning_bytes, kept_bytes, .. } = work.get()?;
        let (flops, memory) = (short_count(learning_flops), bytes(learning_bytes));
        Some(match kept_bytes {
            0 => tr!(features.cost_computed, flops = flops, memory = memory),
            kept => tr!(features.cost_kept, kept = bytes(kept), flops = flops, memory = memory),
        })
    };
    move || {
        text().map(|text| view! { <p class="hint" id="frozen-cost">{text}" "<TermLink term="transfer-learning" /></p> })
    }
}
