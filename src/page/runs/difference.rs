//! The difference between two configs, which names a run.

use serde::Serialize;
use serde_json::Value;

use crate::page::sort::sort_by;
use kindling_core::config::RunConfig;
use kindling_core::runs::record::RunRecord;

/// A value that changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// Keys and indices from the root of the config, as in JSON: `optimizer.adam.beta1`, `network.layers.2.conv.filters`.
    pub path: String,
    pub before: Value,
    pub after: Value,
}

/// The changes that turn one config into the other, sorted by path.
pub fn config_difference(before: &RunConfig, after: &RunConfig) -> Vec<Difference> {
    part_difference("", before, after)
}

/// As [`config_difference`], for the part of a config at `path`.
pub fn part_difference<P: Serialize>(path: &str, before: &P, after: &P) -> Vec<Difference> {
    let mut found = Vec::new();
    // A config is plain data, so serializing it does not fail. If it did, there would be nothing to compare.
    if let (Ok(before), Ok(after)) = (serde_json::to_value(before), serde_json::to_value(after)) {
        compare(path, before, after, &mut found);
    }
    sort_by(&mut found, |left, right| left.path.cmp(&right.path));
    found
}

/// Recurses into objects with the same keys and lists of the same length; other values that differ are one difference as a whole.
fn compare(path: &str, before: Value, after: Value, found: &mut Vec<Difference>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (before, after) {
        (before, after) if before == after => {}
        (Value::Object(before), Value::Object(mut after)) if before.keys().eq(after.keys()) => {
            for (name, before) in before {
                let after = after.get_mut(&name).map(Value::take).unwrap_or_default();
                compare(&below(&name), before, after, found);
            }
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            for (place, (before, after)) in before.into_iter().zip(after).enumerate() {
                compare(&below(&place.to_string()), before, after, found);
            }
        }
        (before, after) => found.push(Difference { path: path.to_owned(), before, after }),
    }
}

/// The run that a run is compared to: the latest earlier one with the same dataset and network name.
pub fn run_before<'a>(record: &RunRecord, records: &'a [impl AsRef<RunRecord>]) -> Option<&'a RunRecord> {
    records
        .iter()
        .map(AsRef::as_ref)
        .filter(|other| {
            other.id != record.id
                && (other.started_at, other.id.as_str()) < (record.started_at, record.id.as_str())
                && other.config.dataset == record.config.dataset
                && other.config.network.name == record.config.network.name
        })
        .max_by(|left, right| left.started_at.total_cmp(&right.started_at).then_with(|| left.id.cmp(&right.id)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use kindling_core::config::{Layer, OptimizerConfig};
    use kindling_core::runs::samples::record;

    fn config() -> RunConfig {
        RunConfig { learning_rate: 0.001, ..record("").config }
    }

    fn check(after: RunConfig, expected: &[(&str, Value, Value)]) {
        let found = config_difference(&config(), &after);
        let found: Vec<_> = found.iter().map(|it| (it.path.as_str(), it.before.clone(), it.after.clone())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_changed_is_named() {
        check(config(), &[]);
        check(
            RunConfig { learning_rate: 0.01, batch_size: 128, max_steps: Some(20), ..config() },
            &[
                ("batchSize", json!(64), json!(128)),
                ("learningRate", json!(0.001), json!(0.01)),
                ("maxSteps", Value::Null, json!(20)),
            ],
        );
    }

    #[test]
    fn another_kind_differs_as_a_whole_and_the_same_kind_by_its_values() {
        let adam = |beta1| OptimizerConfig::Adam { beta1, beta2: 0.999, epsilon: 1e-8 };
        check(RunConfig { optimizer: adam(0.8), ..config() }, &[("optimizer.adam.beta1", json!(0.9), json!(0.8))]);
        let sgd = RunConfig { optimizer: OptimizerConfig::SGD, ..config() };
        let (before, after) = (json!(OptimizerConfig::ADAM), json!(OptimizerConfig::SGD));
        check(sgd, &[("optimizer", before, after)]);
    }

    #[test]
    fn layers_are_compared_one_by_one_while_there_are_as_many() {
        let mut after = config();
        after.network.layers[1] = Layer::Classifier { bias: false };
        check(after.clone(), &[("network.layers.1.classifier.bias", json!(true), json!(false))]);
        after.network.layers.push(Layer::Flatten);
        let found = config_difference(&config(), &after);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].path, "network.layers");
    }

    #[test]
    fn a_run_is_described_against_the_last_one_like_it() {
        let at = |id: &str, started_at, dataset: &str| {
            let mut record = RunRecord { started_at, ..record(id) };
            record.config.dataset = dataset.into();
            Arc::new(record)
        };
        let records =
            [at("a", 1.0, "mnist"), at("c", 3.0, "mnist"), at("b", 2.0, "mnist"), at("d", 2.5, "fashion-mnist")];
        let before = |place: usize| run_before(&records[place], &records).map(|record| record.id.as_str());
        assert_eq!(before(1), Some("b"));
        assert_eq!(before(2), Some("a"));
        assert_eq!(before(0), None);
        assert_eq!(before(3), None);
    }
}
