//! Against overfitting: early stopping and the exponential moving average (EMA) of the weights.

use leptos::prelude::*;

use super::kind::KindField;
use super::number::{Number, NumberSettings, Value, found};
use crate::page::text::i18n::{key_tr, tr};
use crate::page::widgets::hint::Why;
use kindling_core::config::fields::field_at;
use kindling_core::config::{EarlyStopping, Metric, RunConfig};

pub(super) const OF_STOPPING: &[Number] = &[
    Number {
        id: "field-patience",
        field: field_at("earlyStopping.patience"),
        why: || tr!(expert.patience_why),
        value: found!(early_stopping, Some(EarlyStopping { patience, .. }) => patience),
    },
    Number {
        id: "field-least-improvement",
        field: field_at("earlyStopping.leastImprovement"),
        why: || tr!(expert.least_improvement_why),
        value: found!(early_stopping, Some(EarlyStopping { least_improvement, .. }) => least_improvement),
    },
];

pub(super) const OF_AVERAGE: &[Number] = &[Number {
    id: "field-ema-decay",
    field: field_at("emaDecay"),
    why: || tr!(expert.ema_decay_why),
    value: Value {
        read: |config| Some(config.ema_decay.unwrap_or(0.0)),
        write: |config, decay| config.ema_decay = Some(decay).filter(|decay| *decay > 0.0),
    },
}];

#[component]
pub fn OverFittingGroup() -> impl IntoView {
    view! {
        <Why text=key_tr!(expert.over_fitting_why) />
        <KindField
            id="field-early-stopping"
            label=|| tr!(expert.early_stopping)
            get=|config| config.early_stopping.map(|stopping| stopping.metric)
            set=watch
        />
        <NumberSettings numbers=OF_STOPPING />
        <NumberSettings numbers=OF_AVERAGE />
    }
}

/// Sets the metric that early stopping monitors; patience and min delta stay as they are.
fn watch(config: &mut RunConfig, metric: Option<Metric>) {
    let current = config.early_stopping.unwrap_or_default();
    config.early_stopping = metric.map(|metric| EarlyStopping { metric, ..current });
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::NetworkConfig;

    #[test]
    fn another_metric_is_monitored_with_the_same_patience() {
        let network = NetworkConfig::new("Empty", vec![]);
        let mut config = RunConfig::new("mnist", network);
        assert_eq!((OF_STOPPING[0].value.read)(&config), None);
        watch(&mut config, Some(Metric::ValidationLoss));
        (OF_STOPPING[0].value.write)(&mut config, 9.0);
        watch(&mut config, Some(Metric::ValidationAccuracy));
        let expected = EarlyStopping { metric: Metric::ValidationAccuracy, patience: 9, least_improvement: 0.0 };
        assert_eq!(config.early_stopping, Some(expected));
        watch(&mut config, None);
        assert_eq!(config.early_stopping, None);
    }
}
