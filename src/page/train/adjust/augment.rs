//! Adjusts the data augmentation of the active run.

use leptos::prelude::*;

use super::adjust;
use crate::page::reactive::memo;
use crate::page::state::Run;
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::train::settings::Group;
use crate::page::train::settings::augment::AugmentControls;
use crate::page::train::settings::number::Write;
use kindling_core::config::AugmentConfig;
use kindling_core::protocol::ValueChange;

/// Several strengths are often changed together, so a button applies them as one adjustment.
#[component]
pub fn AdjustAugment() -> impl IntoView {
    let store = use_store();
    let in_force = memo(move |_| store.run.with(|state| state.run().map(augment_in_force)));
    // The visitor's changes that may not be applied yet.
    let draft = RwSignal::new(None::<AugmentConfig>);
    let shown = Signal::derive(move || draft.get().or_else(|| in_force.get()));
    let is_in_force = memo(move |_| shown.get() == in_force.get());
    let change = move |write: Write<AugmentConfig>, strength| {
        if let Some(mut config) = shown.get_untracked() {
            write(&mut config, strength);
            draft.set(Some(config));
        }
    };
    let apply = move |_| adjust(store, ValueChange { augment: draft.get_untracked(), ..ValueChange::default() });
    view! {
        <Group id="adjust-augment" title=|| tr!(expert.augment)>
            <p class="hint">{move_tr!(expert.adjust_augment_why)}</p>
            <AugmentControls id_prefix="adjust-" config=shown change />
            <button
                type="button"
                class="button is-small"
                id="apply-augment"
                disabled=move || is_in_force.get()
                on:click=apply
            >
                {move_tr!(expert.adjust_apply)}
            </button>
        </Group>
    }
}

/// The augmentation of the last adjustment, else the config's.
fn augment_in_force(run: &Run) -> AugmentConfig {
    run.adjustments.last().and_then(|adjustment| adjustment.augment).unwrap_or(run.config.augment)
}
