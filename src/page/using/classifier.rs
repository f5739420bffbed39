//! Classifies one image after another: at most one question is pending, and of the images offered meanwhile only the latest is kept.

use kindling_core::protocol::question::Classify;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::page::reactive::{memo, watch};
use crate::page::state::RunState;
use crate::page::store::Store;
use crate::page::widgets::latest::Latest;
use kindling_core::protocol::{ClassProbability, Classification, Failure, ImageInput, Views};

/// The result for the latest image.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Outcome {
    /// There is no image, or it has not been classified yet.
    #[default]
    Nothing,
    /// The latest image with its classes.
    Classified {
        image: ImageInput,
        classification: Classification,
    },
    Failed(Failure),
}

impl Outcome {
    pub fn classification(&self) -> Option<&Classification> {
        match self {
            Self::Classified { classification, .. } => Some(classification),
            Self::Nothing | Self::Failed(_) => None,
        }
    }
}

#[derive(Clone, Copy)]
pub struct Classifier {
    pub outcome: RwSignal<Outcome>,
    /// Whether predictions are averaged over several views (test-time augmentation). A change takes effect with `refresh`.
    pub views: RwSignal<Views>,
    store: Store,
    latest: StoredValue<Latest<ImageInput>>,
    /// The latest image, to classify again after further training.
    image: StoredValue<Option<ImageInput>>,
}

impl Classifier {
    pub fn new(store: Store) -> Self {
        Self {
            outcome: RwSignal::default(),
            views: RwSignal::default(),
            store,
            latest: StoredValue::new(Latest::default()),
            image: StoredValue::new(None),
        }
    }

    /// Keeps the outcome up to date: predictions change with training, so the image is classified again after each epoch and when a run starts
    /// or ends. Another dataset means another network and another way to prepare images, so the image is dropped.
    pub fn follow(self) {
        let store = self.store;
        let learned = memo(move |_| {
            store.run.with(|run| (run.run().map(|run| (run.id, run.epochs.len())), run.is_active(), run.has_network()))
        });
        watch(move || learned.get(), move |_, _| self.refresh(), false);
        let version = memo(move |_| store.dataset.with(|dataset| dataset.version));
        watch(move || version.get(), move |_, _| self.offer(None), false);
    }

    /// Classifies a new image; None clears the outcome.
    pub fn offer(self, image: Option<ImageInput>) {
        self.image.set_value(image.clone());
        let Some(image) = image else {
            self.latest.update_value(Latest::forget);
            self.outcome.set(Outcome::Nothing);
            return;
        };
        // Without a network, the image waits for `refresh`.
        let has_network = self.store.run.with_untracked(RunState::has_network);
        if has_network && let Some(image) = self.latest.try_update_value(|latest| latest.offer(image)).flatten() {
            self.ask(image);
        }
    }

    /// Sets the failure as outcome, and drops the image.
    pub fn fail(self, failure: Failure) {
        self.offer(None);
        self.outcome.set(Outcome::Failed(failure));
    }

    /// Classifies the latest image again.
    pub fn refresh(self) {
        if let Some(image) = self.image.get_value() {
            self.offer(Some(image));
        }
    }

    /// Whether a question is pending. The camera then skips frames, which would only wait.
    pub fn is_busy(self) -> bool {
        self.latest.try_with_value(Latest::is_out).unwrap_or(true)
    }

    fn ask(self, image: ImageInput) {
        spawn_local(async move {
            // None once the visitor has left the place.
            let Some(views) = self.views.try_get_untracked() else { return };
            // Cheap: the pixels are shared.
            let asked = image.clone();
            let result = self.store.ask(Classify { image, views }).await;
            let Some(settled) = self.latest.try_update_value(Latest::settle) else { return };
            if settled.is_wanted {
                self.outcome.try_set(match result {
                    Ok(classification) => Outcome::Classified { image: asked, classification },
                    Err(failure) => Outcome::Failed(failure),
                });
            }
            if let Some(image) = settled.next {
                self.ask(image);
            }
        });
    }
}

/// The probability from which on a prediction counts as sure. Networks are overconfident on what they have never seen: letters and scribbles
/// often reach more than half.
pub const SURE: f32 = 0.8;

pub fn is_sure(classes: &[ClassProbability]) -> bool {
    classes.first().is_some_and(|first| first.probability >= SURE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prediction_is_sure_from_a_high_probability_on() {
        let classes = |probabilities: &[f32]| {
            let classes = probabilities.iter().enumerate();
            classes
                .map(|(class, &probability)| ClassProbability { class: class as u16, probability })
                .collect::<Vec<_>>()
        };
        assert!(is_sure(&classes(&[0.8, 0.2])));
        assert!(!is_sure(&classes(&[0.79, 0.11, 0.1])));
        assert!(!is_sure(&classes(&[f32::NAN])));
        assert!(!is_sure(&[]));
    }
}
