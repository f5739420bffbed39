//! The optimizer with its hyperparameters, weight decay, gradient clipping and gradient accumulation.

use leptos::prelude::*;

use super::kind::KindField;
use super::number::{Number, NumberSettings, Value, always, found};
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::check_field::CheckField;
use crate::page::widgets::show::Show;
use kindling_core::config::fields::field_at;
use kindling_core::config::{Decay, OptimizerConfig, RunConfig};

pub(super) const OF_OPTIMIZERS: &[Number] = &[
    Number {
        id: "field-momentum",
        field: field_at("optimizer.momentum"),
        why: || tr!(expert.momentum_why),
        value: found!(
            optimizer,
            OptimizerConfig::Sgd { momentum, .. }
                | OptimizerConfig::RmsProp { momentum, .. }
                | OptimizerConfig::Muon { momentum, .. } => momentum
        ),
    },
    Number {
        id: "field-beta1",
        field: field_at("optimizer.beta1"),
        why: || tr!(expert.beta1_why),
        value: found!(
            optimizer,
            OptimizerConfig::Adam { beta1, .. }
                | OptimizerConfig::AdamW { beta1, .. }
                | OptimizerConfig::Lion { beta1, .. } => beta1
        ),
    },
    Number {
        id: "field-beta2",
        field: field_at("optimizer.beta2"),
        why: || tr!(expert.beta2_why),
        value: found!(
            optimizer,
            OptimizerConfig::Adam { beta2, .. }
                | OptimizerConfig::AdamW { beta2, .. }
                | OptimizerConfig::Lion { beta2, .. } => beta2
        ),
    },
    Number {
        id: "field-alpha",
        field: field_at("optimizer.alpha"),
        why: || tr!(expert.alpha_why),
        value: found!(optimizer, OptimizerConfig::RmsProp { alpha, .. } => alpha),
    },
    Number {
        id: "field-epsilon",
        field: field_at("optimizer.epsilon"),
        why: || tr!(expert.epsilon_why),
        value: found!(
            optimizer,
            OptimizerConfig::Adam { epsilon, .. }
                | OptimizerConfig::AdamW { epsilon, .. }
                | OptimizerConfig::RmsProp { epsilon, .. }
                | OptimizerConfig::Adagrad { epsilon } => epsilon
        ),
    },
    Number {
        id: "field-adam-rate-share",
        field: field_at("optimizer.adamRateShare"),
        why: || tr!(expert.adam_rate_share_why),
        value: found!(optimizer, OptimizerConfig::Muon { adam_rate_share, .. } => adam_rate_share),
    },
];

pub(super) const WEIGHT_DECAY: &[Number] = &[Number {
    id: "field-weight-decay",
    field: field_at("weightDecay"),
    why: || tr!(train.weight_decay_why),
    value: always!(weight_decay),
}];

pub(super) const OF_GRADIENTS: &[Number] = &[
    Number {
        id: "field-clip-norm",
        field: field_at("clipNorm"),
        why: || tr!(expert.clip_norm_why),
        value: Value {
            read: |config| Some(config.clip_norm.unwrap_or(0.0)),
            write: |config, norm| config.clip_norm = Some(norm).filter(|norm| *norm > 0.0),
        },
    },
    Number {
        id: "field-batches-per-update",
        field: field_at("batchesPerUpdate"),
        why: || tr!(expert.batches_per_update_why),
        value: always!(batches_per_update),
    },
];

/// Only of networks that start with pre-trained weights.
pub(super) const OF_PRETRAINED: &[Number] = &[Number {
    id: "field-pretrained-rate-share",
    field: field_at("pretrainedRateShare"),
    why: || tr!(expert.pretrained_rate_share_why),
    value: Value {
        read: |config| config.network.pretrained.map(|_| config.pretrained_rate_share),
        write: |config, share| config.pretrained_rate_share = share,
    },
}];

#[component]
pub fn OptimizerGroup() -> impl IntoView {
    let recipe = use_recipe();
    let optimizer = memo(move |_| recipe.config.read().as_ref().map(|config| config.optimizer));
    let nesterov = memo(move |_| match optimizer.get() {
        // Nesterov is a variant of momentum.
        Some(OptimizerConfig::Sgd { momentum, nesterov }) if momentum > 0.0 => Some(nesterov),
        _ => None,
    });
    let centered = memo(move |_| match optimizer.get() {
        Some(OptimizerConfig::RmsProp { centered, .. }) => Some(centered),
        _ => None,
    });
    let has_decay_kinds = memo(move |_| !matches!(optimizer.get(), Some(OptimizerConfig::AdamW { .. })));
    let change_optimizer = move |change: fn(&mut OptimizerConfig, bool)| {
        move |value: bool| recipe.change(|config| change(&mut config.optimizer, value))
    };
    let set_nesterov = change_optimizer(|optimizer, value| {
        if let OptimizerConfig::Sgd { nesterov, .. } = optimizer {
            *nesterov = value;
        }
    });
    let set_centered = change_optimizer(|optimizer, value| {
        if let OptimizerConfig::RmsProp { centered, .. } = optimizer {
            *centered = value;
        }
    });
    view! {
        <KindField
            id="field-optimizer"
            label=|| tr!(train.optimizer)
            get=|config| config.optimizer
            set=choose_optimizer
        />
        <NumberSettings numbers=OF_OPTIMIZERS />
        <Show when=move || nesterov.get().is_some()>
            <CheckField
                id="field-nesterov"
                label=Signal::derive(move_tr!(expert.nesterov))
                hint=Signal::derive(move_tr!(expert.nesterov_why))
                term=key_tr!(expert.nesterov)
                value=Signal::derive(move || nesterov.get().unwrap_or_default())
                on_change=set_nesterov
            />
        </Show>
        <Show when=move || centered.get().is_some()>
            <CheckField
                id="field-centered"
                label=Signal::derive(move_tr!(expert.centered))
                hint=Signal::derive(move_tr!(expert.centered_why))
                term=key_tr!(expert.centered)
                value=Signal::derive(move || centered.get().unwrap_or_default())
                on_change=set_centered
            />
        </Show>
        <NumberSettings numbers=WEIGHT_DECAY />
        <Show when=move || has_decay_kinds.get()>
            <KindField
                id="field-decay"
                label=|| tr!(expert.decay)
                get=|config| config.decay
                set=|config, decay| config.decay = decay
            />
        </Show>
        <NumberSettings numbers=OF_GRADIENTS />
        <NumberSettings numbers=OF_PRETRAINED />
    }
}

/// Sets the optimizer. AdamW's weight decay is decoupled by definition; the engine rejects L2 with it.
fn choose_optimizer(config: &mut RunConfig, optimizer: OptimizerConfig) {
    config.optimizer = optimizer;
    if matches!(optimizer, OptimizerConfig::AdamW { .. }) {
        config.decay = Decay::Decoupled;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::{NetworkConfig, Pretrained};

    fn config(optimizer: OptimizerConfig) -> RunConfig {
        let network = NetworkConfig::new("Empty", vec![]);
        RunConfig { optimizer, ..RunConfig::new("mnist", network) }
    }

    /// Checks the numbers that the form shows for an optimizer.
    fn check(optimizer: OptimizerConfig, expected: &[(&str, f64)]) {
        let config = config(optimizer);
        let shown =
            OF_OPTIMIZERS.iter().filter_map(|it| Some((it.id.strip_prefix("field-")?, (it.value.read)(&config)?)));
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn every_optimizer_shows_its_own_numbers() {
        check(OptimizerConfig::SGD, &[("momentum", 0.9)]);
        check(OptimizerConfig::ADAM, &[("beta1", 0.9), ("beta2", 0.999), ("epsilon", 1e-8)]);
        check(OptimizerConfig::ADAM_W, &[("beta1", 0.9), ("beta2", 0.999), ("epsilon", 1e-8)]);
        check(OptimizerConfig::RMS_PROP, &[("momentum", 0.0), ("alpha", 0.99), ("epsilon", 1e-8)]);
        check(OptimizerConfig::ADAGRAD, &[("epsilon", 1e-10)]);
        check(OptimizerConfig::LION, &[("beta1", 0.9), ("beta2", 0.99)]);
        check(OptimizerConfig::MUON, &[("momentum", 0.95), ("adam-rate-share", 0.015)]);
    }

    #[test]
    fn only_pre_trained_networks_have_a_rate_of_pre_trained_layers() {
        let mut config = config(OptimizerConfig::SGD);
        let read = OF_PRETRAINED[0].value.read;
        assert_eq!(read(&config), None);
        config.network.pretrained = Some(Pretrained::EfficientNetLite0);
        assert_eq!(read(&config), Some(0.1));
    }

    #[test]
    fn an_empty_clip_norm_is_none() {
        let mut config = config(OptimizerConfig::SGD);
        (OF_GRADIENTS[0].value.write)(&mut config, 1.5);
        assert_eq!(config.clip_norm, Some(1.5));
        (OF_GRADIENTS[0].value.write)(&mut config, 0.0);
        assert_eq!(config.clip_norm, None);
    }

    #[test]
    fn adam_w_takes_the_decay_that_it_has() {
        let mut config = RunConfig { decay: Decay::L2, ..config(OptimizerConfig::ADAM) };
        choose_optimizer(&mut config, OptimizerConfig::ADAM_W);
        assert_eq!(config.decay, Decay::Decoupled);
    }
}
