//! Undo, redo, reset to the preset, and clear.

use leptos::prelude::*;

use super::focus::focus_soon;
use crate::page::network::designer::edit::Edit;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::move_tr;

#[component]
pub fn Toolbar() -> impl IntoView {
    let recipe = use_recipe();
    let can_undo = memo(move |_| recipe.editor.read().can_undo());
    let can_redo = memo(move |_| recipe.editor.read().can_redo());
    let is_edited = memo(move |_| recipe.is_edited());
    let has_layers = memo(move |_| recipe.network.read().as_ref().is_some_and(|it| !it.layers.is_empty()));
    // A button with nothing left to do is disabled, so keyboard focus moves to the one beside it.
    let undo = move |_| {
        recipe.undo();
        if !can_undo.get_untracked() {
            focus_soon("network-redo");
        }
    };
    let redo = move |_| {
        recipe.redo();
        if !can_redo.get_untracked() {
            focus_soon("network-undo");
        }
    };
    let reset = move |_| {
        if let Some(network) = untrack(|| recipe.preset_network()) {
            recipe.edit(&Edit::Network(network));
            focus_soon("network-undo");
        }
    };
    let clear = move |_| {
        recipe.edit(&Edit::Clear);
        focus_soon("network-undo");
    };
    view! {
        <div class="designer-buttons">
            <button
                type="button"
                class="button is-small"
                id="network-undo"
                aria-keyshortcuts="Control+Z"
                disabled=move || !can_undo.get()
                on:click=undo
            >
                {move_tr!(designer.undo)}
            </button>
            <button
                type="button"
                class="button is-small"
                id="network-redo"
                aria-keyshortcuts="Control+Shift+Z"
                disabled=move || !can_redo.get()
                on:click=redo
            >
                {move_tr!(designer.redo)}
            </button>
            <button
                type="button"
                class="button is-small"
                id="network-reset"
                disabled=move || !is_edited.get()
                on:click=reset
            >
                {move_tr!(designer.reset)}
            </button>
            <button
                type="button"
                class="button is-small"
                id="network-clear"
                disabled=move || !has_layers.get()
                on:click=clear
            >
                {move_tr!(designer.clear)}
            </button>
        </div>
    }
}
