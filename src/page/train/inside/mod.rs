//! Monitors the network's internals during training: histograms over time, figures per layer, filters and feature maps. Nothing is measured
//! while the panel is closed.

mod heat;
mod image_choice;
mod layer_card;
mod sheet;
mod strip;
mod terms;

use leptos::prelude::*;

use self::image_choice::ImageChoice;
use self::layer_card::LayerCard;
use self::sheet::Sheet;
use self::terms::Terms;
use crate::page::parts::{Part, Parted, part};
use crate::page::reactive::{effect, memo};
use crate::page::state::DatasetState;
use crate::page::store::{Store, use_store};
use crate::page::text::format::count;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::show::Show;
use kindling_core::config::Layer;
use kindling_core::protocol::{Command, Watch};

/// The panel, closed until the visitor or a program (`kindling.watch`) opens it.
#[component]
pub fn InsidePanel() -> impl IntoView {
    let store = use_store();
    let is_open = memo(move |_| store.inside.with(|inside| inside.watch.is_some()));
    let set_open = move |wanted: bool| {
        if wanted != is_open.get_untracked() {
            let image = store.dataset.with_untracked(DatasetState::first_sample);
            store.send(Command::Watch(wanted.then_some(Watch { image })));
        }
    };
    // Monitoring stops when the visitor leaves the Train place.
    on_cleanup(move || {
        if store.inside.with_untracked(|inside| inside.watch.is_some()) {
            store.send(Command::Watch(None));
        }
    });
    view! {
        <details
            class="panel inside"
            id="inside"
            prop:open=move || is_open.get()
            on:toggle:target=move |event| set_open(event.target().has_attribute("open"))
        >
            <summary><h2>{move_tr!(inside.title)}</h2></summary>
            <Show when=move || is_open.get()><Parted part=PART /></Show>
        </details>
    }
}

pub const PART: Part = part!(workbench::inside, Body);

#[component]
fn Body() -> impl IntoView {
    let store = use_store();
    follow_dataset(store);
    let step = memo(move |_| store.inside.with(|inside| inside.latest().map(|snapshot| snapshot.step)));
    let is_active = memo(move |_| store.run.with(|run| run.is_active()));
    let status = move || match (step.get(), is_active.get()) {
        (Some(step), _) => tr!(inside.seen, step = count(step)),
        (None, true) => tr!(inside.wait_for_look),
        (None, false) => tr!(inside.wait_for_run),
    };
    view! {
        <div class="inside-body">
            <p class="hint">{move_tr!(inside.lead)}</p>
            <p class="inside-status" id="inside-step" data-step=move || step.get()>{status}</p>
            <Show when=move || step.get().is_some()>
                <Terms />
                <FirstFilters />
                <ImageChoice />
                <Layers />
            </Show>
        </div>
    }
}

/// The filters of the first layer.
#[component]
fn FirstFilters() -> impl IntoView {
    let store = use_store();
    let pictures = memo(move |_| store.inside.with(|inside| Some(inside.latest()?.filters.as_ref()?.pictures.clone())));
    let name = Signal::derive(move_tr!(inside.filters));
    view! {
        <Show when=move || pictures.read().is_some()>
            <section class="inside-filters" id="inside-filters" aria-labelledby="inside-filters-title">
                <h3 id="inside-filters-title">{move_tr!(inside.filters)}</h3>
                <p class="hint">{move_tr!(inside.filters_why)}</p>
                <Sheet pictures name />
            </section>
        </Show>
    }
}

#[component]
fn Layers() -> impl IntoView {
    let store = use_store();
    let run = memo(move |_| store.run.with(|run| run.run().map(|run| run.id)));
    // A run's layers never change, so its config is read untracked.
    let layers = memo(move |_| {
        let run = run.get();
        let indices = store
            .inside
            .with(|inside| inside.latest().map(|it| it.layers.iter().map(|layer| layer.index).collect::<Vec<_>>()));
        let layer = |index: u32| -> Option<Layer> {
            store.run.with_untracked(|state| state.run()?.config.network.layers.get(index as usize).cloned())
        };
        let indices = indices.unwrap_or_default();
        indices.into_iter().filter_map(|index| Some((run, index, layer(index)?))).collect::<Vec<_>>()
    });
    view! {
        <ul class="inside-layers" aria-label=move_tr!(inside.layers)>
            <For each=move || layers.get() key=|(run, index, _)| (*run, *index) let((_, index, layer))>
                <LayerCard index layer />
            </For>
        </ul>
    }
}

/// Monitors the first sample image of a newly loaded dataset: image indices are valid only within one dataset.
fn follow_dataset(store: Store) {
    let version = memo(move |_| store.dataset.with(|dataset| (dataset.version, dataset.current.is_some())));
    effect(move |before: Option<(u32, bool)>| {
        let now = version.get();
        let image = store.inside.with_untracked(|inside| inside.watch.and_then(|watch| watch.image));
        let is_stale = before.is_some_and(|before| before != now) || image.is_none();
        let sample = store.dataset.with_untracked(DatasetState::first_sample);
        if is_stale && sample.is_some() && sample != image {
            store.send(Command::Watch(Some(Watch { image: sample })));
        }
        now
    });
}
