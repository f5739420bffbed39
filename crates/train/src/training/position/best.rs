//! The report of the best network in the bytes of a checkpoint, where NaN stands for a figure that is absent.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use kindling_core::protocol::EpochReport;

/// An [`EpochReport`] in the order and types of the bytes.
#[derive(Serialize, Deserialize)]
struct Stored {
    epoch: u32,
    step: u32,
    train_loss: f32,
    train_accuracy: f32,
    validation_loss: f32,
    validation_accuracy: f32,
    is_best: bool,
    elapsed_ms: f64,
}

pub fn serialize<S: Serializer>(best: &Option<EpochReport>, serializer: S) -> Result<S::Ok, S::Error> {
    let stored = best.map(|report| {
        let EpochReport { epoch, step, train_loss, train_accuracy, is_best, elapsed_ms, .. } = report;
        let [validation_loss, validation_accuracy] =
            [report.validation_loss, report.validation_accuracy].map(|figure| figure.unwrap_or(f32::NAN));
        Stored { epoch, step, train_loss, train_accuracy, validation_loss, validation_accuracy, is_best, elapsed_ms }
    });
    stored.serialize(serializer)
}

pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<EpochReport>, D::Error> {
    let stored = Option::<Stored>::deserialize(deserializer)?;
    Ok(stored.map(|stored| {
        let Stored { epoch, step, train_loss, train_accuracy, is_best, elapsed_ms, .. } = stored;
        let [validation_loss, validation_accuracy] = [stored.validation_loss, stored.validation_accuracy]
            .map(|figure| Some(figure).filter(|figure| figure.is_finite()));
        EpochReport {
            epoch,
            step,
            train_loss,
            train_accuracy,
            validation_loss,
            validation_accuracy,
            is_best,
            elapsed_ms,
        }
    }))
}
