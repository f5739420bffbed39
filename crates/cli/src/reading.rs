//! How image files are read for a run that exists: as it has read its own, which its input says.

use kindling_core::dataset::reading::IMAGE_SIDES;
use kindling_core::dataset::{DrawingStyle, Framing, ImageReading};
use kindling_core::protocol::DatasetSummary;
use kindling_core::runs::record::NetworkInput;

use crate::arguments::ImageArguments;
use crate::trouble::Trouble;

/// The options, with what they leave open as the run has it. `run` is how the user calls it.
///
/// Fails on an option that contradicts the run.
pub fn as_in_run(run: &str, images: &ImageArguments, input: &NetworkInput) -> Result<ImageReading, Trouble> {
    let (given, of_run) = (ImageReading::from(images), of_input(input));
    let contradiction = |option: &str, what: String| {
        Trouble::usage(format!("{option} contradicts {run}, which was trained on {what}: leave the option out."))
    };
    if given.side.is_some_and(|side| [input.shape.height, input.shape.width] != [side; 2]) {
        let size = format!("images of {} x {} pixels", input.shape.width, input.shape.height);
        return Err(contradiction("--image-size", size));
    }
    if given.channels.is_some_and(|channels| channels != input.shape.channels) {
        let colors = if input.shape.channels == 1 { "gray images" } else { "RGB images" };
        return Err(contradiction("--image-channels", colors.to_owned()));
    }
    if given.framing == Some(Framing::CenterCrop) && of_run.framing == Some(Framing::Letterbox) {
        return Err(contradiction("--image-framing", "images between two bars".to_owned()));
    }
    Ok(filled_in(given, input))
}

/// Fails on options that have no effect: only image files are scaled and cropped.
pub fn check_effect(images: &ImageArguments, dataset: &DatasetSummary) -> Result<(), Trouble> {
    if dataset.import.is_some() || !images.are_given() {
        return Ok(());
    }
    Err(Trouble::usage(
        "The dataset is not made of image files, which --image-size, --image-channels and --image-framing are for: leave them out.",
    ))
}

/// A reading, with what it leaves open as a network with this input needs it.
pub fn filled_in(given: ImageReading, input: &NetworkInput) -> ImageReading {
    let of_run = of_input(input);
    ImageReading {
        side: given.side.or(of_run.side),
        channels: given.channels.or(of_run.channels),
        framing: given.framing.or(of_run.framing),
    }
}

/// What image files became; arrays and tables have other sizes, and no choice.
fn of_input(NetworkInput { shape, style, .. }: &NetworkInput) -> ImageReading {
    if shape.height != shape.width || !IMAGE_SIDES.contains(&shape.height) {
        return ImageReading::default();
    }
    // Images that were neither cropped nor scaled have the same pixels in either framing.
    let framing = match style {
        DrawingStyle::Letterbox => Framing::Letterbox,
        DrawingStyle::Scene | DrawingStyle::Figure(_) => Framing::CenterCrop,
    };
    ImageReading { side: Some(shape.height), channels: Some(shape.channels), framing: Some(framing) }
}

#[cfg(test)]
mod tests {
    use kindling_core::protocol::ImageShape;

    use super::*;
    use crate::arguments::{Channels, FramingName};

    const NONE: ImageArguments = ImageArguments { image_size: None, image_channels: None, image_framing: None };

    fn input(width: u32) -> NetworkInput {
        let shape = ImageShape { channels: 3, height: 24, width };
        NetworkInput { shape, classes: vec!["a".to_owned(), "b".to_owned()], style: DrawingStyle::Letterbox }
    }

    #[test]
    fn what_is_not_given_is_as_in_the_run() {
        let expected = ImageReading { side: Some(24), channels: Some(3), framing: Some(Framing::Letterbox) };
        let same = ImageArguments { image_size: Some(24), image_channels: Some(Channels::Rgb), ..NONE };
        for images in [NONE, same] {
            assert_eq!(as_in_run("run", &images, &input(24)).unwrap(), expected);
        }
        assert_eq!(as_in_run("run", &NONE, &input(30)).unwrap(), ImageReading::default());
    }

    #[test]
    fn a_contradiction_is_named() {
        let check = |images: ImageArguments, parts: [&str; 2]| {
            let trouble = as_in_run("pets-run", &images, &input(24)).unwrap_err();
            assert_eq!(trouble.exit_code(), crate::trouble::USAGE);
            assert!(parts.iter().all(|part| trouble.to_string().contains(part)), "{trouble}");
        };
        check(ImageArguments { image_size: Some(32), ..NONE }, ["--image-size contradicts pets-run", "24 x 24"]);
        check(ImageArguments { image_channels: Some(Channels::Gray), ..NONE }, ["--image-channels", "RGB"]);
        let framing = Some(FramingName::CenterCrop);
        check(ImageArguments { image_framing: framing, ..NONE }, ["--image-framing", "two bars"]);
    }
}
