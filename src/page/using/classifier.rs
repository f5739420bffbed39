//! Classifies one image after another: at most one question is pending, and of the images offered meanwhile only the latest is kept.

use leptos::prelude::*;
use leptos::task::spawn_local;

use super::smoothing::{Rate, Smoothing};
use crate::page::reactive::{memo, watch};
use crate::page::state::RunState;
use crate::page::store::Store;
use crate::page::widgets::latest::Latest;
use kindling_core::metrics::rejection::is_kept;
use kindling_core::protocol::question::Classify;
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
    /// Predictions per second of a live camera; none before there are enough to tell.
    pub rate: RwSignal<Option<f64>>,
    /// Of a live camera: its predictions are averaged over time, and counted.
    live: StoredValue<Option<Live>>,
}

#[derive(Clone, Debug, Default)]
struct Live {
    smoothing: Smoothing,
    rate: Rate,
    rate_shown_ms: f64,
    frame_ms: f64,
}

/// Minimum time between frames while a run trains, which needs the engine.
const TRAINING_FRAME_MS: f64 = 90.0;

/// Minimum time between two rates shown.
const RATE_INTERVAL_MS: f64 = 500.0;

impl Classifier {
    pub fn new(store: Store) -> Self {
        Self {
            outcome: RwSignal::default(),
            views: RwSignal::default(),
            store,
            latest: StoredValue::new(Latest::default()),
            image: StoredValue::new(None),
            rate: RwSignal::default(),
            live: StoredValue::default(),
        }
    }

    /// Begins or ends to average the predictions over time.
    pub fn set_live(self, is_live: bool) {
        self.live.set_value(is_live.then(Live::default));
        self.rate.set(None);
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
            self.rate.set(None);
            return;
        };
        self.live.update_value(|live| {
            if let Some(live) = live {
                live.frame_ms = now_ms();
            }
        });
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

    /// Whether a frame of the camera would be used: one is read while another is classified, and no third.
    pub fn wants_frame(self) -> bool {
        let now_ms = now_ms();
        let is_due = self.live.try_with_value(|live| match live {
            Some(live) => {
                now_ms - live.frame_ms >= TRAINING_FRAME_MS || !self.store.run.with_untracked(RunState::is_active)
            }
            None => false,
        });
        is_due == Some(true) && self.latest.try_with_value(Latest::is_full) == Some(false)
    }

    /// Averages the prediction with those before it, if it is of a live camera.
    fn smooth(self, classification: &mut Classification) {
        let rate = self.live.try_update_value(|live| {
            let Live { smoothing, rate, rate_shown_ms, .. } = live.as_mut()?;
            let now_ms = now_ms();
            smoothing.add(&mut classification.classes, now_ms);
            let found = rate.add(now_ms)?;
            let is_due = now_ms - *rate_shown_ms >= RATE_INTERVAL_MS;
            is_due.then(|| {
                *rate_shown_ms = now_ms;
                found
            })
        });
        if let Some(Some(rate)) = rate {
            self.rate.try_set(Some(rate));
        }
    }

    fn ask(self, image: ImageInput) {
        spawn_local(async move {
            // None once the visitor has left the place.
            let Some(views) = self.views.try_get_untracked() else { return };
            // Cheap: the pixels are shared.
            let asked = image.clone();
            let mut result = self.store.ask(Classify { image, views }).await;
            if let Ok(classification) = &mut result {
                self.smooth(classification);
            }
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

/// In ms since the page was opened.
fn now_ms() -> f64 {
    window().performance().map_or(0.0, |clock| clock.now())
}

/// The probability from which on a prediction counts as sure where no threshold was fitted. Networks are overconfident on what they have never seen:
/// letters and scribbles often reach more than half.
pub const SURE: f32 = 0.8;

pub fn is_sure(classes: &[ClassProbability], threshold: f32) -> bool {
    classes.first().is_some_and(|first| is_kept(first.probability, threshold))
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
        assert!(is_sure(&classes(&[0.8, 0.2]), SURE));
        assert!(!is_sure(&classes(&[0.79, 0.11, 0.1]), SURE));
        assert!(is_sure(&classes(&[0.79, 0.11, 0.1]), 0.5));
        assert!(!is_sure(&classes(&[f32::NAN]), SURE));
        assert!(!is_sure(&[], 0.0));
    }
}
