//! The training loop on flex: what it emits, how it obeys, and what it leaves behind.
#![cfg(feature = "cpu")]

use std::cell::RefCell;
use std::time::Instant;

use burn::tensor::Device;
use kindling::dataset::random::Random;
use kindling::dataset::{Dataset, Split};
use kindling::protocol::*;
use kindling::training::*;

#[derive(Default)]
struct Recorder {
    updates: RefCell<Vec<RunUpdate>>,
}

impl Host for Recorder {
    fn emit(&self, update: RunUpdate) {
        self.updates.borrow_mut().push(update);
    }
    async fn breathe(&self) {}
    fn now_ms(&self) -> f64 {
        0.0
    }
}

#[test]
fn smoke() {
    let n = 600;
    let mut random = Random::new(1);
    let labels: Vec<u16> = (0..n).map(|i| (i % 3) as u16).collect();
    let shape = ImageShape { channels: 1, height: 28, width: 28 };
    let mut pixels = vec![];
    for &l in &labels {
        for y in 0..28 { for _x in 0..28 {
            let on = y / 10 == l;
            pixels.push((random.below(100) + if on {100} else {0}) as u8);
        }}
    }
    let dataset = Dataset { name: "x".into(), classes: vec!["a".into(), "b".into(), "c".into()], shape, pixels, labels, n_standard_test: 0 };
    let split = Split { train: (0..480).collect(), validation: (480..600).collect(), test: vec![] };
    let device = Device::flex();
    let data = DeviceDataset::new(&dataset, split, &device, u64::MAX).unwrap().with_samples(vec![1, 2, 3]);
    let config = RunConfig { dataset: "x".into(), split: SplitConfig::default(), seed: 1, network: kindling::network::presets::lenet_network(),
        optimizer: OptimizerConfig::ADAM, learning_rate: 0.001, weight_decay: 0.0, batch_size: 64, epochs: 3, max_steps: None };
    let host = Recorder::default();
    let published = Published::default();
    let t = Instant::now();
    let report = futures_lite_block_on(train(&host, &Control::default(), &data, &config, &published));
    println!("{:?} {:?}", t.elapsed(), report);
    for u in host.updates.borrow().iter() { println!("{u:?}"); }
}

fn futures_lite_block_on<F: Future>(future: F) -> F::Output {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let mut future = std::pin::pin!(future);
    loop {
        if let std::task::Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
