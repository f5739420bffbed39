//! Brings an image of any size to a dataset's: a crop or the whole, reduced by area averaging. Own code, so that browsers and the command line
//! agree to the bit.

use serde::{Deserialize, Serialize};

use super::plane::{Area, Span, spans};
use crate::protocol::{ImageInput, ImageShape};

/// Which part of an image the network sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Framing {
    /// The largest centered part with the dataset's aspect ratio.
    #[default]
    CenterCrop,
    /// The whole image, centered between two bars of the mean color of its border.
    Letterbox,
}

/// The background of transparent pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paper {
    White,
    Black,
}

impl Paper {
    /// White, unless what is on it is seen twice as well on black: light strokes on a transparent ground. `None` if no pixel is transparent.
    pub fn of(image: &ImageInput) -> Option<Self> {
        let (pixels, _) = image.rgba.as_chunks::<4>();
        if pixels.iter().all(|[.., alpha]| *alpha == u8::MAX) {
            return None;
        }
        let contrast = |paper: f32| {
            let range = pixels.iter().fold((1.0_f32, 0.0_f32), |(min, max), pixel| {
                let value = luma(over(pixel, paper));
                (min.min(value), max.max(value))
            });
            range.1 - range.0
        };
        Some(if contrast(0.0) > 2.0 * contrast(1.0) { Self::Black } else { Self::White })
    }

    /// Its brightness, 0 to 1.
    pub fn brightness(self) -> f32 {
        match self {
            Self::White => 1.0,
            Self::Black => 0.0,
        }
    }
}

/// The colors of a pixel laid on paper of a brightness, all 0 to 1.
pub fn over([red, green, blue, alpha]: &[u8; 4], paper: f32) -> [f32; 3] {
    let alpha = f32::from(*alpha) / 255.0;
    [red, green, blue].map(|color| f32::from(*color) / 255.0 * alpha + paper * (1.0 - alpha))
}

/// Luma with the weights of ITU-R BT.601, as in common image libraries.
pub fn luma([red, green, blue]: [f32; 3]) -> f32 {
    0.299 * red + 0.587 * green + 0.114 * blue
}

/// One image of the shape, channel by channel: gray for one channel, RGB for three. The image has `width * height * 4` bytes.
pub fn frame(image: &ImageInput, shape: ImageShape, framing: Framing) -> Vec<u8> {
    let paper = Paper::of(image).map_or(1.0, Paper::brightness);
    let (width, height) = (shape.width as usize, shape.height as usize);
    let (from_width, from_height) = (image.width as f32, image.height as f32);
    let colors = match framing {
        Framing::CenterCrop => {
            let area = Area::centered([from_width, from_height], [width, height]);
            reduce(image, paper, area, [width, height])
        }
        Framing::Letterbox => {
            let scale = (width as f32 / from_width).min(height as f32 / from_height);
            let to = |side: f32, limit: usize| ((side * scale).round() as usize).clamp(1, limit);
            let size = [to(from_width, width), to(from_height, height)];
            let area = Area { left: 0.0, top: 0.0, width: from_width, height: from_height };
            let whole = reduce(image, paper, area, size);
            between_bars(&whole, size, [width, height])
        }
    };
    match shape.channels {
        1 => colors.iter().map(|color| to_byte(luma(*color))).collect(),
        _ => (0..3)
            .flat_map(|channel| colors.iter().filter_map(move |color| color.get(channel)).copied().map(to_byte))
            .collect(),
    }
}

pub fn to_byte(value: f32) -> u8 {
    (value * 255.0).round().clamp(0.0, 255.0) as u8
}

/// Each color of the result is the mean over the area that it covers. Works row by row on the bytes: a photo as floats would take 200 MB.
fn reduce(image: &ImageInput, paper: f32, area: Area, [width, height]: [usize; 2]) -> Vec<[f32; 3]> {
    let (pixels, _) = image.rgba.as_chunks::<4>();
    let rows: Vec<&[[u8; 4]]> = pixels.chunks_exact((image.width as usize).max(1)).collect();
    let columns = spans(area.left, area.width, width, image.width as usize);
    let mut colors = Vec::with_capacity(width * height);
    // Neighbors in the result share the row of the image that both cover in part.
    let mut latest: Option<(usize, Vec<[f32; 3]>)> = None;
    for span in spans(area.top, area.height, height, image.height as usize) {
        let mut sums = vec![[0.0; 3]; width];
        for (place, weight) in (span.first..).zip(&span.weights) {
            let narrow = match latest.take() {
                Some((known, narrow)) if known == place => narrow,
                _ => rows
                    .get(place)
                    .map(|row| columns.iter().map(|span| mean(row, span, paper)).collect())
                    .unwrap_or_default(),
            };
            for (sum, color) in sums.iter_mut().zip(&narrow) {
                for (sum, value) in sum.iter_mut().zip(color) {
                    *sum += value * weight;
                }
            }
            latest = Some((place, narrow));
        }
        colors.extend(sums);
    }
    colors
}

/// The mean color of a span of a row, laid on paper; 0 to 1.
fn mean(row: &[[u8; 4]], span: &Span, paper: f32) -> [f32; 3] {
    let mut sum = [0.0; 4];
    for ([red, green, blue, alpha], weight) in row.iter().skip(span.first).zip(&span.weights) {
        let alpha = f32::from(*alpha) * (weight / 255.0);
        let [red, green, blue] = [red, green, blue].map(|color| f32::from(*color) * alpha);
        for (sum, value) in sum.iter_mut().zip([red, green, blue, alpha]) {
            *sum += value;
        }
    }
    let [red, green, blue, alpha] = sum;
    [red, green, blue].map(|color| color / 255.0 + paper * (1.0 - alpha))
}

/// Centers an image in a larger one, whose bars have the mean color of the image's border.
fn between_bars(image: &[[f32; 3]], [width, height]: [usize; 2], [to_width, to_height]: [usize; 2]) -> Vec<[f32; 3]> {
    let is_border = |place: usize| {
        let (x, y) = (place % width, place / width);
        x == 0 || y == 0 || x + 1 == width || y + 1 == height
    };
    let border: Vec<[f32; 3]> =
        image.iter().enumerate().filter(|(place, _)| is_border(*place)).map(|(_, color)| *color).collect();
    let n_border = border.len().max(1) as f32;
    let bar = border.iter().fold([0.0; 3], |mut sum: [f32; 3], color| {
        sum.iter_mut().zip(color).for_each(|(sum, value)| *sum += value / n_border);
        sum
    });
    let mut colors = vec![bar; to_width * to_height];
    let (left, top) = ((to_width - width) / 2, (to_height - height) / 2);
    for (target, row) in colors.chunks_exact_mut(to_width).skip(top).zip(image.chunks_exact(width)) {
        for (color, value) in target.iter_mut().skip(left).zip(row) {
            *color = *value;
        }
    }
    colors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::InputKind;

    fn image(width: u32, rgba: &[[u8; 4]]) -> ImageInput {
        let height = rgba.len() as u32 / width;
        ImageInput { width, height, rgba: rgba.concat().into(), kind: InputKind::Photo }
    }

    fn gray(side: u32) -> ImageShape {
        ImageShape { channels: 1, height: side, width: side }
    }

    const fn shade(value: u8) -> [u8; 4] {
        [value, value, value, 255]
    }

    #[test]
    fn each_pixel_is_the_mean_of_what_it_covers() {
        let four = image(2, &[shade(0), shade(100), shade(100), shade(200)]);
        assert_eq!(frame(&four, gray(1), Framing::CenterCrop), [100]);
        // Thirds of pixels count as thirds.
        let nine: Vec<_> = [0, 90, 180].iter().flat_map(|value| [shade(*value); 3]).collect();
        assert_eq!(frame(&image(3, &nine), gray(2), Framing::CenterCrop), [30, 30, 150, 150]);
        // An image of the right size stays as it is, to the bit.
        let all: Vec<_> = (0..=255).map(shade).collect();
        assert_eq!(frame(&image(16, &all), gray(16), Framing::CenterCrop), (0..=255).collect::<Vec<u8>>());
    }

    #[test]
    fn a_crop_loses_the_sides_and_a_letterbox_adds_bars() {
        let wide = image(4, &[shade(10), shade(50), shade(50), shade(90)].repeat(2));
        assert_eq!(frame(&wide, gray(2), Framing::CenterCrop), [50; 4]);
        let boxed = frame(&wide, gray(4), Framing::Letterbox);
        assert_eq!(boxed[4..12], [10, 50, 50, 90, 10, 50, 50, 90]);
        // All pixels of the two rows are border: 50 on average.
        assert_eq!((&boxed[..4], &boxed[12..]), (&[50; 4][..], &[50; 4][..]));
    }

    #[test]
    fn transparent_pixels_count_by_their_opacity() {
        // Half of the pixel is opaque black, half is transparent red: gray on white paper, and no red.
        let half = image(2, &[[0, 0, 0, 255], [255, 0, 0, 0]]);
        assert_eq!(Paper::of(&half), Some(Paper::White));
        let shape = ImageShape { channels: 3, height: 1, width: 2 };
        assert_eq!(frame(&half, shape, Framing::CenterCrop), [0, 255, 0, 255, 0, 255]);
        let light = image(2, &[[255, 255, 255, 255], [255, 255, 255, 0]]);
        assert_eq!(Paper::of(&light), Some(Paper::Black));
        assert_eq!(Paper::of(&image(1, &[shade(7)])), None);
    }

    #[test]
    fn extreme_sizes_are_framed() {
        let thin = image(300, &[shade(40); 300]);
        for framing in [Framing::CenterCrop, Framing::Letterbox] {
            for side in [1, 2, 7, 224] {
                assert_eq!(frame(&thin, gray(side), framing), vec![40; (side * side) as usize], "{side} {framing:?}");
            }
        }
    }
}
