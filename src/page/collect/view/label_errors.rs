//! The panel of the place Evaluate that finds images whose labels are probably wrong.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::suspects::Suspects;
use crate::page::collect::collector::collector;
use crate::page::collect::label_errors::{Found, N_FOLDS, Search, config_of_run};
use crate::page::collect::suspects::of_labels;
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{clock, count, figure, percent};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::Why;
use kindling_core::metrics::wilson_interval;
use kindling_core::protocol::FoldProgress;

pub const PART: Part = part!(collect::label_errors, LabelErrorsPanel);

#[component]
fn LabelErrorsPanel() -> impl IntoView {
    let store = use_store();
    let collector = collector(store);
    spawn_local(async move { drop(collector.loaded().await) });
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let is_running = memo(move |_| collector.search.with(|search| matches!(search, Search::Running(_))));
    let toggle = move |_| {
        if is_running.get_untracked() {
            store.stop_label_errors();
        } else if let Some(config) = config_of_run(store) {
            // A failure is shown where the result would be.
            spawn_local(async move { drop(collector.find_label_errors(config, N_FOLDS, |_| {}).await) });
        }
    };
    let found = memo(move |_| collector.found_here());
    view! {
        <section class="panel label-errors" aria-labelledby="label-errors-title">
            <header class="images-head">
                <h2 id="label-errors-title">{move_tr!(suspects.title)}</h2>
                // One button for both, so that it keeps keyboard focus.
                <button
                    type="button"
                    class="button"
                    id="find-label-errors"
                    disabled=move || is_active.get() && !is_running.get()
                    on:click=toggle
                >
                    {move || if is_running.get() { tr!(load.cancel) } else { tr!(suspects.find) }}
                </button>
            </header>
            <Why text=key_tr!(suspects.title_why) />
            <div role="status">
                {move || collector.search.with(|search| match search {
                    Search::Running(progress) => view! { <Progress progress=*progress /> }.into_any(),
                    Search::Failed(failure) => view! { <p class="failure">{failure_text(failure)}</p> }.into_any(),
                    Search::None | Search::Done(_) => ().into_any(),
                })}
                {move || found.get().map(|found| view! { <p>{summary(&found)}</p> })}
            </div>
            {move || found.get().map(|found: Arc<Found>| view! {
                <Suspects collector dataset=(*found.dataset).clone() suspects=of_labels(&found.errors) />
            })}
        </section>
    }
}

#[component]
pub fn Progress(progress: Option<FoldProgress>) -> impl IntoView {
    let text = move || match progress {
        None => tr!(suspects.preparing),
        Some(FoldProgress { fold: None, images_per_second, .. }) => {
            tr!(suspects.features, rate = figure(images_per_second))
        }
        Some(FoldProgress { fold: Some(fold), folds, images_per_second, remaining_ms, .. }) => tr!(
            suspects.training,
            fold = fold + 1,
            folds = folds,
            rate = figure(images_per_second),
            left = remaining_ms.map(clock).unwrap_or_default()
        ),
    };
    view! {
        <div class="collect-adding">
            <progress max="1" value=progress.map_or(0.0, |progress| progress.fraction) aria-label=move_tr!(suspects.bar)></progress>
            <span class="hint">{text}</span>
        </div>
    }
}

fn summary(found: &Found) -> String {
    let errors = &found.errors;
    let (number, all) = (count(errors.n_errors), count(errors.n_images));
    let accuracy = accuracy_text(found);
    let found = match errors.n_errors {
        0 => tr!(suspects.none, images = all, accuracy = accuracy),
        _ => tr!(suspects.found, count = number, images = all, accuracy = accuracy),
    };
    match errors.n_test {
        0 => found,
        n_test => format!("{found} {}", tr!(suspects.with_test, count = count(n_test))),
    }
}

/// The accuracy of the cross-validation with its interval.
pub fn accuracy_text(found: &Found) -> String {
    let errors = &found.errors;
    let n_learned = errors.n_images.saturating_sub(errors.n_test);
    let n_hits = (f64::from(errors.accuracy) * f64::from(n_learned)).round() as u32;
    let (low, high) = wilson_interval(n_hits, n_learned).unwrap_or((0.0, 1.0));
    tr!(train.with_interval, accuracy = percent(errors.accuracy.into()), low = percent(low), high = percent(high))
}
