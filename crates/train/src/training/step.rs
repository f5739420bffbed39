//! One training step: augmentation, objective, gradient, update.

use burn::tensor::Tensor;
use serde::{Deserialize, Serialize};

use super::augment::Augmenter;
use super::average::MovingAverage;
use super::checkpoint::unreadable;
use super::gradients::NetworkGradients;
use super::monitor::{Observation, Observer};
use super::optimizer::{Optimizer, Rates};
use super::plan::{Purpose, random};
use super::sparsity::Sparsity;
use crate::device::images::Batch;
use crate::device::layout::Layout;
use crate::device::parameters::Collector;
use crate::device::tensors::NamedTensors;
use crate::module::Network;
use crate::objective::adversarial::Attacker;
use crate::objective::distillation::Lesson;
use crate::objective::loss::Loss;
use crate::objective::{Classification, Classified, Objective, Pass};
use kindling_core::config::{AugmentConfig, RunConfig};
use kindling_core::protocol::Failure;
use kindling_core::random::Random;

/// The parts of a checkpoint that hold the weights, and their moving average.
const WEIGHTS: &str = "weights";
const AVERAGE: &str = "average";

/// A network and everything that trains it.
#[derive(Debug)]
pub struct Trainer<O = Classification> {
    network: Network,
    layout: Layout,
    augmenter: Option<Augmenter>,
    /// The augmentation, if it was changed from the config's.
    changed_augment: Option<AugmentConfig>,
    objective: O,
    /// Summed over the batches since the last update.
    gradients: NetworkGradients,
    clip_norm: Option<f64>,
    optimizer: Optimizer,
    average: Option<MovingAverage>,
    sparsity: Option<Sparsity>,
    /// Draws dropout's masks.
    random: Random,
    /// The run's seed.
    seed: u32,
    observer: Observer,
}

/// The state of a trainer besides its tensors: together, enough to resume right after an update.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainerState {
    updates: i32,
    /// Updates of the moving average.
    average_updates: Option<u32>,
    dropout: u64,
    augmentation: Option<u64>,
    objective: Option<u64>,
    /// The augmentation, if it was changed from the config's.
    changed_augment: Option<AugmentConfig>,
}

/// What may differ from step to step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepSettings {
    pub rates: Rates,
    /// Whether the weights are updated after this batch, by the mean gradient of the batches since the last update.
    pub is_update: bool,
}

/// The tensors that a step leaves on the device, for a later read. They are not summed there, because each sum costs a dispatch.
#[derive(Clone, Debug)]
pub struct StepOutcome {
    /// `[batch]`: each image's term of the mean loss of the batch, before the update.
    pub loss_terms: Tensor<1>,
    /// `[batch]`: 1 for each image that was classified correctly before the update; none if nothing is classified.
    pub correct: Option<Tensor<1>>,
}

impl Trainer {
    /// Trains a classifier. `class_counts` are the training images of each class; dropout draws from `dropout`.
    pub fn new(network: Network, config: &RunConfig, class_counts: &[u32], dropout: Random) -> Result<Self, Failure> {
        let loss = Loss::new(&config.loss, class_counts, &network.device().without_autodiff())?;
        let attacker = config.adversarial.map(|it| Attacker::new(it, random(config.seed, Purpose::Attack)));
        Ok(Self::minimizing(Classification { loss, attacker, lesson: None }, network, config, dropout))
    }

    /// Has the network also learn from a teacher.
    pub fn set_lesson(&mut self, lesson: Option<Lesson>) {
        self.objective.lesson = lesson;
    }
}

impl<O: Objective> Trainer<O> {
    /// Trains a network for an objective. The config's loss and attacks are ignored: they are a classifier's.
    pub fn minimizing(objective: O, network: Network, config: &RunConfig, dropout: Random) -> Self {
        let layout = Layout::of(&network.device());
        let mut trainer = Self {
            layout,
            augmenter: None,
            changed_augment: None,
            objective,
            gradients: NetworkGradients::default(),
            clip_norm: config.clip_norm,
            optimizer: Optimizer::new(config, layout, &network),
            average: config.ema_decay.map(|decay| MovingAverage::new(decay, &network)),
            sparsity: config.sparsity.map(|sparsity| Sparsity::new(sparsity, layout)),
            random: dropout,
            seed: config.seed,
            observer: Observer::default(),
            network: layout.lay_out(network),
        };
        if !config.augment.is_nothing() {
            trainer.augment_by(config.augment);
        }
        trainer
    }

    /// Changes the augmentation from the next step on. Fails if a value is out of range.
    pub fn set_augment(&mut self, config: AugmentConfig) -> Result<(), Failure> {
        config.check()?;
        self.augment_by(config);
        self.changed_augment = Some(config);
        Ok(())
    }

    /// The augmentation, if it was changed from the config's.
    pub fn changed_augment(&self) -> Option<AugmentConfig> {
        self.changed_augment
    }

    /// How the images of a batch are changed.
    pub fn augmentation(&self) -> AugmentConfig {
        self.augmenter.as_ref().map(Augmenter::config).unwrap_or_default()
    }

    /// Which images of the next batch are mirrored, if flips are the only augmentation.
    pub fn flips(&mut self, n_images: usize) -> Option<Vec<bool>> {
        let augmenter = self.augmenter.as_mut().filter(|augmenter| augmenter.config().only_flips())?;
        Some(augmenter.flips(n_images))
    }

    fn augment_by(&mut self, config: AugmentConfig) {
        match &mut self.augmenter {
            Some(augmenter) => augmenter.reconfigure(config),
            None => {
                let device = self.network.device().without_autodiff();
                let random = random(self.seed, Purpose::Augmentation);
                self.augmenter = Some(Augmenter::new(config, self.network.input(), random, &device));
            }
        }
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The network in inference mode, with the averaged weights if there is an average.
    pub fn inference_network(&self) -> Network {
        use burn::module::Module;

        match &self.average {
            Some(average) => average.network().clone(),
            None => self.network.valid(),
        }
    }

    /// Records the update of the coming step, which is `step`, if it makes one.
    pub fn observe(&mut self, step: u32) {
        self.observer.want(step);
    }

    pub fn take_observation(&mut self) -> Option<Observation> {
        self.observer.take()
    }

    /// Trains one batch, whose images are augmented unless it has features. Nothing waits for the device.
    pub fn step(&mut self, batch: Batch, settings: StepSettings) -> StepOutcome {
        let batch = match &mut self.augmenter {
            Some(augmenter) if batch.features.is_none() => augmenter.augment(batch),
            _ => batch,
        };
        let Pass { gradients, loss_terms, classified } =
            self.objective.pass(&mut self.network, batch, &mut self.random);
        self.gradients.add(&self.network, gradients);
        if settings.is_update {
            self.update(settings.rates);
        }
        // After the update, so that it does not come between the gradients and the update, which burn fuses.
        StepOutcome { loss_terms, correct: classified.map(Classified::correct) }
    }

    /// Sets more weights to zero, if the config wants that after so many of a run's steps; call right after an update. Returns whether the sparsity has
    /// just reached its target. Waits for the device.
    ///
    /// # Errors
    ///
    /// A device that fails.
    pub async fn prune(&mut self, step: u32, total_steps: u32) -> Result<bool, Failure> {
        let Some(sparsity) = self.sparsity.as_mut().filter(|it| it.is_due(step, total_steps)) else { return Ok(false) };
        sparsity.remove(&self.network, step, total_steps).await?;
        self.network = sparsity.held(self.network.clone());
        if let Some(average) = &mut self.average {
            average.hold(sparsity);
        }
        Ok(sparsity.is_at_target())
    }

    /// Queues every tensor for one read. Call right after an update, when no gradients are pending.
    pub fn collect(&self, collector: &mut Collector) -> TrainerState {
        collector.network(Some(WEIGHTS), &self.network);
        self.optimizer.collect(&self.network, collector);
        if let Some(average) = &self.average {
            collector.network(Some(AVERAGE), average.network());
        }
        TrainerState {
            updates: self.optimizer.updates(),
            average_updates: self.average.as_ref().map(MovingAverage::updates),
            dropout: self.random.state(),
            augmentation: self.augmenter.as_ref().map(Augmenter::state),
            objective: self.objective.random_state(),
            changed_augment: self.changed_augment,
        }
    }

    /// Restores the state that was collected from a trainer of the same config after `step` of a run's steps.
    pub fn restore(
        &mut self,
        state: TrainerState,
        tensors: &NamedTensors,
        [step, total_steps]: [u32; 2],
    ) -> Result<(), Failure> {
        // Before the augmenter's generator: the run may have started with another augmentation.
        if let Some(augment) = state.changed_augment {
            self.set_augment(augment).map_err(unreadable)?;
        }
        self.network = self.layout.lay_out(self.network.clone().restored(WEIGHTS, tensors).map_err(unreadable)?);
        self.optimizer.restore(state.updates, tensors, &self.network)?;
        if let Some(sparsity) = &mut self.sparsity {
            sparsity.restore(&self.network, step, total_steps);
        }
        self.average = match (self.average.take(), state.average_updates) {
            (Some(average), Some(updates)) => Some(average.restored(updates, AVERAGE, tensors).map_err(unreadable)?),
            (None, None) => None,
            _ => return Err(unreadable("it is of a config with another average")),
        };
        match (&mut self.augmenter, state.augmentation) {
            (Some(augmenter), Some(state)) => augmenter.restore(state),
            (None, None) => {}
            _ => return Err(unreadable("it is of a config with other changes to the images")),
        }
        match (self.objective.random_state(), state.objective) {
            (Some(_), Some(state)) => self.objective.restore_random(state),
            (None, None) => {}
            _ => return Err(unreadable("it is of a config with other attacks")),
        }
        self.random = Random::new(state.dropout);
        Ok(())
    }

    fn update(&mut self, rates: Rates) {
        let mut gradients = std::mem::take(&mut self.gradients);
        let observed = self.observer.begin(&self.network, &gradients);
        if let Some(max_norm) = self.clip_norm {
            gradients.clip(&self.network, max_norm);
        }
        self.network = self.optimizer.update(self.network.clone(), gradients, rates);
        if let Some(sparsity) = &self.sparsity {
            self.network = sparsity.held(self.network.clone());
        }
        if let Some(average) = &mut self.average {
            average.update(&self.network);
        }
        if let Some(before) = observed {
            self.observer.end(before, &self.network, self.inference_network());
        }
    }
}
