//! How a network is trained further while it becomes smaller, or after that.

use kindling_core::config::{NetworkConfig, RunConfig, SparsityConfig};

use super::Unit;

/// The learning rate, relative to that of the run which the network comes from: its weights are good already.
const RATE_SHARE: f64 = 0.2;

/// Trains a network like the run that it comes from, with smaller steps, for `epochs`. `keep` is the share of units that are kept, which is added to the
/// network's name. Channels are gone before; weights go gradually during the training, which begins with all of them.
pub fn fine_tuning(run: &RunConfig, network: NetworkConfig, unit: Unit, keep: f32, epochs: u32) -> RunConfig {
    let percent = 100.0 * keep;
    let (name, sparsity) = match unit {
        Unit::Channels => (format!("{} {percent:.0}%", network.name), None),
        Unit::Weights => {
            let sparsity = SparsityConfig { target: 1.0 - f64::from(keep), ..SparsityConfig::default() };
            (format!("{}, {percent:.0}% of its weights", network.name), Some(sparsity))
        }
    };
    RunConfig {
        network: NetworkConfig { name, ..network },
        epochs,
        max_steps: None,
        learning_rate: RATE_SHARE * run.learning_rate,
        distillation: None,
        sparsity,
        ..run.clone()
    }
}
