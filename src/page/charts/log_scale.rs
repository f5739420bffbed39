//! The choice of a logarithmic axis.

use leptos::prelude::*;

use crate::page::charts::scale::ScaleKind;
use crate::page::text::i18n::{key_tr, move_tr};
use crate::page::widgets::hint::TermLink;

/// The scale that is chosen.
pub fn scale_of(is_log: RwSignal<bool>) -> Signal<ScaleKind> {
    Signal::derive(move || if is_log.get() { ScaleKind::Log } else { ScaleKind::Linear })
}

#[component]
pub fn LogScale(is_log: RwSignal<bool>) -> impl IntoView {
    view! {
        <span class="inline-field">
            <label class="inline-field">
                <input
                    type="checkbox"
                    prop:checked=move || is_log.get()
                    on:change:target=move |event| is_log.set(event.target().checked())
                />
                <span>{move_tr!(train.log_scale)}</span>
            </label>
            <TermLink term=key_tr!(train.log_scale) />
        </span>
    }
}
