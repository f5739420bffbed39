//! The expert settings: all of a run's hyperparameters, in groups.

/// Numbers of the config, as data.
pub mod number;

/// Choices between kinds, each with an explanation.
pub mod kind;

/// Navigation to a setting.
pub mod shown;

/// Simple or expert settings.
pub mod mode;

/// Data augmentation.
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
use self::number::{Number, NumberSettings, Value};
use self::optimizer::OptimizerGroup;
use self::over_fitting::OverFittingGroup;
use self::schedule::ScheduleGroup;
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::runs::difference::{Difference, config_difference};
use crate::page::runs::label::difference_text;
use crate::page::text::format::list;
use crate::page::text::i18n::tr;
use crate::page::widgets::show::Show;
use kindling_core::config::RunConfig;
use kindling_core::config::fields::field_at;

const LENGTH: &[Number] = &[Number {
    id: "field-max-steps",
    field: field_at("maxSteps"),
    why: || tr!(expert.max_steps_why),
    value: Value {
        read: |config| Some(config.max_steps.unwrap_or(0).into()),
        write: |config, steps| config.max_steps = Some(steps as u32).filter(|steps| *steps > 0),
    },
}];

/// The fields of the config that the optimizer's group sets.
const OPTIMIZER: [&str; 6] =
    ["optimizer", "weightDecay", "decay", "clipNorm", "batchesPerUpdate", "pretrainedRateShare"];

pub const PART: Part = part!(workbench::expert_settings, ExpertSettings);

#[component]
fn ExpertSettings() -> impl IntoView {
    view! {
        <NumberSettings numbers=LENGTH />
        <Group id="group-finder" title=|| tr!(expert.finder)><RateFinder /></Group>
        <Group id="group-optimizer" title=|| tr!(train.optimizer) fields=&OPTIMIZER><OptimizerGroup /></Group>
        <Group id="group-schedule" title=|| tr!(expert.schedule) fields=&["schedule"]><ScheduleGroup /></Group>
        <Group id="group-loss" title=|| tr!(train.loss) fields=&["loss"]><LossGroup /></Group>
        <Group id="group-over-fitting" title=|| tr!(expert.over_fitting) fields=&["earlyStopping", "emaDecay"]>
            <OverFittingGroup />
        </Group>
        <Group id="group-augment" title=|| tr!(expert.augment) fields=&["augment"]><AugmentGroup /></Group>
        <Group id="group-adversarial" title=|| tr!(expert.adversarial) fields=&["adversarial"]><AdversarialGroup /></Group>
    }
}

/// Whether the enclosing group is open. Costly content waits until it is.
#[derive(Clone, Copy)]
struct GroupOpen(RwSignal<bool>);

/// A group of settings, closed until the visitor opens it.
#[component]
pub fn Group(
    /// The DOM id, unique on the page; tests find the group by it.
    id: &'static str,
    title: fn() -> String,
    /// The fields of the config that it sets, by the first part of their paths. While closed, it tells which differ from the preset's.
    #[prop(optional)]
    fields: &'static [&'static str],
    children: Children,
) -> impl IntoView {
    let is_open = RwSignal::new(false);
    provide_context(GroupOpen(is_open));
    let recipe = use_recipe();
    let changes = memo(move |_| {
        let presets = recipe.presets.read();
        let preset = presets.iter().find(|preset| recipe.preset.get() == Some(preset.id));
        let config = recipe.config.read();
        let changes = preset.zip(config.as_ref()).map(|(preset, config)| changes_in(fields, &preset.config, config));
        changes.unwrap_or_default()
    });
    let has_changes = memo(move |_| !changes.read().is_empty());
    let all = move || list(changes.read().iter().map(difference_text));
    view! {
        <details
            class="setting-group"
            id=id
            on:toggle:target=move |event| is_open.set(event.target().has_attribute("open"))
        >
            <summary>
                {title}
                <Show when=move || has_changes.get()>
                    <span class="group-changes" title=all>{move || tr!(expert.changed, count = changes.read().len())}</span>
                </Show>
            </summary>
            <div class="fields">{children()}</div>
        </details>
    }
}

/// The differences from the preset in these fields.
fn changes_in(fields: &[&str], preset: &RunConfig, config: &RunConfig) -> Vec<Difference> {
    if fields.is_empty() {
        return Vec::new();
    }
    let is_here = |difference: &Difference| fields.contains(&difference.path.split('.').next().unwrap_or_default());
    config_difference(preset, config).into_iter().filter(is_here).collect()
}

#[cfg(test)]
mod tests {
    use super::number::tests::check;
    use super::*;
    use crate::page::text::config::path_text;
    use crate::page::text::i18n::text_of;
    use crate::page::train::form;
    use kindling_core::config::fields::{FIELDS, find};
    use kindling_core::config::{
        AdversarialConfig, AttackMethod, EarlyStopping, LossConfig, NetworkConfig, OptimizerConfig, Pretrained,
        ScheduleConfig,
    };

    #[test]
    fn every_number_of_the_config_has_its_field_in_the_settings() {
        let pretrained = Some(Pretrained::EfficientNetLite0);
        let network = NetworkConfig { pretrained, ..NetworkConfig::new("Empty", vec![]) };
        let adversarial = |method| Some(AdversarialConfig { method, ..AdversarialConfig::default() });
        let base = RunConfig {
            max_steps: Some(9),
            clip_norm: Some(1.0),
            ema_decay: Some(0.5),
            early_stopping: Some(EarlyStopping::default()),
            adversarial: adversarial(AttackMethod::PGD),
            ..RunConfig::new("mnist", network)
        };
        let mut configs = vec![RunConfig { adversarial: adversarial(AttackMethod::Fgsm), ..base.clone() }];
        configs.extend(OptimizerConfig::ALL.map(|optimizer| RunConfig { optimizer, ..base.clone() }));
        configs.extend(ScheduleConfig::ALL.map(|schedule| RunConfig { schedule, ..base.clone() }));
        configs.extend(LossConfig::ALL.map(|loss| RunConfig { loss, ..base.clone() }));
        let of_configs = [
            form::NUMBERS,
            form::SEED,
            LENGTH,
            optimizer::OF_OPTIMIZERS,
            optimizer::WEIGHT_DECAY,
            optimizer::OF_GRADIENTS,
            optimizer::OF_PRETRAINED,
            schedule::OF_SCHEDULES,
            loss::OF_LOSSES,
            over_fitting::OF_STOPPING,
            over_fitting::OF_AVERAGE,
            adversarial::OF_ATTACKS,
        ];
        let mut there = Vec::new();
        for config in &configs {
            there.extend(of_configs.iter().flat_map(|numbers| check(numbers, config, "")));
        }
        for numbers in [augment::OF_ALL, augment::OF_COLORS, augment::OF_PARTS] {
            there.extend(check(numbers, &base.augment, "augment"));
        }
        // The split is set in the Data place, distillation and sparsity where a model is compressed.
        let is_elsewhere =
            |path: &str| ["split.", "distillation.", "sparsity."].iter().any(|part| path.starts_with(part));
        let numbers = FIELDS.iter().filter(|field| field.range().is_some() && !is_elsewhere(field.path));
        for field in numbers {
            assert!(there.contains(&field.path), "{}: the settings have no field for it", field.path);
        }
    }

    #[test]
    fn a_group_tells_only_of_its_own_fields() {
        let network = NetworkConfig::new("Empty", vec![]);
        let preset = RunConfig::new("mnist", network);
        let config = RunConfig { clip_norm: Some(1.0), ema_decay: Some(0.9), weight_decay: 0.5, ..preset.clone() };
        let paths = |fields| changes_in(fields, &preset, &config).into_iter().map(|it| it.path).collect::<Vec<_>>();
        assert_eq!(paths(&OPTIMIZER), ["clipNorm", "weightDecay"]);
        assert_eq!(paths(&["earlyStopping", "emaDecay"]), ["emaDecay"]);
        assert!(paths(&["loss"]).is_empty() && paths(&[]).is_empty());
    }

    #[test]
    fn fields_have_one_name_wherever_they_are_named() {
        for field in FIELDS {
            let name = path_text(field.path);
            assert!(name == field.path || name == text_of(field.text), "{}: {name}", field.path);
        }
        assert!(find("epochs").is_some_and(|field| path_text("epochs") == text_of(field.text)));
    }
}
