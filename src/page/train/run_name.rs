//! What a run trains on what, in one line.

use crate::page::recipe::Recipe;
use crate::page::state::Run;
use crate::page::store::Store;
use crate::page::text::format::figure;
use crate::page::text::i18n::tr;
use crate::page::text::preset::preset_name;
use crate::page::train::settings::kind::Kind;

/// `LeNet on MNIST · Adam 0.001 · batch 64`; tracks the language.
pub fn run_name(run: &Run, store: Store, recipe: Recipe) -> String {
    let config = &run.config;
    // The learning rate in force.
    let rate = run.adjustments.last().map_or(config.learning_rate, |adjustment| adjustment.learning_rate);
    let dataset = store.dataset.with(|dataset| {
        let current = dataset.current.as_ref().filter(|current| current.id == config.dataset);
        current.map(|current| current.name.clone())
    });
    let presets = recipe.presets.read();
    let preset = presets.iter().find(|preset| preset.config.network == config.network);
    tr!(
        train.what,
        network = preset.map_or_else(|| config.network.name.clone(), preset_name),
        dataset = dataset.unwrap_or_else(|| config.dataset.clone()),
        optimizer = config.optimizer.name(),
        rate = figure(rate),
        batch = config.batch_size
    )
}
