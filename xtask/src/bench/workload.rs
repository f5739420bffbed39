//! The networks and images that are timed: in the page, and in the native program.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::steady::Point;
use crate::drive::{Page, Result};

/// A network with its recipe.
#[derive(Clone, Copy, Debug)]
pub struct Workload {
    pub name: &'static str,
    pub images: Images,
    /// What it takes from a preset, or where the settings begin.
    preset: &'static str,
    /// What differs from the preset, in the form that `kindling.train` takes.
    settings: fn() -> Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    Mnist,
    /// Random pixels in CIFAR-10's files: its own may not be redistributed, and a step takes as long on any image.
    RandomCifar,
}

/// The network that has a budget.
pub const LENET: Workload = Workload {
    name: "LeNet, 3×32×32, batch 64",
    images: Images::RandomCifar,
    preset: "lenet",
    settings: || json!({ "batchSize": 64 }),
};
/// The recipe of PyTorch's tutorial.
pub const LENET_TUTORIAL: Workload =
    Workload { images: Images::RandomCifar, ..preset("lenet", "LeNet, 3×32×32, batch 4") };
/// MNIST's default, as a visitor trains it.
pub const ONE_MINUTE: Workload = preset("one-minute", "“One minute”, 1×28×28, batch 100");
pub const BATCH_NORM: Workload = preset("batch-norm", "`batch-norm`, 1×28×28, batch 128, augmented");
pub const MNIST_NET: Workload = Workload {
    name: "MNIST net 24-32-128, 1×28×28, batch 240",
    images: Images::Mnist,
    preset: "one-minute",
    settings: || {
        let layers = [vec![conv(24, 5, "valid"), relu(), pool(), conv(32, 3, "valid"), relu(), pool()], head(128)];
        plain(layers.concat(), 240)
    },
};
pub const VGG_SMALL: Workload = Workload {
    name: "VGG-small 32-32-64-64-128-128, 3×32×32, batch 64",
    images: Images::RandomCifar,
    preset: "lenet",
    settings: || {
        let pair = |filters| vec![conv(filters, 3, "same"), relu(), conv(filters, 3, "same"), relu(), pool()];
        plain([pair(32), pair(64), pair(128), head(128)].concat(), 64)
    },
};

/// All that are timed side by side.
pub const ALL: [Workload; 12] = [
    LENET,
    LENET_TUTORIAL,
    MNIST_NET,
    VGG_SMALL,
    ONE_MINUTE,
    BATCH_NORM,
    preset("vgg", "`vgg`, 1×28×28, batch 64, augmented"),
    preset("mobile", "`mobile`, 1×28×28, batch 64"),
    preset("mlp", "`mlp`, 1×28×28"),
    preset("vit", "`vit`, 1×28×28"),
    preset("lstm-rows", "`lstm-rows`, 1×28×28"),
    preset("gru-rows", "`gru-rows`, 1×28×28"),
];

/// A preset on MNIST, unchanged.
const fn preset(preset: &'static str, name: &'static str) -> Workload {
    Workload { name, images: Images::Mnist, preset, settings: || json!({}) }
}

fn conv(filters: u32, kernel: u32, padding: &str) -> Value {
    json!({ "conv": { "filters": filters, "kernel": kernel, "stride": 1, "padding": padding, "bias": true } })
}

fn relu() -> Value {
    json!({ "activation": "relu" })
}

fn pool() -> Value {
    json!({ "maxPool": { "size": 2, "stride": 2 } })
}

/// The layers after the last map.
fn head(units: u32) -> Vec<Value> {
    vec![
        json!("flatten"),
        json!({ "linear": { "units": units, "bias": true } }),
        relu(),
        json!({ "classifier": { "bias": true } }),
    ]
}

/// A network with Adam and nothing else, whatever the preset has.
fn plain(layers: Vec<Value>, batch_size: u32) -> Value {
    json!({
        "network": { "name": "Benchmark", "layers": layers },
        "batchSize": batch_size,
        "optimizer": "adam",
        "learningRate": 0.001,
        "schedule": "constant",
        "weightDecay": 0,
        "augment": { "flip": 0, "shift": 0, "rotationDegrees": 0, "zoom": 0 },
    })
}

/// Numbers of training and test images in the random dataset.
const N_RANDOM: [(&str, usize); 2] = [("data_batch_1.bin", 10_000), ("test_batch.bin", 500)];
const RECORD_BYTES: usize = 3_073;

const ENDLESS: u32 = 10_000;

impl Workload {
    /// The config in the form that `kindling.train` takes, for an endless run.
    pub fn config(&self) -> Value {
        let mut config = json!({ "network": self.preset, "epochs": ENDLESS });
        if let (Some(config), Value::Object(settings)) = (config.as_object_mut(), (self.settings)()) {
            config.extend(settings);
        }
        config
    }

    /// The same as arguments of `kindling train`.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec![self.preset.to_owned(), "--set".into(), format!("epochs={ENDLESS}")];
        for (field, value) in (self.settings)().as_object().into_iter().flatten() {
            arguments.extend(["--set".into(), format!("{field}={value}")]);
        }
        arguments
    }

    /// Loads its images into the page, all of them for training: without validation images, nothing but steps takes time.
    pub async fn load(&self, page: &Page) -> Result<()> {
        match self.images {
            Images::Mnist => {
                page.run("await kindling.loadDataset('mnist', { split: { validationFraction: 0 } })", json!(null)).await
            }
            Images::RandomCifar => {
                let script = "
                    // The same bytes each time, because losses are compared: George Marsaglia's xorshift.
                    let state = 2463534242;
                    const next = () => {
                        state ^= state << 13;
                        state ^= state >>> 17;
                        state ^= state << 5;
                        return state >>> 24;
                    };
                    const files = args.files.map(([name, n_images]) => {
                        const bytes = Uint8Array.from({ length: n_images * args.record_bytes }, next);
                        for (let image = 0; image < n_images; image += 1) bytes[image * args.record_bytes] = image % 10;
                        return new File([bytes], name);
                    });
                    await kindling.loadDataset(files, { split: { validationFraction: 0 } });";
                page.run::<()>(script, json!({ "files": N_RANDOM, "record_bytes": RECORD_BYTES })).await
            }
        }
    }

    /// Trains until the run's clock reaches this time, and returns a point for each report.
    pub async fn train_for(&self, page: &Page, time: Duration) -> Result<Vec<Point>> {
        let script = "
            const points = [];
            await kindling.train(args.config, event => {
                if (event.kind !== 'progress' && event.kind !== 'epoch') return;
                points.push({ step: event.step, elapsed_ms: event.elapsedMs });
                if (event.elapsedMs >= args.time_ms) kindling.stop();
            });
            return points;";
        page.run(script, json!({ "config": self.config(), "time_ms": time.as_millis() as u64 })).await
    }

    /// The losses of the first steps.
    pub async fn losses(&self, page: &Page, n_steps: usize) -> Result<Vec<f64>> {
        let script = "
            const losses = [];
            await kindling.train({ ...args.config, maxSteps: args.n_steps }, event => {
                if (event.kind === 'progress') losses.push(...event.losses);
            });
            return losses;";
        page.run(script, json!({ "config": self.config(), "n_steps": n_steps })).await
    }
}

impl Images {
    /// `[channels, height, width]`
    pub fn shape(self) -> [usize; 3] {
        match self {
            Self::Mnist => [1, 28, 28],
            Self::RandomCifar => [3, 32, 32],
        }
    }
}

/// Loads MNIST as a visitor does, with validation images.
pub async fn load_mnist(page: &Page) -> Result<()> {
    page.run("await kindling.loadDataset('mnist')", json!(null)).await
}

/// Writes the random dataset as files.
pub fn write_random_cifar(folder: &Path) -> std::io::Result<()> {
    // George Marsaglia's xorshift, with an arbitrary seed other than 0.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for (name, n_images) in N_RANDOM {
        let mut bytes = Vec::with_capacity(n_images * RECORD_BYTES);
        for image in 0..n_images {
            bytes.push((image % 10) as u8);
            bytes.extend(
                std::iter::repeat_with(|| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    (state >> 32) as u8
                })
                .take(RECORD_BYTES - 1),
            );
        }
        std::fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
