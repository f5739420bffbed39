//! Turns a drawing, a photo or a webcam frame into the model input: one image of the dataset's shape.

use super::drawing_style::{Anchor, DrawingStyle, FigureStyle, INK_THRESHOLD, median, quantile};
use super::framing::{Paper, frame, luma, over, to_byte};
use super::plane::{Area, Plane};
use crate::protocol::{Failure, FailureKind, ImageInput, ImageShape, InputKind, Treatment};

/// Why an image cannot be classified.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImageError {
    #[error(
        "an image of {width} x {height} pixels with {n_bytes} bytes; 1 x 1 to {limit} x {limit}, 4 bytes a pixel, can be read"
    )]
    BadSize { width: u32, height: u32, n_bytes: usize, limit: u32 },
    #[error("it is blank: nothing stands out from its background")]
    Blank,
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Self {
        Failure::new(FailureKind::BadImage, error.to_string())
    }
}

/// Maximum height and width of an input image.
pub const INPUT_SIDE_LIMIT_PIXELS: u32 = 8_192;

/// A model input: one image of the dataset's shape, channel by channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    pub pixels: Vec<u8>,
    pub treatment: Treatment,
}

/// Makes the model input from an image.
///
/// If the dataset shows figures on a uniform background, a drawing is cropped, scaled and centered like them and given their polarity. So
/// is a photo whose border has one brightness: ink on paper, a shirt in front of a wall. The figure is looked for in the middle, and in the whole
/// photo if nothing stands out there. Any other image is framed as the dataset's images were: center-cropped to their aspect ratio, or whole
/// between two bars, and reduced by area averaging. Transparent pixels are laid on white or on black, whichever keeps what is on them visible.
///
/// # Errors
///
/// [`ImageError`]: a bad size, or nothing to see.
pub fn prepare(image: &ImageInput, shape: ImageShape, style: &DrawingStyle) -> Result<Prepared, ImageError> {
    check_size(image)?;
    let prepared = match (style, image.kind) {
        (DrawingStyle::Figure(style), InputKind::Drawing) => Some(prepare_drawing(image, shape, style)?),
        (DrawingStyle::Figure(style), InputKind::Photo) => prepare_photo_of_figure(image, shape, style)?,
        (DrawingStyle::Scene | DrawingStyle::Letterbox, _) if is_blank(image, shape) => {
            return Err(ImageError::Blank);
        }
        (DrawingStyle::Scene | DrawingStyle::Letterbox, InputKind::Drawing | InputKind::Photo) => None,
    };
    Ok(prepared.unwrap_or_else(|| {
        let framing = style.framing();
        Prepared { pixels: frame(image, shape, framing), treatment: Treatment::Framed(framing) }
    }))
}

fn check_size(image: &ImageInput) -> Result<(), ImageError> {
    let (width, height, n_bytes, limit) = (image.width, image.height, image.rgba.len(), INPUT_SIDE_LIMIT_PIXELS);
    let is_in_range = (1..=limit).contains(&width) && (1..=limit).contains(&height);
    if is_in_range && n_bytes as u64 == u64::from(width) * u64::from(height) * 4 {
        return Ok(());
    }
    Err(ImageError::BadSize { width, height, n_bytes, limit })
}

fn prepare_drawing(image: &ImageInput, shape: ImageShape, style: &FigureStyle) -> Result<Prepared, ImageError> {
    let ink = grays(image).find_map(|drawing| Ink::of(&drawing, 0.0));
    ink.and_then(|ink| place(&ink, shape, style)).ok_or(ImageError::Blank)
}

/// `None` if the photo's border is not uniform; blank if nothing stands out from it, neither in the middle of the photo nor beside it.
fn prepare_photo_of_figure(
    image: &ImageInput,
    shape: ImageShape,
    style: &FigureStyle,
) -> Result<Option<Prepared>, ImageError> {
    let size = [image.width as f32, image.height as f32];
    let middle = Area::centered(size, [shape.width as usize, shape.height as usize]);
    let [width, height] = size;
    let whole = Area { left: 0.0, top: 0.0, width, height };
    for area in [middle, whole] {
        for photo in grays(image) {
            match figure(&photo, area, shape.width as f32 / middle.width) {
                Found::Figure(ink) => return place(&ink, shape, style).map(Some).ok_or(ImageError::Blank),
                Found::UnevenGround => return Ok(None),
                Found::Nothing => {}
            }
        }
    }
    Err(ImageError::Blank)
}

/// What is in an area of a photo.
enum Found {
    Figure(Ink),
    /// The border has no uniform brightness.
    UnevenGround,
    Nothing,
}

/// Looks for a figure in an area of a photo; `scale` is that from the photo to the dataset's images.
fn figure(photo: &Plane, area: Area, scale: f32) -> Found {
    const EVEN_TOLERANCE: f32 = 0.2;
    // Resolution of the search for the figure, as a multiple of the dataset's: fine enough for edges, too coarse for sensor noise.
    const ENLARGEMENT: f32 = 8.0;
    let resolution = (scale * ENLARGEMENT).min(1.0);
    let to = |side: f32| ((side * resolution).round() as usize).max(1);
    let part = photo.resample(area, to(area.width), to(area.height));
    let mut border = part.border();
    let Some(ground) = median(&mut border) else { return Found::UnevenGround };
    let mut distances: Vec<f32> = border.iter().map(|value| (value - ground).abs()).collect();
    // A fifth of the border may differ: a finger, a shadow, a stroke that leaves the frame.
    match quantile(&mut distances, 0.8).filter(|unevenness| *unevenness <= EVEN_TOLERANCE) {
        Some(unevenness) => Ink::of(&part, unevenness).map_or(Found::Nothing, Found::Figure),
        None => Found::UnevenGround,
    }
}

/// What stands out from the background of an image, which is the median of its border.
struct Ink {
    /// The difference of each pixel from the background, 0 to 1.
    strength: Plane,
    is_dark: bool,
}

impl Ink {
    /// Differences up to `noise` are none. `None` if nothing stands out.
    fn of(image: &Plane, noise: f32) -> Option<Self> {
        let ground = median(&mut image.border())?;
        let strongest = image.values.iter().map(|value| (value - ground).abs()).fold(0.0, f32::max);
        // Twice the variation of the lighting does not make a figure.
        if strongest < INK_THRESHOLD + 2.0 * noise {
            return None;
        }
        let beyond = |value: f32| ((value - ground).abs() - noise).max(0.0);
        let signed: f32 = image.values.iter().map(|&value| beyond(value).copysign(value - ground)).sum();
        let strength = image.map(|value| beyond(value) / (strongest - noise));
        Some(Self { strength, is_dark: signed < 0.0 })
    }
}

/// Scales and centers ink like the dataset's figures, and applies their polarity.
fn place(ink: &Ink, shape: ImageShape, style: &FigureStyle) -> Option<Prepared> {
    let area = ink.strength.bounding_box(INK_THRESHOLD)?;
    let (width, height) = (shape.width as usize, shape.height as usize);
    let scale = (style.longer_side_pixels / area.width.max(area.height))
        .min(shape.width as f32 / area.width)
        .min(shape.height as f32 / area.height);
    // Whole pixels around the scaled box; the excess is divided equally between both sides.
    let whole = |side: f32, limit: usize| ((side * scale - 1e-3).ceil() as usize).clamp(1, limit);
    let (figure_width, figure_height) = (whole(area.width, width), whole(area.height, height));
    let (covered_width, covered_height) = (figure_width as f32 / scale, figure_height as f32 / scale);
    let covered = Area {
        left: area.left - (covered_width - area.width) / 2.0,
        top: area.top - (covered_height - area.height) / 2.0,
        width: covered_width,
        height: covered_height,
    };
    let figure = ink.strength.resample(covered, figure_width, figure_height);
    let [anchor_y, anchor_x] = match style.anchor {
        Anchor::Mass => figure.center_of_mass()?,
        Anchor::Box => [(figure_height - 1) as f32 / 2.0, (figure_width - 1) as f32 / 2.0],
    };
    let [center_y, center_x] = style.center;
    let left = offset(center_x - anchor_x, width - figure_width);
    let top = offset(center_y - anchor_y, height - figure_height);

    let full = if style.is_light_on_dark { 1.0 } else { 0.0 };
    let mut pixels = vec![to_byte(style.ground); width * height];
    for (target, row) in pixels.chunks_exact_mut(width).skip(top).zip(figure.rows()) {
        for (pixel, ink) in target.iter_mut().skip(left).zip(row) {
            *pixel = to_byte(style.ground + ink * (full - style.ground));
        }
    }
    Some(Prepared { pixels, treatment: Treatment::Figure { is_inverted: ink.is_dark == style.is_light_on_dark } })
}

/// An offset in whole pixels that keeps the figure inside.
fn offset(wanted: f32, limit: usize) -> usize {
    (wanted.round().max(0.0) as usize).min(limit)
}

/// Whether an image is of one color, as far as a network for images of this shape sees colors. A scene may be faint, as in fog; a drawing that is
/// cannot be seen.
fn is_blank(image: &ImageInput, shape: ImageShape) -> bool {
    let threshold = match image.kind {
        InputKind::Drawing => INK_THRESHOLD,
        InputKind::Photo => 0.02,
    };
    let n_seen = if shape.channels == 1 { 1 } else { usize::MAX };
    grays(image).take(n_seen).all(|plane| contrast(&plane) < threshold)
}

/// The difference between the lightest and the darkest pixel.
fn contrast(image: &Plane) -> f32 {
    let (min, max) =
        image.values.iter().fold((1.0_f32, 0.0_f32), |(min, max), value| (min.min(*value), max.max(*value)));
    max - min
}

/// The brightness of each pixel, then its red, green and blue, 0 to 1, transparent pixels laid on paper. A figure may differ from its ground in
/// color and not in brightness, such as yellow ink on white.
fn grays(image: &ImageInput) -> impl Iterator<Item = Plane> {
    let paper = Paper::of(image).map_or(1.0, Paper::brightness);
    let (pixels, _) = image.rgba.as_chunks::<4>();
    let gray: [fn([f32; 3]) -> f32; 4] = [luma, |[red, ..]| red, |[_, green, _]| green, |[.., blue]| blue];
    gray.into_iter().map(move |gray| Plane {
        width: image.width as usize,
        height: image.height as usize,
        values: pixels.iter().map(|pixel| gray(over(pixel, paper))).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Framing;

    const SHAPE: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
    const MNIST: DrawingStyle = DrawingStyle::Figure(FigureStyle {
        ground: 0.0,
        is_light_on_dark: true,
        longer_side_pixels: 20.0,
        anchor: Anchor::Mass,
        center: [14.0, 14.0],
    });

    /// An image of one color with a rectangle of another.
    fn rectangle(ground: [u8; 4], color: [u8; 4], kind: InputKind) -> ImageInput {
        let pixels = (0..100).flat_map(|y| (0..200).map(move |x| (5..45).contains(&y) && (150..170).contains(&x)));
        let rgba: Vec<u8> = pixels.flat_map(|is_inside| if is_inside { color } else { ground }).collect();
        ImageInput { width: 200, height: 100, rgba: rgba.into(), kind }
    }

    #[test]
    fn a_stroke_fills_the_box_whatever_its_polarity() {
        let expected: Vec<u8> = (0..28)
            .flat_map(|y| (0..28).map(move |x| if (5..25).contains(&y) && (10..20).contains(&x) { 255 } else { 0 }))
            .collect();
        let cases = [
            ([255, 255, 255, 255], [0, 0, 0, 255]),
            ([0, 0, 0, 255], [255, 255, 255, 255]),
            ([0, 0, 0, 0], [0, 0, 0, 255]),
            ([0, 0, 0, 0], [255, 255, 255, 255]),
            ([255, 255, 255, 255], [20, 60, 200, 255]),
        ];
        for (ground, color) in cases {
            let prepared = prepare(&rectangle(ground, color, InputKind::Drawing), SHAPE, &MNIST).unwrap();
            assert_eq!(prepared.pixels.iter().filter(|value| **value == 255).count(), 200);
            assert_eq!(prepared.pixels, expected, "{ground:?} {color:?}");
        }
    }

    #[test]
    fn a_blank_sheet_is_said_to_be_blank() {
        for color in [[255; 4], [0, 0, 0, 255], [0; 4], [255, 255, 255, 0], [90, 90, 90, 128]] {
            for style in [MNIST, DrawingStyle::Scene] {
                for kind in [InputKind::Drawing, InputKind::Photo] {
                    assert_eq!(prepare(&rectangle(color, color, kind), SHAPE, &style), Err(ImageError::Blank));
                }
            }
        }
    }

    /// The middle square of the picture is empty.
    #[test]
    fn a_figure_beside_the_middle_is_found() {
        let expected = prepare(&centered([255; 4], [0, 0, 0, 255]), SHAPE, &MNIST).unwrap();
        for (left, ground) in [(5, [255; 4]), (175, [255; 4]), (5, [0; 4])] {
            let is_inside = |x: usize, y: usize| (left..left + 20).contains(&x) && (20..80).contains(&y);
            let pixels = (0..100).flat_map(|y| (0..200).map(move |x| (x, y)));
            let rgba: Vec<u8> =
                pixels.flat_map(|(x, y)| if is_inside(x, y) { [0, 0, 0, 255] } else { ground }).collect();
            let image = ImageInput { width: 200, height: 100, rgba: rgba.into(), kind: InputKind::Photo };
            assert_eq!(prepare(&image, SHAPE, &MNIST).unwrap(), expected, "{left} {ground:?}");
        }
    }

    /// The middle square of the picture is inside of the shape.
    #[test]
    fn a_shape_that_covers_the_middle_is_not_blank() {
        let (white, black) = ([255; 4], [0, 0, 0, 255]);
        let row: Vec<u8> = (0..200).flat_map(|x| if (30..170).contains(&x) { black } else { white }).collect();
        let image = ImageInput { width: 200, height: 100, rgba: row.repeat(100).into(), kind: InputKind::Photo };
        let prepared = prepare(&image, SHAPE, &MNIST).unwrap();
        assert_eq!(prepared.treatment, Treatment::Framed(Framing::CenterCrop));
        assert!(prepared.pixels.iter().all(|value| *value == 0));
    }

    #[test]
    fn a_color_shows_on_a_ground_of_its_brightness() {
        let expected = prepare(&centered([255; 4], [0, 0, 0, 255]), SHAPE, &MNIST).unwrap();
        for (ground, color) in [([255; 4], [255, 255, 0, 255]), ([120, 120, 120, 255], [255, 60, 70, 255])] {
            assert!(contrast(&grays(&centered(ground, color)).next().unwrap()) < INK_THRESHOLD);
            let image = centered(ground, color);
            assert_eq!(prepare(&image, SHAPE, &MNIST).unwrap().pixels, expected.pixels, "{color:?}");
            let scene = ImageShape { channels: 3, ..SHAPE };
            assert!(prepare(&image, scene, &DrawingStyle::Scene).is_ok());
        }
    }

    #[test]
    fn a_figure_on_a_transparent_ground_stays_visible_whatever_its_color() {
        let rectangle = |ground: [u8; 4], color: [u8; 4], kind| {
            let pixels = (0..100).flat_map(|y| (0..100).map(move |x| (5..45).contains(&y) && (40..60).contains(&x)));
            let rgba: Vec<u8> = pixels.flat_map(|is_inside| if is_inside { color } else { ground }).collect();
            ImageInput { width: 100, height: 100, rgba: rgba.into(), kind }
        };
        let colors = [[0, 0, 0, 255], [255; 4], [90, 90, 90, 128], [200, 220, 255, 255], [20, 60, 200, 90]];
        let black_on_white = rectangle([255; 4], [0, 0, 0, 255], InputKind::Photo);
        let expected = prepare(&black_on_white, SHAPE, &MNIST).unwrap();
        // A white card with a figure, cut out.
        let mut card = black_on_white.rgba.to_vec();
        card.chunks_exact_mut(4).take(200).for_each(|pixel| pixel.copy_from_slice(&[0; 4]));
        let card = ImageInput { rgba: card.into(), ..black_on_white };
        assert_eq!(prepare(&card, SHAPE, &MNIST).unwrap(), expected);
        for color in colors {
            // A transparent pixel has some color, too.
            for ground in [[0; 4], [255, 255, 255, 0]] {
                let photo = rectangle(ground, color, InputKind::Photo);
                assert_eq!(prepare(&photo, SHAPE, &MNIST).unwrap().pixels, expected.pixels, "{color:?}");
                let scene = prepare(&photo, SHAPE, &DrawingStyle::Scene).unwrap().pixels;
                let (min, max) = (scene.iter().min().unwrap(), scene.iter().max().unwrap());
                assert!(max - min > 60, "{color:?}");
            }
        }
    }

    #[test]
    fn sizes_that_do_not_add_up_are_refused() {
        for (width, height, n_bytes) in [(0, 0, 0), (2, 2, 15), (u32::MAX, u32::MAX, 4), (1 << 16, 1 << 16, 0)] {
            let image = ImageInput { width, height, rgba: vec![0; n_bytes].into(), kind: InputKind::Drawing };
            let error = prepare(&image, SHAPE, &MNIST).unwrap_err();
            assert!(matches!(error, ImageError::BadSize { .. }));
            assert_eq!(Failure::from(error).kind, FailureKind::BadImage);
        }
    }

    #[test]
    fn a_color_photo_keeps_its_colors_and_loses_its_sides() {
        let rgba: Vec<u8> =
            (0..8).flat_map(|i| if (2..6).contains(&(i % 8)) { [200, 100, 50, 255] } else { [0; 4] }).collect();
        let image = ImageInput { width: 8, height: 4, rgba: rgba.repeat(4).into(), kind: InputKind::Photo };
        let shape = ImageShape { channels: 3, height: 2, width: 2 };
        let prepared = prepare(&image, shape, &DrawingStyle::Scene).unwrap();
        assert_eq!(prepared.pixels, [200, 200, 200, 200, 100, 100, 100, 100, 50, 50, 50, 50]);
        assert_eq!(prepared.treatment, Treatment::Framed(Framing::CenterCrop));
        let whole = prepare(&image, shape, &DrawingStyle::Letterbox).unwrap();
        assert_eq!(whole.treatment, Treatment::Framed(Framing::Letterbox));
    }

    #[test]
    fn a_figure_of_the_other_polarity_is_inverted_and_a_busy_picture_only_cropped() {
        let (black, white) = ([0, 0, 0, 255], [255; 4]);
        let gray = [90, 90, 90, 255];
        let cases = [(white, black, true), (black, white, false), (gray, white, false), (gray, black, true)];
        for (ground, color, is_inverted) in cases {
            let prepared = prepare(&centered(ground, color), SHAPE, &MNIST).unwrap();
            assert_eq!(prepared.treatment, Treatment::Figure { is_inverted }, "{ground:?} {color:?}");
        }
        // Half of the picture is dark: there is no background.
        let rgba: Vec<u8> = (0..100).flat_map(|y| [if y < 50 { black } else { white }; 100]).flatten().collect();
        let halves = ImageInput { width: 100, height: 100, rgba: rgba.into(), kind: InputKind::Photo };
        assert_eq!(prepare(&halves, SHAPE, &MNIST).unwrap().treatment, Treatment::Framed(Framing::CenterCrop));
    }

    /// A square photo with a rectangle in its middle.
    fn centered(ground: [u8; 4], color: [u8; 4]) -> ImageInput {
        let pixels = (0..100).flat_map(|y| (0..100).map(move |x| (20..80).contains(&y) && (40..60).contains(&x)));
        let rgba: Vec<u8> = pixels.flat_map(|is_inside| if is_inside { color } else { ground }).collect();
        ImageInput { width: 100, height: 100, rgba: rgba.into(), kind: InputKind::Photo }
    }
}
