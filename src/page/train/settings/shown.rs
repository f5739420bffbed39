//! Takes the visitor to a setting, even in a closed group.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::page::preferences::SettingsMode;
use crate::page::reactive::watch;

/// The DOM id of the field to show next.
pub type ShownSetting = RwSignal<Option<&'static str>>;

/// Called by the Train place, which contains both the components that request a setting and the form that shows it.
pub fn provide_shown_setting() {
    provide_context(ShownSetting::new(None));
}

pub fn use_shown_setting() -> ShownSetting {
    expect_context()
}

/// Shows requested settings. Switches `mode` to expert if the field is not among the simple ones, without storing that choice, as the visitor
/// has not made it.
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
            // The field exists in the next frame.
            request_animation_frame(move || show(id));
        },
        false,
    );
}

/// Opens the group around a field and focuses the field, which scrolls it into view.
fn show(id: &str) {
    let Some(field) = document().get_element_by_id(id) else { return };
    if let Ok(Some(group)) = field.closest("details") {
        // The attribute's name is valid, so this does not fail.
        group.set_attribute("open", "").ok();
    }
    if let Ok(field) = field.dyn_into::<HtmlElement>() {
        field.focus().ok();
    }
}
