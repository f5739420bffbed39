//! The expert's settings: all that a run's config offers, in groups.

/// Numbers of the config, as data.
pub mod number;

/// Choices between kinds, each with a sentence.
pub mod kind;

/// The way to a setting.
pub mod shown;

/// The simple settings or all of them.
pub mod mode;

/// Random changes to the train images.
pub mod augment;

mod adversarial;
mod augment_preview;
mod finder;
mod kinds;
mod loss;
mod optimizer;
mod over_fitting;
mod rate_chart;
mod rate_curve;
mod rate_test;
mod schedule;

use leptos::prelude::*;

use self::adversarial::AdversarialGroup;
use self::augment::AugmentGroup;
use self::finder::RateFinder;
use self::loss::LossGroup;
use self::number::{Entry, Number, NumberSettings, Value};
use self::optimizer::OptimizerGroup;
use self::over_fitting::OverFittingGroup;
use self::schedule::ScheduleGroup;
use crate::page::i18n::tr;
use crate::page::parts::{Part, part};

const LENGTH: &[Number] = &[Number {
    id: "field-max-steps",
    label: || tr!(expert.max_steps),
    why: || tr!(expert.max_steps_why),
    range: (0.0, u32::MAX as f64),
    entry: Entry::WholeOrEmpty,
    value: Value {
        read: |config| Some(config.max_steps.unwrap_or(0).into()),
        write: |config, steps| config.max_steps = Some(steps as u32).filter(|steps| *steps > 0),
    },
}];

pub const PART: Part = part!(workbench::expert_settings, ExpertSettings);

#[component]
fn ExpertSettings() -> impl IntoView {
    view! {
        <NumberSettings numbers=LENGTH />
        <Group id="group-finder" title=|| tr!(expert.finder)><RateFinder /></Group>
        <Group id="group-optimizer" title=|| tr!(train.optimizer)><OptimizerGroup /></Group>
        <Group id="group-schedule" title=|| tr!(expert.schedule)><ScheduleGroup /></Group>
        <Group id="group-loss" title=|| tr!(train.loss)><LossGroup /></Group>
        <Group id="group-over-fitting" title=|| tr!(expert.over_fitting)><OverFittingGroup /></Group>
        <Group id="group-augment" title=|| tr!(expert.augment)><AugmentGroup /></Group>
        <Group id="group-adversarial" title=|| tr!(expert.adversarial)><AdversarialGroup /></Group>
    }
}

/// Whether the group around is unfolded: what costs something waits for it.
#[derive(Clone, Copy)]
struct GroupOpen(RwSignal<bool>);

/// Settings that belong together, folded away until they are wanted.
#[component]
pub fn Group(
    /// No other element on the page has it; tests find the group by it.
    id: &'static str,
    title: fn() -> String,
    children: Children,
) -> impl IntoView {
    let is_open = RwSignal::new(false);
    provide_context(GroupOpen(is_open));
    view! {
        <details
            class="setting-group"
            id=id
            on:toggle:target=move |event| is_open.set(event.target().has_attribute("open"))
        >
            <summary>{title}</summary>
            <div class="fields">{children()}</div>
        </details>
    }
}
