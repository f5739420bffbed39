//! Classifies one image after another: at most one question is pending, and of the images offered meanwhile only the latest is kept.

use kindling_core::protocol::question::Classify;
use leptos::prelude::*;
use leptos::task::spawn_local;

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
    Classified(Classification),
    Failed(Failure),
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
            let result = self.store.ask(Classify { image, views }).await;
            let Some(settled) = self.latest.try_update_value(Latest::settle) else { return };
            if settled.is_wanted {
                self.outcome.try_set(result.map_or_else(Outcome::Failed, Outcome::Classified));
            }
            if let Some(image) = settled.next {
                self.ask(image);
            }
        });
    }
}

/// Whether the first class is more probable than all others together.
pub fn is_sure(classes: &[ClassProbability]) -> bool {
    classes.first().is_some_and(|first| first.probability > 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sure_is_more_probable_than_all_others_together() {
        let classes = |probabilities: &[f32]| {
            let classes = probabilities.iter().enumerate();
            classes
                .map(|(class, &probability)| ClassProbability { class: class as u16, probability })
                .collect::<Vec<_>>()
        };
        assert!(is_sure(&classes(&[0.51, 0.49])));
        assert!(!is_sure(&classes(&[0.5, 0.3, 0.2])));
        assert!(!is_sure(&classes(&[f32::NAN])));
        assert!(!is_sure(&[]));
    }
}
