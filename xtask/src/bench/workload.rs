//! The networks and images that are timed: in the page, and in the native program.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::steady::Point;
use crate::drive::{Page, Result};

#[derive(Clone, Copy, Debug)]
pub struct Workload {
    pub name: &'static str,
    pub images: Images,
    pub preset: &'static str,
    pub batch_size: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Images {
    Mnist,
    /// Random pixels in CIFAR-10's files: its own may not be redistributed, and a step takes as long on any image.
    RandomCifar,
}

/// The network that has a budget.
pub const LENET: Workload =
    Workload { name: "LeNet, 3×32×32, batch 64", images: Images::RandomCifar, preset: "lenet", batch_size: 64 };
/// MNIST's default, as a visitor trains it.
pub const ONE_MINUTE: Workload =
    Workload {
        name: "“One minute”, 1×28×28, batch 100", images: Images::Mnist, preset: "one-minute", batch_size: 100
    };
const ONE_MINUTE_LARGE: Workload =
    Workload { name: "“One minute”, 1×28×28, batch 250", batch_size: 250, ..ONE_MINUTE };

pub const ALL: [Workload; 3] = [LENET, ONE_MINUTE, ONE_MINUTE_LARGE];

/// Numbers of training and test images in the random dataset.
const N_RANDOM: [(&str, usize); 2] = [("data_batch_1.bin", 10_000), ("test_batch.bin", 500)];
const RECORD_BYTES: usize = 3_073;

impl Workload {
    /// The config in the form that `kindling.train` takes, for an endless run.
    pub fn config(&self) -> Value {
        json!({ "network": self.preset, "batchSize": self.batch_size, "epochs": 10_000 })
    }

    /// Loads its images into the page, all of them for training: without validation images, nothing but steps takes time.
    pub async fn load(&self, page: &Page) -> Result<()> {
        match self.images {
            Images::Mnist => {
                page.run("await kindling.loadDataset('mnist', { split: { validationFraction: 0 } })", json!(null)).await
            }
            Images::RandomCifar => {
                let script = "
                    const files = args.files.map(([name, n_images]) => {
                        const bytes = new Uint8Array(n_images * args.record_bytes);
                        // No more random bytes at once than this.
                        for (let place = 0; place < bytes.length; place += 65536)
                            crypto.getRandomValues(bytes.subarray(place, place + 65536));
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
