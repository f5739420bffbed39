//! The kinds of optimizers, schedules, losses and other settings: their names in configs and their texts in the visitor's language.

use super::kind::Kind;
use crate::page::text::i18n::{TextKey, key_tr, tr};
use kindling_core::config::{AttackMethod, ClassWeights, Decay, LossConfig, Metric, OptimizerConfig, ScheduleConfig};

impl Kind for OptimizerConfig {
    const ALL: &'static [Self] = &OptimizerConfig::ALL;

    fn id(&self) -> &'static str {
        match self {
            Self::Sgd { .. } => "sgd",
            Self::Adam { .. } => "adam",
            Self::AdamW { .. } => "adamW",
            Self::RmsProp { .. } => "rmsProp",
            Self::Adagrad { .. } => "adagrad",
            Self::Lion { .. } => "lion",
            Self::Muon { .. } => "muon",
        }
    }

    fn name(&self) -> String {
        // The same in every language.
        let name = match self {
            Self::Sgd { .. } => "SGD",
            Self::Adam { .. } => "Adam",
            Self::AdamW { .. } => "AdamW",
            Self::RmsProp { .. } => "RMSProp",
            Self::Adagrad { .. } => "Adagrad",
            Self::Lion { .. } => "Lion",
            Self::Muon { .. } => "Muon",
        };
        name.to_owned()
    }

    fn why(&self) -> TextKey {
        match self {
            Self::Sgd { .. } => key_tr!(expert.sgd_why),
            Self::Adam { .. } => key_tr!(expert.adam_why),
            Self::AdamW { .. } => key_tr!(expert.adam_w_why),
            Self::RmsProp { .. } => key_tr!(expert.rms_prop_why),
            Self::Adagrad { .. } => key_tr!(expert.adagrad_why),
            Self::Lion { .. } => key_tr!(expert.lion_why),
            Self::Muon { .. } => key_tr!(expert.muon_why),
        }
    }
}

impl Kind for ScheduleConfig {
    const ALL: &'static [Self] = &ScheduleConfig::ALL;

    fn id(&self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Step { .. } => "step",
            Self::Exponential { .. } => "exponential",
            Self::Cosine { .. } => "cosine",
            Self::OneCycle { .. } => "oneCycle",
            Self::Plateau { .. } => "plateau",
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Constant => tr!(expert.constant),
            Self::Step { .. } => tr!(expert.step),
            Self::Exponential { .. } => tr!(expert.exponential),
            Self::Cosine { .. } => tr!(expert.cosine),
            Self::OneCycle { .. } => tr!(expert.one_cycle),
            Self::Plateau { .. } => tr!(expert.plateau),
        }
    }

    fn why(&self) -> TextKey {
        match self {
            Self::Constant => key_tr!(expert.constant_why),
            Self::Step { .. } => key_tr!(expert.step_why),
            Self::Exponential { .. } => key_tr!(expert.exponential_why),
            Self::Cosine { .. } => key_tr!(expert.cosine_why),
            Self::OneCycle { .. } => key_tr!(expert.one_cycle_why),
            Self::Plateau { .. } => key_tr!(expert.plateau_why),
        }
    }
}

impl Kind for LossConfig {
    const ALL: &'static [Self] = &LossConfig::ALL;

    fn id(&self) -> &'static str {
        match self {
            Self::CrossEntropy { .. } => "crossEntropy",
            Self::BinaryCrossEntropy => "binaryCrossEntropy",
            Self::MeanSquaredError => "meanSquaredError",
        }
    }

    fn name(&self) -> String {
        match self {
            Self::CrossEntropy { .. } => tr!(expert.cross_entropy),
            Self::BinaryCrossEntropy => tr!(expert.binary_cross_entropy),
            Self::MeanSquaredError => tr!(expert.mean_squared_error),
        }
    }

    fn why(&self) -> TextKey {
        match self {
            Self::CrossEntropy { .. } => key_tr!(expert.cross_entropy_why),
            Self::BinaryCrossEntropy => key_tr!(expert.binary_cross_entropy_why),
            Self::MeanSquaredError => key_tr!(expert.mean_squared_error_why),
        }
    }
}

impl Kind for ClassWeights {
    // Custom weights can be set only through `window.kindling`.
    const ALL: &'static [Self] = &[Self::None, Self::Balanced];

    fn id(&self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Balanced => "balanced",
            Self::Given(_) => "given",
        }
    }

    fn name(&self) -> String {
        match self {
            Self::None => tr!(expert.weights_none),
            Self::Balanced => tr!(expert.weights_balanced),
            Self::Given(_) => tr!(expert.weights_given),
        }
    }

    fn why(&self) -> TextKey {
        match self {
            Self::None => key_tr!(expert.weights_none_why),
            Self::Balanced | Self::Given(_) => key_tr!(expert.weights_balanced_why),
        }
    }
}

impl Kind for Decay {
    const ALL: &'static [Self] = &[Self::Decoupled, Self::L2];

    fn id(&self) -> &'static str {
        match self {
            Self::Decoupled => "decoupled",
            Self::L2 => "l2",
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Decoupled => tr!(expert.decoupled),
            Self::L2 => "L2".to_owned(),
        }
    }

    fn why(&self) -> TextKey {
        match self {
            Self::Decoupled => key_tr!(expert.decoupled_why),
            Self::L2 => key_tr!(expert.l2_why),
        }
    }
}

/// The metric that early stopping monitors, if any.
impl Kind for Option<Metric> {
    const ALL: &'static [Self] = &[None, Some(Metric::ValidationLoss), Some(Metric::ValidationAccuracy)];

    fn id(&self) -> &'static str {
        match self {
            None => "off",
            Some(Metric::ValidationLoss) => "validationLoss",
            Some(Metric::ValidationAccuracy) => "validationAccuracy",
        }
    }

    fn name(&self) -> String {
        match self {
            None => tr!(expert.stopping_off),
            Some(Metric::ValidationLoss) => tr!(expert.stopping_loss),
            Some(Metric::ValidationAccuracy) => tr!(expert.stopping_accuracy),
        }
    }

    fn why(&self) -> TextKey {
        match self {
            None => key_tr!(expert.stopping_off_why),
            Some(Metric::ValidationLoss) => key_tr!(expert.stopping_loss_why),
            Some(Metric::ValidationAccuracy) => key_tr!(expert.stopping_accuracy_why),
        }
    }
}

/// The attack on training images, if any.
impl Kind for Option<AttackMethod> {
    const ALL: &'static [Self] = &[None, Some(AttackMethod::Fgsm), Some(AttackMethod::PGD)];

    fn id(&self) -> &'static str {
        match self {
            None => "off",
            Some(AttackMethod::Fgsm) => "fgsm",
            Some(AttackMethod::Pgd { .. }) => "pgd",
        }
    }

    fn name(&self) -> String {
        match self {
            None => tr!(expert.attack_off),
            Some(AttackMethod::Fgsm) => tr!(expert.attack_fgsm),
            Some(AttackMethod::Pgd { .. }) => tr!(expert.attack_pgd),
        }
    }

    fn why(&self) -> TextKey {
        match self {
            None => key_tr!(expert.attack_off_why),
            Some(AttackMethod::Fgsm) => key_tr!(expert.attack_fgsm_why),
            Some(AttackMethod::Pgd { .. }) => key_tr!(expert.attack_pgd_why),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::{Value, json};

    use super::*;

    /// Checks that the ids are the names in configs.
    fn check<T: Kind + Serialize>() {
        for kind in T::ALL {
            let name = match json!(kind) {
                Value::String(name) => name,
                Value::Object(object) => object.keys().next().unwrap().clone(),
                Value::Null => "off".to_owned(),
                other => panic!("{other}"),
            };
            assert_eq!(kind.id(), name);
        }
    }

    #[test]
    fn kinds_are_known_by_their_names_in_configs() {
        check::<OptimizerConfig>();
        check::<ScheduleConfig>();
        check::<LossConfig>();
        check::<ClassWeights>();
        check::<Decay>();
        check::<Option<Metric>>();
        check::<Option<AttackMethod>>();
    }
}
