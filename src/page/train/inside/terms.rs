//! What the panel's figures mean.

use leptos::prelude::*;

use crate::page::text::i18n::{TextKey, key_tr, move_tr, text_of};
use crate::page::widgets::hint::TermName;

/// The terms, each with the key of its definition.
const TERMS: &[(TextKey, TextKey)] = &[
    (key_tr!(inside.strips), key_tr!(inside.strips_why)),
    (key_tr!(inside.weights), key_tr!(inside.weights_why)),
    (key_tr!(inside.gradients), key_tr!(inside.gradients_why)),
    (key_tr!(inside.activations), key_tr!(inside.activations_why)),
    (key_tr!(inside.gradient_norm), key_tr!(inside.gradient_norm_why)),
    (key_tr!(inside.update_ratio), key_tr!(inside.update_ratio_why)),
    (key_tr!(inside.dead_units), key_tr!(inside.dead_units_why)),
    (key_tr!(inside.saturated), key_tr!(inside.saturated_why)),
    (key_tr!(inside.maps), key_tr!(inside.maps_why)),
];

#[component]
pub fn Terms() -> impl IntoView {
    let term = |&(name, why): &(TextKey, TextKey)| {
        view! { <div><dt><TermName label=name /></dt><dd>{move || text_of(why)}</dd></div> }
    };
    view! {
        <details class="inside-terms">
            <summary>{move_tr!(inside.terms)}</summary>
            <dl>{TERMS.iter().map(term).collect_view()}</dl>
        </details>
    }
}
