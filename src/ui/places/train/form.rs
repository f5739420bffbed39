//! The settings of the next run, each with a sentence that says what it does.

use std::mem::discriminant;

use leptos::prelude::*;

use crate::protocol::{OptimizerConfig, RunConfig};
use crate::ui::i18n::{move_tr, tr};
use crate::ui::preset_text::preset_name;
use crate::ui::recipe::use_recipe;
use crate::ui::state::RunState;
use crate::ui::store::use_store;
use crate::ui::widgets::number_field::NumberField;

#[component]
pub fn RunForm() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let is_active = Memo::new(move |_| store.run.with(RunState::is_active));
    let has_config = Memo::new(move |_| recipe.config.read().is_some());
    view! {
        <section class="panel" aria-labelledby="form-title">
            <h2 id="form-title">{move_tr!(train.settings)}</h2>
            <Show when=move || is_active.get()><p class="hint">{move_tr!(train.next_run)}</p></Show>
            <Show when=move || has_config.get()><Fields /></Show>
        </section>
    }
}

#[component]
fn Fields() -> impl IntoView {
    let recipe = use_recipe();
    let number =
        move |read: fn(&RunConfig) -> f64| Signal::derive(move || recipe.config.read().as_ref().map_or(0.0, read));
    let write = move |write: fn(&mut RunConfig, f64)| {
        move |value: f64| {
            recipe.config.update(|config| {
                if let Some(config) = config {
                    write(config, value);
                }
            });
        }
    };
    view! {
        <div class="fields">
            <PresetField />
            <NumberField
                label=Signal::derive(|| tr!(train.epochs))
                hint=Signal::derive(|| tr!(train.epochs_why))
                value=number(|config| config.epochs.into())
                range=(1.0, 1_000.0)
                is_whole=true
                on_change=write(|config, epochs| config.epochs = epochs as u32)
            />
            <NumberField
                label=Signal::derive(|| tr!(train.batch_size))
                hint=Signal::derive(|| tr!(train.batch_size_why))
                value=number(|config| config.batch_size.into())
                range=(1.0, 4_096.0)
                is_whole=true
                on_change=write(|config, size| config.batch_size = size as u32)
            />
            <NumberField
                label=Signal::derive(|| tr!(train.learning_rate))
                hint=Signal::derive(|| tr!(train.learning_rate_why))
                value=number(|config| config.learning_rate)
                range=(1e-9, 100.0)
                on_change=write(|config, rate| config.learning_rate = rate)
            />
            <OptimizerField />
            <NumberField
                label=Signal::derive(|| tr!(train.weight_decay))
                hint=Signal::derive(|| tr!(train.weight_decay_why))
                value=number(|config| config.weight_decay)
                range=(0.0, 10.0)
                on_change=write(|config, decay| config.weight_decay = decay)
            />
            <NumberField
                label=Signal::derive(|| tr!(train.seed))
                hint=Signal::derive(|| tr!(train.seed_why))
                value=number(|config| config.seed.into())
                range=(0.0, u32::MAX.into())
                is_whole=true
                on_change=write(|config, seed| config.seed = seed as u32)
            />
        </div>
    }
}

#[component]
fn PresetField() -> impl IntoView {
    let recipe = use_recipe();
    let choose = move |id: String| {
        if let Some(preset) = recipe.presets.read_untracked().iter().find(|preset| preset.id == id) {
            recipe.choose(preset);
        }
    };
    view! {
        <div class="field">
            <label for="field-preset">{move_tr!(train.preset)}</label>
            <select
                id="field-preset"
                aria-describedby="field-preset-why"
                prop:value=move || recipe.preset.get().unwrap_or_default()
                on:change:target=move |event| choose(event.target().value())
            >
                {move || recipe.presets.get().into_iter().map(|preset| view! {
                    <option value=preset.id selected=recipe.preset.get_untracked() == Some(preset.id)>
                        {preset_name(&preset)}
                    </option>
                }).collect_view()}
            </select>
            <p class="hint" id="field-preset-why">{move_tr!(train.preset_why)}</p>
        </div>
    }
}

#[component]
fn OptimizerField() -> impl IntoView {
    let recipe = use_recipe();
    let is_chosen = move |optimizer: &OptimizerConfig| {
        let config = recipe.config.read();
        config.as_ref().is_some_and(|config| discriminant(&config.optimizer) == discriminant(optimizer))
    };
    let choose = move |optimizer: OptimizerConfig| {
        recipe.config.update(|config| {
            if let Some(config) = config {
                config.optimizer = optimizer;
            }
        });
    };
    let option = move |name: &'static str, optimizer: OptimizerConfig| {
        view! {
            <label>
                <input
                    type="radio"
                    name="optimizer"
                    prop:checked=move || is_chosen(&optimizer)
                    on:change=move |_| choose(optimizer)
                />
                <span>{name}</span>
            </label>
        }
    };
    view! {
        <div class="field">
            <fieldset class="segments" aria-describedby="field-optimizer-why">
                <legend>{move_tr!(train.optimizer)}</legend>
                {option("Adam", OptimizerConfig::ADAM)}
                {option("SGD", OptimizerConfig::SGD)}
            </fieldset>
            <p class="hint" id="field-optimizer-why">{move_tr!(train.optimizer_why)}</p>
        </div>
    }
}
