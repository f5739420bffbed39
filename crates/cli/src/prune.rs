//! `kindling prune`.

use std::process::ExitCode;

use burn::module::Module;
use kindling_core::config::{NetworkConfig, RunConfig};
use kindling_core::protocol::{Origin, RunStart, SplitName, TrainedWeights};
use kindling_core::runs::record::NetworkInput;
use kindling_exchange::ExchangeError;
use kindling_exchange::archive::pack;
use kindling_exchange::compress::{Pruned, Unit, fine_tuning, prune_channels, prune_weights};
use kindling_exchange::trained::{read_weights, write_weights};
use kindling_session::{EngineDevice, check_dataset};
use kindling_train::exchange::weight_file;
use kindling_train::module::Network;

use crate::arguments::{CriterionName, PruneArguments, UnitName};
use crate::data::Data;
use crate::device;
use crate::engine::Engine;
use crate::export::size;
use crate::history::History;
use crate::images::{ANOTHER_DATASET, Images, probabilities};
use crate::reading::as_in_run;
use crate::reporter::{Reporter, print};
use crate::run_folder::{self, RunFolder};
use crate::settings::changed;
use crate::text::counted;
use crate::train::follow;
use crate::trouble::Trouble;

/// Maximum number of images that a point of the curve is measured on, spread over the validation split.
const N_MEASURED: usize = 1_000;

pub fn prune(arguments: &PruneArguments) -> Result<ExitCode, Trouble> {
    if arguments.of == UnitName::Weights && arguments.criterion.is_some() {
        return Err(Trouble::usage(
            "--criterion is for channels, and of weights those of the smallest magnitude are removed: leave it out.",
        ));
    }
    let (run, weights) = run_folder::open(&arguments.run)?;
    let input = run_folder::input(&arguments.run, &run)?;
    let config = run.record.config;
    // What is wrong with the options is said before anything slow begins.
    tuned(arguments, &config, config.network.clone())?;
    let reading = as_in_run(&arguments.run.display().to_string(), &arguments.data.images, &input)?;
    let data = Data::find(&arguments.data.data, reading)?;
    let weights = read_weights(&weights).map_err(trouble)?;
    let device = device::open(&arguments.machine)?;
    let criterion = arguments.criterion.unwrap_or(CriterionName::Norm);
    let pruned = |keep| {
        let n_classes = input.classes.len();
        match arguments.of.into() {
            Unit::Channels => prune_channels(&config.network, input.shape, n_classes, &weights, keep, criterion.into()),
            Unit::Weights => prune_weights(&config.network, input.shape, n_classes, &weights, keep),
        }
    };
    if arguments.curve {
        let origin = Origin { dataset: config.dataset.clone(), split: config.split };
        let images = Images::load(&data, &origin, &input)?;
        return list(pruned, &images, &input, &device);
    }
    let out = arguments.out.as_ref().ok_or_else(|| Trouble::new("There is no --out to write the new run to."))?;
    let folder = RunFolder::open(out)?;
    folder.check_is_free()?;
    folder.check_is_writable()?;
    let start = match arguments.of.into() {
        Unit::Channels => pruned(arguments.keep),
        // They go during the training.
        Unit::Weights => pruned(1.0),
    };
    train(arguments, start.map_err(trouble)?, config, &input, folder, device, &data)
}

/// The config that the smaller network is trained with.
fn tuned(arguments: &PruneArguments, config: &RunConfig, network: NetworkConfig) -> Result<RunConfig, Trouble> {
    let config = fine_tuning(config, network, arguments.of.into(), arguments.keep, arguments.epochs);
    changed(&config, &arguments.changes)
}

/// Trains a network that becomes smaller, or has become so, from the weights that it kept.
fn train(
    arguments: &PruneArguments,
    pruned: Pruned,
    config: RunConfig,
    input: &NetworkInput,
    folder: RunFolder,
    device: EngineDevice,
    data: &Data,
) -> Result<ExitCode, Trouble> {
    let reporter = Reporter::new(false);
    let Pruned { network, weights, parameters, flops } = pruned;
    let config = tuned(arguments, &config, network)?;
    let bytes = write_weights(&weights).map_err(trouble)?.into();
    let weights = TrainedWeights { bytes, classes: input.classes.clone() };
    let mut engine = Engine::start(device, data)?;
    let dataset = engine.load(data, |update| reporter.dataset(update))?;
    check_dataset(&config.dataset, &dataset.id, &dataset.name)?;
    if dataset.shape != input.shape || dataset.classes != input.classes {
        return Err(Trouble::new(ANOTHER_DATASET));
    }
    if parameters[1] < parameters[0] {
        reporter.say(&format!(
            "{} of {} parameters and {:.0}% of the FLOPs are left",
            parameters[1],
            parameters[0],
            100.0 * flops[1] as f64 / flops[0].max(1) as f64
        ))?;
    }
    let history = History::new(config, &dataset, device::environment(&arguments.machine));
    follow(engine, reporter, folder, history, RunStart::Trained(weights))
}

/// Prints size and accuracy for shares from 1 to 0.1.
fn list(
    pruned: impl Fn(f32) -> Result<Pruned, ExchangeError>,
    images: &Images,
    input: &NetworkInput,
    device: &EngineDevice,
) -> Result<ExitCode, Trouble> {
    let validation = images.of(SplitName::Validation, N_MEASURED);
    if validation.images.is_empty() {
        return Err(Trouble::new("The run's split has no validation images to measure on."));
    }
    print(format_args!(
        "share kept, parameters, MFLOPs, zip of the weights, accuracy on {} of {}",
        validation.images.len(),
        counted(validation.n_all, "validation image")
    ))?;
    for tenths in (1..=10_u8).rev() {
        let keep = f32::from(tenths) / 10.0;
        let Pruned { network, weights, parameters, flops } = pruned(keep).map_err(trouble)?;
        let file = write_weights(&weights).map_err(trouble)?;
        let n_packed = pack(&[("model.safetensors", &file)]).map_err(trouble)?.len();
        let (weights, _) = weight_file::from_bytes(&file)?;
        let network = Network::with_weights(&network, input.shape, input.classes.len(), weights, &device.device)?;
        let answers = probabilities(&network.valid(), &validation.images)?;
        let proof = kindling_exchange::int8::proof(&answers, &answers, &validation.labels);
        let accuracy = 100.0 * proof.float_accuracy();
        let mflops = flops[1] as f64 / 1e6;
        print(format_args!("{keep:.1}, {}, {mflops:.2}, {}, {accuracy:.2}%", parameters[1], size(n_packed)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn trouble(error: ExchangeError) -> Trouble {
    Trouble::new(format!("The network cannot be pruned: {error}."))
}
