//! Why a network cannot be built, in the visitor's language.

use crate::page::text::format::{count, short_count};
use crate::page::text::i18n::tr;
use kindling_core::network::shape::{
    LayerError, MAX_LAYER_VALUES, MAX_LAYERS, MAX_NESTING, MAX_PARAMETERS, MAX_RECURRENT_STEPS, MAX_VALUES, MAX_WINDOW,
    NetworkError,
};

/// A sentence about the network; tracks the language.
pub fn network_reason(error: &NetworkError) -> String {
    match error {
        NetworkError::Layer { layer, reason, .. } => {
            tr!(misfit.of_layer, layer = layer + 1, reason = layer_reason(reason))
        }
        NetworkError::NoClassifier => tr!(misfit.no_classifier),
        NetworkError::AllFrozen => tr!(misfit.all_frozen),
        NetworkError::TooManyLayers => tr!(misfit.too_many_layers, most = MAX_LAYERS),
        NetworkError::TooDeep => tr!(misfit.too_deep, most = MAX_NESTING),
        NetworkError::TooManyParameters { found } => {
            tr!(misfit.too_many_parameters, found = count(*found), most = count(MAX_PARAMETERS))
        }
        NetworkError::TooManyValues { found } => {
            tr!(misfit.too_many_values, found = short_count(*found), most = short_count(MAX_VALUES))
        }
    }
}

/// A sentence about the layer; tracks the language.
pub fn layer_reason(reason: &LayerError) -> String {
    match reason {
        LayerError::NeedsMaps { input } => tr!(misfit.needs_maps, input = input),
        LayerError::NeedsSequence { input } => tr!(misfit.needs_sequence, input = input),
        LayerError::NeedsVector => tr!(misfit.needs_vector),
        LayerError::NotForSequences { input } => tr!(misfit.not_for_sequences, input = input),
        LayerError::AlreadyFlat => tr!(misfit.already_flat),
        LayerError::Zero { .. } => tr!(misfit.zero),
        LayerError::KernelTooLarge { size, input } => tr!(misfit.kernel_too_large, size = size, input = input),
        LayerError::WindowTooWide { found } => tr!(misfit.window_too_wide, found = found, most = MAX_WINDOW),
        LayerError::PoolTooLarge { size, input } => tr!(misfit.pool_too_large, size = size, input = input),
        LayerError::PatchTooLarge { size, input } => tr!(misfit.patch_too_large, size = size, input = input),
        LayerError::UnevenGroups { groups, count, what } => {
            let what = if *what == "filters" { tr!(misfit.filters) } else { tr!(misfit.channels) };
            tr!(misfit.uneven_groups, groups = groups, count = count, what = what)
        }
        LayerError::UnevenHeads { heads, features } => tr!(misfit.uneven_heads, heads = heads, features = features),
        LayerError::RateOutOfRange => tr!(misfit.rate_out_of_range),
        LayerError::ClassifierNotLast => tr!(misfit.classifier_not_last),
        LayerError::TooManyValues { found } => {
            tr!(misfit.layer_too_large, found = short_count(*found), most = short_count(MAX_LAYER_VALUES))
        }
        LayerError::TooManySteps { found } => {
            tr!(misfit.too_many_steps, found = found, most = MAX_RECURRENT_STEPS)
        }
        LayerError::TooFewClasses => tr!(misfit.too_few_classes),
        LayerError::EmptyBlock => tr!(misfit.empty_block),
        LayerError::NoShortcut { input, output } => tr!(misfit.no_shortcut, input = input, output = output),
        LayerError::NotAVector { output } => tr!(misfit.not_a_vector, output = output),
        LayerError::Inside { layer, reason, .. } => {
            tr!(misfit.inside, layer = layer + 1, reason = layer_reason(reason))
        }
    }
}
