//! How a smaller network is trained further, from the weights that it kept.

use kindling_core::config::{NetworkConfig, RunConfig};

/// The learning rate, relative to that of the run which the network comes from: its weights are good already.
const RATE_SHARE: f64 = 0.2;

/// Trains a pruned network like the run that it comes from, with smaller steps, for `epochs`. `keep` is the share of channels that it kept, which is
/// added to the network's name.
pub fn fine_tuning(run: &RunConfig, pruned: NetworkConfig, keep: f32, epochs: u32) -> RunConfig {
    let name = format!("{} {:.0}%", run.network.name, 100.0 * keep);
    RunConfig {
        network: NetworkConfig { name, ..pruned },
        epochs,
        max_steps: None,
        learning_rate: RATE_SHARE * run.learning_rate,
        // The teacher of that run is not at hand.
        distillation: None,
        ..run.clone()
    }
}
