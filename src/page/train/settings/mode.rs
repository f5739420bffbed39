//! Whether the simple settings are shown or all of them: one choice for the whole place.

use leptos::prelude::*;

use crate::page::preferences::{Preference, SettingsMode};

/// Made by the place, as the visitor chose last.
pub fn provide_settings_mode() {
    provide_context(RwSignal::new(SettingsMode::remembered().unwrap_or_default()));
}

pub fn use_settings_mode() -> RwSignal<SettingsMode> {
    expect_context()
}
