//! `kindling predict`.

use std::path::Path;
use std::process::ExitCode;

use futures_executor::block_on;
use kindling_core::dataset::prepare;
use kindling_core::protocol::{Bulk, Classification};
use kindling_core::runs::curves::csv_field;
use kindling_core::runs::record::NetworkInput;
use kindling_train::evaluation::ViewSet;
use kindling_train::evaluation::classify::classify_prepared;
use kindling_train::module::Network;

use crate::arguments::PredictArguments;
use crate::decode::decode;
use crate::reporter::{complain, print};
use crate::text::printable;
use crate::trained::Trained;
use crate::trouble::Trouble;

pub fn predict(arguments: &PredictArguments) -> Result<ExitCode, Trouble> {
    let Trained { input, network, .. } = Trained::open(&arguments.run, &arguments.machine)?;
    if arguments.csv {
        print("image,rank,class,probability\r")?;
    }
    let mut is_complete = true;
    for path in &arguments.images {
        match classify(path, &network, &input) {
            Ok(classification) => print_classes(path, &classification, &input.classes, arguments)?,
            // The other images may still succeed.
            Err(trouble) => {
                complain(format_args!("kindling: {trouble}"));
                is_complete = false;
            }
        }
    }
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn classify(path: &Path, network: &Network, input: &NetworkInput) -> Result<Classification, Trouble> {
    let unreadable = |why: String| {
        Trouble::new(format!("{} cannot be read ({why}): give a PNG, JPEG, WebP, GIF or BMP image.", path.display()))
    };
    if !path.exists() {
        return Err(Trouble::new(format!("{} does not exist: check its name.", path.display())));
    }
    let file = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let image = decode(&file).map_err(|error| unreadable(error.to_string()))?;
    let prepared = prepare(&image, input.shape, &input.style).map_err(|error| {
        Trouble::new(format!("{} cannot be classified ({error}): use another image.", path.display()))
    })?;
    Ok(block_on(classify_prepared(network, Bulk::from(prepared.pixels), ViewSet::One))?)
}

fn print_classes(
    path: &Path,
    classification: &Classification,
    names: &[String],
    arguments: &PredictArguments,
) -> Result<(), Trouble> {
    let path = path.display().to_string();
    let best = classification
        .classes
        .iter()
        .take(arguments.top as usize)
        .map(|class| (names.get(usize::from(class.class)).map_or("", String::as_str), class.probability));
    if arguments.csv {
        best.zip(1..).try_for_each(|((name, probability), rank)| {
            print(format_args!("{},{rank},{},{probability}\r", csv_field(&path), csv_field(name)))
        })
    } else {
        let classes: Vec<_> = best.map(|(name, probability)| format!("{name} {:.1}%", 100.0 * probability)).collect();
        print(printable(&format!("{path}: {}", classes.join(", "))))
    }
}
