//! A glossary of the panel's terms.

use leptos::prelude::*;

use crate::page::text::i18n::{move_tr, tr};

type Text = fn() -> String;

const TERMS: &[(Text, Text)] = &[
    (|| tr!(inside.strips), || tr!(inside.strips_why)),
    (|| tr!(inside.weights), || tr!(inside.weights_why)),
    (|| tr!(inside.gradients), || tr!(inside.gradients_why)),
    (|| tr!(inside.activations), || tr!(inside.activations_why)),
    (|| tr!(inside.gradient_norm), || tr!(inside.gradient_norm_why)),
    (|| tr!(inside.update_ratio), || tr!(inside.update_ratio_why)),
    (|| tr!(inside.dead_units), || tr!(inside.dead_units_why)),
    (|| tr!(inside.saturated), || tr!(inside.saturated_why)),
    (|| tr!(inside.maps), || tr!(inside.maps_why)),
];

#[component]
pub fn Terms() -> impl IntoView {
    let term = |(name, why): &(Text, Text)| {
        let (name, why) = (*name, *why);
        view! { <div><dt>{name}</dt><dd>{why}</dd></div> }
    };
    view! {
        <details class="inside-terms">
            <summary>{move_tr!(inside.terms)}</summary>
            <dl>{TERMS.iter().map(term).collect_view()}</dl>
        </details>
    }
}
