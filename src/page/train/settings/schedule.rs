//! The learning rate schedule, and a chart of it.

use leptos::prelude::*;

use super::kind::KindField;
use super::number::{Number, NumberSettings, found};
use super::rate_chart::RateChart;
use crate::page::text::i18n::tr;
use kindling_core::config::ScheduleConfig;
use kindling_core::config::fields::field_at;

pub(super) const OF_SCHEDULES: &[Number] = &[
    Number {
        id: "field-schedule-epochs",
        field: field_at("schedule.epochs"),
        why: || tr!(expert.schedule_epochs_why),
        value: found!(schedule, ScheduleConfig::Step { epochs, .. } => epochs),
    },
    Number {
        id: "field-schedule-factor",
        field: field_at("schedule.factor"),
        why: || tr!(expert.factor_why),
        value: found!(
            schedule,
            ScheduleConfig::Step { factor, .. }
                | ScheduleConfig::Exponential { factor }
                | ScheduleConfig::Plateau { factor, .. } => factor
        ),
    },
    Number {
        id: "field-warm-up-steps",
        field: field_at("schedule.warmUpSteps"),
        why: || tr!(expert.warm_up_steps_why),
        value: found!(schedule, ScheduleConfig::Cosine { warm_up_steps, .. } => warm_up_steps),
    },
    Number {
        id: "field-rise",
        field: field_at("schedule.rise"),
        why: || tr!(expert.rise_why),
        value: found!(schedule, ScheduleConfig::OneCycle { rise, .. } => rise),
    },
    Number {
        id: "field-start-divisor",
        field: field_at("schedule.startDivisor"),
        why: || tr!(expert.start_divisor_why),
        value: found!(schedule, ScheduleConfig::OneCycle { start_divisor, .. } => start_divisor),
    },
    Number {
        id: "field-end-divisor",
        field: field_at("schedule.endDivisor"),
        why: || tr!(expert.end_divisor_why),
        value: found!(schedule, ScheduleConfig::OneCycle { end_divisor, .. } => end_divisor),
    },
    Number {
        id: "field-schedule-patience",
        field: field_at("schedule.patience"),
        why: || tr!(expert.schedule_patience_why),
        value: found!(schedule, ScheduleConfig::Plateau { patience, .. } => patience),
    },
    Number {
        id: "field-threshold",
        field: field_at("schedule.threshold"),
        why: || tr!(expert.threshold_why),
        value: found!(schedule, ScheduleConfig::Plateau { threshold, .. } => threshold),
    },
    Number {
        id: "field-cooldown",
        field: field_at("schedule.cooldown"),
        why: || tr!(expert.cooldown_why),
        value: found!(schedule, ScheduleConfig::Plateau { cooldown, .. } => cooldown),
    },
    Number {
        id: "field-least-rate",
        field: field_at("schedule.leastRate"),
        why: || tr!(expert.least_rate_why),
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
    use kindling_core::config::{NetworkConfig, RunConfig};

    #[test]
    fn every_schedule_shows_its_own_numbers() {
        let network = NetworkConfig::new("Empty", vec![]);
        let base = RunConfig::new("mnist", network);
        let n_shown = ScheduleConfig::ALL.map(|schedule| {
            let config = RunConfig { schedule, ..base.clone() };
            OF_SCHEDULES.iter().filter_map(|number| (number.value.read)(&config)).count()
        });
        // Constant, step, exponential, cosine, one cycle, plateau.
        assert_eq!(n_shown, [0, 2, 1, 2, 3, 5]);
    }
}
