//! `kindling presets`.

use std::process::ExitCode;

use kindling_core::network::presets;
use kindling_core::network::shape::infer;
use serde_json::json;

use crate::arguments::{MachineArguments, PresetsArguments};
use crate::data::Data;
use crate::device::{self, Api, DeviceName};
use crate::engine::Engine;
use crate::reading::check_effect;
use crate::reporter::{complain_of_import, print};
use crate::trouble::Trouble;

pub fn list_presets(arguments: &PresetsArguments) -> Result<ExitCode, Trouble> {
    let data = Data::find(&arguments.data.data, (&arguments.data.images).into())?;
    let machine = MachineArguments { device: DeviceName { api: Api::Flex, index: None }, threads: None };
    let mut engine = Engine::start(device::open(&machine)?, &data)?;
    let dataset = engine.load(&data, complain_of_import)?;
    check_effect(&arguments.data.images, &dataset)?;
    let presets = presets(&dataset);
    if arguments.json {
        let presets: Vec<_> =
            presets.iter().map(|preset| json!({ "id": preset.id, "config": preset.config })).collect();
        print(json!(presets))?;
        return Ok(ExitCode::SUCCESS);
    }
    print(format_args!(
        "{:<12} {:<32} {:>10} {:>6} {:>5} {:>13}",
        "id", "network", "parameters", "epochs", "batch", "learning rate"
    ))?;
    for preset in presets {
        let config = preset.config;
        // Presets that do not fit the dataset are not listed.
        let parameters: u64 = infer(&config.network, dataset.shape, dataset.classes.len())
            .map_or(0, |layers| layers.iter().map(|layer| layer.parameters).sum());
        print(format_args!(
            "{:<12} {:<32} {parameters:>10} {:>6} {:>5} {:>13}",
            preset.id, config.network.name, config.epochs, config.batch_size, config.learning_rate
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
