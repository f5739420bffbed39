//! A choice of a few, side by side.

use leptos::prelude::*;

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
    segments: Vec<Segment<T>>,
    /// None where another value than the few is chosen.
    #[prop(into)]
    value: Signal<Option<T>>,
    on_change: impl Fn(T) + Copy + 'static,
    /// Id of the sentence that explains the choice.
    #[prop(optional)]
    described_by: Option<&'static str>,
) -> impl IntoView
where
    T: Copy + PartialEq + Send + Sync + 'static,
{
    let segment = move |segment: Segment<T>| {
        view! {
            <label>
                <input
                    type="radio"
                    id=segment.id
                    name=name
                    prop:checked=move || value.get() == Some(segment.value)
                    on:change=move |_| on_change(segment.value)
                />
                <span>{segment.name}</span>
            </label>
        }
    };
    view! {
        <fieldset class="segments" aria-describedby=described_by>
            <legend>{legend}</legend>
            {segments.into_iter().map(segment).collect_view()}
        </fieldset>
    }
}
