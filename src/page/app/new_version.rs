//! The offer to load the page again, once a new version of it is complete.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::page::offline;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::search::use_searcher;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::show::Show;
use kindling_core::search::Phase;

/// Empty until there is a new version, and while a reload would interrupt something.
#[component]
pub fn NewVersion() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let searcher = use_searcher();
    let is_there = RwSignal::new(false);
    let has_other_windows = RwSignal::new(false);
    spawn_local(async move { is_there.set(offline::updated().await) });
    let is_busy = memo(move |_| {
        let is_searching = searcher.search.read().as_ref().is_some_and(|search| search.phase() == Phase::Running);
        let is_loading = store.dataset.with(|dataset| dataset.load.is_loading()) || recipe.is_starting.get();
        is_searching || is_loading || store.run.with(RunState::is_active)
    });
    let text = move || match has_other_windows.get() {
        false => tr!(shell.new_version),
        true => tr!(shell.other_windows),
    };
    let take = move |_| spawn_local(async move { has_other_windows.set(!offline::take_new_version().await) });
    view! {
        <div class="new-version" aria-live="polite">
            <Show when=move || is_there.get() && !is_busy.get()>
                <div class="notice">
                    <p>{text}</p>
                    <button type="button" class="button" on:click=take>{move_tr!(shell.reload)}</button>
                </div>
            </Show>
        </div>
    }
}
