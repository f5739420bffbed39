//! Tests the program from a shell's view: a small dataset, a run, its files, its exit codes.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use kindling_core::random::Random;
use kindling_core::runs::incoming::{Incoming, parse_file};
use kindling_core::runs::record::{KeptRun, RunEnding};
use serde_json::Value;

const N_IMAGES: u32 = 600;
const SIDE: u32 = 12;

/// A dataset of two IDX files: a bright band at the top, in the middle, or at the bottom. Another seed makes other images.
fn dataset(folder: &Path, seed: u64) {
    let mut random = Random::new(seed);
    let labels: Vec<u8> = (0..N_IMAGES).map(|index| (index % 3) as u8).collect();
    let mut pixels = Vec::new();
    for label in &labels {
        for row in 0..SIDE {
            let brightness = if row / 4 == u32::from(*label) { 90 } else { 0 };
            pixels.extend((0..SIDE).map(|_| random.below(150) as u8 + brightness));
        }
    }
    let idx = |magic: u32, sizes: &[u32], bytes: &[u8]| {
        let header = [&[magic], sizes].concat();
        [header.iter().flat_map(|number| number.to_be_bytes()).collect(), bytes.to_vec()].concat()
    };
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("train-images-idx3-ubyte"), idx(0x803, &[N_IMAGES, SIDE, SIDE], &pixels)).unwrap();
    fs::write(folder.join("train-labels-idx1-ubyte"), idx(0x801, &[N_IMAGES], &labels)).unwrap();
    fs::write(folder.join("classes.txt"), "above\nmiddle\nbelow\n").unwrap();
}

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        dataset(&folder.path().join("bands"), 7);
        dataset(&folder.path().join("others"), 8);
        Self { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs `kindling` in the folder.
    fn kindling(&self, arguments: &[&str]) -> Output {
        let mut program = Command::new(env!("CARGO_BIN_EXE_kindling"));
        program.args(arguments).current_dir(self.folder.path()).output().unwrap()
    }

    fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.kindling(arguments);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{arguments:?}: {text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }

    /// Runs `kindling`, which must fail with this code; returns its standard error.
    fn fail(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.kindling(arguments);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        text
    }

    /// Trains a small network; returns the events.
    fn train(&self, arguments: &[&str]) -> Vec<Value> {
        let text = self.succeed(&[&["train"][..], arguments, &["--data", "bands", "--json"][..]].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn weights(&self, out: &str) -> (KeptRun, Vec<u8>) {
        match parse_file(&fs::read(self.path(out).join("weights.safetensors")).unwrap()) {
            Ok(Incoming::Trained(run, weights)) => (*run, weights.to_vec()),
            other => panic!("{other:?}"),
        }
    }
}

fn losses(events: &[Value]) -> Vec<f64> {
    let of_progress = events.iter().filter(|event| event["kind"] == "progress");
    of_progress
        .flat_map(|event| event["losses"].as_array().unwrap().iter().map(|loss| loss.as_f64().unwrap()))
        .collect()
}

/// The tensors alone: everything after the header.
fn tensors(file: &[u8]) -> &[u8] {
    let length = u64::from_le_bytes(*file.first_chunk().unwrap());
    &file[8 + length as usize..]
}

const BRIEF: [&str; 8] = ["mlp", "--set", "batchSize=16", "--set", "maxSteps=30", "--set", "epochs=2", "--threads=1"];

#[test]
fn a_run_is_trained_kept_evaluated_and_used() {
    let place = Place::new();
    let events = place.train(&[&BRIEF[..], &["--out", "run"][..]].concat());
    assert_eq!(losses(&events).len(), 30);
    let kinds: Vec<_> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds[0], kinds[kinds.len() - 1]), ("dataset", "finished"));

    // Both files hold the same run; the curves have a third.
    let (run, _) = place.weights("run");
    let listed = parse_file(&fs::read(place.path("run/run.json")).unwrap());
    assert_eq!(listed, Ok(Incoming::Runs(vec![run.clone()])));
    assert_eq!((run.record.steps, run.record.ending), (30, RunEnding::StepLimit));
    assert_eq!(run.record.input.unwrap().classes, ["above", "middle", "below"]);
    assert_eq!(fs::read_to_string(place.path("run/curves.csv")).unwrap().lines().count(), 31);
    assert!(!place.path("run/checkpoint.safetensors").exists());

    let evaluation: Value =
        serde_json::from_str(&place.succeed(&["evaluate", "run", "--data", "bands", "--json"])).unwrap();
    assert!(evaluation["accuracy"].as_f64().unwrap() > 0.9, "{evaluation}");
    assert_eq!(evaluation["images"], 60);
    let text = place.succeed(&["evaluate", "run", "--data", "bands", "--split", "validation"]);
    assert!(text.contains("validation set, 54 images"), "{text}");

    // A picture with its band at the bottom.
    let picture = image::GrayImage::from_fn(SIDE, SIDE, |_, y| image::Luma([if y < 8 { 75 } else { 165 }]));
    picture.save(place.path("low, band.png")).unwrap();
    let table = place.succeed(&["predict", "run", "low, band.png", "--csv", "--top", "1"]);
    assert!(table.starts_with("image,rank,class,probability\r\n\"low, band.png\",1,below,0."), "{table}");
    // The weights file alone is enough.
    fs::copy(place.path("run/weights.safetensors"), place.path("alone.safetensors")).unwrap();
    assert!(place.succeed(&["predict", "alone.safetensors", "low, band.png"]).contains("below "));
    // It leaves in every format; each file was run again.
    for format in ["safetensors", "onnx", "tfjs", "tflite", "page", "module"] {
        let out = format!("exports/{format}");
        let text = place.succeed(&["export", "run", "--format", format, "--out", &out]);
        assert!(text.starts_with(&format!("{out}: {format}, ")) && text.contains("for 8 images differ"), "{text}");
        assert!(fs::metadata(place.path(&out)).unwrap().len() > 20_000);
    }
    for format in ["onnx-int8", "tflite-int8"] {
        let out = format!("exports/{format}");
        let text = place.succeed(&["export", "run", "--format", format, "--out", &out, "--data", "bands"]);
        assert!(text.starts_with(&format!("{out}: {format}, ")) && text.contains("on 60 test images"), "{text}");
        assert!(!text.contains("in floats stay"), "{text}");
    }
    assert!(place.fail(2, &["export", "run", "--format", "onnx-int8", "--out", "x"]).contains("--data"));
    // Another dataset is refused, also one with the same classes.
    for arguments in [
        &["export", "run", "--format", "onnx-int8", "--out", "x"][..],
        &["evaluate", "run"],
        &["prune", "run", "--curve"],
        &["prune", "run", "--out", "x"],
    ] {
        let output = place.kindling(&[arguments, &["--data", "others"]].concat());
        let [text, sentence] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        let is_refused =
            sentence.contains("others (files-") && sentence.contains("Pass the dataset that the run was made for");
        assert!(output.status.code() == Some(1) && is_refused, "{arguments:?}: {sentence}");
        assert!(!text.contains("parameters") && !place.path("x").exists(), "{arguments:?}: {text}");
    }
    // So is a file that was damaged, wherever it was.
    let mut damaged = fs::read(place.path("run/weights.safetensors")).unwrap();
    for byte in [damaged.len() / 2, damaged.len() - 1] {
        damaged[byte] ^= 1;
        fs::write(place.path("damaged.safetensors"), &damaged).unwrap();
        let sentence = place.fail(1, &["predict", "damaged.safetensors", "low, band.png"]);
        assert!(sentence.contains("it is damaged, as its checksum shows): export or train it again."), "{sentence}");
    }
    // A file is replaced only on request.
    let again = ["export", "run", "--format", "onnx", "--out", "exports/onnx"];
    assert!(
        place.fail(1, &again).contains("exports/onnx exists: choose another --out, or replace it with --overwrite")
    );
    place.succeed(&[&again[..], &["--overwrite"][..]].concat());
    assert!(place.fail(1, &["export", "run", "--format", "onnx", "--out", "exports"]).contains("is a folder"));
    // What Kindling has written comes back, and says itself how its images are scaled.
    let import = ["import", "exports/onnx", "--out", "imported"];
    let sentence = place.fail(2, &[&import[..], &["--mean", "0.3"][..]].concat());
    assert!(sentence.contains("--mean") && !place.path("imported").exists(), "{sentence}");
    place.succeed(&import);
    for (file, part) in [
        ("low, band.png", "`kindling predict`"),
        ("exports/tflite", "import the network as ONNX"),
        ("alone.safetensors", "a run already"),
        ("bands/classes.txt", "give an ONNX file"),
    ] {
        let sentence = place.fail(1, &["import", file, "--out", "x"]);
        assert!(sentence.contains(part) && !place.path("x").exists(), "{file}: {sentence}");
    }
    // It goes on without half of its channels.
    let curve = place.succeed(&["prune", "run", "--curve", "--data", "bands"]);
    assert_eq!(curve.lines().count(), 11, "{curve}");
    assert!(curve.contains("accuracy on 54 of 54 validation images"), "{curve}");
    place.succeed(&[
        "prune",
        "run",
        "--keep",
        "0.5",
        "--data",
        "bands",
        "--out",
        "half",
        "--epochs",
        "1",
        "--threads=1",
    ]);
    let (half, _) = place.weights("half");
    assert!(half.record.parameters.unwrap() * 2 < run.record.parameters.unwrap());
    // The same settings, read from that file, give the same losses.
    let again = place.train(&["alone.safetensors", "--threads=1", "--out", "again"]);
    assert_eq!(losses(&again), losses(&events));
}

/// A square of a color on a light ground.
fn square(color: [u8; 3], place: u32) -> image::RgbImage {
    image::RgbImage::from_fn(40, 30, |x, y| {
        let is_inside = (place..place + 14).contains(&x) && (8..22).contains(&y);
        image::Rgb(if is_inside { color } else { [235, 230, 225] })
    })
}

#[test]
fn a_folder_of_photos_is_trained_on_and_photos_are_told_apart() {
    let place = Place::new();
    for (class, color) in [("red", [200, 40, 40]), ("blue", [40, 40, 200])] {
        fs::create_dir_all(place.path("squares").join(class)).unwrap();
        for number in 0..25 {
            square(color, number).save(place.path("squares").join(class).join(format!("{number}.png"))).unwrap();
        }
    }
    fs::write(place.path("squares/red/broken.jpg"), "no image").unwrap();
    fs::copy(place.path("squares/red/3.png"), place.path("squares/red/copy.png")).unwrap();
    let text = place.succeed(&["presets", "--data", "squares"]);
    assert!(text.contains("batch-norm"), "{text}");
    let changes = ["--threads=1", "--set", "epochs=40", "--image-size", "24"];
    let text = place.succeed(&[&["train", "mlp", "--data", "squares", "--out", "run"], &changes[..]].concat());
    assert!(text.contains("1 of 52 files were left out") && text.contains("squares/red/broken.jpg: damaged"), "{text}");
    let copy = "squares/red/copy.png: a copy of squares/red/3.png";
    assert!(text.contains("1 image: each has the same content as another") && text.contains(copy), "{text}");
    let (run, _) = place.weights("run");
    assert_eq!(run.record.dataset_name, "squares");
    let input = run.record.input.unwrap();
    assert_eq!((input.classes, input.shape.height), (vec!["blue".to_owned(), "red".to_owned()], 24));
    square([210, 50, 45], 7).save(place.path("new.bmp")).unwrap();
    let text = place.succeed(&["predict", "run", "new.bmp", "--top", "1"]);
    assert!(text.contains("new.bmp: red"), "{text}");
    image::RgbImage::from_pixel(40, 30, image::Rgb([90; 3])).save(place.path("gray.png")).unwrap();
    let sentence = place.fail(1, &["predict", "run", "new.bmp", "gray.png"]);
    assert!(sentence.contains("gray.png cannot be classified (it is blank"), "{sentence}");

    // Images are read as they were for the run, unless the options contradict it.
    let output = place.kindling(&["evaluate", "run", "--data", "squares"]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success() && text.contains(copy), "{text}");
    let sentence = place.fail(2, &["evaluate", "run", "--data", "squares", "--image-size", "32"]);
    assert!(sentence.contains("--image-size contradicts run") && sentence.contains("24 x 24"), "{sentence}");
    let again = ["--data", "squares", "--threads=1", "--set", "epochs=1", "--out"];
    place.succeed(&[&["train", "run"][..], &again, &["again"][..]].concat());
    place.succeed(&[&["train", "mlp", "--teacher", "run"][..], &again, &["taught"][..]].concat());
    for out in ["again", "taught"] {
        assert_eq!(place.weights(out).0.record.input.unwrap().shape.height, 24, "{out}");
    }

    fs::rename(place.path("squares"), place.path(".squares")).unwrap();
    let text = place.succeed(&["presets", "--data", ".squares"]);
    assert!(text.contains("batch-norm"), "{text}");
}

#[test]
fn a_run_that_was_interrupted_resumes_bit_for_bit() {
    let place = Place::new();
    let steps = 4_000;
    let config = ["mlp", "--set", "batchSize=8", "--set", "epochs=1000", "--set", &format!("maxSteps={steps}")];
    let whole = [&["train"][..], &config[..], &["--threads=1", "--data", "bands"][..]].concat();
    place.succeed(&[&whole[..], &["--out", "whole"][..]].concat());

    let mut program = Command::new(env!("CARGO_BIN_EXE_kindling"));
    program.args(&whole).args(["--out", "parts", "--json"]).current_dir(place.folder.path());
    let mut child = program.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains(r#""kind":"progress""#)));
    // Ctrl-C would be ignored where whoever runs the tests has it ignored, as a shell does for what it starts in the background.
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert!(lines.any(|line| line.contains(r#""kind":"interrupted""#)));
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(place.path("parts/checkpoint.safetensors").exists());

    let sentence = place.fail(1, &["train", "mlp", "--data", "bands", "--out", "parts"]);
    assert!(sentence.contains("--resume"), "{sentence}");
    let resume = |config: &str, out: &str| {
        place.kindling(&["train", config, "--data", "bands", "--out", out, "--resume", "--threads=1"])
    };
    // What cannot be resumed from says so, before the dataset is read.
    let checkpoint = fs::read(place.path("parts/checkpoint.safetensors")).unwrap();
    fs::create_dir(place.path("damaged")).unwrap();
    let mut flipped = checkpoint.clone();
    flipped[checkpoint.len() - 1] ^= 1;
    for (bytes, part) in [(&checkpoint[..checkpoint.len() - 9], "it is cut off"), (&flipped, "it is damaged")] {
        fs::write(place.path("damaged/checkpoint.safetensors"), bytes).unwrap();
        let sentence = place.fail(1, &["train", "--data", "nowhere", "--out", "damaged", "--resume"]);
        assert!(sentence.contains(part) && sentence.contains("another --out"), "{sentence}");
    }
    let output = place.kindling(&["train", "--data", "others", "--out", "parts", "--resume"]);
    let [text, sentence] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(
        output.status.code() == Some(1) && sentence.contains("Pass the dataset that the run was made for"),
        "{sentence}"
    );
    assert!(!text.contains("resuming"), "{text}");
    let output = resume("batch-norm", "parts");
    let sentence = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && sentence.contains("of another network"), "{sentence}");

    let output = resume("mlp", "parts");
    let [text, notes] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    assert!(output.status.success() && text.contains("resuming after step"), "{text}{notes}");
    assert!(notes.contains("differs from mlp in batchSize, epochs, maxSteps"), "{notes}");
    let ((whole, whole_file), (parts, parts_file)) = (place.weights("whole"), place.weights("parts"));
    assert_eq!(tensors(&parts_file), tensors(&whole_file));
    assert_eq!(parts.record.steps, steps);
    assert_eq!(parts.curves, whole.curves);
    let [parts, whole] = ["parts", "whole"].map(|out| fs::read(place.path(out).join("curves.csv")).unwrap());
    assert_eq!(parts, whole);
}

#[test]
fn output_that_nobody_reads_ends_the_program_without_a_word() {
    let place = Place::new();
    let start = |arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_kindling"));
        program.args(arguments).current_dir(place.folder.path()).stdout(Stdio::piped()).stderr(Stdio::piped());
        program.spawn().unwrap()
    };
    let mut child = start(&["presets", "--data", "bands"]);
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(141), Vec::new()));

    // A run keeps a checkpoint before it ends.
    let endless = ["train", "mlp", "--data", "bands", "--out", "run", "--json", "--threads=1", "--set", "epochs=10000"];
    let mut child = start(&endless);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains(r#""kind":"progress""#)));
    drop(lines);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr), (Some(141), Vec::new()));
    assert!(place.path("run/checkpoint.safetensors").exists());
}

/// Linux has a file that is always full.
#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let place = Place::new();
    let full = |arguments: &[&str]| {
        let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_kindling"));
        program.args(arguments).current_dir(place.folder.path()).stdout(full).output().unwrap()
    };
    place.train(&[&BRIEF[..], &["--out", "run"][..]].concat());
    let image = image::GrayImage::from_fn(SIDE, SIDE, |_, y| image::Luma([if y < 8 { 75 } else { 165 }]));
    image.save(place.path("band.png")).unwrap();
    for arguments in [
        &["--help"][..],
        &["presets", "--data", "bands"],
        &["presets", "--data", "bands", "--json"],
        &["evaluate", "run", "--data", "bands"],
        &["predict", "run", "band.png", "--csv"],
        &["export", "run", "--format", "onnx", "--out", "x.onnx"],
        &["prune", "run", "--curve", "--data", "bands"],
        &["train", "mlp", "--data", "bands", "--out", "x"],
        &["train", "mlp", "--data", "bands", "--out", "x", "--json"],
    ] {
        let output = full(arguments);
        let sentence = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {sentence}");
        assert!(sentence.contains("Standard output cannot be written"), "{arguments:?}: {sentence}");
    }
    assert!(!place.path("x").exists());
}

#[test]
fn a_folder_takes_one_run_at_a_time_also_after_a_crash() {
    let place = Place::new();
    let endless = ["train", "mlp", "--data", "bands", "--out", "run", "--json", "--threads=1", "--set", "epochs=10000"];
    let mut program = Command::new(env!("CARGO_BIN_EXE_kindling"));
    let mut child = program.args(endless).current_dir(place.folder.path()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains(r#""kind":"progress""#)));
    let other = ["train", "mlp", "--data", "bands", "--out", "run"];
    for arguments in [&other[..], &[&other[..], &["--resume"][..]].concat()[..]] {
        let sentence = place.fail(1, arguments);
        assert!(sentence.contains("Another kindling writes to run"), "{sentence}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // A slow machine may have taken long enough for a checkpoint.
    fs::remove_file(place.path("run/checkpoint.safetensors")).ok();
    place.train(&[&BRIEF[..], &["--out", "run"][..]].concat());
}

#[test]
fn a_run_without_a_validation_split_keeps_its_epochs() {
    let place = Place::new();
    let changes = ["--set", "split.validationFraction=0", "--set", "batchSize=100", "--set", "epochs=2"];
    let events = place.train(&[&["mlp", "--threads=1", "--out", "run"][..], &changes[..]].concat());
    let epochs: Vec<_> = events.iter().filter(|event| event["kind"] == "epoch").collect();
    assert!(epochs.len() == 2 && epochs.iter().all(|epoch| epoch["validationLoss"].is_null()), "{epochs:?}");
    let (run, _) = place.weights("run");
    assert_eq!(run.record.epochs.iter().map(|epoch| epoch.validation_accuracy).collect::<Vec<_>>(), [None; 2]);
    assert_eq!(run.record.best, run.record.epochs.last().copied());
}

#[test]
fn files_of_a_dataset_that_cannot_be_read_are_no_download() {
    let place = Place::new();
    let description = concat!(env!("CARGO_MANIFEST_DIR"), "/../../static/datasets/mnist/dataset.json");
    fs::create_dir(place.path("mnist")).unwrap();
    fs::copy(description, place.path("mnist/dataset.json")).unwrap();
    let file = "train-images-idx3-ubyte.gz";
    let fail = || place.fail(1, &["presets", "--data", "mnist"]);
    let sentence = fail();
    assert!(sentence.contains(&format!("{file}: cannot be read (")), "{sentence}");
    fs::write(place.path("mnist").join(file), [0; 10]).unwrap();
    let sentence = fail();
    assert!(sentence.contains(&format!("{file}: only 10 of ")), "{sentence}");
}

#[test]
fn failures_say_what_to_do_and_end_with_their_code() {
    let place = Place::new();
    let check = |code: i32, arguments: &[&str], part: &str| {
        let sentence = place.fail(code, arguments);
        assert!(sentence.contains(part), "{arguments:?}: {sentence}");
    };
    check(2, &[], "Usage");
    check(2, &["train", "mlp"], "--data");
    check(2, &["train", "mlp", "--data", "bands", "--out", "x", "--device", "tpu"], "cuda");
    check(2, &["train", "mlpp", "--data", "nowhere", "--out", "x"], "one of the presets one-minute, ");
    check(1, &["train", "resnet9", "--data", "bands", "--out", "x"], "does not suit bands");
    check(1, &["train", "mlp", "--data", "nowhere", "--out", "x"], "check --data");
    check(1, &["train", "mlp", "--data", "bands/classes.txt", "--out", "x"], "--data takes IDX files");
    // Options are checked before the dataset is read.
    check(2, &["train", "mlp", "--data", "nowhere", "--out", "x", "--set", "epoch=1"], "epochs");
    check(
        2,
        &["train", "mlp", "--data", "nowhere", "--out", "x", "--set", "split.sed=1"],
        "split has no such field. Its fields are ",
    );
    check(2, &["train", "mlp", "--data", "nowhere", "--out", "x", "--set", "learningRate=-1"], "--set");
    check(2, &["train", "mlp", "--data", "nowhere", "--out", "x", "--set", "epochs=abc"], "a whole number, 1 to 10000");
    check(2, &["train", "mlp", "--data", "bands", "--out", "x", "--image-size", "4096"], "8..=256");
    check(1, &["train", "--data", "bands", "--out", "x", "--resume"], "give a CONFIG");
    check(2, &["train", "mlp", "--data", "bands", "--out", "x", "--set", "learningRate=1e30"], "above 0 to 1e9");
    check(1, &["train", "mlp", "--data", "bands", "--out", "bands/classes.txt"], "is a file and no folder");
    check(2, &["prune", "bands", "--data", "bands", "--out", "x", "--epochs", "0"], "--epochs");
    // Options without effect are refused.
    let weights = ["prune", "nowhere", "--data", "nowhere", "--out", "x", "--of", "weights", "--criterion", "norm"];
    check(2, &weights, "--criterion is for channels");
    for option in [["--keep", "0.5"], ["--epochs", "3"], ["--set", "epochs=3"]] {
        check(2, &[&["prune", "nowhere", "--data", "nowhere", "--curve"][..], &option].concat(), "--curve");
    }
    for option in [["--calibration", "mse"], ["--evaluate", "9"], ["--image-size", "28"]] {
        check(
            2,
            &[&["export", "nowhere", "--format", "onnx", "--out", "x"][..], &option].concat(),
            "onnx is in floats",
        );
    }
    check(2, &["import", "nowhere", "--out", "x", "--image-size", "28"], "--data");
    check(2, &["predict", "bands", "a.png", "--top", "0"], "--top");
    check(1, &["evaluate", "bands", "--data", "bands"], "kindling train");
    check(1, &["predict", "bands/classes.txt", "a.png"], "cannot be used");
    check(2, &["export", "bands", "--format", "keras", "--out", "x"], "safetensors");
    check(1, &["export", "bands", "--format", "onnx", "--out", "x"], "kindling train");
    check(1, &["export", "bands", "--format", "onnx", "--out", ".."], "is a folder");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("gone", place.path("link")).unwrap();
        for arguments in [
            &["train", "mlp", "--data", "bands", "--out", "link"][..],
            &["train", "mlp", "--data", "bands", "--out", "link/run"],
            &["import", "x.onnx", "--out", "link"],
            &["export", "bands", "--format", "onnx", "--out", "link"],
            &["export", "bands", "--format", "onnx", "--out", "link/x.onnx"],
        ] {
            check(1, arguments, "link is a link that leads nowhere: choose another --out.");
        }
    }
    #[cfg(not(feature = "cuda"))]
    check(1, &["train", "mlp", "--data", "bands", "--out", "y", "--device", "cuda"], "--features cuda");
    #[cfg(not(target_os = "macos"))]
    check(1, &["train", "mlp", "--data", "bands", "--out", "y", "--device", "metal"], "use --device wgpu");
    // A start that failed leaves nothing behind.
    assert!(!place.path("x").exists() && !place.path("y").exists());
    let help = place.succeed(&["train", "--help"]);
    assert!(help.contains("Exit codes") && help.contains("130"), "{help}");
    assert!(place.succeed(&["presets", "--data", "bands"]).contains("mlp"));
}
