//! The Network place: the presets for the dataset, and the designer for the chosen network.

mod add_layer;
mod arithmetic;
mod card;
mod cards;
pub mod designer;
mod drag;
mod figures;
mod focus;
mod init_field;
mod inspector;
mod json_view;
mod layers;
mod names;
mod parameter_field;
mod picture;
mod presets;
mod remedy_buttons;
mod toolbar;
mod totals;

use leptos::prelude::*;

use self::layers::Designer;
use self::presets::Presets;
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::{key_tr, move_tr};
use crate::page::text::reason::network_reason;
use crate::page::widgets::hint::TermLink;

pub const PART: Part = part!(network::place, NetworkPlace);

#[component]
fn NetworkPlace() -> impl IntoView {
    view! {
        <section class="network-place" aria-labelledby="network-title">
            <header class="place-header">
                <h1 id="network-title">{move_tr!(network.title)}</h1>
                <p>{move_tr!(network.lead)}" "<TermLink term=key_tr!(network.layers) /></p>
                <ToTrain />
            </header>
            <Presets />
            <Designer />
        </section>
    }
}

/// The link to training, or the reason why the network cannot be trained.
#[component]
fn ToTrain() -> impl IntoView {
    let recipe = use_recipe();
    let obstacle = memo(move |_| {
        let survey = recipe.survey.read();
        let error = survey.as_ref().and_then(|survey| survey.error.as_ref());
        recipe.refusals.first().map(|refusal| refusal.sentence()).or_else(|| error.map(network_reason))
    });
    view! {
        <div class="to-train">
            {move || match obstacle.get() {
                None => view! { <a class="button is-primary" href="#train">{move_tr!(network.to_train)}</a> }.into_any(),
                Some(reason) => view! {
                    <button type="button" class="button is-primary" disabled title=reason>
                        {move_tr!(network.to_train)}
                    </button>
                }
                .into_any(),
            }}
        </div>
    }
}
