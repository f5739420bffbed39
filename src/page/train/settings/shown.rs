//! Takes the visitor to a setting, even in a closed group.

use leptos::prelude::*;

use crate::page::preferences::SettingsMode;
use crate::page::reactive::watch;
use crate::page::widgets::reveal::reveal;

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
            request_animation_frame(move || reveal(id));
        },
        false,
    );
}
