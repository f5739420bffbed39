//! How figures are laid out in a dataset's images, measured from the images. Drawings are prepared to match.

use serde::{Deserialize, Serialize};

use super::Dataset;
use super::framing::Framing;
use super::plane::Plane;

/// The layout of a dataset's images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DrawingStyle {
    /// One figure on a uniform background, as in MNIST.
    Figure(FigureStyle),
    /// Images that fill their frame, like photos: the largest centered part. Drawings are used as they are.
    Scene,
    /// Images like those of [`DrawingStyle::Scene`], but the whole of each, between two bars.
    Letterbox,
}

/// The layout of a figure on its background.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FigureStyle {
    /// Brightness of the background, 0 to 1.
    pub ground: f32,
    /// Whether the figure is lighter than its background.
    pub is_light_on_dark: bool,
    /// Longer side of the figure's bounding box.
    pub longer_side_pixels: f32,
    pub anchor: Anchor,
    /// Position of the anchor, `[y, x]` in pixel indices: 13.5 is the middle of 28 pixels.
    pub center: [f32; 2],
}

/// The point of a figure that is centered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Anchor {
    /// The center of mass, as in MNIST.
    Mass,
    /// The center of the bounding box.
    Box,
}

/// Minimum difference of ink from the background, as a fraction of the brightness range. Faint antialiasing is not ink.
pub const INK_THRESHOLD: f32 = 0.125;

/// Maximum number of measured images; more would not change results that are rounded to half a pixel.
const N_MEASURED: usize = 2_000;

impl DrawingStyle {
    /// Measures a dataset. Color images are scenes, and so are grayscale images without a uniform border. Image files that were cropped and
    /// scaled when they were imported are scenes, too: new images are prepared in just the same way.
    pub fn measure(dataset: &Dataset) -> Self {
        const EVEN_FRACTION: f32 = 0.7;
        const EVEN_TOLERANCE: f32 = 16.0 / 255.0;
        if let Some(imported) = dataset.imported.as_ref().filter(|imported| imported.is_resized) {
            return match imported.format.framing {
                Framing::CenterCrop => Self::Scene,
                Framing::Letterbox => Self::Letterbox,
            };
        }
        if dataset.shape.channels != 1 {
            return Self::Scene;
        }
        let planes = measured_planes(dataset);
        let mut borders: Vec<f32> = planes.iter().flat_map(Plane::border).collect();
        let Some(ground) = median(&mut borders) else { return Self::Scene };
        let n_even = borders.iter().filter(|value| (*value - ground).abs() <= EVEN_TOLERANCE).count();
        if (n_even as f32) < EVEN_FRACTION * borders.len() as f32 {
            return Self::Scene;
        }
        let figures: Vec<_> = planes.iter().filter_map(|plane| Figure::measure(plane, ground)).collect();
        let Some(longer_side_pixels) = median(&mut figures.iter().map(|figure| figure.longer_side).collect::<Vec<_>>())
        else {
            return Self::Scene;
        };
        // The anchor with the smaller spread is the one that the dataset was centered by.
        let mass = Spread::of(&figures, |figure| figure.center_of_mass);
        let middle = Spread::of(&figures, |figure| figure.center_of_box);
        let (anchor, spread) =
            if mass.deviation < middle.deviation { (Anchor::Mass, mass) } else { (Anchor::Box, middle) };
        Self::Figure(FigureStyle {
            ground,
            is_light_on_dark: ground < 0.5,
            longer_side_pixels,
            anchor,
            center: spread.mean.map(|position| (position * 2.0).round() / 2.0),
        })
    }

    /// How an image is framed that is not prepared as a figure.
    pub fn framing(&self) -> Framing {
        match self {
            Self::Figure(_) | Self::Scene => Framing::CenterCrop,
            Self::Letterbox => Framing::Letterbox,
        }
    }
}

/// One image's figure.
struct Figure {
    longer_side: f32,
    center_of_mass: [f32; 2],
    center_of_box: [f32; 2],
}

impl Figure {
    fn measure(plane: &Plane, ground: f32) -> Option<Self> {
        let ink = plane.map(|value| (value - ground).abs());
        let area = ink.bounding_box(INK_THRESHOLD)?;
        Some(Self {
            longer_side: area.width.max(area.height),
            center_of_mass: ink.center_of_mass()?,
            center_of_box: [area.top + (area.height - 1.0) / 2.0, area.left + (area.width - 1.0) / 2.0],
        })
    }
}

/// Mean and standard deviation of points.
struct Spread {
    mean: [f32; 2],
    deviation: f32,
}

impl Spread {
    fn of(figures: &[Figure], point: impl Fn(&Figure) -> [f32; 2]) -> Self {
        let n_figures = figures.len().max(1) as f32;
        let sum = |value: &dyn Fn([f32; 2]) -> f32| figures.iter().map(|figure| value(point(figure))).sum::<f32>();
        let mean = [sum(&|[y, _]| y) / n_figures, sum(&|[_, x]| x) / n_figures];
        let [mean_y, mean_x] = mean;
        let deviation = (sum(&|[y, x]| (y - mean_y).powi(2) + (x - mean_x).powi(2)) / n_figures).sqrt();
        Self { mean, deviation }
    }
}

/// Images spread over the whole dataset, brightness 0 to 1.
fn measured_planes(dataset: &Dataset) -> Vec<Plane> {
    let (width, height) = (dataset.shape.width as usize, dataset.shape.height as usize);
    let n_values = (width * height).max(1);
    let stride = dataset.len().div_ceil(N_MEASURED).max(1);
    let images = dataset.pixels.chunks_exact(n_values).step_by(stride);
    images
        .map(|pixels| Plane { width, height, values: pixels.iter().map(|value| f32::from(*value) / 255.0).collect() })
        .collect()
}

/// The median, in linear time; `None` without values. Reorders the values.
pub fn median(values: &mut [f32]) -> Option<f32> {
    quantile(values, 0.5)
}

/// The value below which the given fraction of all values lies; `None` without values. Reorders the values.
pub fn quantile(values: &mut [f32], fraction: f32) -> Option<f32> {
    let place = (values.len().checked_sub(1)? as f32 * fraction) as usize;
    Some(*values.select_nth_unstable_by(place, f32::total_cmp).1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::ImageShape;

    fn dataset(side: u32, channels: u32, pixels: Vec<u8>) -> Dataset {
        let shape = ImageShape { channels, height: side, width: side };
        let labels = vec![0; pixels.len() / shape.n_values()];
        Dataset {
            name: "t".into(),
            classes: vec!["c".into()],
            shape,
            pixels,
            labels,
            n_standard_test: 0,
            imported: None,
        }
    }

    #[test]
    fn a_dark_figure_on_light_ground_is_measured() {
        let mut pixels = vec![255; 64];
        for y in 2..6 {
            for x in 3..5 {
                pixels[y * 8 + x] = 0;
            }
        }
        let DrawingStyle::Figure(style) = DrawingStyle::measure(&dataset(8, 1, pixels)) else { panic!("no figure") };
        assert_eq!((style.ground, style.is_light_on_dark, style.longer_side_pixels), (1.0, false, 4.0));
        assert_eq!(style.center, [3.5, 3.5]);
    }

    #[test]
    fn color_noise_and_nothing_are_scenes() {
        assert_eq!(DrawingStyle::measure(&dataset(4, 3, vec![0; 48])), DrawingStyle::Scene);
        let noise = (0..640_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        assert_eq!(DrawingStyle::measure(&dataset(8, 1, noise)), DrawingStyle::Scene);
        assert_eq!(DrawingStyle::measure(&dataset(4, 1, vec![0; 16])), DrawingStyle::Scene);
    }
}
