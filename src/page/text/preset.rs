//! Names of presets in the visitor's language.

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
