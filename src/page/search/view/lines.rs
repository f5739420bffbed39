//! The geometry of parallel coordinates: an axis per field, one for the metric, and a line per trial. Pure.

use kindling_core::config::Metric;
use kindling_core::search::{Field, Search, TrialState, Values};

/// The points where a trial's line crosses the axes.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialLine {
    /// Index of the trial.
    pub trial: usize,
    /// The height on each axis, 0 (bottom) to 1; the last axis is the metric's. None if the trial has no such value.
    pub heights: Vec<Option<f64>>,
    pub is_over: bool,
}

/// A tick beside an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// 0 (bottom) to 1, as the heights of a line.
    pub height: f64,
    /// The field's value as a pick; none on the metric's axis.
    pub pick: Option<f64>,
    /// The metric's value; none on the axis of a field.
    pub value: Option<f64>,
}

/// The lines of all trials that have started.
pub fn lines(search: &Search) -> Vec<TrialLine> {
    let metric = search.plan().metric;
    let span = metric_range(search);
    let begun = search.trials().iter().enumerate().filter(|(_, trial)| trial.state != TrialState::Waiting);
    begun
        .map(|(place, trial)| {
            let picks = search.plan().fields.iter().zip(&trial.picks);
            let value = trial.best(metric).map(|value| metric_height(value, span, metric));
            let heights = picks.map(|(field, pick)| pick.map(|pick| field.place(pick))).chain([value]).collect();
            TrialLine { trial: place, heights, is_over: trial.is_over() }
        })
        .collect()
}

/// The minimum and the maximum of the metric over all trials; (∞, −∞) if no trial has a value.
fn metric_range(search: &Search) -> (f64, f64) {
    let values = search.trials().iter().filter_map(|trial| trial.best(search.plan().metric));
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// The height of a value on the metric's axis: the best value is on top.
fn metric_height(value: f64, (low, high): (f64, f64), metric: Metric) -> f64 {
    if high <= low {
        return 1.0;
    }
    let fraction = (value - low) / (high - low);
    match metric {
        Metric::ValidationAccuracy => fraction,
        Metric::ValidationLoss => 1.0 - fraction,
    }
}

/// Ticks for both bounds of a range, or for every choice.
pub fn ticks(field: &Field) -> Vec<Tick> {
    let tick = |pick: f64| Tick { height: field.place(pick), pick: Some(pick), value: None };
    match &field.values {
        Values::Range { least, most, .. } => vec![tick(*least), tick(*most)],
        Values::Choices(choices) => (0..choices.len()).map(|place| tick(place as f64)).collect(),
    }
}

/// Ticks at both ends of the metric's axis; none while no trial has a value.
pub fn metric_ticks(search: &Search) -> Vec<Tick> {
    let metric = search.plan().metric;
    let (low, high) = metric_range(search);
    let tick = |value: f64| Tick { height: metric_height(value, (low, high), metric), pick: None, value: Some(value) };
    if low > high {
        Vec::new()
    } else if low == high {
        vec![tick(high)]
    } else {
        vec![tick(low), tick(high)]
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use kindling_core::config::{NetworkConfig, RunConfig};
    use kindling_core::protocol::{Ending, EpochReport};
    use kindling_core::search::{Method, SearchPlan};

    fn search(metric: Metric) -> Search {
        let network = NetworkConfig::new("Empty", vec![]);
        let values = Values::Range { least: 0.01, most: 1.0, is_log: true, is_whole: false };
        let choices = Values::Choices(vec![json!("l2"), json!("decoupled")]);
        let plan = SearchPlan {
            fields: vec![
                Field { path: "learningRate".into(), values },
                Field { path: "decay".into(), values: choices },
            ],
            method: Method::Grid { n_points: 3 },
            metric,
            ..SearchPlan::new(RunConfig::new("mnist", network))
        };
        let mut search = Search::new(plan).unwrap();
        for value in [0.25, 0.75, 0.5] {
            search.begin_next();
            search.epoch(&EpochReport {
                epoch: 0,
                step: 1,
                train_loss: 1.0,
                train_accuracy: 0.5,
                validation_loss: Some(value),
                validation_accuracy: Some(value),
                is_best: true,
                elapsed_ms: 1.0,
            });
            search.finished(Ending::Completed);
        }
        search.begin_next();
        search
    }

    #[test]
    fn the_best_is_on_top() {
        let heights = |metric| lines(&search(metric)).iter().map(|line| line.heights[2]).collect::<Vec<_>>();
        assert_eq!(heights(Metric::ValidationAccuracy), [Some(0.0), Some(1.0), Some(0.5), None]);
        assert_eq!(heights(Metric::ValidationLoss), [Some(1.0), Some(0.0), Some(0.5), None]);
    }

    #[test]
    fn lines_cross_each_axis_at_their_value() {
        let search = search(Metric::ValidationAccuracy);
        for line in lines(&search) {
            let picks = &search.trials()[line.trial].picks;
            let expected = (picks[0].unwrap() / 0.01).log10() / 2.0;
            assert!((line.heights[0].unwrap() - expected).abs() < 1e-9, "{line:?}");
            assert_eq!(line.heights[1], picks[1]);
        }
        let heights = |field: usize| ticks(&search.plan().fields[field]).iter().map(|it| it.height).collect::<Vec<_>>();
        assert_eq!((heights(0), heights(1)), (vec![0.0, 1.0], vec![0.0, 1.0]));
        assert_eq!(metric_ticks(&search).iter().map(|tick| tick.value).collect::<Vec<_>>(), [Some(0.25), Some(0.75)]);
    }
}
