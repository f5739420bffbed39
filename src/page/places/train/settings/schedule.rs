//! How the learning rate changes during the run, and what that looks like.

use leptos::prelude::*;

use super::kind::KindField;
use super::number::{Entry, FACTOR, Number, NumberSettings, SHARE, found};
use super::rate_chart::RateChart;
use crate::page::i18n::tr;
use kindling_core::config::ScheduleConfig;

const OF_SCHEDULES: &[Number] = &[
    Number {
        id: "field-schedule-epochs",
        label: || tr!(expert.schedule_epochs),
        why: || tr!(expert.schedule_epochs_why),
        range: (1.0, 10_000.0),
        entry: Entry::Whole,
        value: found!(schedule, ScheduleConfig::Step { epochs, .. } => epochs),
    },
    Number {
        id: "field-schedule-factor",
        label: || tr!(expert.factor),
        why: || tr!(expert.factor_why),
        range: FACTOR,
        entry: Entry::Real,
        value: found!(
            schedule,
            ScheduleConfig::Step { factor, .. }
                | ScheduleConfig::Exponential { factor }
                | ScheduleConfig::Plateau { factor, .. } => factor
        ),
    },
    Number {
        id: "field-warm-up-steps",
        label: || tr!(expert.warm_up_steps),
        why: || tr!(expert.warm_up_steps_why),
        range: (0.0, 1e6),
        entry: Entry::Whole,
        value: found!(schedule, ScheduleConfig::Cosine { warm_up_steps, .. } => warm_up_steps),
    },
    Number {
        id: "field-rise",
        label: || tr!(expert.rise),
        why: || tr!(expert.rise_why),
        range: (0.0, 1.0),
        entry: Entry::Real,
        value: found!(schedule, ScheduleConfig::OneCycle { rise, .. } => rise),
    },
    Number {
        id: "field-start-divisor",
        label: || tr!(expert.start_divisor),
        why: || tr!(expert.start_divisor_why),
        range: (1.0, 1e9),
        entry: Entry::Real,
        value: found!(schedule, ScheduleConfig::OneCycle { start_divisor, .. } => start_divisor),
    },
    Number {
        id: "field-end-divisor",
        label: || tr!(expert.end_divisor),
        why: || tr!(expert.end_divisor_why),
        range: (1.0, 1e9),
        entry: Entry::Real,
        value: found!(schedule, ScheduleConfig::OneCycle { end_divisor, .. } => end_divisor),
    },
    Number {
        id: "field-schedule-patience",
        label: || tr!(expert.schedule_patience),
        why: || tr!(expert.schedule_patience_why),
        range: (0.0, 10_000.0),
        entry: Entry::Whole,
        value: found!(schedule, ScheduleConfig::Plateau { patience, .. } => patience),
    },
    Number {
        id: "field-threshold",
        label: || tr!(expert.threshold),
        why: || tr!(expert.threshold_why),
        range: SHARE,
        entry: Entry::Real,
        value: found!(schedule, ScheduleConfig::Plateau { threshold, .. } => threshold),
    },
    Number {
        id: "field-cooldown",
        label: || tr!(expert.cooldown),
        why: || tr!(expert.cooldown_why),
        range: (0.0, 10_000.0),
        entry: Entry::Whole,
        value: found!(schedule, ScheduleConfig::Plateau { cooldown, .. } => cooldown),
    },
    Number {
        id: "field-least-rate",
        label: || tr!(expert.least_rate),
        why: || tr!(expert.least_rate_why),
        range: (0.0, 100.0),
        entry: Entry::Real,
        value: found!(
            schedule,
            ScheduleConfig::Cosine { least_rate, .. } | ScheduleConfig::Plateau { least_rate, .. } => least_rate
        ),
    },
];

#[component]
pub fn ScheduleGroup() -> impl IntoView {
    view! {
        <KindField
            id="field-schedule"
            label=|| tr!(expert.schedule)
            get=|config| config.schedule
            set=|config, schedule| config.schedule = schedule
        />
        <NumberSettings numbers=OF_SCHEDULES />
        <RateChart />
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::{InitConfig, NetworkConfig, RunConfig};

    #[test]
    fn every_schedule_shows_its_own_numbers() {
        let network = NetworkConfig { name: "Empty".into(), layers: vec![], init: InitConfig::Pytorch };
        let base = RunConfig::new("mnist", network);
        let n_shown = ScheduleConfig::ALL.map(|schedule| {
            let config = RunConfig { schedule, ..base.clone() };
            let defaults = OF_SCHEDULES.iter().filter_map(|number| Some((number, (number.value.read)(&config)?)));
            defaults.inspect(|(it, value)| assert!(*value >= it.range.0 && *value <= it.range.1, "{}", it.id)).count()
        });
        // Constant, step, exponential, cosine, one cycle, plateau.
        assert_eq!(n_shown, [0, 2, 1, 2, 3, 5]);
    }
}
