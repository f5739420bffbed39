//! What the engine says of the images of the project that is the dataset: their splits, and what the network at hand predicts. Asked for when a filter
//! needs it, and again when the dataset or the network has changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;

use super::collector::{Collector, Problem};
use super::filter::{Guess, Known};
use super::suspects::{Suspect, Why, of_checks, of_labels, undecided};
use crate::page::evaluations::{EvaluationState, Evaluations};
use kindling_core::dataset::image_checks::{FlawKind, ImageChecks};
use kindling_core::protocol::question::{Evaluate, LocateFiles};
use kindling_core::protocol::{DatasetSummary, Failure, FailureKind, Prediction, RunId, SplitName, Views};

/// What the engine has said so far.
#[derive(Clone, Copy, Default)]
pub struct Facts {
    located: RwSignal<Arc<Located>>,
    predicted: RwSignal<Arc<Predicted>>,
    /// What is being asked for: an answer to anything older is dropped.
    asked: StoredValue<Option<Wanted>>,
    /// The progress of predictions, from 0 to 1.
    pub progress: RwSignal<Option<f32>>,
    /// The image checks of a dataset.
    pub checks: RwSignal<Option<(Arc<DatasetSummary>, Arc<ImageChecks>)>>,
}

/// Where the images of a dataset are.
#[derive(Default)]
struct Located {
    /// The version of the dataset; none before it was asked for.
    version: Option<u32>,
    /// The hashes of the files, in the dataset's order.
    files: Vec<u64>,
    splits: Arc<BTreeMap<u64, SplitName>>,
}

#[derive(Default)]
struct Predicted {
    of: Option<Wanted>,
    guesses: Arc<BTreeMap<u64, Guess>>,
}

/// A dataset, by its version, and a network that predicts its images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    pub version: u32,
    /// None if there is none. A network in training counts as another one when its run has ended.
    pub network: Option<(RunId, bool)>,
}

/// What a filter needs to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub source: Source,
    pub predictions: bool,
    /// Whether test images are predicted, too.
    pub test: bool,
}

impl Collector {
    /// The dataset and the network at hand, if the open project is the dataset; tracked.
    pub fn source(self) -> Option<Source> {
        let (id, version) = self
            .store
            .dataset
            .with(|dataset| dataset.current.as_ref().map(|current| (current.id.clone(), dataset.version)))?;
        let project = self.project_of_dataset(&id)?;
        let network =
            self.store.run.with(|run| run.run().filter(|_| run.has_network()).map(|it| (it.id, run.is_active())));
        self.open.with(|open| *open == Some(project)).then_some(Source { version, network })
    }

    /// Asks the engine for what is wanted and not known yet.
    ///
    /// # Errors
    ///
    /// If the engine fails.
    pub async fn learn(self, wanted: Wanted, evaluations: Evaluations) -> Result<(), Problem> {
        let facts = self.facts;
        let has = |of: Wanted| of.source == wanted.source && (of.test || !wanted.test);
        let is_known = wanted.predictions && facts.predicted.with_untracked(|predicted| predicted.of.is_some_and(has));
        if facts.asked.get_value() == Some(wanted) || is_known {
            return Ok(());
        }
        facts.asked.set_value(Some(wanted));
        let result = self.ask_facts(wanted, evaluations).await;
        if facts.asked.get_value() == Some(wanted) {
            facts.asked.set_value(None);
            facts.progress.set(None);
        }
        match result {
            // It will be asked for again.
            Err(failure) if failure.kind == FailureKind::Canceled => Ok(()),
            result => result.map_err(Problem::Engine),
        }
    }

    async fn ask_facts(self, wanted: Wanted, evaluations: Evaluations) -> Result<(), Failure> {
        let facts = self.facts;
        let Wanted { source: Source { version, .. }, predictions, test } = wanted;
        let is_asked = move || facts.asked.get_value() == Some(wanted);
        if facts.located.with_untracked(|located| located.version != Some(version)) {
            let found = self.store.ask(LocateFiles).await?;
            let splits = found.files.iter().zip(&found.splits).filter_map(|(file, split)| Some((*file, (*split)?)));
            let located = Located { version: Some(version), splits: Arc::new(splits.collect()), files: found.files };
            if !is_asked() {
                return Ok(());
            }
            facts.located.set(Arc::new(located));
        }
        if !predictions {
            return Ok(());
        }
        facts.progress.set(Some(0.0));
        let mut guesses = BTreeMap::new();
        let parts = [(SplitName::Validation, 0.0), (SplitName::Train, 0.1)];
        for (split, start) in parts {
            let on_progress = move |progress: f32| {
                if is_asked() {
                    let end = if split == SplitName::Validation { 0.1 } else { 1.0 };
                    facts.progress.set(Some(start + (end - start) * progress));
                }
            };
            let found = self.store.ask_with_progress(Evaluate { split, views: Views::One }, on_progress).await?;
            self.add_guesses(&mut guesses, &found.predictions);
            if !is_asked() {
                return Ok(());
            }
        }
        if test {
            // The place Evaluate shows it, and counts how often these images were looked at.
            let known = match evaluations.of(SplitName::Test).get_untracked() {
                EvaluationState::Done(known) if known.views == Views::One => Some(known),
                _ => None,
            };
            let known = match known.filter(|known| wanted.source.network == Some((known.run, false))) {
                Some(known) => known,
                None => evaluations.evaluate(SplitName::Test, Views::One).await?,
            };
            self.add_guesses(&mut guesses, &known.evaluation.predictions);
        }
        if is_asked() {
            facts.predicted.set(Arc::new(Predicted { of: Some(wanted), guesses: Arc::new(guesses) }));
        }
        Ok(())
    }

    fn add_guesses(self, guesses: &mut BTreeMap<u64, Guess>, predictions: &[Prediction]) {
        self.facts.located.with_untracked(|located| {
            guesses.extend(predictions.iter().filter_map(|prediction| {
                let file = located.files.get(prediction.index as usize)?;
                Some((*file, Guess { class: prediction.predicted, confidence: prediction.confidence }))
            }));
        });
    }

    /// What is known of the images of the open project; tracked.
    pub fn known(self, source: Option<Source>) -> Known {
        let Some(source) = source else { return Known::default() };
        let Some(project) = self.project() else { return Known::default() };
        let dataset = self.store.dataset.with(|dataset| dataset.current.clone());
        let classes = dataset.as_ref().map(|dataset| dataset.classes.clone()).unwrap_or_default();
        let located = self.facts.located.get();
        let splits = if located.version == Some(source.version) { located.splits.clone() } else { Arc::default() };
        let predicted = self.facts.predicted.get();
        let is_of_source = predicted.of.is_some_and(|of| of.source == source);
        let guesses = if is_of_source { predicted.guesses.clone() } else { Arc::default() };
        let labels = self.found_here().map(|found| of_labels(&found.errors)).unwrap_or_default();
        let flaws = self.checks_here().map(|checks| of_checks(&checks)).unwrap_or_default();
        self.images.with(|images| {
            let left = |suspects: &[Suspect]| undecided(suspects, &classes, &project, images);
            let flaws = left(&flaws);
            let with = |is: fn(FlawKind) -> bool| {
                let has = |suspect: &&Suspect| match suspect.why {
                    Why::Flaw { kind, .. } => is(kind),
                    Why::Label(_) => false,
                };
                flaws.iter().filter(has).filter_map(|suspect| suspect.file).collect()
            };
            let mislabeled = left(&labels).iter().filter_map(|suspect| suspect.file).collect();
            let (alike, poor) = (with(is_alike), with(|kind| !is_alike(kind)));
            Known { classes: classes.clone(), splits, guesses, mislabeled, alike, poor }
        })
    }

    /// The image checks of the dataset at hand, tracked.
    pub fn checks_here(self) -> Option<Arc<ImageChecks>> {
        let current = self.store.dataset.with(|dataset| dataset.current.clone())?;
        self.facts.checks.with(|checks| {
            checks.as_ref().filter(|(dataset, _)| dataset.id == current.id).map(|(_, checks)| checks.clone())
        })
    }
}

fn is_alike(kind: FlawKind) -> bool {
    match kind {
        FlawKind::Contradiction | FlawKind::Leak | FlawKind::Copy | FlawKind::NearCopy => true,
        FlawKind::Blank | FlawKind::Dark | FlawKind::Blurred => false,
    }
}
