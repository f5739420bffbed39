//! Records survive JSON, old ones are still readable, and reports follow from them.

use super::*;
use crate::runs::samples::{kept, record, unvalidated_epoch};

#[test]
fn a_record_is_the_same_to_the_last_bit_after_json() {
    let kept = kept("1");
    let text = serde_json::to_string(&kept).unwrap();
    assert_eq!(serde_json::from_str::<KeptRun>(&text).unwrap(), kept);
    let failed = RunRecord { ending: RunEnding::Failed(FailureKind::LossNotFinite), ..record("2") };
    let text = serde_json::to_string(&failed).unwrap();
    assert!(text.contains(r#""ending":{"failed":"LossNotFinite"}"#), "{text}");
    assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), failed);
}

#[test]
fn epochs_without_a_validation_are_kept() {
    let epochs = vec![unvalidated_epoch()];
    let record = RunRecord { best: Some(unvalidated_epoch()), epochs, ..record("1") };
    let text = serde_json::to_string(&record).unwrap();
    assert!(text.contains(r#""validationLoss":null,"validationAccuracy":null"#), "{text}");
    assert_eq!(serde_json::from_str::<RunRecord>(&text).unwrap(), record);
}

#[test]
fn what_failed_has_no_report() {
    let failed = RunRecord { ending: RunEnding::Failed(FailureKind::LossNotFinite), ..record("1") };
    assert_eq!(failed.report(), None);
    let ended = RunRecord { ending: RunEnding::EarlyStopped, ..failed };
    assert_eq!(ended.report().map(|report| report.ending), Some(Ending::EarlyStopped));
}

#[test]
fn a_record_from_before_the_input_was_kept_reads() {
    let mut earlier = serde_json::to_value(record("1")).unwrap();
    assert!(earlier.as_object_mut().unwrap().remove("input").is_some());
    assert_eq!(serde_json::from_value::<RunRecord>(earlier).unwrap(), RunRecord { input: None, ..record("1") });
}

#[test]
fn a_record_from_before_augmentation_could_change_reads() {
    let adjustment = Adjustment { step: 7, learning_rate: 0.5, weight_decay: 0.25, augment: None };
    let record = RunRecord { adjustments: vec![adjustment], ..record("1") };
    let mut earlier = serde_json::to_value(&record).unwrap();
    assert!(earlier["adjustments"][0].as_object_mut().unwrap().remove("augment").is_some());
    assert_eq!(serde_json::from_value::<RunRecord>(earlier).unwrap(), record);
}
