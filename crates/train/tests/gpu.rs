//! The kernels on a GPU, natively: `cargo test --package kindling-train --no-default-features --features cpu,gpu --test gpu`. In a browser
//! a journey checks the same properties.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::needless_range_loop,
    clippy::disallowed_methods,
    reason = "a test may panic and wait, and naive loops are the definitions with their indices"
)]

#[path = "gpu/properties.rs"]
mod properties;

/// A way to run futures.
mod support;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use burn::tensor::Device;
use burn_cubecl::cubecl::logging::{LaunchObservation, LaunchObserver};
use kindling_core::config::RunConfig;
use kindling_core::dataset::summary::summarize;
use kindling_core::dataset::{Dataset, Split};
use kindling_core::network::presets::presets;
use kindling_core::protocol::ImageShape;
use kindling_core::random::Random;
use kindling_train::device::DeviceDataset;
use kindling_train::module::Network;
use kindling_train::training::optimizer::Rates;
use kindling_train::training::step::{StepSettings, Trainer};
use support::block_on;

/// Drawn shapes of each kind.
const N_DRAWN: usize = 6;

/// Launches of a step of LeNet on 64 images, without its read.
const MAX_LAUNCHES: usize = 45;

#[test]
fn every_kernel_is_the_naive_loop() {
    let device = gpu();
    let cases = properties::cases(N_DRAWN);
    let checked = cases.iter().map(|case| block_on(properties::check(case, &device)));
    let norms = block_on(properties::check_norms(&device));
    let resampling = block_on(properties::check_resampling(&device));
    let packing = block_on(properties::check_packing(&device));
    let wrong: Vec<String> = checked.chain([norms, resampling, packing]).filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn presets_train_as_on_the_cpu() {
    let device = gpu();
    for id in ["lenet", "mobile", "vit"] {
        let (config, data) = preset(id, &device);
        let (_, cpu_data) = preset(id, &Device::flex());
        let (found, expected) = (losses(&config, &data, 3), losses(&config, &cpu_data, 3));
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() < 1e-4 * expected.abs(), "{id}: {found} is not {expected}");
        }
    }
}

#[test]
fn a_step_of_the_lenet_takes_few_launches() {
    let device = gpu();
    let (config, data) = preset("lenet", &device);
    let mut trainer = trainer(&config, &data);
    // The first compiles, and its optimizer has no state yet.
    step(&mut trainer, &config, &data);
    let launches = Arc::new(Launches::default());
    let observation = LaunchObservation::new(launches.clone());
    step(&mut trainer, &config, &data);
    drop(observation);
    let launches = launches.0.lock().unwrap();
    let n_launches: usize = launches.values().sum();
    assert!((1..=MAX_LAUNCHES).contains(&n_launches), "{n_launches}: {launches:#?}");
}

/// How often each kernel was launched.
#[derive(Default)]
struct Launches(Mutex<BTreeMap<&'static str, usize>>);

impl LaunchObserver for Launches {
    fn launched(&self, kernel: &'static str) {
        *self.0.lock().unwrap().entry(kernel).or_default() += 1;
    }
}

/// The GPU, for one test at a time.
fn gpu() -> Gpu {
    static ONE: Mutex<()> = Mutex::new(());
    static DEVICE: OnceLock<Device> = OnceLock::new();
    let turn = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let open = || block_on(kindling_train::device::gpu::open(1 << 27)).unwrap().device;
    Gpu { device: DEVICE.get_or_init(open).clone(), _turn: turn }
}

struct Gpu {
    device: Device,
    _turn: MutexGuard<'static, ()>,
}

impl std::ops::Deref for Gpu {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}

/// A preset with few random images in color.
fn preset(id: &str, device: &Device) -> (RunConfig, DeviceDataset) {
    let shape = ImageShape { channels: 3, height: 32, width: 32 };
    let mut random = Random::new(3);
    let n_images = 80_u32;
    let dataset = Dataset {
        name: "noise".to_owned(),
        classes: (0..10).map(|class| class.to_string()).collect(),
        shape,
        pixels: (0..n_images as usize * shape.n_values()).map(|_| random.below(256) as u8).collect(),
        labels: (0..n_images).map(|image| (image % 10) as u16).collect(),
        n_standard_test: 0,
        imported: None,
    };
    let split = Split { train: (0..64).collect(), validation: (64..72).collect(), test: (72..80).collect() };
    let summary = summarize("noise", &dataset, &split);
    let preset = presets(&summary).into_iter().find(|preset| preset.id == id).unwrap();
    (preset.config, DeviceDataset::new(&dataset, split, device, u64::MAX).unwrap())
}

fn trainer(config: &RunConfig, data: &DeviceDataset) -> Trainer {
    let network =
        Network::new(&config.network, data.shape(), data.n_classes(), &mut Random::new(1), &data.device()).unwrap();
    Trainer::new(network, config, &data.train_class_counts(), Random::new(2)).unwrap()
}

/// The losses of steps on eight images.
fn losses(config: &RunConfig, data: &DeviceDataset, n_steps: u32) -> Vec<f32> {
    let mut trainer = trainer(config, data);
    (0..n_steps)
        .map(|step| {
            let batch = data.batch(data.select(8 * step..8 * step + 8));
            let outcome = trainer.step(batch, settings(config));
            block_on(outcome.loss_terms.into_data_async()).unwrap().iter::<f32>().sum()
        })
        .collect()
}

fn step(trainer: &mut Trainer, config: &RunConfig, data: &DeviceDataset) {
    let outcome = trainer.step(data.batch(data.select(0..64)), settings(config));
    block_on(outcome.loss_terms.into_data_async()).unwrap();
}

fn settings(config: &RunConfig) -> StepSettings {
    let rates = Rates { learning_rate: config.learning_rate, weight_decay: config.weight_decay };
    StepSettings { rates, is_update: true }
}
