//! The progress of a search, the buttons that control it, and its best trial.

use leptos::prelude::*;

use super::setup::method_name;
use super::text::metric_text;
use crate::page::reactive::memo;
use crate::page::search::{Trouble, use_searcher};
use crate::page::text::failure::failure_text;
use crate::page::text::format::{clock, count};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::Hint;
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;
use kindling_core::search::{Phase, Search, TrialState};

#[component]
pub fn SearchProgress() -> impl IntoView {
    let searcher = use_searcher();
    let of_search =
        move |read: fn(&Search) -> String| memo(move |_| searcher.search.read().as_ref().map(read).unwrap_or_default());
    let status = of_search(status_text);
    let counts = of_search(counts_text);
    let fraction = memo(move |_| searcher.search.read().as_ref().map_or(0.0, Search::fraction));
    view! {
        <div class="search-progress">
            <p class="label" role="status" id="search-status">{status}</p>
            <progress max="1" prop:value=move || fraction.get() aria-label=move_tr!(search.progress)></progress>
            <Hint id="search-counts" text=counts term=key_tr!(search.cut) />
            {move || searcher.trouble.get().map(|trouble| view! {
                <p class="failure" role="alert">{move || trouble_text(&trouble)}</p>
            })}
            <SearchButtons />
            <BestTrial id="search-train-best" />
        </div>
    }
}

/// Pause or resume, and stop; once the search has ended, a button for another one.
#[component]
pub fn SearchButtons() -> impl IntoView {
    let searcher = use_searcher();
    let phase = memo(move |_| searcher.search.read().as_ref().map(Search::phase));
    let is_paused = move || phase.get() == Some(Phase::Paused);
    let is_over = memo(move |_| searcher.search.read().as_ref().is_none_or(Search::is_over));
    let has_own_run = memo(move |_| searcher.has_own_run());
    let steer = move |_| {
        if !searcher.pause() {
            searcher.resume();
        }
    };
    view! {
        <div class="controls" role="group" aria-label=move_tr!(search.controls)>
            <Show
                when=move || !is_over.get()
                fallback=move || view! {
                    <button type="button" class="button search-again" on:click=move |_| searcher.clear()>
                        {move_tr!(search.again)}
                    </button>
                }
            >
                <button
                    type="button"
                    class="button search-pause"
                    disabled=move || is_paused() && has_own_run.get()
                    on:click=steer
                >
                    <Glyph icon=Signal::derive(move || if is_paused() { Icon::Play } else { Icon::Pause }) />
                    {move || if is_paused() { tr!(search.resume) } else { tr!(search.pause) }}
                </button>
                <button type="button" class="button search-stop" on:click=move |_| searcher.stop()>
                    <Glyph icon=Icon::Stop />
                    {move_tr!(search.stop)}
                </button>
            </Show>
        </div>
        <Show when=move || is_paused() && has_own_run.get()>
            <p class="hint">{move_tr!(search.waits)}</p>
        </Show>
    }
}

/// The best trial so far, and a button that trains it fully.
#[component]
pub fn BestTrial(
    /// The DOM id of the button; tests find it by it.
    id: &'static str,
) -> impl IntoView {
    let searcher = use_searcher();
    let best = memo(move |_| {
        let search = searcher.search.read();
        let search = search.as_ref()?;
        let place = search.best()?;
        let metric = search.plan().metric;
        Some((place, metric, search.trials().get(place)?.best(metric)))
    });
    // One click must not end a run that the visitor has started.
    let has_own_run = memo(move |_| searcher.has_own_run());
    let is_over = memo(move |_| searcher.search.read().as_ref().is_some_and(Search::is_over));
    let text = move || {
        let (place, metric, figure) = best.get()?;
        let (number, figure) = (place + 1, metric_text(metric, figure));
        Some(match is_over.get() {
            true => tr!(search.best_of_all, number = number, figure = figure),
            false => tr!(search.best, number = number, figure = figure),
        })
    };
    view! {
        <Show when=move || best.read().is_some()>
            <p class="search-best">{text}</p>
            <div class="controls">
                <button
                    type="button"
                    class="button is-primary"
                    id=id
                    title=move_tr!(search.train_best_why)
                    disabled=move || has_own_run.get()
                    on:click=move |_| searcher.train_best()
                >
                    <Glyph icon=Icon::Play />
                    {move_tr!(search.train_best)}
                </button>
            </div>
        </Show>
    }
}

fn trouble_text(trouble: &Trouble) -> String {
    match trouble {
        Trouble::Failed(failure) => failure_text(failure),
        Trouble::OtherDataset { dataset } => tr!(search.other_dataset, dataset = dataset),
    }
}

/// Tracks the language.
pub fn status_text(search: &Search) -> String {
    let method = method_name(search.plan().method);
    let (done, total) = (search.n_over(), search.trials().len());
    let left = search.remaining_ms().map(|left| tr!(shell.run_left, time = clock(left)));
    match search.phase() {
        Phase::Running | Phase::Paused => {
            let now = search.running().map_or(done, |_| done + 1).min(total);
            let state = match search.phase() {
                Phase::Paused => tr!(search.paused, method = method, now = now, total = total),
                _ => tr!(search.under_way, method = method, now = now, total = total),
            };
            [Some(state), left].into_iter().flatten().collect::<Vec<_>>().join(" · ")
        }
        Phase::AllTried => tr!(search.all_tried, method = method, total = total),
        Phase::BudgetSpent => tr!(search.budget_spent, method = method, done = done, total = total),
        Phase::Stopped => tr!(search.stopped, method = method, done = done, total = total),
    }
}

fn counts_text(search: &Search) -> String {
    let n_with = |is: fn(TrialState) -> bool| search.trials().iter().filter(|trial| is(trial.state)).count();
    let (steps, elapsed_ms) = search.spent();
    tr!(
        search.counts,
        done = n_with(|state| state == TrialState::Done),
        cut = n_with(|state| state == TrialState::Cut),
        failed = n_with(|state| matches!(state, TrialState::Failed(_))),
        steps = count(steps),
        time = clock(elapsed_ms)
    )
}
