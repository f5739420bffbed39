//! The sort order of the table of trials. Pure.

use crate::page::sort::sort_by;
use crate::page::widgets::sorted_table::SortOrder;
use kindling_core::config::Metric;
use kindling_core::search::{Search, Trial, TrialState};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    Number,
    State,
    Epochs,
    Metric,
    /// The field at this index.
    Field(usize),
}

pub type Order = SortOrder<Column>;

impl Default for Order {
    /// In the order in which the trials were sampled.
    fn default() -> Self {
        Self { column: Column::Number, is_descending: false }
    }
}

impl Order {
    /// The order after a click on a column's header.
    pub fn clicked(self, column: Column, metric: Metric) -> Self {
        let is_largest_first =
            column == Column::Epochs || column == Column::Metric && metric == Metric::ValidationAccuracy;
        self.by(column, is_largest_first)
    }

    /// Indices of the trials in this order. Unknown values come last in both directions; ties keep the order of sampling.
    pub fn sorted(self, search: &Search) -> Vec<usize> {
        let key = |trial: &Trial, place: usize| match self.column {
            Column::Number => Some(place as f64),
            Column::State => Some(state_rank(trial.state)),
            Column::Epochs => Some(trial.n_epochs().into()),
            Column::Metric => trial.best(search.plan().metric),
            Column::Field(field) => trial.picks.get(field).copied().flatten(),
        };
        let mut keyed: Vec<_> = search.trials().iter().enumerate().map(|(place, it)| (key(it, place), place)).collect();
        sort_by(&mut keyed, |left, right| self.compare(left.0, right.0));
        keyed.into_iter().map(|(_, place)| place).collect()
    }
}

fn state_rank(state: TrialState) -> f64 {
    match state {
        TrialState::Running => 0.0,
        TrialState::Done => 1.0,
        TrialState::Cut => 2.0,
        TrialState::Ended => 3.0,
        TrialState::Failed(_) => 4.0,
        TrialState::Waiting => 5.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::{NetworkConfig, RunConfig};
    use kindling_core::protocol::{Ending, EpochReport, FailureKind};
    use kindling_core::search::{Field, Method, SearchPlan, Values};

    /// Three trials with accuracies 0.5, none and 0.9.
    fn search() -> Search {
        let network = NetworkConfig::new("Empty", vec![]);
        let values = Values::Range { least: 0.1, most: 1.0, is_log: true, is_whole: false };
        let plan = SearchPlan {
            fields: vec![Field { path: "learningRate".into(), values }],
            method: Method::Random,
            n_trials: 3,
            ..SearchPlan::new(RunConfig::new("mnist", network))
        };
        let mut search = Search::new(plan).unwrap();
        for accuracy in [Some(0.5), None, Some(0.9)] {
            search.begin_next();
            match accuracy {
                None => search.failed(FailureKind::LossNotFinite),
                Some(_) => {
                    search.epoch(&EpochReport {
                        epoch: 0,
                        step: 1,
                        train_loss: 1.0,
                        train_accuracy: 0.5,
                        validation_loss: Some(1.0),
                        validation_accuracy: accuracy,
                        is_best: true,
                        elapsed_ms: 1.0,
                    });
                    search.finished(Ending::Completed);
                }
            }
        }
        search
    }

    #[test]
    fn the_best_come_first_and_the_unknown_last() {
        let order = Order::default().clicked(Column::Metric, Metric::ValidationAccuracy);
        assert_eq!(order.sorted(&search()), [2, 0, 1]);
        assert_eq!(order.clicked(Column::Metric, Metric::ValidationAccuracy).sorted(&search()), [0, 2, 1]);
        assert!(!Order::default().clicked(Column::Metric, Metric::ValidationLoss).is_descending);
        assert_eq!(Order::default().sorted(&search()), [0, 1, 2]);
    }

    #[test]
    fn fields_sort_by_their_values() {
        let search = search();
        let order = Order { column: Column::Field(0), is_descending: false };
        let rates: Vec<_> = order.sorted(&search).into_iter().map(|place| search.trials()[place].picks[0]).collect();
        assert!(rates.is_sorted(), "{rates:?}");
    }
}
