//! A list of labeled bars, such as the probabilities of the classes.

use leptos::prelude::*;

use crate::page::reactive::memo;

/// A row of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub label: String,
    /// The length of the bar, 0 to 1.
    pub fraction: f64,
    /// The fraction as text.
    pub value: String,
    /// Whether the bar stands out, as that of the most probable class.
    pub is_marked: bool,
}

/// The elements of the bars stay while their contents change, so that live predictions move the bars instead of making them flicker.
#[component]
pub fn Probabilities(
    #[prop(into)] bars: Signal<Vec<Bar>>,
    /// The accessible name of the list.
    #[prop(into)]
    name: Signal<String>,
) -> impl IntoView {
    let n_bars = memo(move |_| bars.read().len());
    let row = move |place: usize| {
        let bar = memo(move |_| bars.read().get(place).cloned());
        let label = move || bar.read().as_ref().map(|bar| bar.label.clone());
        let value = move || bar.read().as_ref().map(|bar| bar.value.clone());
        let fraction = move || bar.read().as_ref().map_or(0.0, |bar| bar.fraction);
        let is_marked = move || bar.read().as_ref().is_some_and(|bar| bar.is_marked);
        view! {
            <li class="probability" class:is-marked=is_marked>
                <span class="probability-label">{label}</span>
                <span class="probability-value">{value}</span>
                <span class="probability-bar" aria-hidden="true">
                    <span style:width=move || format!("{:.1}%", fraction() * 100.0)></span>
                </span>
            </li>
        }
    };
    view! {
        <ol class="probabilities" aria-label=name>
            {move || (0..n_bars.get()).map(row).collect_view()}
        </ol>
    }
}
