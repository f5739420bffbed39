//! Names and descriptions of presets in the visitor's language.

use crate::page::text::i18n::tr;
use kindling_core::network::Preset;

/// The preset's translated name, or its network's name if it has no translation; tracks the language.
pub fn preset_name(preset: &Preset) -> String {
    match preset.id {
        "one-minute" => tr!(presets.one_minute),
        "lenet" => tr!(presets.lenet),
        "batch-norm" => tr!(presets.batch_norm),
        "mlp" => tr!(presets.mlp),
        "vgg" => tr!(presets.vgg),
        "resnet9" => tr!(presets.resnet9),
        "mobile" => tr!(presets.mobile),
        "lstm-rows" => tr!(presets.lstm_rows),
        "gru-rows" => tr!(presets.gru_rows),
        "vit" => tr!(presets.vit),
        "features" => tr!(presets.features),
        "fine-tune" => tr!(presets.fine_tune),
        _ => preset.config.network.name.clone(),
    }
}

/// What the preset is good for, in a sentence; empty if it has no translation.
pub fn preset_text(preset: &Preset) -> String {
    match preset.id {
        "one-minute" => tr!(presets.one_minute_text),
        "lenet" => tr!(presets.lenet_text),
        "batch-norm" => tr!(presets.batch_norm_text),
        "mlp" => tr!(presets.mlp_text),
        "vgg" => tr!(presets.vgg_text),
        "resnet9" => tr!(presets.resnet9_text),
        "mobile" => tr!(presets.mobile_text),
        "lstm-rows" => tr!(presets.lstm_rows_text),
        "gru-rows" => tr!(presets.gru_rows_text),
        "vit" => tr!(presets.vit_text),
        "features" => tr!(presets.features_text),
        "fine-tune" => tr!(presets.fine_tune_text),
        _ => String::new(),
    }
}
