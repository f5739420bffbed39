//! The page's one hyper-parameter search: runs its trials one after the other through the store, as any run, and keeps what they came to.
//!
//! Trials are not kept among the runs, which they would crowd out: the search has a table of its own. A run that the visitor starts
//! meanwhile goes first; the search then rests, and the trial that it interrupted begins anew when the search goes on.

mod drive;
mod steer;
mod storage;

/// The next search, as the visitor has it.
pub mod draft;

/// A search for programs.
pub mod report;

/// What the visitor sees of it.
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
    /// None where there was none, or none is restored yet.
    pub search: RwSignal<Option<Search>>,
    /// Why the search came to rest, where the visitor did not ask for it.
    pub trouble: RwSignal<Option<Trouble>>,
    pub draft: RwSignal<Draft>,
    store: Store,
    recipe: Recipe,
    /// Counts the searches: what a trial of an earlier one comes to is of no account.
    number: StoredValue<u32>,
    /// Whether trials are being run, one after the other.
    is_driving: StoredValue<bool>,
    watch: StoredValue<Option<Watch>, LocalStorage>,
    is_restored: StoredValue<bool>,
}

/// Why a search cannot go on by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Trouble {
    /// By no fault of the trial's settings.
    Failed(Failure),
    /// The visitor has loaded another dataset than the search's, or cut it in another way.
    OtherDataset { dataset: String },
}

/// A program that waits for the end.
struct Watch {
    on_event: Rc<dyn Fn(&Value)>,
    done: oneshot::Sender<Result<Value, Failure>>,
}

impl Searcher {
    /// Made once, beside the store.
    pub fn new(store: Store, recipe: Recipe) -> Self {
        Self {
            search: RwSignal::new(None),
            trouble: RwSignal::new(None),
            draft: RwSignal::new(Draft::default()),
            store,
            recipe,
            number: StoredValue::new(0),
            is_driving: StoredValue::new(false),
            watch: StoredValue::new_local(None),
            is_restored: StoredValue::new(false),
        }
    }

    /// Finds the search of an earlier visit, at rest, once. Whoever shows or steers searches calls it first.
    pub fn restore(self) {
        if !self.is_restored.get_value() {
            self.is_restored.set_value(true);
            self.search.set(storage::read().map(Search::restored));
        }
    }

    /// Begins a search in the place of the one before.
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
        self.go_on();
        Ok(())
    }

    /// Begins a search and waits for its end, pauses included; `on_event` hears of each trial.
    pub async fn run(self, plan: SearchPlan, on_event: impl Fn(&Value) + 'static) -> Result<Value, Failure> {
        self.start(plan)?;
        let (done, report) = oneshot::channel();
        self.watch.set_value(Some(Watch { on_event: Rc::new(on_event), done }));
        report.await.unwrap_or_else(|_| Err(Failure::new(FailureKind::Canceled, "the page no longer waits for it")))
    }

    /// Begins the search that the visitor has drawn up, with the settings in the form; loads the dataset first where there is none.
    pub async fn start_draft(self) -> Result<(), Failure> {
        let recipe = self.recipe;
        recipe.dataset_ready().await?;
        let base = recipe.complete_config();
        let base = base.ok_or_else(|| Failure::new(FailureKind::NoDataset, "no dataset is in view"))?;
        self.start(self.draft.with_untracked(|draft| draft.plan(base)))
    }

    /// Forgets the search; a trial under way is stopped.
    pub fn clear(self) {
        self.leave();
        self.search.set(None);
        storage::clear();
    }

    /// Ends what the search before has under way.
    fn leave(self) {
        self.stop();
        self.number.update_value(|number| *number = number.wrapping_add(1));
        self.is_driving.set_value(false);
        self.trouble.set(None);
        self.tell_done(Err(Failure::new(FailureKind::Canceled, "another search took its place")));
    }

    fn change<T>(self, change: impl FnOnce(&mut Search) -> T) -> Option<T> {
        let changed = self.search.try_update(|search| search.as_mut().map(change)).flatten();
        self.keep();
        changed
    }

    /// As it is now, in the browser.
    fn keep(self) {
        self.search.with_untracked(|search| {
            if let Some(search) = search {
                storage::write(search);
            }
        });
    }

    /// Tells the program that waits of a trial, as it is now.
    fn tell(self, place: usize) {
        let on_event = self.watch.with_value(|watch| watch.as_ref().map(|watch| watch.on_event.clone()));
        let Some(on_event) = on_event else { return };
        let report = self.search.with_untracked(|search| search.as_ref().and_then(|it| trial_report(it, place)));
        if let Some(Value::Object(mut report)) = report {
            report.insert("kind".to_owned(), "trial".into());
            on_event(&Value::Object(report));
        }
    }

    /// Nothing more will come of the search.
    fn finish(self) {
        if self.watch.with_value(Option::is_none) {
            return;
        }
        let report = self.search.with_untracked(|search| search.as_ref().map(search_report));
        if let Some(report) = report {
            self.tell_done(Ok(report));
        }
    }

    fn tell_done(self, result: Result<Value, Failure>) {
        if let Some(watch) = self.watch.try_update_value(Option::take).flatten() {
            // Whoever waited may have left meanwhile.
            watch.done.send(result).ok();
        }
    }
}
