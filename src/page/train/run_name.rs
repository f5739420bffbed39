//! What a run trains on what, in one line.

use leptos::prelude::Read;

use crate::page::recipe::Recipe;
use crate::page::state::Run;
use crate::page::store::Store;
use crate::page::text::format::exact;
use crate::page::text::i18n::tr;
use crate::page::text::preset::preset_name;
use crate::page::train::settings::kind::Kind;
use kindling_core::config::NetworkConfig;

/// The name of the run in view: `LeNet on MNIST · Adam 0.001 · batch 64`. Tracked.
pub fn run_name(store: Store, recipe: Recipe) -> Option<String> {
    // The learning rate in force.
    let rate = |run: &Run| run.adjustments.last().map_or(run.config.learning_rate, |it| it.learning_rate);
    let (config, rate) = store.run.with(|state| state.run().map(|run| (run.config.clone(), rate(run))))?;
    let dataset = store.dataset.with(|dataset| {
        let current = dataset.current.as_ref().filter(|current| current.id == config.dataset);
        current.map(|current| current.name.clone())
    });
    Some(tr!(
        train.what,
        network = network_name(&config.network, recipe),
        dataset = dataset.unwrap_or_else(|| config.dataset.clone()),
        optimizer = config.optimizer.name(),
        rate = rate_text(rate),
        batch = config.batch_size
    ))
}

/// The name of the preset that has this network, or else the network's own. Tracked.
pub fn network_name(network: &NetworkConfig, recipe: Recipe) -> String {
    let presets = recipe.presets.read();
    let preset = presets.iter().find(|preset| preset.config.network == *network);
    preset.map_or_else(|| network.name.clone(), preset_name)
}

/// As people write it, to three significant digits: a rate that a search draws has sixteen.
fn rate_text(rate: f64) -> String {
    exact(format!("{rate:.2e}").parse().unwrap_or(rate))
}

#[cfg(test)]
mod tests {
    use super::rate_text;

    #[test]
    fn rates_are_written_as_people_do() {
        assert_eq!(rate_text(0.01), "0.01");
        assert_eq!(rate_text(0.000001), "1e-6");
        assert_eq!(rate_text(0.001_234_567_89), "0.00123");
    }
}
