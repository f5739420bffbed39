//! Pictures to measure own images with: made by the browser, as JPEG files in a zip with a folder for each class, and as a webcam's clip.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rawzip::{CompressionMethod, ZipArchiveWriter};
use serde_json::json;

use crate::drive::{Page, Result};

/// Classes in the zip.
pub const N_CLASSES: usize = 10;

/// Width and height of the pictures in the zip.
pub const SIZE: [u32; 2] = [240, 180];

/// Pictures that come from the page at a time.
const N_AT_ONCE: usize = 250;

/// Draws picture `number`: shapes of its class's color on a ground of its own, under noise as of a sensor, so that a file has the size of a photo's.
pub const DRAW: &str = "
    const noise = (width, height) => {
        const pixels = new Uint8ClampedArray(width * height * 4);
        for (let place = 0; place < pixels.length; place += 65536) crypto.getRandomValues(pixels.subarray(place, place + 65536));
        for (let place = 3; place < pixels.length; place += 4) pixels[place] = 24;
        const canvas = new OffscreenCanvas(width, height);
        canvas.getContext('2d').putImageData(new ImageData(pixels, width, height), 0, 0);
        return canvas;
    };
    const draw = async (number, label, width, height, grain) => {
        const canvas = new OffscreenCanvas(width, height);
        const pen = canvas.getContext('2d');
        const random = (() => { let state = number + 1; return () => (state = state * 48271 % 2147483647) / 2147483647; })();
        const ground = pen.createLinearGradient(0, 0, width, height);
        ground.addColorStop(0, `hsl(${random() * 360} 30% 75%)`);
        ground.addColorStop(1, `hsl(${random() * 360} 30% 35%)`);
        pen.fillStyle = ground;
        pen.fillRect(0, 0, width, height);
        pen.fillStyle = `hsl(${label * 36} 80% 45%)`;
        for (let shape = 0; shape < 3 + label; shape += 1) {
            pen.beginPath();
            pen.ellipse(random() * width, random() * height, width * (0.05 + random() / 8), height * (0.05 + random() / 8), random(), 0, 7);
            pen.fill();
        }
        pen.drawImage(grain, 0, 0, width, height);
        return await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.85 });
    };";

/// The files of some pictures as base64.
const ENCODED: &str = "
    const grain = noise(args.width, args.height);
    const text = async blob => {
        const reader = new FileReader();
        const read = new Promise(done => { reader.onload = done; });
        reader.readAsDataURL(blob);
        await read;
        return reader.result.split(',')[1];
    };
    const files = [];
    for (let number = args.first; number < args.end; number += 1)
        files.push(await text(await draw(number, number % args.n_classes, args.width, args.height, grain)));
    return files;";

/// Writes a zip of pictures, a tenth of them in the folder of each class. Returns the mean size of a picture in bytes.
pub async fn write_zip(page: &Page, n_images: usize, path: &Path) -> Result<usize> {
    let mut archive = ZipArchiveWriter::new(BufWriter::new(File::create(path)?));
    let [width, height] = SIZE;
    let mut n_bytes = 0;
    for first in (0..n_images).step_by(N_AT_ONCE) {
        let end = (first + N_AT_ONCE).min(n_images);
        let args = json!({ "first": first, "end": end, "n_classes": N_CLASSES, "width": width, "height": height });
        let files: Vec<String> = page.run(&format!("{DRAW}{ENCODED}"), args).await?;
        for (number, file) in (first..end).zip(files) {
            let bytes = STANDARD.decode(file)?;
            n_bytes += bytes.len();
            let name = format!("class {}/{number}.jpg", number % N_CLASSES);
            let (mut entry, config) = archive.new_file(&name).compression_method(CompressionMethod::Store).start()?;
            let mut writer = config.wrap(&mut entry);
            writer.write_all(&bytes)?;
            let (_, descriptor) = writer.finish()?;
            entry.finish(descriptor)?;
        }
    }
    archive.finish()?.flush()?;
    Ok(n_bytes / n_images.max(1))
}

/// Writes a webcam's clip of a disk that wanders over an even ground.
pub fn write_clip(path: &Path) -> Result<()> {
    const WIDTH: usize = 640;
    const HEIGHT: usize = 480;
    const N_FRAMES: usize = 60;
    const RADIUS: usize = 90;
    let mut file = BufWriter::new(File::create(path)?);
    writeln!(file, "YUV4MPEG2 W{WIDTH} H{HEIGHT} F30:1 Ip A1:1 C420mpeg2")?;
    for number in 0..N_FRAMES {
        let (center_x, center_y) = (200 + number * 4, 160 + number * 2);
        file.write_all(b"FRAME\n")?;
        let light = |place: usize| {
            let (x, y) = (place % WIDTH, place / WIDTH);
            let is_disk = x.abs_diff(center_x).pow(2) + y.abs_diff(center_y).pow(2) < RADIUS.pow(2);
            if is_disk { 220 } else { 90 + (x + y) as u8 % 16 }
        };
        file.write_all(&(0..WIDTH * HEIGHT).map(light).collect::<Vec<u8>>())?;
        file.write_all(&[128; WIDTH * HEIGHT / 2])?;
    }
    Ok(file.flush()?)
}
