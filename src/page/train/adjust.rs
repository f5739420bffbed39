//! Live hyperparameters: values that can be changed during a run.

/// Data augmentation.
mod augment;

use leptos::prelude::*;

use self::augment::AdjustAugment;
use super::settings::mode::use_settings_mode;
use super::settings::number::ends;
use crate::page::parts::{Part, part};
use crate::page::preferences::SettingsMode;
use crate::page::reactive::memo;
use crate::page::state::{Run, RunState};
use crate::page::store::{Store, use_store};
use crate::page::text::i18n::{key_tr, move_tr};
use crate::page::widgets::number_field::NumberField;
use crate::page::widgets::show::Show;
use kindling_core::config::fields::field_at;
use kindling_core::protocol::{Command, ValueChange};

pub const PART: Part = part!(workbench::adjust, AdjustPanel);

/// Empty unless a run is training or paused.
#[component]
fn AdjustPanel() -> impl IntoView {
    let store = use_store();
    let mode = use_settings_mode();
    let rates = memo(move |_| {
        store.run.with(|state| match state {
            RunState::Training(run) | RunState::Paused(run) => Some(rates_in_force(run)),
            RunState::Idle | RunState::Preparing { .. } | RunState::Finished { .. } | RunState::Failed { .. } => None,
        })
    });
    let can_adjust = memo(move |_| rates.get().is_some());
    let is_expert = memo(move |_| mode.get() == SettingsMode::Expert);
    let change_rate =
        move |rate: f64| adjust(store, ValueChange { learning_rate: Some(rate), ..ValueChange::default() });
    let change_decay =
        move |decay: f64| adjust(store, ValueChange { weight_decay: Some(decay), ..ValueChange::default() });
    view! {
        <Show when=move || can_adjust.get()>
            <details class="panel setting-group adjust" id="adjust">
                <summary>{move_tr!(expert.adjust)}</summary>
                <div class="fields">
                    <NumberField
                        id="adjust-learning-rate"
                        label=Signal::derive(move_tr!(expert.adjust_rate))
                        hint=Signal::derive(move_tr!(expert.adjust_rate_why))
                        term=key_tr!(expert.adjust_rate)
                        value=Signal::derive(move || rates.get().map_or(0.0, |(learning_rate, _)| learning_rate))
                        range=ends(field_at("learningRate"))
                        on_change=change_rate
                    />
                    <NumberField
                        id="adjust-weight-decay"
                        label=Signal::derive(move_tr!(expert.adjust_decay))
                        hint=Signal::derive(move_tr!(train.weight_decay_why))
                        term=key_tr!(train.weight_decay)
                        value=Signal::derive(move || rates.get().map_or(0.0, |(_, weight_decay)| weight_decay))
                        range=ends(field_at("weightDecay"))
                        on_change=change_decay
                    />
                    <Show when=move || is_expert.get()><AdjustAugment /></Show>
                </div>
            </details>
        </Show>
    }
}

/// Sends changed values for the run in view.
fn adjust(store: Store, change: ValueChange) {
    if let Some(run) = store.run.with_untracked(|state| state.run().map(|run| run.id)) {
        store.send(Command::Adjust { run, change });
    }
}

/// Learning rate and weight decay: those of the last adjustment, else the config's.
fn rates_in_force(run: &Run) -> (f64, f64) {
    match run.adjustments.last() {
        Some(adjustment) => (adjustment.learning_rate, adjustment.weight_decay),
        None => (run.config.learning_rate, run.config.weight_decay),
    }
}
