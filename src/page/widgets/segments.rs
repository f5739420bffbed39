//! A choice between a few options, side by side.

use std::sync::Arc;

use leptos::prelude::*;

use crate::page::reactive::memo;

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Segment<T> {
    pub value: T,
    /// Unique on the page; tests find the segment by it.
    pub id: &'static str,
    /// The text of the segment; follows the language.
    pub name: fn() -> String,
}

#[component]
pub fn Segments<T>(
    /// The group's name among the page's radio buttons.
    name: &'static str,
    #[prop(into)] legend: Signal<String>,
    /// Whether the legend is only visible to screen readers, because the context makes it obvious.
    #[prop(optional)]
    is_legend_hidden: bool,
    segments: Vec<Segment<T>>,
    /// None if the chosen value is not one of the segments.
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

/// A segment without its value, so that segments of all types share the rendering code.
struct Words {
    id: &'static str,
    name: fn() -> String,
}

/// Renders segments, which are identified by their index.
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
