//! The state of an LR range test. Pure.

use kindling_core::decimal;
use kindling_core::protocol::{Failure, RatePoint, RateTest};

/// The maximum number of points kept. The engine runs 100 steps, one point each.
const POINTS_LIMIT: usize = 1_000;

#[derive(Clone, Debug, Default, PartialEq)]
pub enum Test {
    #[default]
    Idle,
    /// Progress from 0 to 1, and the points so far.
    Testing {
        fraction: f32,
        points: Vec<RatePoint>,
    },
    Found(RateTest),
    Failed(Failure),
}

impl Test {
    pub const STARTED: Self = Self::Testing { fraction: 0.0, points: Vec::new() };

    /// Records a progress report of the engine. Ignored unless a test is under way.
    pub fn advance(&mut self, new_fraction: f32, new_points: &[RatePoint]) {
        if let Self::Testing { fraction, points } = self {
            *fraction = new_fraction;
            points.extend(new_points.iter().take(POINTS_LIMIT.saturating_sub(points.len())));
        }
    }

    pub fn is_testing(&self) -> bool {
        matches!(self, Self::Testing { .. })
    }

    pub fn points(&self) -> &[RatePoint] {
        match self {
            Self::Idle | Self::Failed(_) => &[],
            Self::Testing { points, .. } => points,
            Self::Found(test) => &test.points,
        }
    }

    /// The suggested learning rate, rounded as it is shown and applied.
    pub fn proposed(&self) -> Option<f64> {
        match self {
            Self::Found(test) => test.proposed.map(rounded),
            Self::Idle | Self::Testing { .. } | Self::Failed(_) => None,
        }
    }
}

/// Rounds to two significant digits: the test is not more precise.
fn rounded(rate: f64) -> f64 {
    decimal::rounded(rate, 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proposals_have_two_digits() {
        assert_eq!(rounded(0.012_345), 0.012);
        assert_eq!(rounded(0.000_998), 0.001);
        assert_eq!(rounded(3.0), 3.0);
    }

    #[test]
    fn points_come_only_while_it_is_tested() {
        let point = RatePoint { learning_rate: 0.1, loss: 2.0 };
        let mut test = Test::STARTED;
        test.advance(0.5, &[point, point]);
        assert_eq!(test, Test::Testing { fraction: 0.5, points: vec![point, point] });
        let mut idle = Test::Idle;
        idle.advance(0.5, &[point]);
        assert_eq!(idle, Test::Idle);
    }

    #[test]
    fn only_a_test_that_found_something_proposes() {
        let points = vec![RatePoint { learning_rate: 0.1, loss: 2.0 }];
        assert_eq!(Test::Testing { fraction: 0.5, points: points.clone() }.proposed(), None);
        assert_eq!(Test::Found(RateTest { points: points.clone(), proposed: None }).proposed(), None);
        assert_eq!(Test::Found(RateTest { points, proposed: Some(0.0123) }).proposed(), Some(0.012));
    }
}
