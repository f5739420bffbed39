//! Trains a preset natively on the CPU engine's device: `cargo run --release --example reference -- FOLDER [--preset ID] [--seeds N]
//! [--first-seed N] [--epochs N] [--batch N] [--steps N] [--set JSON] [--progress]`.
//!
//! FOLDER holds a dataset's files as they are served or dropped: MNIST's four, or CIFAR-10's binary batches. The preset "lenet" is run as
//! the PyTorch tutorial has it: on all train images, with the test set held out; compare tests/oracle/reference_lenet.py. The other presets keep
//! a validation split, and the best network meets the test set at the end. `--set` takes any fields of the config, as they are in JSON:
//! `--set '{"learningRate": 0.01, "schedule": {"cosine": {"warmUpSteps": 100, "leastRate": 0}}}'`. `--steps` ends earlier, to time a step;
//! `--progress` prints the run's clock now and then, which `cargo xtask bench` reads.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

use std::cell::Cell;
use std::path::Path;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use burn::tensor::Device;
use kindling_core::config::RunConfig;
use kindling_core::dataset::{Dataset, ServedDataset, Split, parse_files, summarize};
use kindling_core::network::{Preset, presets};
use kindling_core::protocol::{EpochReport, Failure, Progress, RunUpdate, SplitName};
use kindling_train::device::DeviceDataset;
use kindling_train::evaluation::evaluate;
use kindling_train::training::{Control, Host, Published, train};

fn main() {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| panic!("which folder holds the dataset?"));
    let options: Vec<String> = arguments.collect();
    let option = |name: &str| options.iter().position(|option| option == name).and_then(|place| options.get(place + 1));
    let number = |name: &str| option(name).and_then(|value| value.parse::<u32>().ok());

    let dataset = read_dataset(Path::new(&folder));
    let summary = summarize("files", &dataset, &Split::default());
    let known = presets(&summary);
    let wanted = option("--preset").map_or(known[0].id, String::as_str);
    let Some(Preset { id, config }) = known.iter().find(|preset| preset.id == wanted) else {
        panic!("no preset {wanted}, but {:?}", known.iter().map(|preset| preset.id).collect::<Vec<_>>())
    };
    let first_seed = number("--first-seed").unwrap_or(0);
    for seed in first_seed..first_seed + number("--seeds").unwrap_or(1) {
        let config = RunConfig {
            seed,
            epochs: number("--epochs").unwrap_or(config.epochs),
            batch_size: number("--batch").unwrap_or(config.batch_size),
            max_steps: number("--steps"),
            ..changed(config, option("--set").map_or("{}", String::as_str))
        };
        let shows_progress = options.iter().any(|option| option == "--progress");
        run(*id == "lenet", &dataset, &config, shows_progress);
    }
}

/// A config with the fields of a JSON object in the place of its own.
fn changed(config: &RunConfig, fields: &str) -> RunConfig {
    let mut whole = serde_json::to_value(config).unwrap();
    let Ok(serde_json::Value::Object(fields)) = serde_json::from_str(fields) else { panic!("--set takes an object") };
    for (name, value) in fields {
        whole[name] = value;
    }
    serde_json::from_value(whole).unwrap_or_else(|error| panic!("--set: {error}"))
}

fn run(is_tutorial: bool, dataset: &Dataset, config: &RunConfig, shows_progress: bool) {
    let split = if is_tutorial { tutorial_split(dataset) } else { Split::new(dataset, &config.split).unwrap() };
    let data = DeviceDataset::new(dataset, split, &Device::flex(), u64::MAX).unwrap();
    let started = Instant::now();
    let host = Terminal { started, seed: config.seed, last_epoch_ms: Cell::new(0.0), shows_progress };
    let published = Published::default();
    let report = block_on(train(&host, &Control::default(), &data, config, &published)).unwrap();
    println!(
        "seed {}: {} steps, {:.2} ms each",
        config.seed,
        report.steps,
        report.elapsed_ms / f64::from(report.steps)
    );
    if !is_tutorial && let Some(network) = published.get() {
        let test = block_on(evaluate(&network, &data, SplitName::Test, &host, |_| {})).unwrap();
        println!("seed {}: test loss {:.4}, accuracy {:.2}%", config.seed, test.loss, 100.0 * test.accuracy);
    }
}

/// All train images to train on, the test set held out.
fn tutorial_split(dataset: &Dataset) -> Split {
    let n_train = (dataset.len() - dataset.n_standard_test) as u32;
    Split { train: (0..n_train).collect(), validation: (n_train..dataset.len() as u32).collect(), test: Vec::new() }
}

/// With the names of the classes, where a `dataset.json` lies beside the files: recipes go by them.
fn read_dataset(folder: &Path) -> Dataset {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.contains("ubyte") || name.contains("batch") {
            files.push((name, std::fs::read(path).unwrap()));
        }
    }
    let id = folder.file_name().unwrap_or_default().to_string_lossy();
    match std::fs::read(folder.join("dataset.json")) {
        Ok(description) => ServedDataset::parse(&id, &description).unwrap().parse_files(files).unwrap(),
        Err(_) => parse_files("dataset", files).unwrap(),
    }
}

/// Prints a line per epoch, and on request one per report and after each validation: `step 120: 1834.21 ms`.
struct Terminal {
    started: Instant,
    seed: u32,
    last_epoch_ms: Cell<f64>,
    shows_progress: bool,
}

impl Host for Terminal {
    fn emit(&self, update: RunUpdate) {
        if let RunUpdate::Progress(Progress { step, elapsed_ms, .. })
        | RunUpdate::Epoch(EpochReport { step, elapsed_ms, .. }) = &update
            && self.shows_progress
        {
            println!("step {step}: {elapsed_ms:.2} ms");
        }
        if let RunUpdate::Epoch(report) = update {
            let seconds = (report.elapsed_ms - self.last_epoch_ms.replace(report.elapsed_ms)) / 1_000.0;
            println!(
                "seed {} epoch {}: train loss {:.4}, held-out loss {:.4}, accuracy {:.2}%, {seconds:.1} s",
                self.seed,
                report.epoch + 1,
                report.train_loss,
                report.validation_loss,
                100.0 * report.validation_accuracy
            );
        }
    }

    fn warn(&self, failure: Failure) {
        eprintln!("{failure}");
    }

    async fn breathe(&self) {}

    fn now_ms(&self) -> f64 {
        self.started.elapsed().as_secs_f64() * 1_000.0
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return output;
        }
    }
}
