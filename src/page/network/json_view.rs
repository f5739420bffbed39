//! The network as JSON text. A draft is kept until the visitor applies or discards it.

use leptos::prelude::*;

use super::remedy_buttons::NetworkProblem;
use crate::page::network::designer::edit::Edit;
use crate::page::network::designer::text::{from_text, to_text};
use crate::page::network::names::text_error;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::{move_tr, tr};

#[component]
pub fn JsonView() -> impl IntoView {
    let recipe = use_recipe();
    // What was wrong with a draft is still so when the visitor comes back to it.
    let error = RwSignal::new(recipe.draft.with_untracked(|draft| from_text(draft.as_deref()?).err()));
    let text = move || {
        let draft = recipe.draft.get();
        draft.unwrap_or_else(|| recipe.network.read().as_ref().map(to_text).unwrap_or_default())
    };
    let has_draft = memo(move |_| recipe.draft.read().is_some());
    let apply = move |_| match recipe.draft.get_untracked().as_deref().map(from_text) {
        Some(Ok(network)) => {
            error.set(None);
            recipe.edit(&Edit::Network(network));
            recipe.draft.set(None);
        }
        Some(Err(mistake)) => error.set(Some(mistake)),
        None => {}
    };
    let discard = move |_| {
        error.set(None);
        recipe.draft.set(None);
    };
    view! {
        <div class="field network-text">
            <label for="network-json">{move_tr!(designer.json)}</label>
            <textarea
                id="network-json"
                spellcheck="false"
                autocapitalize="off"
                autocomplete="off"
                rows="20"
                aria-describedby="network-json-why"
                aria-invalid=move || error.read().is_some().to_string()
                prop:value=text
                on:input:target=move |event| recipe.draft.set(Some(event.target().value()))
            ></textarea>
            <p class="hint" id="network-json-why">
                {move || if has_draft.get() { tr!(designer.json_changed) } else { tr!(designer.json_why) }}
            </p>
            {move || error.get().map(|mistake| view! {
                <p class="failure" role="alert" id="network-json-error">{move || text_error(&mistake)}</p>
            })}
            <div class="designer-buttons">
                <button
                    type="button"
                    class="button is-primary"
                    id="network-json-apply"
                    disabled=move || !has_draft.get()
                    on:click=apply
                >
                    {move_tr!(designer.apply)}
                </button>
                <button
                    type="button"
                    class="button"
                    id="network-json-discard"
                    disabled=move || !has_draft.get()
                    on:click=discard
                >
                    {move_tr!(designer.discard)}
                </button>
            </div>
            <NetworkProblem />
        </div>
    }
}
