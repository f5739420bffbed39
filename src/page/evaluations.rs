//! Evaluations of the current network, kept while the visitor is in another place. The place Evaluate and `window.kindling` both evaluate
//! through this, so the page also shows the results of programs.

use kindling_core::protocol::question::Evaluate;
use std::sync::Arc;

use leptos::prelude::*;

use crate::page::reactive::{memo, watch};
use crate::page::store::Store;
use kindling_core::metrics::ConfusionMatrix;
use kindling_core::protocol::{Evaluation, Failure, FailureKind, RunId, SplitName, Views};

/// An evaluation, and which network it is of.
#[derive(Clone, Debug, PartialEq)]
pub struct Evaluated {
    pub evaluation: Evaluation,
    pub classes: Vec<String>,
    pub run: RunId,
    /// Steps that the network had been trained for when the evaluation started.
    pub step: u32,
    /// Whether predictions are averaged over several views (test-time augmentation).
    pub views: Views,
}

impl Evaluated {
    pub fn matrix(&self) -> ConfusionMatrix {
        ConfusionMatrix::new(&self.evaluation.predictions, self.classes.len())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum EvaluationState {
    #[default]
    None,
    /// Progress from 0 to 1.
    Running(f32),
    Done(Arc<Evaluated>),
    Failed(Failure),
}

#[derive(Clone, Copy)]
pub struct Evaluations {
    store: Store,
    validation: RwSignal<EvaluationState>,
    test: RwSignal<EvaluationState>,
    /// Evaluations on this dataset's test split so far. The more there are, the less they say about unseen images.
    pub n_tests: RwSignal<u32>,
}

impl Evaluations {
    /// Made once, beside the store.
    pub fn new(store: Store) -> Self {
        let evaluations =
            Self { store, validation: RwSignal::default(), test: RwSignal::default(), n_tests: RwSignal::new(0) };
        let run = memo(move |_| store.run.with(|run| run.run().map(|run| run.id)));
        watch(move || run.get(), move |_, _| evaluations.forget(), false);
        let version = memo(move |_| store.dataset.with(|dataset| dataset.version));
        watch(move || version.get(), move |_, _| evaluations.n_tests.set(0), false);
        evaluations
    }

    pub fn of(self, split: SplitName) -> RwSignal<EvaluationState> {
        match split {
            SplitName::Train | SplitName::Validation => self.validation,
            SplitName::Test => self.test,
        }
    }

    /// Evaluates the current network on every image of the split.
    ///
    /// # Errors
    ///
    /// There is no dataset or no trained network, or the engine fails.
    pub async fn evaluate(self, split: SplitName, views: Views) -> Result<Arc<Evaluated>, Failure> {
        let state = self.of(split);
        let of_network = self.store.run.with_untracked(|run| run.run().map(|run| (run.id, run.progress.step)));
        let classes =
            self.store.dataset.with_untracked(|dataset| dataset.current.as_ref().map(|it| it.classes.clone()));
        let classes =
            classes.ok_or_else(|| Failure::new(FailureKind::NoDataset, "there is no dataset to evaluate on"))?;
        let (run, step) =
            of_network.ok_or_else(|| Failure::new(FailureKind::NoNetwork, "no network was trained yet"))?;
        state.set(EvaluationState::Running(0.0));
        let on_progress = move |fraction| {
            if self.is_current(run) {
                state.set(EvaluationState::Running(fraction));
            }
        };
        let evaluation = self.store.ask_with_progress(Evaluate { split, views }, on_progress).await;
        let result = evaluation.map(|evaluation| Arc::new(Evaluated { evaluation, classes, run, step, views }));
        if self.is_current(run) {
            state.set(match &result {
                Ok(evaluated) => EvaluationState::Done(evaluated.clone()),
                Err(failure) => EvaluationState::Failed(failure.clone()),
            });
            if result.is_ok() && split == SplitName::Test {
                self.n_tests.update(|n_tests| *n_tests += 1);
            }
        }
        result
    }

    fn is_current(self, run: RunId) -> bool {
        self.store.run.with_untracked(|state| state.run().is_some_and(|current| current.id == run))
    }

    /// Clears the results, which are of another network.
    fn forget(self) {
        self.validation.set(EvaluationState::None);
        self.test.set(EvaluationState::None);
    }
}
