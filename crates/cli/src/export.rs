//! `kindling export`.

use std::process::ExitCode;

use kindling_core::dataset::patterns::patterns;
use kindling_core::runs::record::NetworkInput;
use kindling_exchange::{Check, Description, ExchangeError, TrainedNetwork};
use kindling_train::module::Network;

use crate::arguments::{ExportArguments, Target};
use crate::export_int8::export_int8;
use crate::images::probabilities;
use crate::output_file::OutputFile;
use crate::reporter::print;
use crate::text::counted;
use crate::trained::Trained;
use crate::trouble::Trouble;

pub fn export(arguments: &ExportArguments) -> Result<ExitCode, Trouble> {
    let out = &arguments.out;
    let target = Target::from(arguments.format);
    if let Target::Int8(format) = target
        && arguments.data.is_empty()
    {
        let format = format.id();
        return Err(Trouble::usage(format!("{format} needs images: give the run's dataset with --data.")));
    }
    if let Target::Float(format) = target
        && arguments.are_for_integers()
    {
        let format = format.id();
        return Err(Trouble::usage(format!(
            "{format} is in floats: leave out --data, --image-size, --image-channels, --image-framing, --calibration, --float and \
             --evaluate, which are for formats in integers."
        )));
    }
    let file = OutputFile::new(out, arguments.overwrite)?;
    let Trained { config, origin, input, network, weights } = Trained::open(&arguments.run, &arguments.machine)?;
    let NetworkInput { shape, classes, style } = input.clone();
    let description = Description { network: config, input: shape, classes, style, origin: Some(origin.clone()) };
    let format = match target {
        Target::Float(format) => format,
        Target::Int8(format) => {
            let trained = TrainedNetwork::from_file(description, &weights)?;
            return export_int8(arguments, &file, format, &network, &trained, (&input, &origin));
        }
    };
    let check = check(&network, &description)?;
    let trained = TrainedNetwork::from_file(description, &weights)?;
    let export = kindling_exchange::export(&trained, &check, format)?;
    file.write(&export.bytes)?;
    print(format_args!(
        "{}: {}, {}; read again, its probabilities for {} differ from the network's by at most {:.1e}",
        out.display(),
        format.id(),
        size(export.bytes.len()),
        counted(check.images.len(), "image"),
        export.largest_difference,
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Images with the probabilities that the network computes for them.
fn check(network: &Network, description: &Description) -> Result<Check, Trouble> {
    let images = patterns(description.input);
    let probabilities = probabilities(network, &images)?;
    Ok(Check { images, probabilities })
}

/// `12 kB`, `3.4 MB`
pub fn size(n_bytes: usize) -> String {
    match n_bytes {
        ..1_000_000 => format!("{} kB", n_bytes.div_ceil(1_000)),
        _ => format!("{:.1} MB", n_bytes as f64 / 1e6),
    }
}

impl From<ExchangeError> for Trouble {
    fn from(error: ExchangeError) -> Self {
        let way_out = match &error {
            ExchangeError::CannotHold { .. } => "choose another --format",
            ExchangeError::Disagrees { .. } => "choose another --format, and report this",
            ExchangeError::Network(_)
            | ExchangeError::Channels { .. }
            | ExchangeError::NoTensor { .. }
            | ExchangeError::NotFinite { .. }
            | ExchangeError::Unreadable(_)
            | ExchangeError::Project
            | ExchangeError::Incomplete(_)
            | ExchangeError::Node { .. }
            | ExchangeError::BadTensor { .. } => "export or train the run again",
            ExchangeError::NoImages => "give the run's dataset with --data",
            ExchangeError::NoLayer { .. } => "change --float",
            ExchangeError::Unwritable(_) | ExchangeError::BadCheck { .. } => "report this",
        };
        Self::new(format!("The network cannot be exported ({error}): {way_out}."))
    }
}
