//! Size, channels and framing that suit the images, where the visitor leaves them open: chosen by a sample.

use crate::dataset::framing::Framing;
use crate::dataset::reading::{IMAGE_SIDES, ImageFormat, ImageReading};
use crate::dataset::{DatasetError, MAX_PIXEL_BYTES};
use crate::protocol::ImageInput;

/// Sizes to choose from: multiples of four, which convolutions and pooling divide evenly.
pub const SIDES: [u32; 9] = [28, 32, 48, 64, 96, 128, 160, 192, 224];

/// Larger images cost a CPU minutes an epoch; the visitor may choose them.
const DEFAULT_SIDE_LIMIT: u32 = 64;

/// Beyond this ratio of the sides, a square crop would lose most of an image.
const CROP_RATIO_LIMIT: f32 = 2.0;

/// What is known of one image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub width: u32,
    pub height: u32,
    pub is_gray: bool,
}

impl Sample {
    pub fn of(image: &ImageInput) -> Self {
        /// Lossy formats color a gray edge a little.
        const TOLERANCE: u8 = 12;
        let (pixels, _) = image.rgba.as_chunks::<4>();
        let is_colored = |[red, green, blue, alpha]: &&[u8; 4]| {
            *alpha > 0 && (red.abs_diff(*green) > TOLERANCE || green.abs_diff(*blue) > TOLERANCE)
        };
        let n_colored = pixels.iter().filter(is_colored).count();
        Self { width: image.width, height: image.height, is_gray: n_colored * 1_000 <= pixels.len() }
    }
}

/// Fills in what the visitor left open. The choice depends on the sample alone, so that the same files become the same dataset again.
///
/// # Errors
///
/// If a choice of the visitor's is out of range, or the images are too many for their size.
pub fn choose_format(reading: &ImageReading, samples: &[Sample], n_images: usize) -> Result<ImageFormat, DatasetError> {
    let channels = reading.channels.unwrap_or(if !samples.is_empty() && samples.iter().all(|sample| sample.is_gray) {
        1
    } else {
        3
    });
    let framing = reading.framing.unwrap_or_else(|| choose_framing(samples));
    let fits = |side: u32| u64::from(side).pow(2) * u64::from(channels) * n_images as u64 <= MAX_PIXEL_BYTES;
    let side = reading.side.unwrap_or_else(|| {
        let wanted = choose_side(samples);
        let smaller = SIDES.iter().rev().copied().find(|side| *side < wanted && fits(*side));
        if fits(wanted) { wanted } else { smaller.unwrap_or(wanted) }
    });
    if !IMAGE_SIDES.contains(&side) {
        return Err(DatasetError::BadFormat { name: "image size", value: side, range: "8 to 256 pixels" });
    }
    if !matches!(channels, 1 | 3) {
        return Err(DatasetError::BadFormat { name: "number of channels", value: channels, range: "1 or 3" });
    }
    if !fits(side) {
        let file = format!("{n_images} images of {side} x {side} pixels");
        return Err(DatasetError::TooLarge { file, what: "size in bytes", limit: MAX_PIXEL_BYTES });
    }
    Ok(ImageFormat { side, channels, framing })
}

/// Small square images of one size stay as they are. Others become as large as their shorter sides allow, up to the limit.
fn choose_side(samples: &[Sample]) -> u32 {
    let mut sides: Vec<u32> = samples.iter().map(|sample| sample.width.min(sample.height)).collect();
    sides.sort_unstable();
    let Some(median) = sides.get(sides.len() / 2).copied() else { return DEFAULT_SIDE_LIMIT };
    let is_uniform = samples.iter().all(|sample| sample.width == median && sample.height == median);
    if is_uniform && (*IMAGE_SIDES.start()..=DEFAULT_SIDE_LIMIT).contains(&median) {
        return median;
    }
    let fitting = SIDES.iter().copied().filter(|side| *side <= median.min(DEFAULT_SIDE_LIMIT)).max();
    fitting.unwrap_or(SIDES.iter().copied().min().unwrap_or(DEFAULT_SIDE_LIMIT))
}

fn choose_framing(samples: &[Sample]) -> Framing {
    let is_long = |sample: &&Sample| {
        let (long, short) = (sample.width.max(sample.height), sample.width.min(sample.height).max(1));
        long as f32 / short as f32 > CROP_RATIO_LIMIT
    };
    if samples.iter().filter(is_long).count() * 2 > samples.len() { Framing::Letterbox } else { Framing::CenterCrop }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sizes: &[(u32, u32)], side: u32, framing: Framing) {
        let samples: Vec<_> = sizes.iter().map(|&(width, height)| Sample { width, height, is_gray: false }).collect();
        let format = choose_format(&ImageReading::default(), &samples, 100).unwrap();
        assert_eq!(format, ImageFormat { side, channels: 3, framing }, "{sizes:?}");
    }

    #[test]
    fn the_size_follows_the_images() {
        check(&[(28, 28), (28, 28)], 28, Framing::CenterCrop);
        check(&[(20, 20), (20, 20)], 20, Framing::CenterCrop);
        check(&[(4000, 3000), (3000, 4000)], 64, Framing::CenterCrop);
        check(&[(50, 70), (60, 60), (55, 300)], 48, Framing::CenterCrop);
        check(&[(500, 100), (600, 120)], 64, Framing::Letterbox);
        check(&[(10, 12)], 28, Framing::CenterCrop);
        check(&[], 64, Framing::CenterCrop);
    }

    #[test]
    fn gray_images_have_one_channel_and_a_choice_wins() {
        let gray = Sample { width: 100, height: 100, is_gray: true };
        let choose = |reading: &ImageReading, n_images| choose_format(reading, &[gray, gray], n_images);
        let auto = ImageReading::default();
        assert_eq!(choose(&auto, 9).unwrap().channels, 1);
        let chosen = ImageReading { side: Some(96), channels: Some(3), framing: Some(Framing::Letterbox) };
        assert_eq!(choose(&chosen, 9).unwrap(), ImageFormat { side: 96, channels: 3, framing: Framing::Letterbox });
        for wrong in [
            ImageReading { side: Some(7), ..auto },
            ImageReading { side: Some(4096), ..auto },
            ImageReading { channels: Some(2), ..auto },
        ] {
            assert!(matches!(choose(&wrong, 9), Err(DatasetError::BadFormat { .. })));
        }
        // A million images fit as smaller ones.
        assert_eq!(choose(&auto, 1_000_000).unwrap().side, 28);
        assert!(matches!(choose(&chosen, 1_000_000), Err(DatasetError::TooLarge { .. })));
    }

    #[test]
    fn a_gray_photo_with_traces_of_color_is_gray() {
        let image = |rgba: &[u8]| ImageInput {
            width: 2,
            height: 1,
            rgba: rgba.to_vec().into(),
            kind: crate::protocol::InputKind::Photo,
        };
        assert!(Sample::of(&image(&[100, 104, 98, 255, 9, 9, 9, 255])).is_gray);
        assert!(Sample::of(&image(&[100, 104, 98, 255, 255, 0, 0, 0])).is_gray, "a transparent pixel has no color");
        assert!(!Sample::of(&image(&[100, 104, 98, 255, 90, 9, 9, 255])).is_gray);
    }
}
