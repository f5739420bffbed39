//! The hyperparameters of the next run: the few that matter most, or all of them.

use leptos::prelude::*;

use super::settings;
use super::settings::kind::Kind;
use super::settings::mode::use_settings_mode;
use super::settings::number::{Number, NumberSettings, always};
use super::settings::shown::show_when_asked;
use crate::page::parts::Parted;
use crate::page::preferences::{Preference, SettingsMode};
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::text::preset::preset_name;
use crate::page::widgets::hint::Why;
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::select_field::{Choice, SelectField};
use crate::page::widgets::show::Show;
use kindling_core::config::fields::field_at;
use kindling_core::config::{OptimizerConfig, RunConfig};

pub const NUMBERS: &[Number] = &[
    Number { id: "field-epochs", field: field_at("epochs"), why: || tr!(train.epochs_why), value: always!(epochs) },
    Number {
        id: "field-batch-size",
        field: field_at("batchSize"),
        why: || tr!(train.batch_size_why),
        value: always!(batch_size),
    },
    Number {
        id: "field-learning-rate",
        field: field_at("learningRate"),
        why: || tr!(train.learning_rate_why),
        value: always!(learning_rate),
    },
];

pub const SEED: &[Number] =
    &[Number { id: "field-seed", field: field_at("seed"), why: || tr!(train.seed_why), value: always!(seed) }];

#[component]
pub fn RunForm() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let mode = use_settings_mode();
    show_when_asked(mode);
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let has_config = memo(move |_| recipe.config.read().is_some());
    let is_expert = memo(move |_| mode.get() == SettingsMode::Expert);
    let choose = move |chosen: SettingsMode| {
        mode.set(chosen);
        chosen.remember();
    };
    let modes = vec![
        Segment { value: SettingsMode::Simple, id: "settings-mode-simple", name: || tr!(expert.mode_simple) },
        Segment { value: SettingsMode::Expert, id: "settings-mode-expert", name: || tr!(expert.mode_expert) },
    ];
    view! {
        <section class="panel form" class:is-expert=move || is_expert.get() aria-labelledby="form-title">
            <h2 id="form-title">
                {move || if is_active.get() { tr!(train.settings_next) } else { tr!(train.settings) }}
            </h2>
            <Segments
                name="settings-mode"
                legend=Signal::derive(move_tr!(expert.mode))
                is_legend_hidden=true
                segments=modes
                value=Signal::derive(move || Some(mode.get()))
                on_change=choose
            />
            <Show when=move || is_active.get() fallback=|| view! { <Why text=key_tr!(train.settings_why) /> }>
                <p class="hint">{move_tr!(train.next_run)}</p>
            </Show>
            <Show when=move || has_config.get()>
                <div class="fields">
                    <PresetField />
                    <NumberSettings numbers=NUMBERS />
                    <Show when=move || !is_expert.get()><OptimizerSegments /></Show>
                    <NumberSettings numbers=SEED />
                    <Show when=move || is_expert.get() fallback=|| view! { <BeyondSimple /> }><Parted part=settings::PART /></Show>
                </div>
            </Show>
        </section>
    }
}

#[component]
fn PresetField() -> impl IntoView {
    let recipe = use_recipe();
    let choices = Signal::derive(move || {
        let presets = recipe.presets.read();
        presets.iter().map(|preset| Choice { value: preset.id, name: preset_name(preset) }).collect::<Vec<_>>()
    });
    let choose = move |id: String| {
        if let Some(preset) = recipe.presets.read_untracked().iter().find(|preset| preset.id == id) {
            recipe.choose(preset);
        }
    };
    view! {
        <SelectField
            id="field-preset"
            label=Signal::derive(move_tr!(train.preset))
            hint=Signal::derive(move_tr!(train.preset_why))
            term=key_tr!(train.preset)
            choices
            value=recipe.preset
            on_change=choose
        />
    }
}

#[component]
fn OptimizerSegments() -> impl IntoView {
    let recipe = use_recipe();
    let chosen = memo(move |_| recipe.config.read().as_ref().map(|config| config.optimizer.id()));
    let segments = vec![
        Segment { value: "adam", id: "optimizer-adam", name: || OptimizerConfig::ADAM.name() },
        Segment { value: "sgd", id: "optimizer-sgd", name: || OptimizerConfig::SGD.name() },
    ];
    let choose = move |id: &'static str| {
        if let Some(optimizer) = OptimizerConfig::ALL.into_iter().find(|optimizer| optimizer.id() == id) {
            recipe.change(|config| config.optimizer = optimizer);
        }
    };
    view! {
        <div class="field">
            <Segments
                name="optimizer"
                legend=Signal::derive(move_tr!(train.optimizer))
                segments
                value=chosen
                on_change=choose
                described_by="optimizer-why"
            />
            <Why id="optimizer-why" text=key_tr!(train.optimizer_why) />
        </div>
    }
}

/// A hint, shown if hyperparameters that are not visible differ from the preset's.
#[component]
fn BeyondSimple() -> impl IntoView {
    let recipe = use_recipe();
    let differs = memo(move |_| {
        let presets = recipe.presets.read();
        let preset = presets.iter().find(|preset| recipe.preset.get() == Some(preset.id));
        let config = recipe.config.read();
        preset.zip(config.as_ref()).is_some_and(|(preset, config)| hidden_settings_differ(config, &preset.config))
    });
    view! {
        <Show when=move || differs.get()><p class="hint" id="settings-beyond">{move_tr!(expert.beyond)}</p></Show>
    }
}

/// Whether the config differs from its preset's in more than the simple settings.
fn hidden_settings_differ(config: &RunConfig, preset: &RunConfig) -> bool {
    let is_simple = matches!(config.optimizer, OptimizerConfig::ADAM | OptimizerConfig::SGD);
    let like_preset = RunConfig {
        epochs: preset.epochs,
        batch_size: preset.batch_size,
        learning_rate: preset.learning_rate,
        seed: preset.seed,
        optimizer: if is_simple { preset.optimizer } else { config.optimizer },
        // Edited elsewhere on the page.
        network: preset.network.clone(),
        split: preset.split,
        dataset: preset.dataset.clone(),
        ..config.clone()
    };
    like_preset != *preset
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::NetworkConfig;

    #[test]
    fn only_hidden_differences_are_reported() {
        let network = NetworkConfig::new("Empty", vec![]);
        let preset = RunConfig::new("mnist", network);
        let simple = RunConfig { epochs: 9, seed: 3, optimizer: OptimizerConfig::SGD, ..preset.clone() };
        assert!(!hidden_settings_differ(&simple, &preset));
        assert!(hidden_settings_differ(&RunConfig { clip_norm: Some(1.0), ..simple.clone() }, &preset));
        assert!(hidden_settings_differ(&RunConfig { optimizer: OptimizerConfig::LION, ..simple }, &preset));
    }
}
