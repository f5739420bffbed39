//! `kindling predict`.

use std::path::Path;
use std::process::ExitCode;

use futures_executor::block_on;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use kindling_core::dataset::prepare::{INPUT_SIDE_LIMIT_PIXELS, prepare};
use kindling_core::protocol::{Bulk, Classification, Failure, ImageInput, InputKind};
use kindling_core::runs::curves::csv_field;
use kindling_core::runs::record::NetworkInput;
use kindling_train::evaluation::ViewSet;
use kindling_train::evaluation::classify::classify_prepared;
use kindling_train::exchange::weight_file;
use kindling_train::module::Network;

use crate::arguments::PredictArguments;
use crate::reporter::print;
use crate::trouble::Trouble;
use crate::{device, run_folder};

/// Maximum memory for decoding an image.
const DECODED_LIMIT_BYTES: u64 = 512 << 20;

pub fn predict(arguments: &PredictArguments) -> Result<ExitCode, Trouble> {
    let (run, weights) = run_folder::open(&arguments.run)?;
    let input = run.record.input.ok_or_else(|| {
        let run = arguments.run.display();
        Trouble::new(format!("{run} lacks the names of its classes: export it again from this version of the page."))
    })?;
    let device = device::open(&arguments.machine)?.device;
    let (weights, _) = weight_file::from_bytes(&weights)?;
    let network = &run.record.config.network;
    let network = Network::with_weights(network, input.shape, input.classes.len(), weights, &device)?;
    let network = burn::module::Module::valid(&network);
    if arguments.csv {
        print("image,rank,class,probability\r");
    }
    let mut is_complete = true;
    for path in &arguments.images {
        match classify(path, &network, &input) {
            Ok(classification) => print_classes(path, &classification, &input.classes, arguments),
            // The other images may still succeed.
            Err(trouble) => {
                eprintln!("kindling: {trouble}");
                is_complete = false;
            }
        }
    }
    Ok(if is_complete { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn classify(path: &Path, network: &Network, input: &NetworkInput) -> Result<Classification, Trouble> {
    let unreadable = |why: String| {
        Trouble::new(format!("{} cannot be read ({why}): give a PNG, JPEG, WebP or BMP image.", path.display()))
    };
    if !path.exists() {
        return Err(Trouble::new(format!("{} does not exist: check its name.", path.display())));
    }
    let image = decode(path).map_err(|error| unreadable(error.to_string()))?.into_rgba8();
    let (width, height) = image.dimensions();
    let image = ImageInput { width, height, rgba: image.into_raw().into(), kind: InputKind::Photo };
    let prepared = prepare(&image, input.shape, &input.style).map_err(Failure::from)?;
    Ok(block_on(classify_prepared(network, Bulk::from(prepared), ViewSet::One))?)
}

/// Decodes an image, upright according to its EXIF orientation.
fn decode(path: &Path) -> image::ImageResult<DynamicImage> {
    let mut reader = ImageReader::open(path)?.with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(INPUT_SIDE_LIMIT_PIXELS);
    limits.max_image_height = Some(INPUT_SIDE_LIMIT_PIXELS);
    limits.max_alloc = Some(DECODED_LIMIT_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// The text without control characters: names come from files, and a terminal would obey them.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

fn print_classes(path: &Path, classification: &Classification, names: &[String], arguments: &PredictArguments) {
    let path = path.display().to_string();
    let best = classification
        .classes
        .iter()
        .take(arguments.top.max(1))
        .map(|class| (names.get(usize::from(class.class)).map_or("", String::as_str), class.probability));
    if arguments.csv {
        for ((name, probability), rank) in best.zip(1..) {
            print(format_args!("{},{rank},{},{probability}\r", csv_field(&path), csv_field(name)));
        }
    } else {
        let classes: Vec<_> = best.map(|(name, probability)| format!("{name} {:.1}%", 100.0 * probability)).collect();
        print(printable(&format!("{path}: {}", classes.join(", "))));
    }
}
