//! `kindling import`.

use std::process::ExitCode;

use kindling_core::protocol::Origin;
use kindling_core::runs::record::{ImportedNetwork, KeptRun, NetworkInput};
use kindling_core::runs::weights;
use kindling_exchange::trained::write_weights;
use kindling_exchange::{Description, ExchangeError, Imported, Scaling};

use crate::arguments::ImportArguments;
use crate::data::Data;
use crate::decode::decode;
use crate::device;
use crate::engine::Engine;
use crate::history::{new_id, now_ms};
use crate::reading::{check_effect, filled_in};
use crate::reporter::{complain_of_import, print};
use crate::run_folder::{RunFolder, read_bytes};
use crate::text::counted;
use crate::trouble::Trouble;

pub fn import(arguments: &ImportArguments) -> Result<ExitCode, Trouble> {
    if arguments.data.is_empty() && arguments.images.are_given() {
        return Err(Trouble::usage(
            "--image-size, --image-channels and --image-framing are for the images of a dataset: give it with --data, or leave them out.",
        ));
    }
    let folder = RunFolder::open(&arguments.out)?;
    folder.check_is_free()?;
    let files = arguments.files.iter().map(|file| Ok((file.display().to_string(), read_bytes(file)?)));
    let files = files.collect::<Result<Vec<_>, Trouble>>()?;
    let Imported { network, has_class_names, largest_difference } =
        kindling_exchange::import(&files, &scaling(arguments)).map_err(|error| refused(&error, &files))?;
    if !(arguments.mean.is_empty() && arguments.std.is_empty()) && kindling_exchange::is_own(&files) {
        return Err(Trouble::usage(
            "--mean and --std are for networks of other tools, and this file of Kindling's says itself how its images are scaled: leave them out.",
        ));
    }
    let weights = write_weights(network.weights())?;
    let Description { network, input: shape, classes, style, origin } = network.description;
    let mut input = NetworkInput { shape, classes, style };
    let (origin, dataset_name) = match of_data(arguments, &mut input, has_class_names)? {
        // The split that it was trained with stays.
        Some((given, name)) => (origin.filter(|it| it.dataset == given.dataset).unwrap_or(given), name),
        None => {
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
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// What the network expects, by default Kindling's own scaling.
fn scaling(arguments: &ImportArguments) -> Scaling {
    let Scaling { mean, std } = Scaling::default();
    let given = |numbers: &[f32], default: Vec<f32>| if numbers.is_empty() { default } else { numbers.to_vec() };
    Scaling { mean: given(&arguments.mean, mean), std: given(&arguments.std, std) }
}

/// Why files are no network that can be imported.
fn refused(error: &ExchangeError, files: &[(String, Vec<u8>)]) -> Trouble {
    if let Some(sentence) = files.iter().find_map(|(file, bytes)| other_use(file, bytes)) {
        return Trouble::new(sentence);
    }
    let way_out = match error {
        ExchangeError::Unreadable(_) => "give an ONNX file, or the zip of `kindling export --format safetensors`",
        ExchangeError::Disagrees { .. } => "report this",
        ExchangeError::Project => {
            let sentence = "The file holds images of a project and no network: open it in the page, under Data.";
            return Trouble::new(sentence);
        }
        // It names its way out itself.
        ExchangeError::Incomplete(_) => return Trouble::new(format!("The network cannot be imported: {error}.")),
        ExchangeError::Network(_)
        | ExchangeError::Channels { .. }
        | ExchangeError::NoTensor { .. }
        | ExchangeError::CannotHold { .. }
        | ExchangeError::Unwritable(_)
        | ExchangeError::Node { .. }
        | ExchangeError::BadTensor { .. }
        | ExchangeError::NoLayer { .. }
        | ExchangeError::NoImages
        | ExchangeError::NotFinite { .. }
        | ExchangeError::BadCheck { .. } => "export it again, without what is named",
    };
    Trouble::new(format!("The network cannot be imported ({error}): {way_out}."))
}

/// What to do with a file that holds something else than a network, or one in a form that is not imported.
fn other_use(file: &str, bytes: &[u8]) -> Option<String> {
    if decode(bytes).is_ok() {
        return Some(format!("{file} is an image and no network: classify it with `kindling predict`."));
    }
    if bytes.get(4..8) == Some(&b"TFL3"[..]) {
        return Some(format!("{file} is a TFLite file, which cannot be imported: import the network as ONNX."));
    }
    if weights::run_text(bytes).is_ok() {
        return Some(format!("{file} is a run already: use it as it is, for example with `kindling evaluate`."));
    }
    None
}

/// The dataset that is given, with its name. A network without names of classes takes those of the dataset.
fn of_data(
    arguments: &ImportArguments,
    input: &mut NetworkInput,
    has_class_names: bool,
) -> Result<Option<(Origin, String)>, Trouble> {
    if arguments.data.is_empty() {
        return Ok(None);
    }
    let data = Data::find(&arguments.data, filled_in((&arguments.images).into(), input))?;
    let mut engine = Engine::start(device::open(&arguments.machine)?, &data)?;
    let dataset = engine.load(&data, complain_of_import)?;
    check_effect(&arguments.images, &dataset)?;
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
    Ok(Some((Origin { dataset: dataset.id, split: Default::default() }, dataset.name)))
}
