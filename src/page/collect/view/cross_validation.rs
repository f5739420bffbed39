//! The accuracy of a run by cross-validation, where its validation images are so few that theirs says little. Part of the outcome at Train.

use std::sync::Arc;
use std::time::Duration;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::label_errors::{Progress, accuracy_text};
use crate::page::collect::collector::collector;
use crate::page::collect::label_errors::{Found, N_FOLDS, Search, config_of_run};
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::format::count;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::Why;
use crate::page::widgets::show::Show;

pub const PART: Part = part!(collect::cross_validation, CrossValidation);

/// Other questions about the run come first.
const DELAY: Duration = Duration::from_millis(500);

#[component]
fn CrossValidation() -> impl IntoView {
    let store = use_store();
    let collector = collector(store);
    let config = StoredValue::new(config_of_run(store));
    let found = memo(move |_| {
        let found = collector.found_here()?;
        config.with_value(|config| config.as_ref() == Some(&found.config)).then_some(found)
    });
    let start = move || {
        let is_idle = collector.search.with_untracked(|search| !matches!(search, Search::Running(_)));
        if let Some(config) = config.get_value().filter(|_| is_idle && found.read_untracked().is_none()) {
            // A failure leaves the button.
            spawn_local(async move { drop(collector.find_label_errors(config, N_FOLDS, |_| {}).await) });
        }
    };
    // On outputs of frozen layers, five trainings take seconds.
    let is_quick = config.with_value(|config| {
        config.as_ref().is_some_and(|config| config.network.frozen as usize + 1 >= config.network.layers.len())
    });
    let timer = is_quick.then(|| set_timeout_with_handle(start, DELAY).ok()).flatten();
    on_cleanup(move || {
        if let Some(timer) = timer {
            timer.clear();
        }
    });
    let is_running = memo(move |_| collector.search.with(|search| matches!(search, Search::Running(_))));
    view! {
        <div class="cross-validation">
            {move || collector.search.with(|search| match search {
                Search::Running(progress) => Some(view! { <Progress progress=*progress /> }),
                Search::None | Search::Done(_) | Search::Failed(_) => None,
            })}
            <p role="status">{move || found.get().map(|found: Arc<Found>| {
                let n_images = found.errors.n_images.saturating_sub(found.errors.n_test);
                tr!(suspects.cross_validated, accuracy = accuracy_text(&found), images = count(n_images), folds = found.errors.folds)
            })}</p>
            <Show when=move || found.read().is_none() && !is_running.get()>
                <button type="button" class="button" id="cross-validate" on:click=move |_| start()>
                    {move_tr!(suspects.cross_validate)}
                </button>
            </Show>
            <Why text=key_tr!(suspects.few_validated) />
        </div>
    }
}
