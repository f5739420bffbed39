//! `kindling export` to formats in integers of 8 bits.

use std::process::ExitCode;

use kindling_core::protocol::{Origin, SplitName};
use kindling_core::runs::record::NetworkInput;
use kindling_exchange::quantize::{Options, quantize};
use kindling_exchange::{Calibration, Evaluation, Int8Format, QuantizedNetwork, TrainedNetwork};
use kindling_train::module::Network;

use crate::arguments::{CalibrationName, ExportArguments};
use crate::data::Data;
use crate::export::size;
use crate::images::{Images, Labelled, probabilities};
use crate::output_file::OutputFile;
use crate::reading::as_in_run;
use crate::reporter::print;
use crate::text::counted;
use crate::trouble::Trouble;

/// Train images that calibrate a network.
const N_CALIBRATION: usize = 256;

/// Test images that evaluate a file, unless --evaluate says how many.
const N_EVALUATION: u32 = 1_000;

pub fn export_int8(
    arguments: &ExportArguments,
    file: &OutputFile,
    format: Int8Format,
    network: &Network,
    trained: &TrainedNetwork,
    (input, origin): (&NetworkInput, &Origin),
) -> Result<ExitCode, Trouble> {
    let reading = as_in_run(&arguments.run.display().to_string(), &arguments.images, input)?;
    let data = Data::find(&arguments.data, reading)?;
    let images = Images::load(&data, origin, input)?;
    let train = images.of(SplitName::Train, N_CALIBRATION);
    let calibration = Calibration::from(arguments.calibration.unwrap_or(CalibrationName::Mse));
    let options = Options { calibration, float_layers: arguments.float_layers.clone() };
    let quantized = quantize(trained, &train.images, &options)?;
    let n_evaluation = arguments.evaluate.unwrap_or(N_EVALUATION) as usize;
    let Labelled { images, labels, .. } = images.of(SplitName::Test, n_evaluation);
    if images.is_empty() {
        return Err(Trouble::new(
            "The run's split has no test images to evaluate the file on: give a --data with some.",
        ));
    }
    let evaluation = Evaluation { probabilities: probabilities(network, &images)?, images, labels };
    let export = kindling_exchange::export_int8(&quantized, &evaluation, format)?;
    file.write(&export.bytes)?;
    let proof = export.proof;
    print(format_args!(
        "{}: {}, {}; calibrated by {} with {}; run on {}, its answer is that in floats for {:.2}%, and its accuracy {:.2}% \
         instead of {:.2}%",
        arguments.out.display(),
        format.id(),
        size(export.bytes.len()),
        calibration.id(),
        counted(train.images.len(), "train image"),
        counted(proof.n_images, "test image"),
        100.0 * proof.agreement(),
        100.0 * proof.int8_accuracy(),
        100.0 * proof.float_accuracy(),
    ))?;
    if let Some(floats) = in_floats(&quantized) {
        print(floats)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Which layers stay in floats.
fn in_floats(quantized: &QuantizedNetwork) -> Option<String> {
    let layers = quantized.precisions().into_iter().filter(|layer| !layer.is_integer);
    let layers: Vec<String> = layers.map(|layer| format!("{} ({})", layer.path, layer.layer)).collect();
    (!layers.is_empty()).then(|| format!("in floats stay the layers {}", layers.join(", ")))
}
