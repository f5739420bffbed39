//! How the first weights are drawn.

use leptos::prelude::*;

use crate::page::designer::edit::Edit;
use crate::page::designer_text::{init_name, init_text};
use crate::page::i18n::move_tr;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use kindling_core::config::InitConfig;

const CHOICES: [(InitConfig, &str); 4] = [
    (InitConfig::Pytorch, "network-init-pytorch"),
    (InitConfig::He, "network-init-he"),
    (InitConfig::Xavier, "network-init-xavier"),
    (InitConfig::Zeros, "network-init-zeros"),
];

#[component]
pub fn InitField() -> impl IntoView {
    let recipe = use_recipe();
    let init = memo(move |_| recipe.network.read().as_ref().map(|network| network.init).unwrap_or_default());
    let choose = move |chosen: InitConfig| {
        recipe.edit(&Edit::Init(chosen));
    };
    let choice = move |(this, id): (InitConfig, &'static str)| {
        view! {
            <label>
                <input
                    type="radio"
                    name="network-init"
                    id=id
                    prop:checked=move || init.get() == this
                    on:change=move |_| choose(this)
                />
                <span>{move || init_name(this)}</span>
            </label>
        }
    };
    view! {
        <div class="field">
            <fieldset class="segments" aria-describedby="network-init-why">
                <legend>{move_tr!(designer.init)}</legend>
                {CHOICES.map(choice).collect_view()}
            </fieldset>
            <p class="hint" id="network-init-why">{move || init_text(init.get())}</p>
        </div>
    }
}
