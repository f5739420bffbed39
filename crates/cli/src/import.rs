//! `kindling import`.

use std::process::ExitCode;

use kindling_core::protocol::Origin;
use kindling_core::runs::record::{ImportedNetwork, KeptRun, NetworkInput};
use kindling_exchange::trained::write_weights;
use kindling_exchange::{Description, Imported, Scaling};

use crate::arguments::{DataArguments, ImportArguments};
use crate::data::Data;
use crate::engine::{Engine, Loaded};
use crate::history::{new_id, now_ms};
use crate::reporter::print;
use crate::run_folder::{RunFolder, read_bytes};
use crate::text::counted;
use crate::trouble::Trouble;
use crate::{INTERRUPTED, device};

pub fn import(arguments: &ImportArguments) -> Result<ExitCode, Trouble> {
    let folder = RunFolder::open(&arguments.out)?;
    folder.check_is_free()?;
    let files = arguments.files.iter().map(|file| Ok((file.display().to_string(), read_bytes(file)?)));
    let files = files.collect::<Result<Vec<_>, Trouble>>()?;
    let scaling = Scaling { mean: arguments.mean.clone(), std: arguments.std.clone() };
    let Imported { network, has_class_names, largest_difference } = kindling_exchange::import(&files, &scaling)
        .map_err(|error| {
            Trouble::new(format!("The network cannot be imported ({error}): export it again, without what is named."))
        })?;
    let weights = write_weights(network.weights())?;
    let Description { network, input: shape, classes, style, origin } = network.description;
    let mut input = NetworkInput { shape, classes, style };
    let (origin, dataset_name) = match of_data(arguments, &mut input, has_class_names)? {
        // The split that it was trained with stays.
        Found::Dataset(given, name) => (origin.filter(|it| it.dataset == given.dataset).unwrap_or(given), name),
        Found::Interrupted => return Ok(INTERRUPTED.into()),
        Found::None => {
            let origin = origin.ok_or_else(|| {
                Trouble::new("The file does not say which images the network classifies: give the dataset with --data.")
            })?;
            let name = origin.dataset.clone();
            (origin, name)
        }
    };
    let (n_layers, n_classes) = (network.layers.len(), input.classes.len());
    let run = KeptRun::from(ImportedNetwork {
        id: new_id(),
        imported_at: now_ms(),
        network,
        input,
        dataset: origin.dataset,
        dataset_name,
        split: origin.split,
        environment: device::environment(&arguments.machine),
    });
    folder.keep_result(&run, Some(&weights))?;
    print(format_args!(
        "{}: {}, {}; its probabilities differ from the file's by at most {largest_difference:.1e}",
        arguments.out.display(),
        counted(n_layers, "layer"),
        counted(n_classes, "output"),
    ));
    Ok(ExitCode::SUCCESS)
}

enum Found {
    Dataset(Origin, String),
    Interrupted,
    /// No dataset is given.
    None,
}

/// The dataset that is given, whose names of classes a network without names takes.
fn of_data(arguments: &ImportArguments, input: &mut NetworkInput, has_class_names: bool) -> Result<Found, Trouble> {
    if arguments.data.is_empty() {
        return Ok(Found::None);
    }
    let data = Data::find(&DataArguments { data: arguments.data.clone(), images: arguments.images.clone() })?;
    let mut engine = Engine::start(device::open(&arguments.machine)?, &data)?;
    let Loaded::Dataset(dataset) = engine.load(&data, |_| {})? else { return Ok(Found::Interrupted) };
    if dataset.shape != input.shape || dataset.classes.len() != input.classes.len() {
        let of = |shape: kindling_core::protocol::ImageShape, n_classes: usize| {
            format!("{n_classes} classes of images of {} x {} x {}", shape.channels, shape.height, shape.width)
        };
        return Err(Trouble::new(format!(
            "The network is for {}, the dataset has {}: give another one, or another --image-size.",
            of(input.shape, input.classes.len()),
            of(dataset.shape, dataset.classes.len())
        )));
    }
    if !has_class_names {
        input.classes.clone_from(&dataset.classes);
        input.style = dataset.style;
    }
    Ok(Found::Dataset(Origin { dataset: dataset.id.clone(), split: Default::default() }, dataset.name.clone()))
}
