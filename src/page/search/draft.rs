//! The draft of the next search: a plan that still follows the config in the form.

use kindling_core::config::{Metric, RunConfig};
use kindling_core::search::offer::first_fields;
use kindling_core::search::{Budget, Field, Halving, Method, SearchPlan};

#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// None until the visitor changes them: the defaults are the fields that matter most, with ranges around the config in the form.
    pub fields: Option<Vec<Field>>,
    pub method: MethodKind,
    pub halving: Halving,
    pub n_points: u32,
    pub n_trials: u32,
    /// None to use the number of epochs in the form.
    pub epochs: Option<u32>,
    pub metric: Metric,
    pub limit: Limit,
    pub minutes: f64,
    pub steps: u64,
    pub seed: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MethodKind {
    Halving,
    Random,
    Grid,
}

/// The unit of the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    Minutes,
    Steps,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            fields: None,
            method: MethodKind::Halving,
            halving: Halving::default(),
            n_points: 3,
            n_trials: 12,
            epochs: None,
            metric: Metric::ValidationAccuracy,
            limit: Limit::Minutes,
            minutes: 10.0,
            steps: 20_000,
            seed: 0,
        }
    }
}

impl Draft {
    pub fn fields(&self, base: &RunConfig) -> Vec<Field> {
        self.fields.clone().unwrap_or_else(|| first_fields(base))
    }

    pub fn plan(&self, base: RunConfig) -> SearchPlan {
        let budget = match self.limit {
            Limit::Minutes => Budget { minutes: Some(self.minutes), steps: None },
            Limit::Steps => Budget { minutes: None, steps: Some(self.steps) },
        };
        let method = match self.method {
            MethodKind::Halving => Method::Halving(self.halving),
            MethodKind::Random => Method::Random,
            MethodKind::Grid => Method::Grid { n_points: self.n_points },
        };
        let plan = SearchPlan {
            fields: self.fields(&base),
            method,
            n_trials: self.n_trials,
            metric: self.metric,
            budget,
            seed: self.seed,
            ..SearchPlan::new(base)
        };
        SearchPlan { epochs: self.epochs.unwrap_or(plan.epochs), ..plan }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::NetworkConfig;
    use kindling_core::search::{Search, Values};

    #[test]
    fn an_untouched_draft_follows_the_form() {
        let network = NetworkConfig::new("Empty", vec![]);
        let base = RunConfig { learning_rate: 0.05, epochs: 4, ..RunConfig::new("mnist", network) };
        let plan = Draft::default().plan(base);
        assert_eq!((plan.epochs, plan.budget), (4, Budget { minutes: Some(10.0), steps: None }));
        let Values::Range { least, most, .. } = plan.fields[0].values else { panic!("{plan:?}") };
        assert!(least < 0.05 && most > 0.05, "{least} to {most}");
        assert_eq!(Search::new(plan).unwrap().trials().len(), 12);
    }
}
