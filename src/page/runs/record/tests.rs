//! What a record promises, and records for the tests of its neighbors.

use super::*;
use crate::page::json::{from_text, to_text};
use crate::page::series::Point;
use kindling_core::config::{Activation, InitConfig, Layer, NetworkConfig};
use kindling_core::protocol::Failure;

/// A record that other tests vary.
pub fn record(id: &str) -> RunRecord {
    let layers = vec![Layer::Activation(Activation::Relu), Layer::Classifier { bias: true }];
    let network = NetworkConfig { name: "Tiny".into(), layers, init: InitConfig::Pytorch };
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
        weights_bytes: None,
        environment: Environment { engine: Some(EngineKind::Cpu), ..Environment::default() },
        name: String::new(),
        note: "a \"note\", with\nlines".into(),
        is_starred: true,
    }
}

pub fn kept(id: &str) -> KeptRun {
    let points = vec![Point { step: 1.0, value: 0.1 }, Point { step: 2.0, value: 1.0 / 3.0 }];
    KeptRun { record: record(id), curves: RunCurves { train_loss: points, ..RunCurves::default() } }
}

fn epoch(validation_loss: f32) -> EpochReport {
    EpochReport {
        epoch: 0,
        step: 20,
        train_loss: 0.1,
        train_accuracy: 0.9,
        validation_loss,
        validation_accuracy: 0.75,
        is_best: true,
        elapsed_ms: 1_000.0,
    }
}

#[test]
fn a_record_is_the_same_to_the_last_bit_after_json() {
    let kept = kept("1");
    let text = to_text(&kept);
    assert_eq!(from_text(&text), Some(kept));
    let failed = RunRecord { ending: RunEnding::Failed(FailureKind::LossNotFinite), ..record("2") };
    let text = to_text(&failed);
    assert!(text.contains(r#""ending":{"failed":"LossNotFinite"}"#), "{text}");
    assert_eq!(from_text(&text), Some(failed));
}

#[test]
fn a_record_from_before_augmentation_could_change_reads() {
    let adjustment = Adjustment { step: 7, learning_rate: 0.5, weight_decay: 0.25, augment: None };
    let record = RunRecord { adjustments: vec![adjustment], ..record("1") };
    let mut earlier = serde_json::to_value(&record).unwrap();
    assert!(earlier["adjustments"][0].as_object_mut().unwrap().remove("augment").is_some());
    assert_eq!(serde_json::from_value::<RunRecord>(earlier).unwrap(), record);
}

fn ended(step: u32) -> EndedRun {
    let mut run = crate::page::state::Run::new(kindling_core::protocol::RunId(1), record("").config);
    run.progress.step = step;
    run.epochs = vec![epoch(0.25), epoch(f32::NAN)];
    let failure = Failure::new(FailureKind::LossNotFinite, "");
    EndedRun { run, curves: Default::default(), outcome: Outcome::Failed(failure), weights: None }
}

#[test]
fn a_failed_run_is_kept_with_what_was_finite_and_one_without_a_step_is_not() {
    let kept = KeptRun::new(ended(3), Circumstances::default()).unwrap();
    assert_eq!(kept.record.ending, RunEnding::Failed(FailureKind::LossNotFinite));
    assert_eq!(kept.record.epochs, [epoch(0.25)]);
    assert_eq!(kept.record.steps, 3);
    assert_eq!(KeptRun::new(ended(0), Circumstances::default()), None);
}
