//! The network's internals, during training and after it: histograms over time and figures of each layer, filters and feature maps. Nothing is
//! measured while the tab is not shown.

mod chosen_layer;
mod heat;
mod image_choice;
mod matrix;
mod strip;
mod terms;
mod tiles;

use leptos::prelude::*;
use leptos::task::spawn_local;

use self::chosen_layer::ChosenLayer;
use self::matrix::Matrix;
use self::terms::Terms;
use crate::page::parts::{Part, part};
use crate::page::reactive::{effect, memo};
use crate::page::runs::at_hand::{ModelComing, open_newest_where_needed};
use crate::page::state::{DatasetState, RunState};
use crate::page::store::{Store, use_store};
use crate::page::text::format::count;
use crate::page::text::i18n::tr;
use crate::page::widgets::show::Show;
use kindling_core::config::Layer;
use kindling_core::protocol::question::Inspect;
use kindling_core::protocol::{Command, Watch};

pub const PART: Part = part!(workbench::inside, Inside);

#[component]
fn Inside() -> impl IntoView {
    let store = use_store();
    follow_dataset(store);
    inspect_at_rest(store);
    let step = memo(move |_| store.inside.with(|inside| inside.latest().map(|snapshot| snapshot.step)));
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let has_network = memo(move |_| store.run.with(RunState::has_network));
    let coming = open_newest_where_needed();
    let coming = memo(move |_| coming.get().filter(|_| !has_network.get()));
    let status = move || match (step.get(), is_active.get()) {
        (Some(step), true) => tr!(inside.seen, step = count(step)),
        (Some(step), false) => tr!(inside.at_hand, step = count(step)),
        (None, true) => tr!(inside.wait_for_look),
        (None, false) if has_network.get() => tr!(inside.wait_for_layers),
        (None, false) => tr!(inside.wait_for_run),
    };
    let layers = use_layers(store);
    // The visitor's choice; until then the first layer.
    let asked = RwSignal::new(None::<u32>);
    let chosen = memo(move |_| {
        let layers = layers.read();
        let is_there = |index: &u32| layers.iter().any(|(of, _)| of == index);
        asked.get().filter(is_there).or(layers.first().map(|(index, _)| *index))
    });
    view! {
        <div class="inside-body" id="inside">
            <div class="inside-head">
                {move || match coming.get() {
                    Some(network) => view! { <ModelComing network /> }.into_any(),
                    None => view! { <p class="hint" id="inside-step" data-step=move || step.get()>{status}</p> }.into_any(),
                }}
                <Terms />
            </div>
            <Show when=move || step.get().is_some()>
                <div class="inside-columns">
                    <Matrix layers chosen asked />
                    <ChosenLayer layers chosen />
                </div>
            </Show>
        </div>
    }
}

/// The layers that the latest snapshot reports, each with its index in the network's list.
fn use_layers(store: Store) -> Memo<Vec<(u32, Layer)>> {
    let run = memo(move |_| store.run.with(|run| run.run().map(|run| run.id)));
    memo(move |_| {
        // A run's layers never change, so its config is read untracked.
        run.get();
        let indices = store
            .inside
            .with(|inside| inside.latest().map(|it| it.layers.iter().map(|layer| layer.index).collect::<Vec<_>>()));
        let layer = |index: u32| -> Option<Layer> {
            store.run.with_untracked(|state| state.run()?.config.network.layers.get(index as usize).cloned())
        };
        let indices = indices.unwrap_or_default();
        indices.into_iter().filter_map(|index| Some((index, layer(index)?))).collect()
    })
}

/// Asks for the network at hand whenever no run trains it: when the tab is shown, when a run pauses or ends, and when another image is chosen.
fn inspect_at_rest(store: Store) {
    let wanted = memo(move |_| {
        let watch = store.inside.with(|inside| inside.watch)?;
        store.run.with(|state| {
            let is_at_rest = state.has_network() && !matches!(state, RunState::Training(_));
            state.run().filter(|_| is_at_rest).map(|run| (run.id, run.progress.step, state.is_active(), watch))
        })
    });
    effect(move |_| {
        if let Some((_, _, _, watch)) = wanted.get() {
            // The answer is in the state; without one, the latest snapshot stays.
            spawn_local(async move { drop(store.ask(Inspect { watch }).await) });
        }
    });
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
