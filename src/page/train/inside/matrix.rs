//! The layers as rows: weights, gradients and activations of each, and its figures. One of them is chosen.

use leptos::prelude::*;

use super::strip::Strip;
use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::format::{count, figure, percent};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::text::layer::{layer_short, layer_title};
use kindling_core::config::Layer;
use kindling_core::protocol::{LayerReport, UnitCount};

#[component]
pub fn Matrix(
    /// The layers, each with its index in the network's list.
    layers: Memo<Vec<(u32, Layer)>>,
    /// The index of the chosen layer.
    chosen: Memo<Option<u32>>,
    /// Set when the visitor chooses one.
    asked: RwSignal<Option<u32>>,
) -> impl IntoView {
    let row = move |(index, layer): (u32, Layer)| view! { <Row index layer chosen asked /> };
    view! {
        <div class="table-scroll inside-matrix">
            <table aria-label=move_tr!(inside.layers)>
                <thead>
                    <tr>
                        <th scope="col">{move_tr!(inside.layer)}</th>
                        <th scope="col">{move_tr!(inside.weights)}</th>
                        <th scope="col">{move_tr!(inside.gradients)}</th>
                        <th scope="col">{move_tr!(inside.activations)}</th>
                        <th scope="col">{move_tr!(inside.figures)}</th>
                    </tr>
                </thead>
                <tbody>{move || layers.get().into_iter().map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}

#[component]
fn Row(index: u32, layer: Layer, chosen: Memo<Option<u32>>, asked: RwSignal<Option<u32>>) -> impl IntoView {
    let number = index + 1;
    let is_chosen = move || chosen.get() == Some(index);
    let short = layer.clone();
    view! {
        <tr data-layer=number class:is-open=is_chosen>
            <th scope="row">
                <button
                    type="button"
                    class="link"
                    aria-pressed=move || is_chosen().to_string()
                    title=move || layer_title(&layer)
                    on:click=move |_| asked.set(Some(index))
                >
                    {number}" · "{move || layer_short(&short)}
                </button>
            </th>
            <td><Strip index kind="weights" name=|| tr!(inside.weights) of=|layer| layer.weights.as_ref() /></td>
            <td><Strip index kind="gradients" name=|| tr!(inside.gradients) of=|layer| layer.gradients.as_ref() /></td>
            <td><Strip index kind="activations" name=|| tr!(inside.activations) of=|layer| layer.activations.as_ref() /></td>
            <td><Figures index /></td>
        </tr>
    }
}

/// Figures of the layer's last update, and of its outputs.
#[component]
fn Figures(index: u32) -> impl IntoView {
    let store = use_store();
    let updated = move |read: fn(&LayerReport) -> Option<f64>| {
        memo(move |_| store.inside.with(|inside| inside.updated_layer(index).and_then(read)))
    };
    let now = move |read: fn(&LayerReport) -> Option<String>| {
        memo(move |_| store.inside.with(|inside| inside.layer(index).and_then(read)))
    };
    let norm = updated(|layer| layer.gradient_norm.map(f64::from));
    let ratio = updated(|layer| layer.update_ratio.map(f64::from));
    let dead = now(|layer| layer.dead_units.map(dead_text));
    let saturated = now(|layer| layer.saturated.map(|fraction| percent(fraction.into())));
    view! {
        <dl class="inside-figures">
            <div class:is-hidden=move || norm.get().is_none()>
                <dt title=move_tr!(inside.gradient_norm_why)>{move_tr!(inside.gradient_norm)}</dt>
                <dd>{move || norm.get().map(figure)}</dd>
            </div>
            <div class:is-hidden=move || ratio.get().is_none()>
                <dt title=move_tr!(inside.update_ratio_why)>{move_tr!(inside.update_ratio)}</dt>
                <dd>{move || ratio.get().map(|ratio| format!("{} · {}", figure(ratio), verdict(ratio)))}</dd>
            </div>
            <div class:is-hidden=move || dead.read().is_none()>
                <dt title=move_tr!(inside.dead_units_why)>{move_tr!(inside.dead_units)}</dt>
                <dd>{dead}</dd>
            </div>
            <div class:is-hidden=move || saturated.read().is_none()>
                <dt title=move_tr!(inside.saturated_why)>{move_tr!(inside.saturated)}</dt>
                <dd>{saturated}</dd>
            </div>
        </dl>
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
