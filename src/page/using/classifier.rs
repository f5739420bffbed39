//! Asks the network about one image after another: never more than one question under way, the newest image wins.

use kindling_core::protocol::question::Classify;
use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::page::state::RunState;
use crate::page::store::Store;
use crate::page::widgets::latest::Latest;
use kindling_core::protocol::{ClassProbability, Classification, Failure, ImageInput, Views};

/// What the network says of the newest image.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Outcome {
    /// There is no image.
    #[default]
    Nothing,
    Classified(Classification),
    Failed(Failure),
}

#[derive(Clone, Copy)]
pub struct Classifier {
    pub outcome: RwSignal<Outcome>,
    /// How often the network looks at each image; `refresh` asks anew.
    pub views: RwSignal<Views>,
    store: Store,
    latest: StoredValue<Latest<ImageInput>>,
    /// The newest image, to ask about again when the network has learned.
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

    /// Takes the newest image; none clears the outcome.
    pub fn offer(self, image: Option<ImageInput>) {
        self.image.set_value(image.clone());
        let Some(image) = image else {
            self.latest.update_value(Latest::forget);
            self.outcome.set(Outcome::Nothing);
            return;
        };
        // Without a network there is nobody to ask; `refresh` will, once there is one.
        let has_network = self.store.run.with_untracked(RunState::has_network);
        if has_network && let Some(image) = self.latest.try_update_value(|latest| latest.offer(image)).flatten() {
            self.ask(image);
        }
    }

    /// Takes in that there is no newest image and why.
    pub fn fail(self, failure: Failure) {
        self.offer(None);
        self.outcome.set(Outcome::Failed(failure));
    }

    /// Asks again about the newest image.
    pub fn refresh(self) {
        if let Some(image) = self.image.get_value() {
            self.offer(Some(image));
        }
    }

    /// Whether a question is under way: a camera's frame would only wait.
    pub fn is_busy(self) -> bool {
        self.latest.try_with_value(Latest::is_out).unwrap_or(true)
    }

    fn ask(self, image: ImageInput) {
        spawn_local(async move {
            // None once the place was left.
            let Some(views) = self.views.try_get_untracked() else { return };
            let answer = self.store.ask(Classify { image, views }).await;
            let Some(settled) = self.latest.try_update_value(Latest::settle) else { return };
            if settled.is_wanted {
                self.outcome.try_set(answer.map_or_else(Outcome::Failed, Outcome::Classified));
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
