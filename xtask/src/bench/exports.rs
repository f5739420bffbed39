//! Exported presets: the size of each format, and how fast and how well onnxruntime-web and TensorFlow.js classify with the files, beside the CPU
//! engine and Kindling's own integers.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::sizes::compressed_bytes;
use super::table::{Table, figure};
use super::{Bench, Engine};
use crate::drive::{Page, Result};
use crate::server::{Isolation, Server, ServerConfig};

/// The presets for small gray images that learn all of their layers. ResNet-9 is for larger ones.
const PRESETS: [&str; 9] =
    ["lenet", "one-minute", "batch-norm", "vgg", "mobile", "mlp", "lstm-rows", "gru-rows", "vit"];

const FORMATS: [&str; 8] = ["onnx", "onnx-int8", "tflite", "tflite-int8", "tfjs", "safetensors", "page", "module"];

/// Of the judges' packages: what their page loads.
const JUDGES: [&str; 7] = [
    "onnxruntime-web/dist/ort.wasm.min.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.mjs",
    "onnxruntime-web/dist/ort-wasm-simd-threaded.wasm",
    "@tensorflow/tfjs-core/dist/tf-core.min.js",
    "@tensorflow/tfjs-layers/dist/tf-layers.min.js",
    "@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js",
    "@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm",
];

const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><title>Judges</title>
<script src="tf-core.min.js"></script><script src="tf-layers.min.js"></script><script src="tf-backend-wasm.min.js"></script>
<script src="exports.js"></script>"#;

/// The first images of MNIST's files as a dataset, and the test images as base64.
const LOAD: &str = "
    const unpacked = async name => {
        const packed = (await fetch(`datasets/mnist/${name}.gz`)).body;
        return new Uint8Array(await new Response(packed.pipeThrough(new DecompressionStream('gzip'))).arrayBuffer());
    };
    const first = (bytes, n, header, size) => {
        const part = bytes.slice(0, header + n * size);
        new DataView(part.buffer).setUint32(4, n);
        return part;
    };
    const [train, trainLabels, test, testLabels] = await Promise.all(
        ['train-images-idx3-ubyte', 'train-labels-idx1-ubyte', 't10k-images-idx3-ubyte', 't10k-labels-idx1-ubyte'].map(unpacked));
    const files = [
        ['train-images-idx3-ubyte', first(train, args.n_train, 16, 784)], ['train-labels-idx1-ubyte', first(trainLabels, args.n_train, 8, 1)],
        ['t10k-images-idx3-ubyte', first(test, args.n_test, 16, 784)], ['t10k-labels-idx1-ubyte', first(testLabels, args.n_test, 8, 1)],
    ];
    await kindling.loadDataset(files.map(([name, bytes]) => new File([bytes], name)));
    const text = bytes => { let all = ''; bytes.forEach(byte => all += String.fromCharCode(byte)); return btoa(all); };
    return [text(files[2][1].subarray(16)), text(files[3][1].subarray(8))];";

/// Trains every preset alike: what is measured are networks, not recipes. Then times the engine and the integers.
const TRAIN: &str = "
    await kindling.train({ network: args.preset, maxSteps: args.max_steps, batchSize: args.batch_size, optimizer: 'adam', learningRate: 0.001, schedule: 'constant' });
    const { accuracy } = await kindling.evaluate('test');
    const { msPerImage, int8 } = await kindling.cost();
    return { engine: { ms: msPerImage, accuracy }, int8: { ms: int8.msPerImage, accuracy: int8.accuracy }, lost: int8.floatAccuracy - int8.accuracy };";

const EXPORT: &str = "
    const blob = await kindling.export(args.format);
    return await new Promise(resolve => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result.split(',')[1]);
        reader.readAsDataURL(blob);
    });";

const N_TRAIN: usize = 6_000;
const N_TEST: usize = 1_000;
const BATCH_SIZE: u32 = 32;
/// Enough to be far better than guessing, which the accuracies need to mean something.
const MAX_STEPS: u32 = 150;

#[derive(Clone, Copy, Debug, serde::Deserialize)]
struct Timed {
    /// Per image.
    ms: f64,
    accuracy: f64,
}

/// Kindling's own figures.
#[derive(Clone, Copy, Debug, serde::Deserialize)]
struct Own {
    engine: Timed,
    int8: Timed,
    /// The accuracy in floats less that in integers, on the same images.
    lost: f64,
}

struct Preset {
    id: &'static str,
    own: Own,
    /// In the order of [`FORMATS`]; None where the format lacks a layer.
    files: Vec<Option<Vec<u8>>>,
}

pub async fn measure(bench: &Bench<'_>) -> Result<String> {
    let modules =
        std::env::var_os("KINDLING_JUDGES_MODULES").ok_or("the judges are not named: run `cargo xtask bench`")?;
    let folder = tempfile::tempdir()?;
    for name in JUDGES {
        let from = Path::new(&modules).join("node_modules").join(name);
        let file = from.file_name().ok_or("a judge without a name")?;
        fs::copy(&from, folder.path().join(file)).map_err(|error| format!("{}: {error}", from.display()))?;
    }
    fs::write(folder.path().join("index.html"), PAGE)?;
    fs::write(folder.path().join("exports.js"), include_str!("exports.js"))?;
    let judges = Server::start(ServerConfig {
        folder: folder.path().to_owned(),
        mount: "/".into(),
        port: 0,
        isolation: Isolation::Absent,
    })?;
    let presets = if bench.is_quick { &PRESETS[..1] } else { &PRESETS[..] };
    let (mut sizes, mut speeds) = (Table::new(&SIZE_HEADER), Table::new(&SPEED_HEADER));
    bench
        .in_page(Engine::Cpu, async |_, page| {
            let (images, labels): (String, String) =
                page.run(LOAD, json!({ "n_train": N_TRAIN, "n_test": N_TEST })).await?;
            let mut all = Vec::new();
            for &id in presets {
                all.push(Preset::trained(page, id).await?);
            }
            page.session().goto(judges.url()).await?;
            // What the driver waits for in Kindling's own page.
            page.session().execute("window.kindling = true", vec![]).await?;
            let script = format!("{BYTES} await prepare(bytes(args.images), bytes(args.labels));");
            page.run::<Value>(&script, json!({ "images": images, "labels": labels })).await?;
            for preset in &all {
                sizes.row(preset.sizes()?);
                speeds.row(preset.judged(page).await?);
            }
            Ok(())
        })
        .await?;
    Ok(format!(
        "Presets on MNIST, trained for {MAX_STEPS} steps of {BATCH_SIZE} of {N_TRAIN} images, all with Adam at 0.001. Files: \
         kilobytes as they are and, in brackets, in brotli.\n\n{sizes}\n\n\
         Milliseconds per image, one thread each, in the same browser: the CPU engine and Kindling's integers in batches of 32, \
         onnxruntime-web (wasm) in batches of 100, TensorFlow.js (wasm) in batches of 10, whose images are of 224 x 224 pixels, as that format demands. \
         Accuracies on {N_TEST} test images; what the integers lose, in points, on 300 of them.\n\n{speeds}"
    ))
}

const BYTES: &str = "const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));";

const SIZE_HEADER: [&str; 9] = [
    "preset",
    "ONNX",
    "ONNX int8",
    "TFLite",
    "TFLite int8",
    "TensorFlow.js",
    "safetensors",
    "web page",
    "web component",
];

const SPEED_HEADER: [&str; 11] = [
    "preset",
    "CPU engine",
    "Kindling int8",
    "onnxruntime-web",
    "the same, int8",
    "TensorFlow.js",
    "accuracy: CPU engine",
    "onnxruntime-web",
    "the same, int8",
    "TensorFlow.js",
    "Kindling int8 loses",
];

impl Preset {
    async fn trained(page: &Page, id: &'static str) -> Result<Self> {
        let options = json!({ "preset": id, "max_steps": MAX_STEPS, "batch_size": BATCH_SIZE });
        let own: Own = page.run(TRAIN, options).await?;
        let mut files = Vec::new();
        for format in FORMATS {
            let exported = page.call::<String>(EXPORT, json!({ "format": format })).await?;
            files.push(match exported {
                Ok(text) => Some(STANDARD.decode(text)?),
                Err(rejection) if rejection.name == "CannotExport" => None,
                Err(rejection) => return Err(format!("{id} as {format}: {}", rejection.message).into()),
            });
        }
        println!(
            "   {id}: {} ms, {:.2}%, in int8 {} ms",
            figure(own.engine.ms),
            100.0 * own.engine.accuracy,
            figure(own.int8.ms)
        );
        Ok(Self { id, own, files })
    }

    fn sizes(&self) -> Result<Vec<String>> {
        let mut cells = vec![format!("`{}`", self.id)];
        for file in &self.files {
            cells.push(match file {
                None => "–".to_owned(),
                Some(bytes) => {
                    let kilobytes = |n_bytes: usize| figure(n_bytes as f64 / 1e3);
                    format!("{} ({})", kilobytes(bytes.len()), kilobytes(compressed_bytes(bytes)?))
                }
            });
        }
        Ok(cells)
    }

    /// Milliseconds and accuracies.
    async fn judged(&self, page: &Page) -> Result<Vec<String>> {
        let mut all = vec![Some(self.own.engine)];
        for (format, judge) in [("onnx", "onnx"), ("onnx-int8", "onnx"), ("tfjs", "tfjs")] {
            let place = FORMATS.iter().position(|it| *it == format);
            let file = place.and_then(|place| self.files.get(place)).and_then(Option::as_ref);
            all.push(match file {
                None => None,
                Some(bytes) => {
                    let script = format!("{BYTES} return await {judge}(bytes(args));");
                    Some(page.run::<Timed>(&script, json!(STANDARD.encode(bytes))).await?)
                }
            });
        }
        let cells = |text: fn(&Timed) -> String| {
            all.iter().map(move |timed| timed.as_ref().map_or_else(|| "–".to_owned(), text)).collect::<Vec<_>>()
        };
        let accuracies = cells(|timed| format!("{:.1}%", 100.0 * timed.accuracy));
        let mut times = cells(|timed| figure(timed.ms));
        times.insert(1, figure(self.own.int8.ms));
        println!("   {}: {}; {}", self.id, times.join(", "), accuracies.join(", "));
        let lost = format!("{:.1}", 100.0 * self.own.lost);
        Ok([vec![format!("`{}`", self.id)], times, accuracies, vec![lost]].concat())
    }
}
