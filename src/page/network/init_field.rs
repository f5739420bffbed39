//! The network's weight initialization.

use leptos::prelude::*;

use crate::page::network::designer::edit::Edit;
use crate::page::network::names::{init_name, init_why};
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::Hint;
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::show::Show;
use kindling_core::config::InitConfig;

#[component]
pub fn InitField() -> impl IntoView {
    let recipe = use_recipe();
    let init = memo(move |_| recipe.network.read().as_ref().map(|network| network.init).unwrap_or_default());
    let choose = move |chosen: InitConfig| {
        recipe.edit(&Edit::Init(chosen));
    };
    // Layers with pre-trained weights are not initialized by it.
    let n_pretrained = memo(move |_| recipe.survey.read().as_ref().map_or(0, |survey| survey.n_pretrained));
    let segments = vec![
        Segment { value: InitConfig::Pytorch, id: "network-init-pytorch", name: || init_name(InitConfig::Pytorch) },
        Segment { value: InitConfig::He, id: "network-init-he", name: || init_name(InitConfig::He) },
        Segment { value: InitConfig::Xavier, id: "network-init-xavier", name: || init_name(InitConfig::Xavier) },
        Segment { value: InitConfig::Zeros, id: "network-init-zeros", name: || init_name(InitConfig::Zeros) },
    ];
    view! {
        <div class="field">
            <Segments
                name="network-init"
                legend=Signal::derive(move_tr!(designer.init))
                segments
                value=Signal::derive(move || Some(init.get()))
                on_change=choose
                described_by="network-init-why"
            />
            <Show when=move || n_pretrained.get() != 0>
                <p class="hint" id="network-init-pretrained">{move || tr!(designer.init_pretrained, layer = n_pretrained.get())}</p>
            </Show>
            <Hint id="network-init-why" text=Signal::derive(move || init_why(init.get())) term=key_tr!(designer.init) />
        </div>
    }
}
