//! The geometry of parallel coordinates: an axis for each field and one for the figure, and a line for each trial. Pure.

use kindling_core::config::Metric;
use kindling_core::search::{Field, Search, TrialState, Values};

/// Where a trial's line crosses the axes.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialLine {
    /// Place of the trial.
    pub trial: usize,
    /// For each axis from 0, at its foot, to 1; the last one is the figure's. None where the trial has no such value.
    pub heights: Vec<Option<f64>>,
    pub is_over: bool,
}

/// A word beside an axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// As the heights of a line.
    pub height: f64,
    /// None for the figure's axis.
    pub pick: Option<f64>,
    /// Of the figure's axis.
    pub figure: Option<f64>,
}

/// Lines of all trials that have begun.
pub fn lines(search: &Search) -> Vec<TrialLine> {
    let metric = search.plan().metric;
    let span = figure_span(search);
    let begun = search.trials().iter().enumerate().filter(|(_, trial)| trial.state != TrialState::Waiting);
    begun
        .map(|(place, trial)| {
            let picks = search.plan().fields.iter().zip(&trial.picks);
            let figure = trial.best(metric).map(|figure| figure_height(figure, span, metric));
            let heights = picks.map(|(field, pick)| pick.map(|pick| field.place(pick))).chain([figure]).collect();
            TrialLine { trial: place, heights, is_over: trial.is_over() }
        })
        .collect()
}

/// The least and the greatest figure of all trials.
fn figure_span(search: &Search) -> (f64, f64) {
    let figures = search.trials().iter().filter_map(|trial| trial.best(search.plan().metric));
    figures.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), figure| (low.min(figure), high.max(figure)))
}

/// The best figure is on top.
fn figure_height(figure: f64, (low, high): (f64, f64), metric: Metric) -> f64 {
    if high <= low {
        return 1.0;
    }
    let share = (figure - low) / (high - low);
    match metric {
        Metric::ValidationAccuracy => share,
        Metric::ValidationLoss => 1.0 - share,
    }
}

/// The ends of a range, or every choice.
pub fn ticks(field: &Field) -> Vec<Tick> {
    let tick = |pick: f64| Tick { height: field.place(pick), pick: Some(pick), figure: None };
    match &field.values {
        Values::Range { least, most, .. } => vec![tick(*least), tick(*most)],
        Values::Choices(choices) => (0..choices.len()).map(|place| tick(place as f64)).collect(),
    }
}

/// The ends of the figure's axis; none while there is no figure.
pub fn figure_ticks(search: &Search) -> Vec<Tick> {
    let metric = search.plan().metric;
    let (low, high) = figure_span(search);
    let tick =
        |figure: f64| Tick { height: figure_height(figure, (low, high), metric), pick: None, figure: Some(figure) };
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
    use kindling_core::config::{InitConfig, NetworkConfig, RunConfig};
    use kindling_core::protocol::{Ending, EpochReport};
    use kindling_core::search::{Method, SearchPlan};

    fn search(metric: Metric) -> Search {
        let network = NetworkConfig { name: "Empty".into(), layers: vec![], init: InitConfig::Pytorch };
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
        for figure in [0.25, 0.75, 0.5] {
            search.begin_next();
            search.epoch(&EpochReport {
                epoch: 0,
                step: 1,
                train_loss: 1.0,
                train_accuracy: 0.5,
                validation_loss: figure,
                validation_accuracy: figure,
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
        assert_eq!(figure_ticks(&search).iter().map(|tick| tick.figure).collect::<Vec<_>>(), [Some(0.25), Some(0.75)]);
    }
}
