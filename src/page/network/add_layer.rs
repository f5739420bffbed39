//! The form that adds a layer of any kind.

use leptos::prelude::*;

use crate::page::network::designer::edit::Edit;
use crate::page::network::designer::palette::{layer_of, palette};
use crate::page::network::designer::parameters::parameters;
use crate::page::network::names::{group_name, parameter_key};
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::move_tr;
use crate::page::text::layer::{layer_title, layer_why};
use crate::page::widgets::hint::{TermName, Why};

#[component]
pub fn AddLayer() -> impl IntoView {
    let recipe = use_recipe();
    let kind = RwSignal::new("conv".to_owned());
    let add = move |_| {
        let layer = layer_of(&kind.read_untracked());
        if let Some((layer, network)) = layer.zip(recipe.network.get_untracked()) {
            recipe.edit(&Edit::append(&network, layer));
        }
    };
    let groups = palette().into_iter().map(move |(group, kinds)| {
        let options = kinds.into_iter().map(|(key, layer)| {
            view! { <option value=key selected=key == "conv">{move || layer_title(&layer)}</option> }
        });
        view! { <optgroup label=move || group_name(group)>{options.collect_view()}</optgroup> }
    });
    view! {
        <div class="field add-layer">
            <label for="layer-kind">{move_tr!(designer.add_which)}</label>
            <div class="add-layer-row">
                <select
                    id="layer-kind"
                    aria-describedby="layer-kind-why"
                    prop:value=move || kind.get()
                    on:change:target=move |event| kind.set(event.target().value())
                >
                    {groups.collect_view()}
                </select>
                <button type="button" class="button" id="add-layer" on:click=add>{move_tr!(designer.add)}</button>
            </div>
            {move || layer_of(&kind.read()).map(|layer| view! {
                <Why id="layer-kind-why" text=layer_why(&layer) />
                <p class="hint term-names">
                    {parameters(&layer).into_iter().map(|it| view! { <TermName label=parameter_key(it) /> }).collect_view()}
                </p>
            })}
            <p class="hint">{move_tr!(designer.add_where)}</p>
        </div>
    }
}
