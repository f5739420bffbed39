//! The model at hand in a later visit: the newest kept run, opened as soon as a place needs a model.

use std::sync::Arc;

use leptos::children::ViewFn;
use leptos::prelude::*;
use leptos::task::spawn_local;

use super::{Runs, use_runs};
use crate::page::load_status::LoadStatus;
use crate::page::reactive::{effect, memo};
use crate::page::recipe::catalog::Catalog;
use crate::page::state::{NoticeKind, RunState};
use crate::page::store::use_store;
use crate::page::text::format::{date, percent};
use crate::page::text::i18n::{move_tr, tr};
use kindling_core::protocol::{FailureKind, RunId};
use kindling_core::runs::record::RunRecord;

/// How far the opening of a kept run has come in this visit. It is tried once.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Opening {
    #[default]
    NotTried,
    Underway(Arc<RunRecord>),
    Opened {
        record: Arc<RunRecord>,
        run: RunId,
    },
    Failed,
}

impl Runs {
    /// The newest run that can be opened without taking anything from the visitor: its weights are stored, no other model is there or on its
    /// way, and its dataset is the loaded one, or a served one while none is loaded. Tracked.
    fn newest_to_open(self, catalog: Catalog) -> Option<Arc<RunRecord>> {
        let is_idle = self.store.run.with(|run| matches!(run, RunState::Idle)) && !self.recipe.is_starting.get();
        if !is_idle || self.opening.with(|opening| *opening != Opening::NotTried) {
            return None;
        }
        let list = self.list.read();
        let newest = list.iter().rev().find(|record| {
            let id = &record.config.dataset;
            let is_there = self.store.dataset.with(|dataset| match &dataset.current {
                _ if dataset.load.is_loading() => false,
                Some(current) => {
                    current.id == *id && dataset.origin.as_ref().is_some_and(|(_, split)| *split == record.config.split)
                }
                None => catalog.find(id).is_some(),
            });
            record.weights_bytes.is_some() && is_there
        })?;
        // Another dataset would bring its own presets in place of an edited network.
        let is_in_view = self.recipe.dataset.read().as_ref().is_some_and(|view| view.id == newest.config.dataset);
        (is_in_view || !self.recipe.is_edited()).then(|| newest.clone())
    }

    fn open_newest(self, record: Arc<RunRecord>) {
        self.opening.set(Opening::Underway(record.clone()));
        spawn_local(async move {
            self.recipe.split.set(record.config.split);
            let opened = match self.fetched(&record.id).await {
                Ok((kept, report, weights)) => self.open(kept, report, weights).await,
                Err(failure) => Err(failure),
            };
            match opened {
                Ok(run) => self.opening.set(Opening::Opened { record, run }),
                Err(failure) => {
                    self.opening.set(Opening::Failed);
                    // Something else took its place: a run, or another dataset.
                    if failure.kind != FailureKind::Canceled {
                        self.store.notify(NoticeKind::Warning(failure));
                    }
                }
            }
        });
    }
}

/// What needs a model, below a line that names it; `none` as long as there is none. The newest kept one is opened if no other is there.
#[component]
pub fn ModelAtHand(#[prop(into)] none: ViewFn, children: ChildrenFn) -> impl IntoView {
    let store = use_store();
    let coming = open_newest_where_needed();
    let has_model =
        memo(move |_| store.run.with(RunState::has_network) && store.dataset.with(|dataset| dataset.current.is_some()));
    view! {
        {move || match (has_model.get(), coming.get()) {
            (true, _) => view! { <ModelName />{children()} }.into_any(),
            (false, Some(network)) => view! { <ModelComing network /> }.into_any(),
            (false, None) => none.run(),
        }}
    }
}

/// Opens the newest kept model if no other is there, for as long as the view that calls it is shown. Returns the name of the network that is being
/// opened.
pub fn open_newest_where_needed() -> Memo<Option<String>> {
    let runs = use_runs();
    let catalog = expect_context::<Catalog>();
    let newest = memo(move |_| runs.newest_to_open(catalog));
    effect(move |_| {
        if let Some(record) = newest.get() {
            runs.open_newest(record);
        }
    });
    memo(move |_| match &*runs.opening.read() {
        Opening::Underway(record) => Some(record.config.network.name.clone()),
        Opening::NotTried | Opening::Opened { .. } | Opening::Failed => None,
    })
}

/// Says which model is being opened, and how far its dataset is.
#[component]
pub fn ModelComing(network: String) -> impl IntoView {
    view! {
        <div class="model-coming">
            <p role="status">{move_tr!(at_hand.opening, network = network)}</p>
            <LoadStatus />
        </div>
    }
}

/// The current model's network, dataset and validation accuracy, and from when it is if the page has opened it by itself.
#[component]
fn ModelName() -> impl IntoView {
    let store = use_store();
    let runs = use_runs();
    let network = memo(move |_| store.run.with(|run| run.run().map(|run| run.config.network.name.clone())));
    let dataset =
        memo(move |_| store.dataset.with(|dataset| dataset.current.as_ref().map(|current| current.name.clone())));
    let accuracy = memo(move |_| store.run.with(|run| run.run()?.best?.validation_accuracy));
    let kept_at = memo(move |_| match &*runs.opening.read() {
        Opening::Opened { record, run } => {
            store.run.with(|state| state.run().is_some_and(|it| it.id == *run)).then_some(record.started_at)
        }
        Opening::NotTried | Opening::Underway(_) | Opening::Failed => None,
    });
    view! {
        <p class="model-name" translate="no">
            {move_tr!(at_hand.model)}" "<strong>{network}</strong>" · "{dataset}
            {move || accuracy.get().map(|it| format!(" · {}", tr!(shell.run_validated, accuracy = percent(it.into()))))}
            {move || kept_at.get().map(|at| format!(" · {}", tr!(at_hand.kept, date = date(at))))}
        </p>
    }
}
