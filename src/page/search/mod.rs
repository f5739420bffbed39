//! The page's hyperparameter search (one at a time): trains its trials one after the other through the store, like any run, and keeps their
//! results.
//!
//! Trials are not stored among the runs, which they would crowd out: the search has its own table. A run that the visitor starts in the
//! meantime takes precedence: the search pauses, and the interrupted trial restarts when the search resumes.

mod drive;
mod steer;
mod storage;

/// The draft of the next search.
pub mod draft;

/// A search as JSON, for programs.
pub mod report;

/// The search panel.
pub mod view;

use std::rc::Rc;

use futures_channel::oneshot;
use leptos::prelude::*;
use serde_json::Value;

use self::draft::Draft;
use self::report::{search_report, trial_report};
use crate::page::recipe::Recipe;
use crate::page::store::Store;
use kindling_core::protocol::{Failure, FailureKind};
use kindling_core::search::{Search, SearchPlan};

pub fn use_searcher() -> Searcher {
    expect_context()
}

#[derive(Clone, Copy)]
pub struct Searcher {
    /// None if there is no search, or if it is not restored yet.
    pub search: RwSignal<Option<Search>>,
    /// Why the search paused by itself, if it did.
    pub trouble: RwSignal<Option<Trouble>>,
    pub draft: RwSignal<Draft>,
    /// Whether the visitor has opened the panel: its contents are made only then.
    pub is_shown: RwSignal<bool>,
    store: Store,
    recipe: Recipe,
    /// Number of the current search: results of trials of an earlier one are dropped.
    number: StoredValue<u32>,
    /// Whether a task is running the trials.
    is_driving: StoredValue<bool>,
    watch: StoredValue<Option<Watch>, LocalStorage>,
    is_restored: StoredValue<bool>,
}

/// Why a search cannot continue by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// A failure that the trial's config did not cause.
    Failed(Failure),
    /// The visitor has loaded a different dataset than the search's, or split it differently.
    OtherDataset { dataset: String },
}

/// A program that waits for the end of the search.
struct Watch {
    on_event: Rc<dyn Fn(&Value)>,
    done: oneshot::Sender<Result<Value, Failure>>,
}

impl Searcher {
    /// Created once, beside the store.
    pub fn new(store: Store, recipe: Recipe) -> Self {
        Self {
            search: RwSignal::new(None),
            trouble: RwSignal::new(None),
            draft: RwSignal::new(Draft::default()),
            is_shown: RwSignal::new(false),
            store,
            recipe,
            number: StoredValue::new(0),
            is_driving: StoredValue::new(false),
            watch: StoredValue::new_local(None),
            is_restored: StoredValue::new(false),
        }
    }

    /// Restores the search of an earlier visit, paused. Only the first call has an effect; it must precede showing or controlling a search.
    pub fn restore(self) {
        if !self.is_restored.get_value() {
            self.is_restored.set_value(true);
            self.search.set(storage::read().map(Search::restored));
        }
    }

    /// Starts a search in place of the previous one.
    ///
    /// # Errors
    ///
    /// Fails if the dataset has no validation split, or if the plan is invalid.
    pub fn start(self, plan: SearchPlan) -> Result<(), Failure> {
        let has_validation = self
            .recipe
            .dataset
            .with_untracked(|dataset| dataset.as_ref().is_none_or(|dataset| dataset.counts.validation > 0));
        if !has_validation {
            return Err(Failure::new(FailureKind::BadConfig, "a search needs a validation split"));
        }
        let search = Search::new(plan)?;
        self.leave();
        self.search.set(Some(search));
        self.keep();
        self.start_driving();
        Ok(())
    }

    /// Starts a search and waits for its end, including pauses. `on_event` receives the reports of the trials.
    pub async fn run(self, plan: SearchPlan, on_event: impl Fn(&Value) + 'static) -> Result<Value, Failure> {
        self.start(plan)?;
        let (done, report) = oneshot::channel();
        self.watch.set_value(Some(Watch { on_event: Rc::new(on_event), done }));
        report.await.unwrap_or_else(|_| Err(Failure::new(FailureKind::Canceled, "the page no longer waits for it")))
    }

    /// Starts the drafted search with the config in the form, after loading the dataset if there is none.
    pub async fn start_draft(self) -> Result<(), Failure> {
        let recipe = self.recipe;
        recipe.dataset_ready().await?;
        let base = recipe.complete_config();
        let base = base.ok_or_else(|| Failure::new(FailureKind::NoDataset, "no dataset is in view"))?;
        self.start(self.draft.with_untracked(|draft| draft.plan(base)))
    }

    /// Removes the search, and stops its running trial.
    pub fn clear(self) {
        self.leave();
        self.search.set(None);
        storage::clear();
    }

    /// Ends the previous search, with its running trial.
    fn leave(self) {
        self.stop();
        self.number.update_value(|number| *number = number.wrapping_add(1));
        self.is_driving.set_value(false);
        self.trouble.set(None);
        self.report_done(Err(Failure::new(FailureKind::Canceled, "another search took its place")));
    }

    /// Changes the search and stores it.
    fn change<T>(self, change: impl FnOnce(&mut Search) -> T) -> Option<T> {
        let changed = self.search.try_update(|search| search.as_mut().map(change)).flatten();
        self.keep();
        changed
    }

    /// Stores the search in the browser.
    fn keep(self) {
        self.search.with_untracked(|search| {
            if let Some(search) = search {
                storage::write(search);
            }
        });
    }

    /// Reports the current state of a trial to the waiting program.
    fn report_trial(self, place: usize) {
        let on_event = self.watch.with_value(|watch| watch.as_ref().map(|watch| watch.on_event.clone()));
        let Some(on_event) = on_event else { return };
        let report = self.search.with_untracked(|search| search.as_ref().and_then(|it| trial_report(it, place)));
        if let Some(Value::Object(mut report)) = report {
            report.insert("kind".to_owned(), "trial".into());
            on_event(&Value::Object(report));
        }
    }

    /// Reports the end of the search to the waiting program.
    fn finish(self) {
        if self.watch.with_value(Option::is_none) {
            return;
        }
        let report = self.search.with_untracked(|search| search.as_ref().map(search_report));
        if let Some(report) = report {
            self.report_done(Ok(report));
        }
    }

    fn report_done(self, result: Result<Value, Failure>) {
        if let Some(watch) = self.watch.try_update_value(Option::take).flatten() {
            // The receiver may have been dropped in the meantime.
            watch.done.send(result).ok();
        }
    }
}
