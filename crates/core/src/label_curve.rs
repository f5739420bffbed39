//! A learning curve of active learning: accuracy against the number of labels, in the order in which they were asked for, beside the same labels in
//! random order (Settles, "Active Learning Literature Survey", 2009).
//!
//! At each point a linear classifier learns from the images whose labels nobody asked for, the common start of both lines, and from so many of the
//! others; both lines end with all of them. No draw is stratified: a class without a label is not predicted, in either order.

use crate::protocol::LabelPoint;
use crate::random::Random;
use crate::softmax_regression::{Classifier, Fit, Rows};

/// Fewer labels make no curve.
pub const ASKED_MIN: usize = 8;

/// Orders that are drawn.
pub const N_DRAWS: u32 = 8;

/// Numbers of labels on the curve, besides none.
const N_SIZES: usize = 7;

/// Factor from the lowest number of labels to the highest, if these are enough.
const SIZES_FACTOR: f64 = 32.0;

/// The penalty of the weights per feature: that of a logistic regression with C = 3 / features, which suits standardized features of pre-trained
/// networks with 20 to 200 images a class, within a point of the best one.
const PENALTY_PER_VALUE: f32 = 1.0 / 3.0;

/// Place among the rows, and label.
pub type Labeled = (usize, u16);

/// What the curve is made of.
#[derive(Clone, Debug, Default)]
pub struct Labels {
    pub start: Vec<Labeled>,
    /// In the order in which they were asked for.
    pub asked: Vec<Labeled>,
    pub validation: Vec<Labeled>,
    pub n_classes: usize,
}

/// At most so many of the items, spread over all.
pub fn spread<T>(items: Vec<T>, limit: usize) -> Vec<T> {
    let step = items.len().div_ceil(limit.max(1)).max(1);
    items.into_iter().step_by(step).take(limit).collect()
}

/// The numbers of labels on the curve, on a geometric scale, and none where there are others to begin with.
pub fn sizes(n_asked: usize, has_start: bool) -> Vec<usize> {
    let highest = n_asked as f64;
    let lowest = (highest / SIZES_FACTOR).max(1.0);
    let factor = (highest / lowest).powf(1.0 / (N_SIZES - 1) as f64);
    let size = |place| (lowest * factor.powi(place as i32)).round() as usize;
    let of_asked = (0..N_SIZES).filter(|_| n_asked > 0).map(size);
    let mut sizes: Vec<usize> = has_start.then_some(0).into_iter().chain(of_asked).collect();
    sizes.dedup();
    sizes
}

/// A curve that is computed, a step at a time.
#[derive(Clone, Debug)]
pub struct Tracing {
    labels: Labels,
    rows: Rows,
    penalty: f32,
    sizes: Vec<usize>,
    random: Random,
    /// The labels in the order of the line that is computed.
    order: Vec<Labeled>,
    fit: Option<Fit>,
    classifier: Classifier,
    /// The accuracies of the lines, the one in the order of asking first. The others begin and end as it does, so they lack what is common.
    lines: Vec<Vec<f32>>,
}

impl Tracing {
    /// `rows` has the places of all images, made of features with `n_values` values.
    pub fn new(labels: Labels, rows: Rows, n_values: usize) -> Self {
        Self {
            penalty: PENALTY_PER_VALUE * n_values as f32,
            sizes: sizes(labels.asked.len(), !labels.start.is_empty()),
            random: Random::new(0),
            order: labels.asked.clone(),
            fit: None,
            classifier: Classifier::new(&rows, labels.n_classes),
            lines: vec![Vec::new()],
            rows,
            labels,
        }
    }

    /// Goes a step. Returns the completed fraction, or none at the end.
    pub fn step(&mut self) -> Option<f32> {
        if let Some(fit) = &mut self.fit {
            if !fit.step(&self.rows)
                && let Some(fit) = self.fit.take()
            {
                self.classifier = fit.classifier();
                let accuracy = self.accuracy();
                self.lines.last_mut()?.push(accuracy);
            }
            return Some(self.fraction());
        }
        let done = self.lines.last()?.len();
        match self.sizes_of_line().get(done).copied() {
            Some(size) => {
                let added = self.order.iter().take(size);
                let images = self.labels.start.iter().chain(added).copied().collect();
                self.fit = Some(Fit::new(&self.rows, images, self.penalty, std::mem::take(&mut self.classifier)));
            }
            None if self.lines.len() > N_DRAWS as usize => return None,
            None => {
                self.random.shuffle(&mut self.order);
                self.classifier = Classifier::new(&self.rows, self.labels.n_classes);
                self.lines.push(Vec::new());
            }
        }
        Some(self.fraction())
    }

    /// The sizes that the line at hand does not share with the first.
    fn sizes_of_line(&self) -> &[usize] {
        match self.lines.len() {
            0 | 1 => &self.sizes,
            _ => {
                let end = self.sizes.len().saturating_sub(1);
                self.sizes.get(self.n_common()..end).unwrap_or_default()
            }
        }
    }

    /// How many points at the beginning all lines share.
    fn n_common(&self) -> usize {
        usize::from(self.sizes.first() == Some(&0))
    }

    fn fraction(&self) -> f32 {
        let of_draw = self.sizes.len().saturating_sub(1 + self.n_common());
        let total = self.sizes.len() + N_DRAWS as usize * of_draw;
        let done: usize = self.lines.iter().map(Vec::len).sum();
        if total == 0 { 1.0 } else { done as f32 / total as f32 }
    }

    fn accuracy(&self) -> f32 {
        let images = &self.labels.validation;
        let is_correct = |(place, label): &&Labeled| self.classifier.classify(&self.rows, *place) == Some(*label);
        images.iter().filter(is_correct).count() as f32 / images.len().max(1) as f32
    }

    /// The points so far; all of them once [`Tracing::step`] has returned none.
    pub fn points(&self) -> Vec<LabelPoint> {
        let Some((asked, draws)) = self.lines.split_first() else { return Vec::new() };
        let point = |(place, (size, asked)): (usize, (&usize, &f32))| {
            let drawn = place.checked_sub(self.n_common());
            let drawn: Vec<f32> = draws.iter().filter_map(|draw| draw.get(drawn?).copied()).collect();
            let drawn = if drawn.is_empty() { vec![*asked] } else { drawn };
            LabelPoint {
                n_labels: *size as u32,
                asked: *asked,
                random: drawn.iter().sum::<f32>() / drawn.len() as f32,
                lowest: drawn.iter().copied().fold(f32::INFINITY, f32::min),
                highest: drawn.iter().copied().fold(f32::NEG_INFINITY, f32::max),
            }
        };
        self.sizes.iter().zip(asked).enumerate().map(point).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::softmax_regression::Standard;

    fn traced(features: &[f32], n_values: usize, labels: Labels) -> Vec<LabelPoint> {
        let mut standard = Standard::new(features, n_values);
        features.chunks_exact(n_values).for_each(|row| standard.extend(row));
        let mut rows = Rows::default();
        features.chunks_exact(n_values).for_each(|row| rows.push(&standard.place(row)));
        let mut tracing = Tracing::new(labels, rows, n_values);
        let mut fractions = Vec::new();
        while let Some(fraction) = tracing.step() {
            fractions.push(fraction);
        }
        assert!(fractions.is_sorted() && fractions.last().is_none_or(|last| *last == 1.0), "{fractions:?}");
        tracing.points()
    }

    /// Two classes on each side of a border at 0, of images far from it, and of some near it that are the other way around in a second feature.
    /// Far images, of which there are many, do not tell where the border is.
    fn border(n_far: usize, n_near: usize) -> (Vec<f32>, Vec<u16>) {
        let mut random = Random::new(11);
        let mut features = Vec::new();
        let mut labels = Vec::new();
        for image in 0..n_far + n_near {
            let label = (image % 2) as u16;
            let side = if label == 0 { -1.0 } else { 1.0 };
            let noise = 0.2 * (random.unit() as f32 - 0.5);
            // What tells the far ones apart misleads about the near ones.
            let row = if image < n_far { [3.0 * side, noise] } else { [-0.5 * side, side + noise] };
            features.extend(row);
            labels.push(label);
        }
        (features, labels)
    }

    #[test]
    fn of_many_items_some_are_taken_all_over() {
        let spread = |n_items: usize, limit| spread((0..n_items).collect(), limit);
        assert_eq!(spread(10, 10).len(), 10);
        assert_eq!(spread(51, 10), [0, 6, 12, 18, 24, 30, 36, 42, 48]);
        assert!(spread(5, 0).is_empty() && spread(0, 5).is_empty());
    }

    #[test]
    fn sizes_are_few_grow_by_a_factor_and_end_with_all_labels() {
        assert_eq!(sizes(40, true), [0, 1, 2, 4, 7, 13, 22, 40]);
        assert_eq!(sizes(8, false), [1, 2, 3, 4, 6, 8]);
        assert_eq!(sizes(1, true), [0, 1]);
        for n_asked in 1..2_000 {
            for has_start in [false, true] {
                let sizes = sizes(n_asked, has_start);
                assert!(sizes.len() <= 8 && sizes.is_sorted_by(|one, next| one < next), "{sizes:?}");
                assert_eq!((sizes.last(), sizes[0] == 0), (Some(&n_asked), has_start));
            }
        }
    }

    #[test]
    fn asking_for_the_images_at_the_border_is_better_than_chance() {
        let (features, labels) = border(200, 200);
        let image = |place: usize| (place, labels[place]);
        // Those at the border were asked for first.
        let asked = (200..212).chain(8..148).map(image).collect();
        let labels = Labels {
            start: (0..8).map(image).collect(),
            asked,
            validation: (300..400).map(image).collect(),
            n_classes: 2,
        };
        let points = traced(&features, 2, labels.clone());
        let (first, last) = (points[0], points[points.len() - 1]);
        assert_eq!((first.n_labels, first.asked), (0, first.random));
        assert_eq!((last.n_labels, last.asked, last.lowest), (152, last.random, last.highest));
        let early = points[2];
        assert!(early.asked > early.random + 0.2, "{points:?}");
        assert!(points.iter().all(|it| it.lowest <= it.random && it.random <= it.highest), "{points:?}");
        // The other way around, chance is better.
        let reversed = Labels { asked: labels.asked.iter().rev().copied().collect(), ..labels.clone() };
        let points_reversed = traced(&features, 2, reversed);
        assert!(points_reversed[4].asked < points_reversed[4].random, "{points_reversed:?}");
        assert_eq!(traced(&features, 2, labels), points);
    }

    #[test]
    fn odd_labels_make_a_curve_too() {
        let (features, labels) = border(40, 0);
        let all: Vec<Labeled> = labels.iter().copied().enumerate().collect();
        let of = |asked: &[Labeled], start: &[Labeled], validation: &[Labeled]| {
            traced(
                &features,
                2,
                Labels { start: start.to_vec(), asked: asked.to_vec(), validation: validation.to_vec(), n_classes: 3 },
            )
        };
        // Without a start, the first label is all that is known: half of the images are of its class.
        let points = of(&all[..20], &[], &all[20..]);
        assert_eq!((points[0].n_labels, points[0].asked), (1, 0.5));
        assert_eq!(points[points.len() - 1].asked, 1.0);
        // One class.
        let one: Vec<Labeled> = all.iter().copied().filter(|(_, label)| *label == 0).collect();
        assert!(of(&one[..10], &one[10..], &all).iter().all(|point| point.asked == 0.5 && point.highest == 0.5));
        // No validation images, and no labels.
        assert!(of(&all[..20], &[], &[]).iter().all(|point| point.asked == 0.0));
        assert!(of(&[], &[], &all).iter().all(|point| point.n_labels == 0));
        // Images that are all the same.
        let points = traced(
            &[1.0; 80],
            2,
            Labels {
                start: all[..4].to_vec(),
                asked: all[4..20].to_vec(),
                validation: all[20..].to_vec(),
                n_classes: 2,
            },
        );
        assert!(points.iter().all(|point| point.asked == 0.5), "{points:?}");
    }
}
