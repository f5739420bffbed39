//! Shared by the tests of training: a host that records, a way to run futures, small datasets.
#![allow(dead_code, reason = "each test file uses its part of it")]

pub mod trained;

use std::cell::{Cell, RefCell};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use burn::module::Param;
use burn::tensor::{Gradients, Tensor};
use kindling_core::dataset::{Dataset, Split};
use kindling_core::protocol::{Failure, ImageShape, Progress, RunUpdate};
use kindling_core::random::Random;
use kindling_train::device::parameters::ParameterVisitor;
use kindling_train::device::tensors::NamedTensor;
use kindling_train::module::Network;
use kindling_train::training::Host;

/// Runs a future to its end, polling it over and over.
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}

/// Records what a run emits. Its clock advances by a fixed time at each `yield_now`, so that nothing depends on the machine's speed.
pub struct Recorder<'a> {
    pub updates: RefCell<Vec<RunUpdate>>,
    pub warnings: RefCell<Vec<Failure>>,
    now_ms: Cell<f64>,
    ms_per_yield: f64,
    /// Called at each `yield_now`, with its number, from 1.
    at_yield: Box<dyn Fn(u32) + 'a>,
    yields: Cell<u32>,
    checkpoint_interval_ms: Option<f64>,
}

impl<'a> Recorder<'a> {
    pub fn new(ms_per_yield: f64, at_yield: impl Fn(u32) + 'a) -> Self {
        Self {
            updates: RefCell::default(),
            warnings: RefCell::default(),
            now_ms: Cell::new(0.0),
            ms_per_yield,
            at_yield: Box::new(at_yield),
            yields: Cell::new(0),
            checkpoint_interval_ms: None,
        }
    }

    /// Requests a checkpoint after every report.
    pub fn with_checkpoints(self) -> Self {
        self.with_checkpoints_every(0.0)
    }

    pub fn with_checkpoints_every(self, interval_ms: f64) -> Self {
        Self { checkpoint_interval_ms: Some(interval_ms), ..self }
    }

    /// Advances the clock, as in a pause.
    pub fn pass(&self, ms: f64) {
        self.now_ms.set(self.now_ms.get() + ms);
    }

    /// The losses of all steps, in order.
    pub fn losses(&self) -> Vec<f32> {
        self.progress().into_iter().flat_map(|progress| progress.losses).collect()
    }

    pub fn progress(&self) -> Vec<Progress> {
        let of_progress = |update: &RunUpdate| match update {
            RunUpdate::Progress(progress) => Some(progress.clone()),
            _ => None,
        };
        self.updates.borrow().iter().filter_map(of_progress).collect()
    }
}

impl Host for Recorder<'_> {
    fn emit(&self, update: RunUpdate) {
        self.updates.borrow_mut().push(update);
    }

    fn warn(&self, failure: Failure) {
        self.warnings.borrow_mut().push(failure);
    }

    /// Pending once, as a macrotask is.
    async fn yield_now(&self) {
        let mut is_first = true;
        std::future::poll_fn(|context| {
            if std::mem::take(&mut is_first) {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        self.now_ms.set(self.now_ms.get() + self.ms_per_yield);
        self.yields.set(self.yields.get() + 1);
        (self.at_yield)(self.yields.get());
    }

    fn checkpoint_interval_ms(&self) -> Option<f64> {
        self.checkpoint_interval_ms
    }

    fn now_ms(&self) -> f64 {
        self.now_ms.get()
    }
}

/// 3 classes of noisy 12x12 images: a bright band at the top, in the middle, or at the bottom. 300 for training, 60 for validation,
/// 60 for the test.
pub fn bands() -> (Dataset, Split) {
    const N_IMAGES: u32 = 420;
    let shape = ImageShape { channels: 1, height: 12, width: 12 };
    let mut random = Random::new(7);
    let labels: Vec<u16> = (0..N_IMAGES).map(|index| (index % 3) as u16).collect();
    let mut pixels = Vec::new();
    for &label in &labels {
        for row in 0..12 {
            let brightness = if row / 4 == label { 90 } else { 0 };
            pixels.extend((0..12).map(|_| random.below(150) as u8 + brightness));
        }
    }
    let classes = ["above", "middle", "below"].map(str::to_owned).to_vec();
    let dataset =
        Dataset { name: "bands".to_owned(), classes, shape, pixels, labels, n_standard_test: 0, imported: None };
    let split = Split { train: (0..300).collect(), validation: (300..360).collect(), test: (360..N_IMAGES).collect() };
    (dataset, split)
}

/// The gradient of each learned tensor, in PyTorch's names and layouts.
pub fn named_gradients(network: &Network, gradients: &Gradients) -> Vec<NamedTensor> {
    let mut collector = GradientCollector { gradients, found: Vec::new() };
    network.visit_parameters(&mut collector);
    collector.found
}

struct GradientCollector<'a> {
    gradients: &'a Gradients,
    found: Vec<NamedTensor>,
}

impl ParameterVisitor for GradientCollector<'_> {
    fn visit<const D: usize>(&mut self, name: String, parameter: &Param<Tensor<D>>) {
        if !parameter.val().is_require_grad() {
            return;
        }
        let gradient = parameter.val().grad(self.gradients).unwrap_or_else(|| panic!("{name} has no gradient"));
        // A weight with two axes is [in, out] in burn.
        let gradient = if D == 2 { gradient.swap_dims(0, 1) } else { gradient };
        let shape = gradient.dims().to_vec();
        self.found.push(NamedTensor { name, shape, values: gradient.into_data().iter::<f32>().collect() });
    }
}
