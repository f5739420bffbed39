//! Leads the visitor to a setting, wherever it is folded away.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::page::preferences::SettingsMode;
use crate::page::reactive::watch;

/// The id of the field that is to be shown next.
pub type ShownSetting = RwSignal<Option<&'static str>>;

/// Made by the place, above those who ask and those who show.
pub fn provide_shown_setting() {
    provide_context(ShownSetting::new(None));
}

pub fn use_shown_setting() -> ShownSetting {
    expect_context()
}

/// Shows settings that are asked for. `mode` becomes the expert's where the field is not among the simple ones; that choice is not
/// remembered, as the visitor has not made it.
pub fn show_when_asked(mode: RwSignal<SettingsMode>) {
    let shown = use_shown_setting();
    watch(
        move || shown.get(),
        move |id, _| {
            let Some(id) = *id else { return };
            shown.set(None);
            if document().get_element_by_id(id).is_none() {
                mode.set(SettingsMode::Expert);
            }
            // The next frame has the field.
            request_animation_frame(move || show(id));
        },
        false,
    );
}

/// Unfolds the group around a field and puts the keyboard on the field, which scrolls it into view.
fn show(id: &str) {
    let Some(field) = document().get_element_by_id(id) else { return };
    if let Ok(Some(group)) = field.closest("details") {
        // The name is a valid one.
        group.set_attribute("open", "").ok();
    }
    if let Ok(field) = field.dyn_into::<HtmlElement>() {
        field.focus().ok();
    }
}
