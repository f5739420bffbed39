//! The stored runs: a table, details of one run, a comparison of several, and import and export of files.

mod compare;
mod details;
mod order;
mod row;
mod table;
mod transfer;

use leptos::prelude::*;
use leptos::task::spawn_local;

use self::compare::Compare;
use self::details::RunDetails;
use self::row::run_rows;
use self::table::RunsTable;
use self::transfer::Transfer;
use crate::page::parts::{Part, part};
use crate::page::reactive::{effect, memo};
use crate::page::runs::interrupted::use_interrupted;
use crate::page::runs::use_runs;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::show::Show;
use kindling_core::runs::incoming::RUNS_LIMIT;

/// The visitor's selection among the runs.
#[derive(Clone, Copy)]
struct View {
    /// Ids of the compared runs, in the order in which they were ticked.
    ticked: RwSignal<Vec<String>>,
    /// Id of the run shown in detail.
    open: RwSignal<Option<String>>,
}

pub const PART: Part = part!(workbench::runs, RunsPanel);

#[component]
fn RunsPanel() -> impl IntoView {
    let runs = use_runs();
    // They may not have been read yet: the storage code is fetched with this part of the page.
    spawn_local(runs.loaded());
    spawn_local(use_interrupted().loaded());
    let rows = memo(move |known: Option<&Vec<_>>| run_rows(&runs.list.read(), known.map_or(&[], Vec::as_slice)));
    let has_runs = memo(move |_| !rows.read().is_empty());
    let view = View { ticked: RwSignal::default(), open: RwSignal::new(None) };
    // Deleted runs are neither compared nor shown.
    effect(move |_| {
        let rows = rows.read();
        let is_there = |id: &String| rows.iter().any(|row| row.record.id == *id);
        if !view.ticked.read_untracked().iter().all(is_there) {
            view.ticked.update(|ticked| ticked.retain(is_there));
        }
        if view.open.read_untracked().as_ref().is_some_and(|open| !is_there(open)) {
            view.open.set(None);
        }
    });
    view! {
        <section class="runs" id="runs" aria-labelledby="runs-title">
            <h2 id="runs-title" class="visually-hidden">{move_tr!(runs.title)}</h2>
            <p class="hint">
                {move || if has_runs.get() { tr!(runs.lead, limit = RUNS_LIMIT) } else { tr!(runs.empty) }}
            </p>
            <Show when=move || has_runs.get()>
                <RunsTable rows view />
                <RunDetails rows view />
                <Compare rows view />
            </Show>
            <Transfer has_runs />
        </section>
    }
}
