//! How the dataset is split into train and validation.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::page::collect::collector::collector;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::Hint;
use crate::page::widgets::number_field::NumberField;
use crate::page::widgets::show::Show;
use kindling_core::protocol::DatasetSource;

#[component]
pub fn SplitForm() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    // Some if the current dataset is split differently from what the fields say.
    let origin_to_apply = memo(move |_| {
        let split = recipe.split.get();
        store.dataset.with(|dataset| {
            let origin = dataset.origin.clone().filter(|_| dataset.current.is_some());
            origin.filter(|(_, current)| *current != split).map(|(source, _)| source)
        })
    });
    // Image files are split one by one.
    let is_by_hash = memo(move |_| {
        store.dataset.with(|dataset| dataset.current.as_ref().is_some_and(|summary| summary.import.is_some()))
    });
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let apply = move |_| {
        if recipe.refusals.hold_back() {
            return;
        }
        let Some(source) = origin_to_apply.get_untracked() else { return };
        let split = recipe.split.get_untracked();
        let current =
            store.dataset.with_untracked(|dataset| dataset.current.as_ref().map(|current| current.id.clone()));
        let collector = collector(store);
        let project = current.and_then(|current| untrack(|| collector.project_of_dataset(&current)));
        match (project, source) {
            // Bursts stay together in the new split, too.
            (Some(project), DatasetSource::Files { reading, .. }) => {
                collector.run(async move { collector.use_project(&project, split, reading).await.map(drop) });
            }
            (_, source) => spawn_local(async move { drop(store.load_dataset(source, split).await) }),
        }
    };
    view! {
        <section class="panel" aria-labelledby="split-title">
            <h2 id="split-title">{move_tr!(data.split)}</h2>
            <Hint
                text=Signal::derive(move || if is_by_hash.get() { tr!(images.split_why) } else { tr!(data.split_why) })
                term=key_tr!(data.split_why)
            />
            <div class="field">
                <label for="validation-share">
                    {move || tr!(data.validation_share, fraction = format!("{:.0}%", recipe.split.read().validation_fraction * 100.0))}
                </label>
                <input
                    id="validation-share"
                    type="range"
                    min="0.02"
                    max="0.5"
                    step="0.01"
                    prop:value=move || recipe.split.read().validation_fraction.to_string()
                    on:input:target=move |event| {
                        let fraction = event.target().value_as_number() as f32;
                        recipe.split.update(|split| split.validation_fraction = fraction);
                    }
                />
            </div>
            <NumberField
                label=Signal::derive(move_tr!(data.split_seed))
                hint=Signal::derive(move_tr!(data.split_seed_why))
                term=key_tr!(data.split_seed)
                value=Signal::derive(move || f64::from(recipe.split.read().seed))
                range=(0.0, u32::MAX.into())
                is_whole=true
                on_change=move |seed: f64| recipe.split.update(|split| split.seed = seed as u32)
            />
            <Show when=move || origin_to_apply.get().is_some()>
                <p class="hint">{move || if is_active.get() { tr!(data.split_ends_run) } else { tr!(data.split_forgets) }}</p>
                <button type="button" class="button is-primary" on:click=apply>{move_tr!(data.split_apply)}</button>
            </Show>
        </section>
    }
}
