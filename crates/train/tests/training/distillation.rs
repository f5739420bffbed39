//! A network learns from its teacher: the loss and its gradient, and runs that a teacher helps.

use burn::tensor::{Device, Tensor, TensorData};
use kindling_core::config::{DistillationConfig, Layer, LossConfig, NetworkConfig, RunConfig};
use kindling_core::protocol::{Failure, FailureKind, RunUpdate, SplitName, Teacher};
use kindling_train::device::DeviceDataset;
use kindling_train::exchange::tensor_file::Metadata;
use kindling_train::exchange::weight_file;
use kindling_train::objective::distillation::SoftTargets;
use kindling_train::objective::loss::Loss;
use kindling_train::training::{Control, Host, Published, resume, train};

use crate::support::{Recorder, bands, block_on};
use crate::{config, device};

const N_CLASSES: usize = 3;

/// Two images: logits of the student and of the teacher, and labels.
const STUDENT: [f64; 6] = [1.0, -0.5, 0.25, 2.0, 0.0, -1.0];
const TEACHER: [f64; 6] = [3.0, 1.0, -2.0, -1.0, 2.5, 0.5];
const LABELS: [usize; 2] = [0, 1];

fn softmax(logits: &[f64], temperature: f64) -> Vec<f64> {
    let exponentials: Vec<f64> = logits.iter().map(|logit| (logit / temperature).exp()).collect();
    let sum: f64 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}

/// The mean over the images, from its definition.
fn expected(student: &[f64], DistillationConfig { temperature, weight }: DistillationConfig) -> f64 {
    let rows = student.chunks(N_CLASSES).zip(TEACHER.chunks(N_CLASSES)).zip(LABELS);
    let losses = rows.map(|((student, teacher), label)| {
        let (p, q) = (softmax(teacher, temperature), softmax(student, temperature));
        let divergence: f64 = p.iter().zip(&q).map(|(p, q)| p * (p / q).ln()).sum();
        let of_label = -softmax(student, 1.0)[label].ln();
        (1.0 - weight) * of_label + weight * temperature * temperature * divergence
    });
    losses.sum::<f64>() / LABELS.len() as f64
}

fn tensor(values: &[f64]) -> Tensor<2> {
    let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    Tensor::from_data(TensorData::new(values, [LABELS.len(), N_CLASSES]), &Device::flex())
}

#[test]
fn the_loss_is_that_of_its_definition_and_the_gradient_its_slope() {
    let one_hot = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    for (temperature, weight) in [(1.0, 1.0), (4.0, 0.7), (2.5, 0.0), (20.0, 0.5)] {
        let config = DistillationConfig { temperature, weight };
        let loss = Loss::new(&LossConfig::CROSS_ENTROPY, &[1; N_CLASSES], &Device::flex()).unwrap();
        let logits = tensor(&STUDENT).autodiff().require_grad();
        let soft = Some(SoftTargets { logits: tensor(&TEACHER), config });
        let (loss, gradients) = loss.backward_with(logits.clone(), tensor(&one_hot), soft);
        let found: f32 = loss.terms.into_data().iter::<f32>().sum();
        assert!((f64::from(found) - expected(&STUDENT, config)).abs() < 1e-5, "{found} of {config:?}");
        let gradient: Vec<f32> = logits.grad(&gradients).unwrap().into_data().iter::<f32>().collect();
        for (place, found) in gradient.into_iter().enumerate() {
            let moved = |by: f64| {
                let mut student = STUDENT;
                student[place] += by;
                expected(&student, config)
            };
            let slope = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            assert!((f64::from(found) - slope).abs() < 1e-5, "{found} instead of {slope} at {place} of {config:?}");
        }
    }
}

/// A host with a teacher.
struct Taught<'a> {
    host: Recorder<'a>,
    teacher: Option<Teacher>,
}

impl Host for Taught<'_> {
    fn emit(&self, update: RunUpdate) {
        self.host.emit(update);
    }

    fn warn(&self, failure: Failure) {
        self.host.warn(failure);
    }

    fn checkpoint_interval_ms(&self) -> Option<f64> {
        self.host.checkpoint_interval_ms()
    }

    fn teacher(&self) -> Option<&Teacher> {
        self.teacher.as_ref()
    }

    async fn yield_now(&self) {
        self.host.yield_now().await;
    }

    fn now_ms(&self) -> f64 {
        self.host.now_ms()
    }
}

/// Checkpoints with the steps after which they were taken.
type Checkpoints = Vec<(u32, Vec<u8>)>;

/// The losses of all steps, and the checkpoints.
fn losses_of(
    config: &RunConfig,
    teacher: Option<Teacher>,
    checkpoint: Option<&[u8]>,
) -> Result<(Vec<f32>, Checkpoints), Failure> {
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    let (control, published) = (Control::default(), Published::default());
    let host = Taught { host: Recorder::new(1_000.0, |_| {}).with_checkpoints(), teacher };
    match checkpoint {
        None => block_on(train(&host, &control, &data, config, &published))?,
        Some(bytes) => block_on(resume(&host, &control, &data, config, &published, bytes))?,
    };
    let updates = host.host.updates.borrow();
    let checkpoints = updates.iter().filter_map(|update| match update {
        RunUpdate::Checkpoint { step, bytes } => Some((*step, bytes.to_vec())),
        _ => None,
    });
    Ok((host.host.losses(), checkpoints.collect()))
}

/// The network of a run on the same images.
fn teacher() -> Teacher {
    let (dataset, split) = bands();
    let data = DeviceDataset::new(&dataset, split, &device(), u64::MAX).unwrap();
    let published = Published::default();
    let host = Recorder::new(1_000.0, |_| {});
    block_on(train(&host, &Control::default(), &data, &config(), &published)).unwrap();
    let network = published.get().unwrap();
    assert_eq!(data.part(SplitName::Train).len(), 300);
    let weights = block_on(network.weights()).unwrap();
    let bytes = weight_file::to_bytes(&weights, &Metadata::default()).unwrap();
    Teacher { network: config().network, weights: bytes.into() }
}

/// A smaller network, which sees no label.
fn student() -> RunConfig {
    let layers = vec![Layer::Flatten, Layer::Linear { units: 8, bias: true }, Layer::Classifier { bias: true }];
    let distillation = Some(DistillationConfig { temperature: 4.0, weight: 1.0 });
    RunConfig { network: NetworkConfig::new("Student", layers), distillation, ..config() }
}

#[test]
fn a_student_learns_from_its_teacher_alone_and_resumes() {
    let (losses, checkpoints) = losses_of(&student(), Some(teacher()), None).unwrap();
    let mean = |losses: &[f32]| losses.iter().sum::<f32>() / losses.len() as f32;
    let (begin, end) = (mean(&losses[..5]), mean(&losses[losses.len() - 5..]));
    assert!(end < 0.2 * begin, "{begin} to {end}");
    // The checkpoint has the teacher.
    let (step, bytes) = &checkpoints[7];
    let (rest, _) = losses_of(&student(), None, Some(bytes)).unwrap();
    assert_eq!(rest, losses[*step as usize..]);
}

#[test]
fn a_lesson_needs_a_teacher_of_the_same_images() {
    let failure = losses_of(&student(), None, None).unwrap_err();
    assert_eq!(failure.kind, FailureKind::BadConfig);
    let other = Teacher { network: student().network, ..teacher() };
    assert_eq!(losses_of(&student(), Some(other), None).unwrap_err().kind, FailureKind::BadNetwork);
    // Without distillation, a teacher changes nothing.
    let alone = RunConfig { distillation: None, ..student() };
    let (taught, checkpoints) = losses_of(&alone, Some(teacher()), None).unwrap();
    assert_eq!(taught, losses_of(&alone, None, None).unwrap().0);
    let bytes = &checkpoints[0].1;
    assert!(!bytes.windows(7).any(|bytes| bytes == b"teacher"));
}
