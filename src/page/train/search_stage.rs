//! The stage while the engine runs a search trial: it is marked as a trial, and the visitor's own run is one click away.

use leptos::prelude::*;

use crate::page::load_status::LoadStatus;
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::search::use_searcher;
use crate::page::search::view::progress::{BestTrial, SearchButtons, status_text};
use crate::page::state::{Run, RunState};
use crate::page::store::use_store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::train::controls::TrainButton;
use crate::page::train::stage::Figures;
use crate::page::widgets::show::Show;
use kindling_core::search::Search;

pub const PART: Part = part!(workbench::search_stage, SearchStage);

#[component]
pub fn SearchStage() -> impl IntoView {
    let store = use_store();
    let searcher = use_searcher();
    let status = memo(move |_| searcher.search.read().as_ref().map(status_text));
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let is_over = memo(move |_| searcher.search.read().as_ref().is_none_or(Search::is_over));
    let why = move || if is_over.get() { tr!(search.stage_over) } else { tr!(search.stage_why) };
    let fraction = memo(move |_| store.run.with(|run| run.run().map_or(0.0, Run::fraction)));
    view! {
        <div class="active search-stage" id="search-stage">
            <p class="stage-status" role="status">{status}</p>
            <Show when=move || is_over.get()><div class="search-winner"><BestTrial id="stage-train-best" /></div></Show>
            <Show when=move || is_active.get()>
                <progress
                    class="stage-progress"
                    max="1"
                    prop:value=move || fraction.get()
                    aria-label=move_tr!(search.trial_progress)
                ></progress>
                <Figures />
            </Show>
            <p class="hint">{why}</p>
            <div class="search-controls">
                <SearchButtons />
                <div class="controls"><TrainButton is_again=true is_primary=Signal::stored(false) /></div>
            </div>
            <LoadStatus />
        </div>
    }
}
