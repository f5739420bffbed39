//! The objective of a classifier: a loss between its logits and the targets, for images that may be attacked.

use super::adversarial::Attacker;
use super::distillation::Lesson;
use super::loss::{BatchLoss, Loss};
use super::{Classified, Objective, Pass};
use crate::device::images::Batch;
use crate::module::Network;
use kindling_core::random::Random;

/// Minimizes a loss, and reports which images are classified correctly.
#[derive(Debug)]
pub struct Classification {
    pub loss: Loss,
    pub attacker: Option<Attacker>,
    pub lesson: Option<Lesson>,
}

impl Objective for Classification {
    fn pass(&mut self, network: &mut Network, batch: Batch, random: &mut Random) -> Pass {
        let batch = match &mut self.attacker {
            Some(attacker) => attacker.attack(batch, network, &self.loss),
            None => batch,
        };
        let soft = self.lesson.as_ref().map(|lesson| lesson.targets(batch.images.clone()));
        // [batch, classes]
        let logits = match batch.features {
            Some(features) => network.forward_train_from_frozen(features, random),
            None => network.forward_train(batch.images.autodiff(), random),
        };
        let (BatchLoss { terms, predicted }, gradients) = self.loss.backward_with(logits, batch.targets, soft);
        Pass { gradients, loss_terms: terms, classified: Some(Classified { predicted, labels: batch.labels }) }
    }

    fn random_state(&self) -> Option<u64> {
        self.attacker.as_ref().map(Attacker::state)
    }

    fn restore_random(&mut self, state: u64) {
        if let Some(attacker) = &mut self.attacker {
            attacker.restore(state);
        }
    }
}
