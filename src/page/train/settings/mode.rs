//! Whether simple or expert settings are shown: one choice for the whole Train place.

use leptos::prelude::*;

use crate::page::preferences::{Preference, SettingsMode};

/// Provides the mode that the visitor chose last. Called by the Train place.
pub fn provide_settings_mode() {
    provide_context(RwSignal::new(SettingsMode::remembered().unwrap_or_default()));
}

pub fn use_settings_mode() -> RwSignal<SettingsMode> {
    expect_context()
}
