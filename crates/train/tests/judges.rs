//! Exports as other tools run them: onnxruntime, onnxruntime-web, LiteRT and TensorFlow.js compute the probabilities of each preset, and of networks with
//! every kind of layer, from the exported files. `cargo xtask test` installs these judges and names them in `KINDLING_JUDGES_PYTHON` and
//! `KINDLING_JUDGES_NODE`; without them the tests fail.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, write files and call programs"
)]

mod support;

#[path = "judges/networks.rs"]
mod networks;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use kindling_core::dataset::DrawingStyle;
use kindling_core::dataset::drawing_style::{Anchor, FigureStyle};
use kindling_core::dataset::prepare::prepare;
use kindling_core::protocol::{ImageShape, InputKind};
use kindling_exchange::check::TOLERANCE;
use kindling_exchange::quantize::{Options, quantize};
use kindling_exchange::{Check, Evaluation, Export, Format, Int8Format, TrainedNetwork, export, export_int8, read};
use networks::Case;
use support::trained::trained;

/// Images that a judge gets.
const N_IMAGES: usize = 32;
/// Images for TensorFlow.js, which wants larger ones.
const N_LARGE: usize = 8;
/// Images for the engine in plain JavaScript, which runs slowly.
const N_SLOW: usize = 2;
/// Images for networks in integers, which are calibrated with them, too: that takes a while.
const N_INT8: usize = 8;
/// Images in the exported file, on which Kindling's own reader runs it.
const N_CARRIED: usize = 2;

/// Each network with the probabilities that burn computes.
static CASES: LazyLock<Vec<(Case, TrainedNetwork, Check)>> = LazyLock::new(|| {
    let cases = networks::all().into_iter().map(|case| {
        let (network, check) = trained(&case.network, case.input, case.n_classes, N_IMAGES);
        (case, network, check)
    });
    cases.collect()
});

#[test]
fn onnxruntime_gives_kindlings_probabilities() {
    judge(Format::Onnx, Program::Python, N_IMAGES);
}

#[test]
fn onnxruntime_web_gives_kindlings_probabilities() {
    judge(Format::Onnx, Program::Node, N_IMAGES);
}

#[test]
fn tensorflow_js_gives_kindlings_probabilities() {
    judge(Format::Tfjs, Program::Node, N_LARGE);
}

#[test]
fn litert_gives_kindlings_probabilities() {
    judge(Format::Tflite, Program::Python, N_IMAGES);
}

#[test]
fn the_page_of_one_file_gives_kindlings_probabilities() {
    judge(Format::Page, Program::Node, N_SLOW);
}

#[test]
fn the_module_gives_kindlings_probabilities() {
    judge(Format::Module, Program::Node, N_SLOW);
}

#[test]
fn onnxruntime_computes_with_kindlings_integers() {
    judge_int8(Int8Format::Onnx, Program::Python);
}

#[test]
fn onnxruntime_web_computes_with_kindlings_integers() {
    judge_int8(Int8Format::Onnx, Program::Node);
}

#[test]
fn litert_computes_with_kindlings_integers() {
    judge_int8(Int8Format::Tflite, Program::Python);
}

/// PyTorch is too large to install for a test: what it would run is read by Python, the weights by their format's own library.
#[test]
fn python_reads_the_weights_and_the_code() {
    judge(Format::Safetensors, Program::Python, N_CARRIED);
}

/// Of images of several kinds, in a color network's way and in that of a dataset of figures.
#[test]
fn the_page_prepares_pictures_as_kindling_does() {
    let folder = tempfile::tempdir().unwrap();
    let style = FigureStyle {
        ground: 0.0,
        is_light_on_dark: true,
        longer_side_pixels: 20.0,
        anchor: Anchor::Mass,
        center: [14.0, 14.0],
    };
    let gray = ImageShape { channels: 1, height: 28, width: 28 };
    let color = ImageShape { channels: 3, height: 20, width: 31 };
    let styles = [
        ("mass", DrawingStyle::Figure(style), gray),
        (
            "box",
            DrawingStyle::Figure(FigureStyle { anchor: Anchor::Box, is_light_on_dark: false, ground: 1.0, ..style }),
            gray,
        ),
        ("scene", DrawingStyle::Scene, color),
        ("letterbox", DrawingStyle::Letterbox, color),
    ];
    for (name, style, shape) in styles {
        let pictures = networks::pictures().into_iter().map(|image| {
            let prepared = prepare(&image, shape, &style).unwrap();
            let is_drawing = image.kind == InputKind::Drawing;
            serde_json::json!({
                "width": image.width, "height": image.height, "rgba": image.rgba.to_vec(), "isDrawing": is_drawing,
                "prepared": prepared.pixels,
            })
        });
        let document = serde_json::json!({
            "model": { "input": shape, "style": style }, "pictures": pictures.collect::<Vec<_>>(),
            "code": kindling_exchange::write::page::PREPARE,
        });
        fs::write(folder.path().join(format!("{name}.json")), document.to_string()).unwrap();
    }
    let found = differences(Program::Node.command().arg("prepare").arg(folder.path()));
    assert_eq!(found.len(), styles.len());
    // The page computes in 64 bits, which may round to the next byte.
    assert!(found.values().all(|&difference| difference <= 1.0), "{found:?}");
}

#[derive(Clone, Copy)]
enum Program {
    Python,
    Node,
}

impl Program {
    fn command(&self) -> Command {
        let (variable, script) = match self {
            Self::Python => ("KINDLING_JUDGES_PYTHON", "judge.py"),
            Self::Node => ("KINDLING_JUDGES_NODE", "judge.mjs"),
        };
        let program = std::env::var_os(variable)
            .unwrap_or_else(|| panic!("{variable} names no judge: `cargo xtask test` installs and names them"));
        let mut command = Command::new(program);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join("judges").join(script));
        command
    }
}

/// Exports every network that the format holds into a folder of its own, beside the first images of its check, and has them judged together.
fn judge(format: Format, program: Program, n_images: usize) {
    let folder = tempfile::tempdir().unwrap();
    let mut expected = BTreeMap::new();
    for (case, network, check) in &*CASES {
        match export(network, &first(check, N_CARRIED), format) {
            Ok(Export { bytes, largest_difference }) => {
                let place = folder.path().join(&case.name);
                fs::create_dir(&place).unwrap();
                fs::write(place.join(format!("model.{}", format.extension())), bytes).unwrap();
                fs::write(place.join("check.json"), serde_json::to_vec(&first(check, n_images)).unwrap()).unwrap();
                fs::write(place.join("shape.json"), serde_json::to_vec(&case.input).unwrap()).unwrap();
                if format == Format::Safetensors {
                    write_weights(network, &place);
                }
                expected.insert(&case.name, largest_difference);
            }
            Err(error) => assert!(networks::cannot_hold(format, &case.name), "{} as {format:?}: {error}", case.name),
        }
    }
    let found = differences(program.command().arg(format.id()).arg(folder.path()));
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().copied().collect::<Vec<_>>());
    for (name, difference) in found {
        println!("{name} as {format:?}: {difference:e} by its judge, {:e} by Kindling's reader", expected[&name]);
        assert!(difference <= TOLERANCE, "{name} as {format:?} differs by {difference:e}");
    }
}

/// A judge rounds in places of its own, and an integer that differs by one changes those after it.
const INT8_TOLERANCE: f32 = 0.03;

/// Exports every network in integers of 8 bits; its judge must find the probabilities of Kindling's integer arithmetic.
fn judge_int8(format: Int8Format, program: Program) {
    let folder = tempfile::tempdir().unwrap();
    for (case, network, check) in &*CASES {
        let check = first(check, N_INT8);
        let quantized = quantize(network, &check.images, &Options::default()).unwrap();
        let Check { images, probabilities } = first(&check, N_CARRIED);
        let evaluation = Evaluation { labels: vec![0; images.len()], images, probabilities };
        let export = export_int8(&quantized, &evaluation, format).unwrap();
        let images = check.images;
        let integers = Check { probabilities: read::quantized::run(&quantized, &images).unwrap(), images };
        let place = folder.path().join(&case.name);
        fs::create_dir(&place).unwrap();
        fs::write(place.join(format!("model.{}", format.extension())), export.bytes).unwrap();
        fs::write(place.join("check.json"), serde_json::to_vec(&integers).unwrap()).unwrap();
        fs::write(place.join("shape.json"), serde_json::to_vec(&case.input).unwrap()).unwrap();
    }
    let found = differences(program.command().arg(format.id()).arg(folder.path()));
    println!("{found:?}");
    assert_eq!(found.len(), CASES.len());
    for (name, difference) in found {
        assert!(difference <= INT8_TOLERANCE, "{name} as {format:?} differs by {difference}");
    }
}

fn first(check: &Check, n_images: usize) -> Check {
    let Check { images, probabilities } = check;
    Check { images: images[..n_images].to_vec(), probabilities: probabilities[..n_images].to_vec() }
}

/// The shape of each tensor as JSON, and all values in the order of the names.
fn write_weights(network: &TrainedNetwork, folder: &Path) {
    let shapes: BTreeMap<_, _> = network.weights().iter().map(|(name, tensor)| (name, &tensor.shape)).collect();
    fs::write(folder.join("shapes.json"), serde_json::to_vec(&shapes).unwrap()).unwrap();
    let values: Vec<u8> = network.weights().values().flat_map(|tensor| tensor.bytes()).collect();
    fs::write(folder.join("values.bin"), values).unwrap();
}

/// What a judge prints last: the largest difference of each file.
fn differences(command: &mut Command) -> BTreeMap<String, f32> {
    let output = command.output().unwrap();
    let (text, trouble) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{text}{trouble}");
    let last = text.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {text}{trouble}"))
}
