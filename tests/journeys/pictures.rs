//! A visitor's pictures: a digit of the MNIST test set as an image file and as a webcam's video, and digits to draw.

use std::path::{Path, PathBuf};

use kindling_core::dataset::{Dataset, parse_files};

/// The served MNIST, read from the repository.
pub fn mnist() -> Dataset {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("static/datasets/mnist");
    let names = [
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ];
    let files =
        names.map(|name| (name.to_string(), std::fs::read(folder.join(name)).expect("MNIST is in the repository")));
    parse_files("MNIST", files.into()).expect("MNIST is well formed")
}

/// The pixels of the `nth` test image of a class.
pub fn test_digit(dataset: &Dataset, class: u16, nth: usize) -> Vec<u8> {
    let first_test = dataset.len() - dataset.n_standard_test;
    let index = (first_test..dataset.len())
        .filter(|&index| dataset.labels[index] == class)
        .nth(nth)
        .expect("ten thousand test images");
    let n_values = dataset.shape.n_values();
    dataset.pixels[index * n_values..(index + 1) * n_values].to_vec()
}

/// Writes a 28x28 digit as a BMP of 280x280, light on dark as in the dataset.
pub fn write_bmp(digit: &[u8], path: &Path) -> PathBuf {
    let file = bmp(280, 280, |x, y| [digit[(y / 10 * 28 + x / 10) as usize]; 3]);
    std::fs::write(path, file).expect("the temporary folder can be written");
    path.to_path_buf()
}

/// A 24-bit BMP, a format that needs no encoder. The width is a multiple of four, so that rows need no padding; colors are RGB.
pub fn bmp(width: u32, height: u32, color: impl Fn(u32, u32) -> [u8; 3]) -> Vec<u8> {
    let mut file = Vec::with_capacity(54 + (width * height * 3) as usize);
    file.extend(b"BM");
    file.extend((54 + width * height * 3).to_le_bytes());
    file.extend([0; 4]);
    file.extend(54_u32.to_le_bytes());
    file.extend(40_u32.to_le_bytes());
    file.extend(width.to_le_bytes());
    // A negative height means that rows start at the top.
    file.extend((-(height as i32)).to_le_bytes());
    file.extend(1_u16.to_le_bytes());
    file.extend(24_u16.to_le_bytes());
    file.extend([0; 24]);
    for y in 0..height {
        for x in 0..width {
            let [red, green, blue] = color(x, y);
            file.extend([blue, green, red]);
        }
    }
    file
}

/// Writes a webcam clip that shows the digits in turn, each for three seconds: dark ink on light paper, held still in the middle of a
/// 320x240 picture.
pub fn write_y4m(digits: &[Vec<u8>], path: &Path) -> PathBuf {
    const FRAMES_PER_SECOND: usize = 10;
    const FRAMES_PER_DIGIT: usize = 30;
    let mut file = Vec::from(format!("YUV4MPEG2 W{WIDTH} H{HEIGHT} F{FRAMES_PER_SECOND}:1 Ip A1:1 C420mpeg2\n"));
    for digit in digits {
        let frame = frame(digit);
        for _ in 0..FRAMES_PER_DIGIT {
            file.extend(b"FRAME\n");
            file.extend(&frame);
        }
    }
    std::fs::write(path, file).expect("the temporary folder can be written");
    path.to_path_buf()
}

/// Strokes of a one, for [`crate::visitor::draw`].
pub fn drawn_one() -> Vec<Vec<(f64, f64)>> {
    vec![line((0.5, 0.2), (0.5, 0.8)).collect()]
}

/// Strokes of a seven.
pub fn drawn_seven() -> Vec<Vec<(f64, f64)>> {
    vec![line((0.3, 0.22), (0.7, 0.22)).chain(line((0.7, 0.22), (0.45, 0.8))).collect()]
}

/// Strokes of a zero.
pub fn drawn_zero() -> Vec<Vec<(f64, f64)>> {
    let point = |step| {
        let angle = f64::from(step) / 40.0 * std::f64::consts::TAU;
        (0.5 + 0.2 * angle.sin(), 0.5 - 0.3 * angle.cos())
    };
    vec![(0..=40).map(point).collect()]
}

fn line(from: (f64, f64), to: (f64, f64)) -> impl Iterator<Item = (f64, f64)> {
    (0..=20).map(move |step| {
        let fraction = f64::from(step) / 20.0;
        (from.0 + (to.0 - from.0) * fraction, from.1 + (to.1 - from.1) * fraction)
    })
}

const WIDTH: usize = 320;
const HEIGHT: usize = 240;

/// The luma of each pixel, then a neutral chroma.
fn frame(digit: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(WIDTH * HEIGHT * 3 / 2);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let inside = (48..48 + 224).contains(&x) && (8..8 + 224).contains(&y);
            let ink = if inside { u32::from(digit[(y - 8) / 8 * 28 + (x - 48) / 8]) } else { 0 };
            // Limited range: 16 is black, 235 white.
            frame.push((235 - ink * 219 / 255) as u8);
        }
    }
    frame.resize(WIDTH * HEIGHT * 3 / 2, 128);
    frame
}
