//! One trial as a row of the table.

use leptos::prelude::*;

use super::View;
use super::text::{metric_text, pick_text, state_text};
use crate::page::reactive::memo;
use crate::page::search::use_searcher;
use crate::page::text::i18n::{move_tr, tr};
use kindling_core::config::Metric;
use kindling_core::search::{Trial, TrialState};

#[component]
pub fn TrialRow(
    place: usize,
    view: View,
    /// The metric that the search optimizes.
    metric: Memo<Option<Metric>>,
    /// Index of the best trial.
    best: Memo<Option<usize>>,
    on_take: impl Fn(usize) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let searcher = use_searcher();
    // Steps and time change up to ten times a second; the row shows neither.
    let trial = memo(move |_| {
        let search = searcher.search.read();
        let trial = search.as_ref()?.trials().get(place)?.clone();
        Some(Trial { steps: 0, elapsed_ms: 0.0, ..trial })
    });
    let state = move || trial.read().as_ref().map(|trial| trial.state);
    let epochs = move || trial.read().as_ref().map(Trial::n_epochs);
    let figure = move || {
        let metric = metric.get()?;
        Some(metric_text(metric, trial.read().as_ref()?.best(metric)))
    };
    let values = move || {
        let search = searcher.search.read_untracked();
        let trial = trial.read();
        let (Some(search), Some(trial)) = (search.as_ref(), trial.as_ref()) else { return Vec::new() };
        let fields = search.plan().fields.iter().zip(&trial.picks);
        fields.map(|(field, pick)| view! { <td>{pick_text(field, *pick)}</td> }).collect()
    };
    let is_best = memo(move |_| best.get() == Some(place));
    let is_highlighted = memo(move |_| view.highlighted.get() == Some(place));
    let highlight = move |is_on: bool| view.highlighted.set(is_on.then_some(place));
    let state_name = move || match state() {
        Some(TrialState::Running) => "running",
        Some(TrialState::Done) => "done",
        Some(TrialState::Cut) => "cut",
        Some(TrialState::Ended) => "ended",
        Some(TrialState::Failed(_)) => "failed",
        Some(TrialState::Waiting) | None => "waiting",
    };
    view! {
        <tr
            data-trial=place
            data-state=state_name
            class:is-open=move || is_highlighted.get()
            class:is-best=move || is_best.get()
            on:pointerenter=move |_| highlight(true)
            on:pointerleave=move |_| highlight(false)
            on:focusin=move |_| highlight(true)
            on:focusout=move |_| highlight(false)
        >
            <th scope="row">{place + 1}</th>
            <td class="trial-state">{move || state().map(state_text)}</td>
            <td>{epochs}</td>
            <td class="trial-figure">
                {figure}
                {move || is_best.get().then(|| view! { <span class="visually-hidden">{move_tr!(search.is_best)}</span> })}
            </td>
            {values}
            <td>
                <button
                    type="button"
                    class="link"
                    aria-label=move || tr!(search.use_trial, number = place + 1)
                    on:click=move |_| on_take(place)
                >
                    {move_tr!(search.use_short)}
                </button>
            </td>
        </tr>
    }
}
