//! Presets in the visitor's words.

use super::i18n::tr;
use crate::network::Preset;

/// Tracked, as it follows the language. A preset that has no translation keeps its own name.
pub fn preset_name(preset: &Preset) -> String {
    match preset.id {
        "one-minute" => tr!(presets.one_minute),
        "lenet" => tr!(presets.lenet),
        "batch-norm" => tr!(presets.batch_norm),
        _ => preset.config.network.name.clone(),
    }
}

/// What it is good for, in a sentence.
pub fn preset_text(preset: &Preset) -> String {
    match preset.id {
        "one-minute" => tr!(presets.one_minute_text),
        "lenet" => tr!(presets.lenet_text),
        "batch-norm" => tr!(presets.batch_norm_text),
        _ => String::new(),
    }
}
