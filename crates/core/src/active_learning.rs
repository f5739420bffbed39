//! Active learning: which unlabeled image a label would teach most. By how unsure the network is of it (Settles, "Active Learning Literature Survey",
//! 2009, section 3.1), or by how far it lies from those with a label (k-center greedy: Sener and Savarese, "Active Learning for Convolutional Neural
//! Networks: A Core-Set Approach", 2018, <https://arxiv.org/abs/1708.00489>).

use std::collections::VecDeque;

use crate::protocol::LabelCurve;

/// How unsure a network is of an image, by the probabilities of its classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Uncertainty {
    /// The two most probable classes are close: good for finding the border between classes.
    #[default]
    Margin,
    /// The probabilities are spread over many classes.
    Entropy,
}

impl Uncertainty {
    /// From 0 for an image that the network is sure of to 1 for one whose classes are all as probable. 1 as well if the probabilities are not
    /// finite, or fewer than two.
    pub fn of(self, probabilities: &[f32]) -> f64 {
        if probabilities.len() < 2 || probabilities.iter().any(|probability| !probability.is_finite()) {
            return 1.0;
        }
        match self {
            Self::Margin => {
                let mut sorted = probabilities.to_vec();
                sorted.sort_by(|one, other| other.total_cmp(one));
                let margin = sorted.first().zip(sorted.get(1)).map_or(0.0, |(first, second)| first - second);
                1.0 - f64::from(margin.clamp(0.0, 1.0))
            }
            Self::Entropy => {
                let entropy =
                    probabilities.iter().filter(|it| **it > 0.0).map(|it| -f64::from(*it) * f64::from(*it).ln());
                (entropy.sum::<f64>() / (probabilities.len() as f64).ln()).clamp(0.0, 1.0)
            }
        }
    }
}

/// The candidate that lies farthest from its nearest center, by the Euclidean distance: the next center of the greedy k-center algorithm. Without
/// centers, the first one. Returns its place; none without candidates.
pub fn farthest<'a>(candidates: impl Iterator<Item = &'a [f32]>, centers: &[Vec<f32>]) -> Option<usize> {
    let to_nearest = |candidate: &[f32]| {
        centers.iter().map(|center| squared_distance(candidate, center)).fold(f64::INFINITY, f64::min)
    };
    let mut best: Option<(usize, f64)> = None;
    for (place, candidate) in candidates.enumerate() {
        let distance = to_nearest(candidate);
        if best.is_none_or(|(_, farthest)| distance > farthest) {
            best = Some((place, distance));
        }
    }
    best.map(|(place, _)| place)
}

fn squared_distance(one: &[f32], other: &[f32]) -> f64 {
    one.iter().zip(other).map(|(one, other)| f64::from(one - other).powi(2)).sum()
}

/// The latest answers that count for [`Answers::has_stopped_teaching`].
const N_LATEST: usize = 20;

/// Among these, the fraction that the network knew.
const KNOWN: f64 = 0.95;

/// Whether the network knew the labels that it asked for: then further ones teach it little.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    were_known: VecDeque<bool>,
    n_given: u32,
}

impl Answers {
    /// Adds an answer, and whether it was the class that the network found most probable.
    pub fn add(&mut self, was_known: bool) {
        self.n_given += 1;
        self.were_known.push_back(was_known);
        if self.were_known.len() > N_LATEST {
            self.were_known.pop_front();
        }
    }

    /// All answers so far.
    pub fn n_given(&self) -> u32 {
        self.n_given
    }

    /// Whether nearly all of the latest answers were known, though the network was less sure of them than of any others.
    pub fn has_stopped_teaching(&self) -> bool {
        let n_known = self.were_known.iter().filter(|was_known| **was_known).count();
        self.were_known.len() == N_LATEST && n_known as f64 >= KNOWN * N_LATEST as f64
    }
}

/// Labels below which a flat curve says nothing.
const FLAT_LABELS_MIN: u32 = N_LATEST as u32;

/// Validation images below which a difference of a percentage point cannot be seen.
const FLAT_VALIDATION_MIN: u32 = 100;

/// A gain in accuracy below this is none.
const FLAT_GAIN: f32 = 0.01;

/// Whether the second half of the labels that were asked for has hardly raised the accuracy: the other sign, beside [`Answers`], that further ones
/// teach little.
pub fn has_flattened(curve: &LabelCurve) -> bool {
    let half = curve.points.iter().rfind(|point| 2 * point.n_labels <= curve.n_asked);
    let gain = half.zip(curve.points.last()).map(|(half, last)| last.asked - half.asked);
    let is_told = curve.n_asked >= FLAT_LABELS_MIN && curve.n_validation >= FLAT_VALIDATION_MIN;
    is_told && gain.is_some_and(|gain| gain < FLAT_GAIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::LabelPoint;

    #[test]
    fn a_curve_is_flat_if_the_second_half_of_many_labels_gains_nothing() {
        let curve = |accuracies: &[(u32, f32)], n_validation| {
            let point = |&(n_labels, asked): &(u32, f32)| LabelPoint {
                n_labels,
                asked,
                random: asked,
                lowest: asked,
                highest: asked,
            };
            let points: Vec<_> = accuracies.iter().map(point).collect();
            let n_asked = points.last().map_or(0, |point| point.n_labels);
            LabelCurve { points, n_asked, n_start: 9, n_validation }
        };
        assert!(has_flattened(&curve(&[(0, 0.5), (12, 0.8), (22, 0.82), (40, 0.805)], 200)));
        assert!(!has_flattened(&curve(&[(0, 0.5), (12, 0.8), (22, 0.82), (40, 0.82)], 200)));
        assert!(!has_flattened(&curve(&[(0, 0.5), (12, 0.8), (40, 0.8)], 20)), "few validation images");
        assert!(!has_flattened(&curve(&[(0, 0.5), (4, 0.8), (10, 0.8)], 200)), "few labels");
        assert!(!has_flattened(&LabelCurve { n_asked: 50, n_validation: 200, ..LabelCurve::default() }));
    }

    fn check(probabilities: &[f32], margin: f64, entropy: f64) {
        let is_near = |uncertainty: Uncertainty, expected: f64| (uncertainty.of(probabilities) - expected).abs() < 1e-6;
        assert!(is_near(Uncertainty::Margin, margin), "{probabilities:?}");
        assert!(is_near(Uncertainty::Entropy, entropy), "{probabilities:?} {}", Uncertainty::Entropy.of(probabilities));
    }

    #[test]
    fn known_values() {
        check(&[1.0, 0.0, 0.0], 0.0, 0.0);
        check(&[0.25; 4], 1.0, 1.0);
        check(&[0.5, 0.5, 0.0, 0.0], 1.0, 0.5);
        check(&[0.0, 0.25, 0.75], 0.5, 0.511_859_5);
        check(&[f32::NAN, 0.5], 1.0, 1.0);
        check(&[1.0], 1.0, 1.0);
        check(&[], 1.0, 1.0);
    }

    #[test]
    fn the_farthest_from_all_centers_is_next() {
        let points: [[f32; 2]; 5] = [[0.0, 0.0], [1.0, 0.0], [9.0, 0.0], [5.0, 1.0], [9.0, 1.0]];
        let farthest = |centers: &[usize]| {
            let centers: Vec<Vec<f32>> = centers.iter().map(|place| points[*place].to_vec()).collect();
            super::farthest(points.iter().map(|point| point.as_slice()), &centers)
        };
        assert_eq!(farthest(&[]), Some(0));
        assert_eq!(farthest(&[0]), Some(4));
        assert_eq!(farthest(&[0, 4]), Some(3));
        assert_eq!(super::farthest(std::iter::empty(), &[]), None);
    }

    #[test]
    fn asking_stops_to_teach_when_the_latest_answers_were_known() {
        let mut answers = Answers::default();
        (0..10).for_each(|_| answers.add(false));
        (0..18).for_each(|_| answers.add(true));
        assert!(!answers.has_stopped_teaching());
        answers.add(true);
        assert!(answers.has_stopped_teaching());
        assert_eq!(answers.n_given(), 29);
        answers.add(false);
        assert!(answers.has_stopped_teaching());
        answers.add(false);
        assert!(!answers.has_stopped_teaching());
    }

    proptest! {
        #[test]
        fn uncertainty_is_from_0_to_1_and_does_not_depend_on_the_order(values in prop::collection::vec(0.001_f32..1.0, 2..20)) {
            let sum: f32 = values.iter().sum();
            let probabilities: Vec<f32> = values.iter().map(|value| value / sum).collect();
            let mut reversed = probabilities.clone();
            reversed.reverse();
            for uncertainty in [Uncertainty::Margin, Uncertainty::Entropy] {
                let value = uncertainty.of(&probabilities);
                prop_assert!((0.0..=1.0).contains(&value));
                prop_assert!((value - uncertainty.of(&reversed)).abs() < 1e-9);
            }
        }
    }
}
