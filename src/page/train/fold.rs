//! The hyperparameters and the device, folded where they do not stand beside the curves.

use leptos::prelude::*;

use super::form::RunForm;
use crate::page::engines::panel::EnginePanel;
use crate::page::text::i18n::tr;

/// One structure for all widths: in wide windows the style hides the button, and shows what it folds.
#[component]
pub fn FoldedSettings() -> impl IntoView {
    let is_open = RwSignal::new(false);
    view! {
        <button
            type="button"
            class="panel settings-fold"
            aria-controls="settings"
            aria-expanded=move || is_open.get().to_string()
            on:click=move |_| is_open.update(|is_open| *is_open = !*is_open)
        >
            {move || format!("{} · {}", tr!(train.settings), tr!(engine.title))}
        </button>
        <div class="settings-folded" id="settings">
            <RunForm />
            <EnginePanel />
        </div>
    }
}
