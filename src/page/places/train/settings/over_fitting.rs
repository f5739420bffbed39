//! Against learning by heart: early stopping and the average of the weights.

use leptos::prelude::*;

use super::kind::KindField;
use super::number::{Entry, Number, NumberSettings, SHARE, Value, found};
use crate::page::i18n::tr;
use kindling_core::config::{EarlyStopping, Metric, RunConfig};

const OF_STOPPING: &[Number] = &[
    Number {
        id: "field-patience",
        label: || tr!(expert.patience),
        why: || tr!(expert.patience_why),
        range: (1.0, 1_000.0),
        entry: Entry::Whole,
        value: found!(early_stopping, Some(EarlyStopping { patience, .. }) => patience),
    },
    Number {
        id: "field-least-improvement",
        label: || tr!(expert.least_improvement),
        why: || tr!(expert.least_improvement_why),
        range: (0.0, 10.0),
        entry: Entry::Real,
        value: found!(early_stopping, Some(EarlyStopping { least_improvement, .. }) => least_improvement),
    },
];

const OF_AVERAGE: &[Number] = &[Number {
    id: "field-ema-decay",
    label: || tr!(expert.ema_decay),
    why: || tr!(expert.ema_decay_why),
    range: SHARE,
    entry: Entry::RealOrEmpty,
    value: Value {
        read: |config| Some(config.ema_decay.unwrap_or(0.0)),
        write: |config, decay| config.ema_decay = Some(decay).filter(|decay| *decay > 0.0),
    },
}];

#[component]
pub fn OverFittingGroup() -> impl IntoView {
    view! {
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

/// Another figure is watched as patiently.
fn watch(config: &mut RunConfig, metric: Option<Metric>) {
    let current = config.early_stopping.unwrap_or_default();
    config.early_stopping = metric.map(|metric| EarlyStopping { metric, ..current });
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::{InitConfig, NetworkConfig};

    #[test]
    fn another_figure_is_watched_with_the_same_patience() {
        let network = NetworkConfig { name: "Empty".into(), layers: vec![], init: InitConfig::Pytorch };
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
