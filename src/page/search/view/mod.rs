//! The panel of the hyperparameter search: its setup, progress and results.

mod bars;
mod field_row;
mod fields;
mod lines;
mod order;
mod parallel;
pub mod progress;
mod row;
mod setup;
mod table;
mod text;

use leptos::prelude::*;

use self::bars::ImportanceBars;
use self::parallel::ParallelChart;
use self::progress::SearchProgress;
use self::setup::SearchSetup;
use self::table::TrialsTable;
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::search::use_searcher;
use crate::page::text::i18n::{key_tr, move_tr};
use crate::page::widgets::hint::Hint;
use crate::page::widgets::show::Show;

/// The visitor's focus among the trials.
#[derive(Clone, Copy)]
struct View {
    /// Index of the trial under the pointer or with the keyboard focus.
    highlighted: RwSignal<Option<usize>>,
}

pub const PART: Part = part!(workbench::search, SearchPanel);

#[component]
fn SearchPanel() -> impl IntoView {
    let searcher = use_searcher();
    searcher.restore();
    let has_search = memo(move |_| searcher.search.read().is_some());
    let view = View { highlighted: RwSignal::new(None) };
    view! {
        <section class="search" id="search" aria-labelledby="search-title">
            <h2 id="search-title" class="visually-hidden">{move_tr!(search.title)}</h2>
            <Show when=move || searcher.is_shown.get()>
                <div class="search-body">
                    <Hint text=Signal::derive(move_tr!(search.lead)) term=key_tr!(search.title) />
                    <Show when=move || has_search.get() fallback=|| view! { <SearchSetup /> }>
                        <SearchProgress />
                        <ParallelChart view />
                        <ImportanceBars />
                        <TrialsTable view />
                    </Show>
                    <p class="hint">{move_tr!(search.test_closed)}</p>
                </div>
            </Show>
        </section>
    }
}
