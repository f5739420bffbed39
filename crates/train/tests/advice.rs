//! Advice on real runs: a wrong learning rate for LeNet on MNIST's images is reported, and a healthy run gets no advice.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a test may panic, read files and wait"
)]

use kindling_core::advice::{Advice, Evidence, advise};
use kindling_core::config::{OptimizerConfig, RunConfig, SplitConfig};
use kindling_core::dataset::{ServedDataset, Split, summarize};
use kindling_core::network::presets;
use kindling_core::protocol::{DatasetSummary, RunUpdate};
use kindling_core::runs::series::Series;
use kindling_train::device::DeviceDataset;
use kindling_train::training::{Control, Published, train};

mod support;
use support::{Recorder, block_on};

#[test]
fn wrong_learning_rates_are_reported_and_a_right_one_is_not() {
    let mnist = Mnist::load();
    let lenet = RunConfig { optimizer: OptimizerConfig::ADAM, batch_size: 32, ..mnist.preset("lenet") };
    let with = |learning_rate| RunConfig { learning_rate, ..lenet.clone() };
    for healthy in [with(0.001), mnist.preset("one-minute")] {
        let all = mnist.advice(&healthy);
        assert!(all.len() > 5 && all.iter().all(Vec::is_empty), "{}: {all:?}", healthy.network.name);
    }
    for rate in [0.3, 1.0] {
        let advice = mnist.advice(&with(rate)).pop().unwrap();
        assert!(matches!(advice[..], [Advice::RateTooHigh { .. }]), "{rate}: {advice:?}");
    }
    let advice = mnist.advice(&with(1e-7)).pop().unwrap();
    assert!(matches!(advice[..], [Advice::RateTooLow { .. }]), "{advice:?}");
}

struct Mnist {
    summary: DatasetSummary,
    data: DeviceDataset,
}

impl Mnist {
    fn load() -> Self {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../static/datasets/mnist");
        let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
        let served = ServedDataset::parse("mnist", &read("dataset.json")).unwrap();
        let files = served.files.iter().map(|file| (file.name.clone(), read(&file.name))).collect();
        let dataset = served.parse_files(files).unwrap();
        let mut split = Split::new(&dataset, &SplitConfig::default()).unwrap();
        // A validation on the whole split would take longer than an epoch of so few steps.
        split.validation.truncate(250);
        let data = DeviceDataset::new(&dataset, split.clone(), &burn::tensor::Device::flex(), u64::MAX).unwrap();
        Self { summary: summarize("mnist", &dataset, &split), data }
    }

    /// A preset's config, limited to its first steps.
    fn preset(&self, id: &str) -> RunConfig {
        let presets = presets(&self.summary);
        let preset = presets.iter().find(|preset| preset.id == id).unwrap();
        RunConfig { epochs: 1, max_steps: Some(160), ..preset.config.clone() }
    }

    /// The advice after each update of the run.
    fn advice(&self, config: &RunConfig) -> Vec<Vec<Advice>> {
        let host = Recorder::new(20.0, |_| {});
        block_on(train(&host, &Control::default(), &self.data, config, &Published::default())).unwrap();
        let class_counts: Vec<u32> = self.summary.class_counts.iter().map(|counts| counts.train).collect();
        let (mut train_loss, mut epochs) = (Series::default(), Vec::new());
        let (mut step, mut n_steps) = (0, 1);
        let advice = |update| {
            match update {
                RunUpdate::Started { total_steps, .. } => n_steps = total_steps,
                RunUpdate::Progress(progress) => {
                    let first_step = progress.step + 1 - progress.losses.len() as u32;
                    (first_step..).zip(progress.losses).for_each(|(at, loss)| train_loss.push(at.into(), loss.into()));
                    step = progress.step;
                }
                RunUpdate::Epoch(report) => epochs.push(report),
                _ => {}
            }
            advise(&Evidence {
                config,
                learning_rate: config.learning_rate,
                train_loss: train_loss.points(),
                epochs: &epochs,
                fraction: f64::from(step) / f64::from(n_steps),
                class_counts: &class_counts,
                layers: &[],
            })
        };
        host.updates.take().into_iter().map(advice).collect()
    }
}
