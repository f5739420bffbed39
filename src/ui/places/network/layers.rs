//! The layers of the chosen network: what goes in and out, what is learned, what it costs, and what each is for.

use leptos::prelude::*;

use crate::network::{FeatureShape, LayerSummary, shape};
use crate::protocol::Layer;
use crate::ui::format::{count, short_count};
use crate::ui::i18n::{move_tr, tr};
use crate::ui::layer_text::{layer_text, layer_title};
use crate::ui::recipe::use_recipe;

#[component]
pub fn LayerTable() -> impl IntoView {
    let recipe = use_recipe();
    let table = move || {
        let dataset = recipe.dataset.get()?;
        let network = recipe.config.read().as_ref()?.network.clone();
        Some(match shape::infer(&network, dataset.shape, dataset.classes.len()) {
            Err(error) => view! {
                <p class="failure" role="alert">{move_tr!(network.does_not_fit, detail = error)}</p>
            }
            .into_any(),
            Ok(summaries) => {
                let input = FeatureShape::from(dataset.shape);
                view! { <Table layers=network.layers summaries input /> }.into_any()
            }
        })
    };
    view! {
        <section class="panel" aria-labelledby="layers-title">
            <h2 id="layers-title">{move_tr!(network.layers)}</h2>
            {table}
            <p class="hint">{move_tr!(network.figures_why)}</p>
        </section>
    }
}

#[component]
fn Table(layers: Vec<Layer>, summaries: Vec<LayerSummary>, input: FeatureShape) -> impl IntoView {
    let parameters: u64 = summaries.iter().map(|summary| summary.parameters).sum();
    let flops: u64 = summaries.iter().map(|summary| summary.flops).sum();
    let n_values = input.n_values();
    let rows = layers.into_iter().zip(summaries).enumerate().map(|(position, (layer, summary))| {
        view! { <Row position layer summary flops /> }
    });
    view! {
        <div class="table-scroll">
            <table class="layer-table" aria-label=move || tr!(network.layers)>
                <thead>
                    <tr>
                        <th scope="col">{move_tr!(network.layer)}</th>
                        <th scope="col">{move_tr!(network.output)}</th>
                        <th scope="col">{move_tr!(network.parameters)}</th>
                        <th scope="col">{move_tr!(network.flops)}</th>
                    </tr>
                </thead>
                <tbody>
                    <tr>
                        <td class="layer-name">{move_tr!(network.input, values = count(n_values))}</td>
                        <td>{input.to_string()}</td>
                        <td>"–"</td>
                        <td>"–"</td>
                    </tr>
                    {rows.collect_view()}
                </tbody>
                <tfoot>
                    <tr>
                        <th scope="row">{move_tr!(network.total)}</th>
                        <td></td>
                        <td>{count(parameters)}</td>
                        <td>{short_count(flops)}</td>
                    </tr>
                </tfoot>
            </table>
        </div>
    }
}

#[component]
fn Row(
    position: usize,
    layer: Layer,
    summary: LayerSummary,
    /// Of the whole network.
    flops: u64,
) -> impl IntoView {
    let share = summary.flops as f64 / flops.max(1) as f64;
    let explained = layer.clone();
    view! {
        <tr>
            <td class="layer-name">
                <details>
                    <summary>{position + 1}". "{move || layer_title(&layer)}</summary>
                    <p>{move || layer_text(&explained)}</p>
                </details>
            </td>
            <td>{summary.output.to_string()}</td>
            <td>{if summary.parameters > 0 { count(summary.parameters) } else { "–".to_owned() }}</td>
            <td>
                {(summary.flops > 0).then(|| view! {
                    <span class="layer-share" style:width=format!("{:.0}px", share * 64.0) aria-hidden="true"></span>
                })}
                {if summary.flops > 0 { short_count(summary.flops) } else { "–".to_owned() }}
            </td>
        </tr>
    }
}
