//! A choice of a few, side by side.

use std::sync::Arc;

use leptos::prelude::*;

use crate::page::reactive::memo;

/// One of the few.
#[derive(Clone, Copy, Debug)]
pub struct Segment<T> {
    pub value: T,
    /// No other element on the page has it; tests find the segment by it.
    pub id: &'static str,
    /// What the visitor reads; follows the language.
    pub name: fn() -> String,
}

#[component]
pub fn Segments<T>(
    /// The group's name among the page's radio buttons.
    name: &'static str,
    #[prop(into)] legend: Signal<String>,
    /// Whether only screen readers are told the legend: the place says it otherwise.
    #[prop(optional)]
    is_legend_hidden: bool,
    segments: Vec<Segment<T>>,
    /// None where another value than the few is chosen.
    #[prop(into)]
    value: Signal<Option<T>>,
    #[prop(into)] on_change: Callback<(T,)>,
    /// Id of the sentence that explains the choice.
    #[prop(optional)]
    described_by: Option<&'static str>,
) -> impl IntoView
where
    T: Copy + PartialEq + Send + Sync + 'static,
{
    let (values, words): (Vec<T>, Vec<Words>) =
        segments.into_iter().map(|Segment { value, id, name }| (value, Words { id, name })).unzip();
    let values: Arc<[T]> = values.into();
    let chosen = {
        let values = values.clone();
        memo(move |_| value.get().and_then(|chosen| values.iter().position(|value| *value == chosen)))
    };
    let choose = move |place: usize| {
        if let Some(value) = values.get(place) {
            on_change.try_run((*value,));
        }
    };
    view! { <WordSegments name legend is_legend_hidden words chosen on_choose=choose described_by /> }
}

/// A segment without its value, so that those of all types share what is drawn.
struct Words {
    id: &'static str,
    name: fn() -> String,
}

/// Segments by their places, from 0.
#[component]
fn WordSegments(
    name: &'static str,
    legend: Signal<String>,
    is_legend_hidden: bool,
    words: Vec<Words>,
    chosen: Memo<Option<usize>>,
    #[prop(into)] on_choose: Callback<(usize,)>,
    described_by: Option<&'static str>,
) -> impl IntoView {
    let segment = move |(place, words): (usize, Words)| {
        view! {
            <label>
                <input
                    type="radio"
                    id=words.id
                    name=name
                    prop:checked=move || chosen.get() == Some(place)
                    on:change=move |_| { on_choose.try_run((place,)); }
                />
                <span>{words.name}</span>
            </label>
        }
    };
    view! {
        <fieldset class="segments" aria-describedby=described_by>
            <legend class:visually-hidden=is_legend_hidden>{legend}</legend>
            {words.into_iter().enumerate().map(segment).collect_view()}
        </fieldset>
    }
}
