//! Sample records that tests modify, here and in the page.

use super::curves::RunCurves;
use super::record::{Environment, KeptRun, NetworkInput, RunEnding, RunRecord, TestResult};
use super::series::Point;
use crate::config::{Activation, Layer, NetworkConfig, RunConfig};
use crate::dataset::DrawingStyle;
use crate::protocol::{EngineKind, EpochReport, ImageShape};

pub fn record(id: &str) -> RunRecord {
    let layers = vec![Layer::Activation(Activation::Relu), Layer::Classifier { bias: true }];
    let network = NetworkConfig::new("Tiny", layers);
    RunRecord {
        id: id.into(),
        started_at: 1_700_000_000_000.0,
        dataset_name: "MNIST".into(),
        config: RunConfig { learning_rate: 0.1 + 0.2, ..RunConfig::new("mnist", network) },
        parameters: Some(10),
        steps: 20,
        elapsed_ms: 1_234.5,
        ending: RunEnding::StepLimit,
        best: Some(epoch(0.25)),
        epochs: vec![epoch(0.25)],
        adjustments: Vec::new(),
        test: Some(TestResult { loss: None, accuracy: 0.5 }),
        continued_from: None,
        weights_bytes: None,
        environment: Environment { engine: Some(EngineKind::Cpu), ..Environment::default() },
        input: Some(NetworkInput {
            shape: ImageShape { channels: 1, height: 2, width: 3 },
            classes: vec!["0".into(), "1".into()],
            style: DrawingStyle::Scene,
        }),
        name: String::new(),
        note: "a \"note\", with\nlines".into(),
        is_starred: true,
    }
}

pub fn kept(id: &str) -> KeptRun {
    let points = vec![Point { step: 1.0, value: 0.1 }, Point { step: 2.0, value: 1.0 / 3.0 }];
    KeptRun { record: record(id), curves: RunCurves { train_loss: points, ..RunCurves::default() } }
}

pub fn epoch(validation_loss: f32) -> EpochReport {
    EpochReport {
        epoch: 0,
        step: 20,
        train_loss: 0.1,
        train_accuracy: 0.9,
        validation_loss: Some(validation_loss),
        validation_accuracy: Some(0.75),
        is_best: true,
        elapsed_ms: 1_000.0,
    }
}

/// An epoch of a run without a validation split.
pub fn unvalidated_epoch() -> EpochReport {
    EpochReport { validation_loss: None, validation_accuracy: None, ..epoch(0.0) }
}
