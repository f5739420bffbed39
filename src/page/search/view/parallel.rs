//! Parallel coordinates: every trial is a line through its values that ends at its metric. The better the metric, the stronger the color.
//!
//! Horizontal positions are percentages, so that nothing has to be measured and text keeps its size.

use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::View;
use super::lines::{Tick, TrialLine, lines, metric_ticks, ticks};
use super::text::{metric_name, metric_text, pick_text, trial_text};
use crate::page::reactive::memo;
use crate::page::search::use_searcher;
use crate::page::text::config::path_text_in;
use crate::page::text::i18n::{key_tr, move_tr};
use crate::page::widgets::hint::Why;
use kindling_core::search::Search;

const HEIGHT: f64 = 260.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 26.0;
/// Minimum width of an axis with its labels.
const AXIS_PIXELS: usize = 104;

#[component]
pub fn ParallelChart(view: View) -> impl IntoView {
    let searcher = use_searcher();
    let drawn = memo(move |_| searcher.search.read().as_ref().map(lines).unwrap_or_default());
    let n_axes = memo(move |_| searcher.search.read().as_ref().map_or(1, |search| search.plan().fields.len() + 1));
    let axes = memo(move |_| searcher.search.read().as_ref().map(axes).unwrap_or_default());
    let on_key = move |event: KeyboardEvent| {
        let places: Vec<usize> = drawn.read_untracked().iter().map(|line| line.trial).collect();
        if let Some(next) = after_key(&event.key(), view.highlighted.get_untracked(), &places) {
            event.prevent_default();
            view.highlighted.set(Some(next));
        }
    };
    let readout = move || {
        let place = view.highlighted.get()?;
        searcher.search.read().as_ref().and_then(|search| trial_text(search, place))
    };
    view! {
        <section class="search-part" aria-labelledby="search-parallel-title">
            <h3 id="search-parallel-title">{move_tr!(search.parallel)}</h3>
            <Why text=key_tr!(search.parallel_why) />
            <div
                class="parallel"
                id="search-parallel"
                tabindex="0"
                role="group"
                aria-label=move_tr!(search.parallel)
                on:keydown=on_key
                on:blur=move |_| view.highlighted.set(None)
            >
                <svg
                    width="100%"
                    height=HEIGHT
                    style:min-width=move || format!("{}px", n_axes.get() * AXIS_PIXELS)
                    aria-hidden="true"
                >
                    {move || axes.get().into_iter().enumerate().map(|(place, axis)| draw_axis(axis, place, n_axes.get())).collect_view()}
                    {move || drawn.get().into_iter().map(|line| draw_line(line, n_axes.get(), view)).collect_view()}
                </svg>
            </div>
            <p class="hint parallel-readout" role="status">{readout}</p>
        </section>
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Axis {
    name: String,
    ticks: Vec<(f64, String)>,
}

/// The axes of the fields and of the metric; tracks the language.
fn axes(search: &Search) -> Vec<Axis> {
    let metric = search.plan().metric;
    let of_fields = search.plan().fields.iter().map(|field| {
        let word = |tick: Tick| (tick.height, pick_text(field, tick.pick));
        Axis {
            name: path_text_in(&field.path, &search.plan().base.network),
            ticks: ticks(field).into_iter().map(word).collect(),
        }
    });
    let word = |tick: Tick| (tick.height, metric_text(metric, tick.value));
    let of_metric = Axis { name: metric_name(metric), ticks: metric_ticks(search).into_iter().map(word).collect() };
    of_fields.chain([of_metric]).collect()
}

/// The horizontal position of an axis, in percent of the width: the center of its slot.
fn across(place: usize, n_axes: usize) -> String {
    format!("{:.3}%", (place as f64 + 0.5) / n_axes.max(1) as f64 * 100.0)
}

fn down(height: f64) -> f64 {
    TOP + (1.0 - height) * (HEIGHT - TOP - BOTTOM)
}

fn draw_axis(axis: Axis, place: usize, n_axes: usize) -> impl IntoView {
    let x = across(place, n_axes);
    // Names alternate between two heights, so that many of them fit side by side.
    let name_y = if place.is_multiple_of(2) { 14.0 } else { 30.0 };
    let word = |(height, word): (f64, String)| {
        view! { <text class="tick" x=x.clone() y=down(height) + 4.0 dx="6" text-anchor="start">{word}</text> }
    };
    view! {
        <line class="parallel-axis" x1=x.clone() x2=x.clone() y1=TOP y2=HEIGHT - BOTTOM />
        <text class="axis-name" x=x.clone() y=name_y text-anchor="middle">{axis.name}</text>
        {axis.ticks.into_iter().map(word).collect_view()}
    }
}

/// Draws a segment between neighboring axes if the trial has both values. A wide invisible segment beneath each one catches the pointer.
fn draw_line(line: TrialLine, n_axes: usize, view: View) -> impl IntoView {
    let TrialLine { trial, heights, is_over } = line;
    let quality = heights.last().copied().flatten();
    let stretches: Vec<_> = heights
        .windows(2)
        .enumerate()
        .filter_map(|(place, pair)| match pair {
            [Some(from), Some(to)] => Some((across(place, n_axes), across(place + 1, n_axes), down(*from), down(*to))),
            _ => None,
        })
        .collect();
    let stretch = |class: &'static str| {
        stretches
            .iter()
            .cloned()
            .map(|(x1, x2, y1, y2)| view! { <line class=class x1=x1 x2=x2 y1=y1 y2=y2 /> })
            .collect_view()
    };
    view! {
        <g
            class="parallel-line"
            class:is-highlighted=move || view.highlighted.get() == Some(trial)
            class:is-open-ended=quality.is_none() || !is_over
            style=("--quality", format!("{:.0}%", quality.unwrap_or(0.0) * 100.0))
            data-trial=trial
            on:pointerenter=move |_| view.highlighted.set(Some(trial))
            on:pointerleave=move |_| view.highlighted.set(None)
        >
            {stretch("parallel-hit")}
            {stretch("parallel-stretch")}
        </g>
    }
}

/// The index of the trial that a key selects among those drawn; none for other keys.
fn after_key(key: &str, now: Option<usize>, places: &[usize]) -> Option<usize> {
    let at = now.and_then(|now| places.iter().position(|place| *place == now));
    let next = match (key, at) {
        ("ArrowRight" | "ArrowDown", None) | ("Home", _) => 0,
        ("ArrowLeft" | "ArrowUp", None) | ("End", _) => places.len().checked_sub(1)?,
        ("ArrowRight" | "ArrowDown", Some(at)) => (at + 1).min(places.len().saturating_sub(1)),
        ("ArrowLeft" | "ArrowUp", Some(at)) => at.saturating_sub(1),
        _ => return None,
    };
    places.get(next).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrow_keys_walk_through_the_trials_that_are_drawn() {
        let places = [0, 2, 5];
        let check = |key: &str, now: Option<usize>, expected: Option<usize>| {
            assert_eq!(after_key(key, now, &places), expected, "{key} {now:?}");
        };
        check("ArrowRight", None, Some(0));
        check("ArrowRight", Some(0), Some(2));
        check("ArrowDown", Some(5), Some(5));
        check("ArrowLeft", Some(2), Some(0));
        check("ArrowLeft", None, Some(5));
        check("End", Some(0), Some(5));
        check("Tab", Some(0), None);
        assert_eq!(after_key("End", None, &[]), None);
    }

    #[test]
    fn axes_share_the_width() {
        assert_eq!([across(0, 4), across(3, 4)], ["12.500%", "87.500%"]);
        assert_eq!(down(1.0), TOP);
    }
}
