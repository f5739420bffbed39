//! A list of labeled bars, such as the most probable classes.

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::text::format::percent;

/// A row of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub label: String,
    /// 0 to 1.
    pub probability: f64,
}

/// The elements of the bars stay while their contents change, so that live predictions move the bars instead of making them flicker.
#[component]
pub fn Probabilities(
    /// Most probable first.
    #[prop(into)]
    bars: Signal<Vec<Bar>>,
    /// The accessible name of the list.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    let n_bars = memo(move |_| bars.read().len());
    let row = move |place: usize| {
        let bar = memo(move |_| bars.read().get(place).cloned());
        let label = move || bar.read().as_ref().map(|bar| bar.label.clone());
        let probability = move || bar.read().as_ref().map_or(0.0, |bar| bar.probability);
        view! {
            <li class="probability">
                <span class="probability-label">{label}</span>
                <span class="probability-bar" aria-hidden="true">
                    <span style:width=move || format!("{:.1}%", probability() * 100.0)></span>
                </span>
                <span class="probability-value">{move || percent(probability())}</span>
            </li>
        }
    };
    view! {
        <ol class="probabilities" aria-label=name>
            {move || (0..n_bars.get()).map(row).collect_view()}
        </ol>
    }
}
