//! One layer: its figures, its histograms over time, and its feature maps of the monitored image.

use leptos::prelude::*;

use super::sheet::Sheet;
use super::strip::Strip;
use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::format::{count, figure, percent};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::text::layer::layer_title;
use crate::page::widgets::show::Show;
use kindling_core::config::Layer;
use kindling_core::protocol::{LayerReport, UnitCount};

#[component]
pub fn LayerCard(
    /// The layer's index in the network's list.
    index: u32,
    layer: Layer,
) -> impl IntoView {
    let store = use_store();
    let number = index + 1;
    let of_layer = move |read: fn(&LayerReport) -> Option<f64>| {
        memo(move |_| store.inside.with(|inside| inside.layer(index).and_then(read)))
    };
    let norm = of_layer(|layer| layer.gradient_norm.map(f64::from));
    let ratio = of_layer(|layer| layer.update_ratio.map(f64::from));
    let saturated = of_layer(|layer| layer.saturated.map(f64::from));
    let dead = memo(move |_| store.inside.with(|inside| inside.layer(index)?.dead_units));
    let maps = memo(move |_| {
        store.inside.with(|inside| {
            let snapshot = inside.latest()?;
            // Until the next snapshot, the maps are still of the previous image.
            let is_of_image = snapshot.image == inside.watch.and_then(|watch| watch.image);
            let maps = snapshot.maps.iter().find(|maps| maps.layer == index).filter(|_| is_of_image)?;
            Some(maps.pictures.clone())
        })
    });
    let maps_name = Signal::derive(move || tr!(inside.maps_of, layer = number));
    view! {
        <li class="inside-layer" data-layer=number>
            <h3>{number}" · "{move || layer_title(&layer)}</h3>
            <dl class="inside-figures">
                <div class:is-hidden=move || norm.get().is_none()>
                    <dt title=move_tr!(inside.gradient_norm_why)>{move_tr!(inside.gradient_norm)}</dt>
                    <dd>{move || norm.get().map(figure)}</dd>
                </div>
                <div class:is-hidden=move || ratio.get().is_none()>
                    <dt title=move_tr!(inside.update_ratio_why)>{move_tr!(inside.update_ratio)}</dt>
                    <dd>{move || ratio.get().map(|ratio| format!("{} · {}", figure(ratio), verdict(ratio)))}</dd>
                </div>
                <div class:is-hidden=move || dead.get().is_none()>
                    <dt title=move_tr!(inside.dead_units_why)>{move_tr!(inside.dead_units)}</dt>
                    <dd>{move || dead.get().map(dead_text)}</dd>
                </div>
                <div class:is-hidden=move || saturated.get().is_none()>
                    <dt title=move_tr!(inside.saturated_why)>{move_tr!(inside.saturated)}</dt>
                    <dd>{move || saturated.get().map(percent)}</dd>
                </div>
            </dl>
            <div class="inside-strips">
                <Strip index kind="weights" name=|| tr!(inside.weights) of=|layer| layer.weights.as_ref() />
                <Strip index kind="gradients" name=|| tr!(inside.gradients) of=|layer| layer.gradients.as_ref() />
                <Strip index kind="activations" name=|| tr!(inside.activations) of=|layer| layer.activations.as_ref() />
            </div>
            <Show when=move || maps.read().is_some()>
                <div class="inside-maps">
                    <p class="hint">{move || maps.read().as_ref().map(|maps| {
                        tr!(inside.maps_shown, shown = maps.count, total = count(maps.total))
                    })}</p>
                    <Sheet pictures=maps name=maps_name />
                </div>
            </Show>
        </li>
    }
}

fn dead_text(dead: UnitCount) -> String {
    let UnitCount { count: n_dead, total } = dead;
    tr!(inside.dead_of, count = count(n_dead), total = count(total), fraction = percent(dead.share()))
}

/// Rates an update-to-weight ratio: around 1/1000 is healthy, and a factor of ten either way is not alarming.
fn verdict(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 1e-4 => tr!(inside.ratio_small),
        ratio if ratio > 1e-2 => tr!(inside.ratio_large),
        _ => tr!(inside.ratio_fine),
    }
}
