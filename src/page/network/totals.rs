//! The cost of the whole network, up to the first layer that does not fit.

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::format::{bytes, count, short_count};
use crate::page::text::i18n::{key_tr, move_tr};
use crate::page::widgets::hint::TermName;
use crate::page::widgets::show::Show;
use kindling_core::network::LayerSummary;

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
        </div>
    }
}
