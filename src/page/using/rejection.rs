//! The threshold below which the answer is "none of these": fitted on the validation images of the current network, and the visitor's to move.

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::classifier::{Classifier, SURE};
use crate::page::evaluations::{EvaluationState, Evaluations};
use crate::page::reactive::{effect, memo, watch};
use crate::page::store::Store;
use kindling_core::metrics::rejection::fit_threshold;
use kindling_core::protocol::question::Evaluate;
use kindling_core::protocol::{Prediction, RunId, SplitName, Views};

/// The network whose validation images are predicted, and how they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Of {
    run: RunId,
    step: u32,
    views: Views,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Fit {
    /// Not asked for yet, or there is no network at rest.
    #[default]
    None,
    /// Progress from 0 to 1.
    Underway(f32),
    Done {
        threshold: f32,
        validation: Arc<Vec<Prediction>>,
    },
    /// There are no validation images, or none is predicted correctly.
    Impossible,
}

#[derive(Clone, Copy)]
pub struct Rejection {
    pub fit: RwSignal<Fit>,
    /// The visitor's own threshold.
    pub chosen: RwSignal<Option<f32>>,
    /// Whether something needs the threshold.
    is_wanted: RwSignal<bool>,
    /// Counts the fits: of an earlier one, nothing is taken.
    turn: StoredValue<u32>,
    store: Store,
    evaluations: Evaluations,
}

impl Rejection {
    pub fn new(store: Store, evaluations: Evaluations) -> Self {
        Self {
            fit: RwSignal::default(),
            chosen: RwSignal::default(),
            is_wanted: RwSignal::new(false),
            turn: StoredValue::new(0),
            store,
            evaluations,
        }
    }

    /// Fits the threshold as soon as it is wanted and a network is at rest, and again for each other network.
    pub fn follow(self, classifier: Classifier) {
        let store = self.store;
        let of = memo(move |_| {
            let views = classifier.views.get();
            let at_rest = store.run.with(|run| {
                let is_at_rest = run.has_network() && !run.is_active();
                is_at_rest.then(|| run.run().map(|run| (run.id, run.progress.step))).flatten()
            });
            at_rest.map(|(run, step)| Of { run, step, views })
        });
        let run = memo(move |_| of.get().map(|of| of.run));
        watch(move || run.get(), move |_, _| self.chosen.set(None), false);
        effect(move |_| {
            let of = of.get();
            self.turn.update_value(|turn| *turn = turn.wrapping_add(1));
            self.fit.set(Fit::None);
            if let (Some(of), true) = (of, self.is_wanted.get()) {
                self.start(of);
            }
        });
    }

    /// Asks for the threshold; fitting it takes the predictions for all validation images.
    pub fn want(self) {
        if !self.is_wanted.get_untracked() {
            self.is_wanted.set(true);
        }
    }

    /// The threshold in force, tracked; none before one was fitted or chosen.
    pub fn threshold(self) -> Option<f32> {
        let fitted = || {
            self.fit.with(|fit| match fit {
                Fit::Done { threshold, .. } => Some(*threshold),
                Fit::None | Fit::Underway(_) | Fit::Impossible => None,
            })
        };
        self.chosen.get().or_else(fitted)
    }

    /// The threshold in force, tracked; a round one before one was fitted or chosen.
    pub fn threshold_or_round(self) -> f32 {
        self.threshold().unwrap_or(SURE)
    }

    fn start(self, of: Of) {
        let turn = self.turn.get_value();
        // The place Evaluate may have them already.
        let known = self.evaluations.of(SplitName::Validation).with_untracked(|state| match state {
            EvaluationState::Done(it) if (Of { run: it.run, step: it.step, views: it.views }) == of => {
                Some(it.evaluation.predictions.clone())
            }
            _ => None,
        });
        if let Some(predictions) = known {
            return self.settle(predictions);
        }
        self.fit.set(Fit::Underway(0.0));
        spawn_local(async move {
            let is_current = move || self.turn.try_get_value() == Some(turn);
            let on_progress = move |fraction| {
                if is_current() {
                    self.fit.set(Fit::Underway(fraction));
                }
            };
            let question = Evaluate { split: SplitName::Validation, views: of.views };
            let evaluation = self.store.ask_with_progress(question, on_progress).await;
            if is_current() {
                self.settle(evaluation.map(|it| it.predictions).unwrap_or_default());
            }
        });
    }

    fn settle(self, validation: Vec<Prediction>) {
        self.fit.set(match fit_threshold(&validation) {
            Some(threshold) => Fit::Done { threshold, validation: Arc::new(validation) },
            None => Fit::Impossible,
        });
    }
}
