//! MNIST's digits, redrawn large, inverted and off center, come back nearly unchanged.

use kindling_core::dataset::drawing_style::{Anchor, FigureStyle};
use kindling_core::dataset::plane::Plane;
use kindling_core::dataset::{Dataset, DrawingStyle, prepare};
use kindling_core::protocol::{ImageInput, InputKind};
use kindling_core::random::Random;

use crate::served::load;

fn figure_style(dataset: &Dataset) -> FigureStyle {
    match DrawingStyle::measure(dataset) {
        DrawingStyle::Figure(style) => style,
        DrawingStyle::Scene | DrawingStyle::Letterbox => panic!("{} shows figures", dataset.name),
    }
}

#[test]
fn the_served_datasets_are_measured_right() {
    let mnist = figure_style(&load("mnist"));
    assert_eq!((mnist.ground, mnist.is_light_on_dark), (0.0, true));
    assert_eq!((mnist.anchor, mnist.longer_side_pixels, mnist.center), (Anchor::Mass, 20.0, [14.0, 14.0]));
    let fashion = figure_style(&load("fashion-mnist"));
    assert_eq!((fashion.ground, fashion.is_light_on_dark), (0.0, true));
    assert_eq!((fashion.anchor, fashion.longer_side_pixels, fashion.center), (Anchor::Box, 28.0, [13.5, 13.5]));
    let animals = figure_style(&load("animals"));
    assert_eq!((animals.ground, animals.is_light_on_dark), (0.0, true));
    assert_eq!((animals.anchor, animals.longer_side_pixels, animals.center), (Anchor::Box, 27.0, [13.5, 13.5]));
}

/// Where an enlarged image is placed on a larger sheet, and in which colors.
struct Sheet {
    side: usize,
    enlargement: usize,
    left: usize,
    top: usize,
    paper: f32,
    pen: f32,
    kind: InputKind,
}

/// Draws an image, light ink on black, onto a sheet.
fn draw(image: &[u8], sheet: &Sheet) -> ImageInput {
    let mut rgba = Vec::with_capacity(sheet.side * sheet.side * 4);
    for y in 0..sheet.side {
        for x in 0..sheet.side {
            let ink = match (y.checked_sub(sheet.top), x.checked_sub(sheet.left)) {
                (Some(y), Some(x)) if y < 28 * sheet.enlargement && x < 28 * sheet.enlargement => {
                    f32::from(image[y / sheet.enlargement * 28 + x / sheet.enlargement]) / 255.0
                }
                _ => 0.0,
            };
            let value = (sheet.paper + ink * (sheet.pen - sheet.paper)).round() as u8;
            rgba.extend([value, value, value, 255]);
        }
    }
    ImageInput { width: sheet.side as u32, height: sheet.side as u32, rgba: rgba.into(), kind: sheet.kind }
}

const N_DRAWN: usize = 40;

/// The mean absolute error per pixel over many images, 0 to 255, and that of the worst image.
fn round_trip(dataset: &Dataset, kind: InputKind, paper: f32, pen: f32) -> (f32, f32) {
    let style = DrawingStyle::measure(dataset);
    let mut random = Random::new(1);
    let errors: Vec<f32> = (0..N_DRAWN)
        .map(|_| {
            let image = dataset.image(random.below(dataset.len() as u32)).unwrap();
            let (left, top) = (random.below(120) as usize, random.below(120) as usize);
            let sheet = Sheet { side: 400, enlargement: 10, left, top, paper, pen, kind };
            let prepared = prepare(&draw(image, &sheet), dataset.shape, &style).unwrap().pixels;
            let error = image.iter().zip(&prepared).map(|(a, b)| f32::from(a.abs_diff(*b))).sum::<f32>();
            error / image.len() as f32
        })
        .collect();
    let worst = errors.iter().copied().fold(0.0, f32::max);
    (errors.iter().sum::<f32>() / errors.len() as f32, worst)
}

#[test]
fn a_digit_drawn_again_comes_back_nearly_unchanged() {
    let dataset = load("mnist");
    // A digit whose center is halfway between two pixels may come back off by one pixel; that is the worst case.
    for (paper, pen) in [(255.0, 0.0), (0.0, 255.0), (240.0, 30.0)] {
        let (mean, worst) = round_trip(&dataset, InputKind::Drawing, paper, pen);
        println!("drawing, paper {paper}: mean error {mean}, worst {worst}");
        assert!(mean < 1.0 && worst < 25.0, "paper {paper}: mean error {mean}, worst {worst}");
    }
}

#[test]
fn a_photo_of_a_digit_on_paper_is_seen_as_a_digit() {
    let (mean, worst) = round_trip(&load("mnist"), InputKind::Photo, 200.0, 40.0);
    println!("photo: mean error {mean}, worst {worst}");
    assert!(mean < 6.0 && worst < 30.0, "mean error {mean}, worst {worst}");
}

/// Silhouettes are 24 to 28 pixels large, and a drawing is scaled to the usual size, so what comes back differs by a pixel or two in scale.
#[test]
fn a_silhouette_drawn_again_fills_the_usual_box() {
    let dataset = load("animals");
    let (mean, worst) = round_trip(&dataset, InputKind::Drawing, 255.0, 0.0);
    println!("silhouette: mean error {mean}, worst {worst}");
    assert!(mean < 20.0, "mean error {mean}, worst {worst}");
    let sheet =
        Sheet { side: 700, enlargement: 20, left: 130, top: 5, paper: 255.0, pen: 0.0, kind: InputKind::Drawing };
    let style = DrawingStyle::measure(&dataset);
    for index in [0, 4000, 9999] {
        let prepared = prepare(&draw(dataset.image(index).unwrap(), &sheet), dataset.shape, &style).unwrap().pixels;
        let plane = Plane { width: 28, height: 28, values: prepared.iter().map(|value| f32::from(*value)).collect() };
        let area = plane.bounding_box(32.0).unwrap();
        assert!((26.0..=27.0).contains(&area.width.max(area.height)), "{index}: {area:?}");
        let [y, x] = [area.top + (area.height - 1.0) / 2.0, area.left + (area.width - 1.0) / 2.0];
        assert!((y - 13.5).abs() <= 1.0 && (x - 13.5).abs() <= 1.0, "{index}: {area:?}");
    }
}

#[test]
fn a_free_drawing_stands_as_mnist_does() {
    let dataset = load("mnist");
    let style = DrawingStyle::measure(&dataset);
    // A heavy foot and a thin stem: the bounding box and the mass have different centers.
    let is_ink = |y: i32, x: i32| {
        ((60..260).contains(&y) && (40..60).contains(&x)) || ((230..260).contains(&y) && (40..180).contains(&x))
    };
    let rgba: Vec<u8> = (0..280)
        .flat_map(|y| (0..280).flat_map(move |x| if is_ink(y, x) { [0, 0, 0, 255] } else { [0, 0, 0, 0] }))
        .collect();
    let image = ImageInput { width: 280, height: 280, rgba: rgba.into(), kind: InputKind::Drawing };
    let prepared = prepare(&image, dataset.shape, &style).unwrap().pixels;
    let plane = Plane { width: 28, height: 28, values: prepared.iter().map(|value| f32::from(*value)).collect() };
    let area = plane.bounding_box(32.0).unwrap();
    assert_eq!((area.height, area.width), (20.0, 14.0));
    let [y, x] = plane.center_of_mass().unwrap();
    assert!((y - 14.0).abs() <= 0.5 && (x - 14.0).abs() <= 0.5, "{y} {x}");
}

#[test]
fn an_uneven_photo_is_taken_as_it_is() {
    let dataset = load("mnist");
    // Brightness rises from left to right, so the border is not uniform.
    let rgba: Vec<u8> = (0..100).flat_map(|_| (0..100_u8).flat_map(|x| [x * 2, x * 2, x * 2, 255])).collect();
    let image = ImageInput { width: 100, height: 100, rgba: rgba.into(), kind: InputKind::Photo };
    let prepared = prepare(&image, dataset.shape, &DrawingStyle::measure(&dataset)).unwrap().pixels;
    assert!(prepared[0] < 5 && prepared[27] > 190, "{} {}", prepared[0], prepared[27]);
}
