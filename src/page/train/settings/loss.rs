//! The loss that training minimizes.

use leptos::prelude::*;

use super::kind::KindField;
use super::number::{Number, NumberSettings, found};
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::tr;
use crate::page::widgets::show::Show;
use kindling_core::config::fields::field_at;
use kindling_core::config::{ClassWeights, LossConfig};

pub(super) const OF_LOSSES: &[Number] = &[Number {
    id: "field-label-smoothing",
    field: field_at("loss.labelSmoothing"),
    why: || tr!(expert.label_smoothing_why),
    value: found!(loss, LossConfig::CrossEntropy { label_smoothing, .. } => label_smoothing),
}];

#[component]
pub fn LossGroup() -> impl IntoView {
    let recipe = use_recipe();
    let offered = memo(move |_| offered(recipe.dataset.read().as_ref().map_or(0, |dataset| dataset.classes.len())));
    let has_class_weights = memo(move |_| recipe.read(|config| matches!(config.loss, LossConfig::CrossEntropy { .. })));
    view! {
        <KindField
            id="field-loss"
            label=|| tr!(train.loss)
            get=|config| config.loss.clone()
            set=|config, loss| config.loss = loss
            offered=Signal::from(offered)
        />
        <NumberSettings numbers=OF_LOSSES />
        <Show when=move || has_class_weights.get()>
            <KindField
                id="field-class-weights"
                label=|| tr!(expert.class_weights)
                get=|config| match &config.loss {
                    LossConfig::CrossEntropy { class_weights, .. } => class_weights.clone(),
                    LossConfig::BinaryCrossEntropy | LossConfig::MeanSquaredError => ClassWeights::None,
                }
                set=|config, weights| {
                    if let LossConfig::CrossEntropy { class_weights, .. } = &mut config.loss {
                        *class_weights = weights;
                    }
                }
            />
        </Show>
    }
}

/// The losses for a dataset: binary cross-entropy only for two classes.
fn offered(n_classes: usize) -> Vec<LossConfig> {
    LossConfig::ALL.into_iter().filter(|loss| n_classes == 2 || *loss != LossConfig::BinaryCrossEntropy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_binary_loss_is_offered_for_two_classes_only() {
        assert_eq!(offered(2), LossConfig::ALL);
        assert_eq!(offered(10), [LossConfig::CROSS_ENTROPY, LossConfig::MeanSquaredError]);
    }
}
