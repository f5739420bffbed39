//! Softmax regression: a linear classifier on features of images. It minimizes the sum of the images' cross-entropies and half the penalty times
//! the squared norm of the weights; biases are free. A class without an image has no weights and is never predicted.
//!
//! By L-BFGS (Liu and Nocedal, "On the limited memory BFGS method for large scale optimization", 1989), a step at a time, so that whoever waits for
//! it can do other things in between.

use std::collections::VecDeque;

/// Values that are added up side by side: a vector of the machines that this runs on, or two.
const LANES: usize = 8;

/// Earlier steps that shape the next one.
const HISTORY: usize = 8;

/// Maximum number of steps: with features of equal spread, a few dozen lead to the end.
const STEPS_LIMIT: u32 = 200;

/// The steps end where the gradient is as small as this against that of a classifier which knows nothing.
const TOLERANCE: f64 = 1e-3;

/// Halvings of a step that does not lead down. Beyond, the end is as near as single precision comes.
const HALVINGS_LIMIT: u32 = 25;

/// The fraction of the slope that a step has to win (Armijo's condition).
const SLOPE_FRACTION: f64 = 1e-4;

/// Below this fraction of its norm, what is left of a row adds no direction to the span of the others.
const NO_DIRECTION: f32 = 1e-3;

/// A place for each image: its standardized features, a one for the bias, and zeros up to whole vectors.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    n_values: usize,
    values: Vec<f32>,
}

impl Rows {
    fn stride(n_values: usize) -> usize {
        (n_values + 1).next_multiple_of(LANES)
    }

    pub fn push(&mut self, row: &[f32]) {
        self.n_values = row.len();
        self.values.extend_from_slice(row);
        self.values.push(1.0);
        let end = self.values.len().next_multiple_of(LANES);
        self.values.resize(end, 0.0);
    }

    /// Empty past the last one.
    fn row(&self, place: usize) -> &[f32] {
        let stride = Self::stride(self.n_values);
        let start = place.saturating_mul(stride);
        self.values.get(start..start.saturating_add(stride)).unwrap_or_default()
    }
}

/// Standardizes features: mean 0 and variance 1 over the images that it was made of. Where these are fewer than the features, it also turns their span
/// into the first coordinates. Inner products remain, and so does every classifier that learns from these images, at the cost of fewer values.
#[derive(Clone, Debug)]
pub struct Standard {
    /// Mean, and the reciprocal of the standard deviation; 0 for a feature that is the same everywhere, or not finite.
    scales: Vec<(f32, f32)>,
    /// Orthonormal directions, if they are fewer than the features.
    span: Option<Vec<Vec<f32>>>,
}

impl Standard {
    /// `features` are those of all images, each `n_values` long.
    pub fn new(features: &[f32], n_values: usize) -> Self {
        let n_values = n_values.max(1);
        let rows = || features.chunks_exact(n_values);
        let n_rows = rows().len().max(1) as f64;
        let mut sums = vec![0.0_f64; n_values];
        rows().for_each(|row| sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value)));
        let means: Vec<f64> = sums.iter().map(|sum| sum / n_rows).collect();
        let mut squares = vec![0.0_f64; n_values];
        for row in rows() {
            let differences = row.iter().zip(&means).map(|(value, mean)| f64::from(*value) - mean);
            squares.iter_mut().zip(differences).for_each(|(square, difference)| *square += difference * difference);
        }
        let scale = |(mean, square): (&f64, &f64)| {
            let deviation = (square / n_rows).sqrt();
            let is_told = deviation.is_finite() && deviation > 1e-6 * mean.abs().max(1e-6);
            (*mean as f32, if is_told { (1.0 / deviation) as f32 } else { 0.0 })
        };
        let scales = means.iter().zip(&squares).map(scale).collect();
        Self { scales, span: (rows().len() < n_values).then(Vec::new) }
    }

    fn standardized(&self, features: &[f32]) -> Vec<f32> {
        let scaled = features.iter().zip(&self.scales).map(|(value, (mean, scale))| match *scale {
            0.0 => 0.0,
            scale => (value - mean) * scale,
        });
        let mut row: Vec<f32> = scaled.collect();
        row.resize(self.scales.len().next_multiple_of(LANES), 0.0);
        row
    }

    /// Adds the direction of one of the images to their span. All of them have to be added before the first [`Standard::place`].
    pub fn extend(&mut self, features: &[f32]) {
        let mut row = self.standardized(features);
        let Some(span) = &mut self.span else { return };
        let norm = dot(&row, &row).sqrt();
        for direction in span.iter() {
            let part = dot(&row, direction);
            add(&mut row, -part, direction);
        }
        let left = dot(&row, &row).sqrt();
        if left > NO_DIRECTION * norm {
            row.iter_mut().for_each(|value| *value /= left);
            span.push(row);
        }
    }

    /// Where an image lies.
    pub fn place(&self, features: &[f32]) -> Vec<f32> {
        let mut row = self.standardized(features);
        match &self.span {
            Some(span) => span.iter().map(|direction| dot(&row, direction)).collect(),
            None => {
                row.truncate(self.scales.len());
                row
            }
        }
    }
}

/// A classifier: for each class a weight per value, and its bias.
#[derive(Clone, Debug, Default)]
pub struct Classifier {
    n_values: usize,
    weights: Vec<f32>,
    /// Whether it has seen an image of the class.
    knows: Vec<bool>,
}

impl Classifier {
    pub fn new(rows: &Rows, n_classes: usize) -> Self {
        let stride = Rows::stride(rows.n_values);
        Self { n_values: rows.n_values, weights: vec![0.0; n_classes * stride], knows: vec![false; n_classes] }
    }

    /// The class of an image by its place among the rows; none if it knows no class.
    pub fn classify(&self, rows: &Rows, place: usize) -> Option<u16> {
        let row = rows.row(place);
        let classes = self.weights.chunks_exact(Rows::stride(self.n_values)).zip(&self.knows).zip(0_u16..);
        let known = classes.filter(|((_, knows), _)| **knows).map(|((weights, _), class)| (dot(weights, row), class));
        // Of several, the first.
        known.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, class)| class)
    }
}

/// A classifier that learns.
#[derive(Clone, Debug)]
pub struct Fit {
    /// Place among the rows, and class.
    images: Vec<(usize, u16)>,
    penalty: f32,
    classifier: Classifier,
    loss: f64,
    gradient: Vec<f32>,
    /// The norm of the gradient at which it ends.
    end: f64,
    /// Difference of the weights, of the gradients, and the reciprocal of their product, the latest last.
    history: VecDeque<(Vec<f32>, Vec<f32>, f64)>,
    n_steps: u32,
}

impl Fit {
    /// Begins at a classifier that learned from some of these images.
    pub fn new(rows: &Rows, images: Vec<(usize, u16)>, penalty: f32, mut classifier: Classifier) -> Self {
        for (_, class) in &images {
            if let Some(knows) = classifier.knows.get_mut(usize::from(*class)) {
                *knows = true;
            }
        }
        let mut fit = Self {
            images,
            penalty,
            loss: 0.0,
            gradient: Vec::new(),
            end: 0.0,
            history: VecDeque::new(),
            n_steps: 0,
            classifier,
        };
        let (_, of_nothing) = fit.measure(rows, &vec![0.0; fit.classifier.weights.len()]);
        fit.end = TOLERANCE * norm(&of_nothing);
        (fit.loss, fit.gradient) = fit.measure(rows, &fit.classifier.weights);
        fit
    }

    /// Goes a step. Returns whether there are more to go.
    pub fn step(&mut self, rows: &Rows) -> bool {
        if norm(&self.gradient) <= self.end || self.n_steps >= STEPS_LIMIT {
            return false;
        }
        self.n_steps += 1;
        let direction = self.direction();
        let slope = f64::from(dot(&direction, &self.gradient));
        let mut length = 1.0_f32;
        for _ in 0..HALVINGS_LIMIT {
            let mut weights = self.classifier.weights.clone();
            add(&mut weights, length, &direction);
            let (loss, gradient) = self.measure(rows, &weights);
            if loss <= self.loss + SLOPE_FRACTION * f64::from(length) * slope {
                self.take(weights, loss, gradient);
                return true;
            }
            length /= 2.0;
        }
        false
    }

    pub fn classifier(self) -> Classifier {
        self.classifier
    }

    fn take(&mut self, weights: Vec<f32>, loss: f64, gradient: Vec<f32>) {
        let difference = |new: &[f32], old: &[f32]| new.iter().zip(old).map(|(new, old)| new - old).collect::<Vec<_>>();
        let of_weights = difference(&weights, &self.classifier.weights);
        let of_gradient = difference(&gradient, &self.gradient);
        let product = f64::from(dot(&of_weights, &of_gradient));
        if product > 0.0 && (1.0 / product).is_finite() {
            if self.history.len() == HISTORY {
                self.history.pop_front();
            }
            self.history.push_back((of_weights, of_gradient, 1.0 / product));
        }
        (self.classifier.weights, self.loss, self.gradient) = (weights, loss, gradient);
    }

    /// The two loops of L-BFGS.
    fn direction(&self) -> Vec<f32> {
        let mut direction: Vec<f32> = self.gradient.iter().map(|value| -value).collect();
        let mut parts = Vec::with_capacity(self.history.len());
        for (weights, gradient, reciprocal) in self.history.iter().rev() {
            let part = (reciprocal * f64::from(dot(weights, &direction))) as f32;
            add(&mut direction, -part, gradient);
            parts.push(part);
        }
        let scale = match self.history.back() {
            Some((_, gradient, reciprocal)) => 1.0 / (reciprocal * f64::from(dot(gradient, gradient))),
            // The first step is one of length 1.
            None => 1.0 / norm(&self.gradient),
        };
        direction.iter_mut().for_each(|value| *value *= scale as f32);
        for ((weights, gradient, reciprocal), part) in self.history.iter().zip(parts.into_iter().rev()) {
            let other = (reciprocal * f64::from(dot(gradient, &direction))) as f32;
            add(&mut direction, part - other, weights);
        }
        direction
    }

    /// What is minimized, and its gradient.
    fn measure(&self, rows: &Rows, weights: &[f32]) -> (f64, Vec<f32>) {
        let (n_values, stride) = (rows.n_values, Rows::stride(rows.n_values));
        let mut gradient = vec![0.0; weights.len()];
        let mut loss = 0.0;
        for (weights, gradient) in weights.chunks_exact(stride).zip(gradient.chunks_exact_mut(stride)) {
            for (weight, slope) in weights.iter().zip(gradient).take(n_values) {
                loss += 0.5 * f64::from(self.penalty) * f64::from(*weight).powi(2);
                *slope = self.penalty * weight;
            }
        }
        let mut logits = vec![0.0_f32; self.classifier.knows.len()];
        for (place, class) in &self.images {
            let row = rows.row(*place);
            for ((logit, knows), weights) in
                logits.iter_mut().zip(&self.classifier.knows).zip(weights.chunks_exact(stride))
            {
                *logit = if *knows { dot(weights, row) } else { f32::NEG_INFINITY };
            }
            let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let own = logits.get(usize::from(*class)).copied().unwrap_or_default();
            let sum: f32 = logits.iter().map(|logit| (logit - highest).exp()).sum();
            loss += f64::from(sum.ln() + highest - own);
            for ((logit, gradient), other) in logits.iter().zip(gradient.chunks_exact_mut(stride)).zip(0_u16..) {
                let probability = (logit - highest).exp() / sum;
                let error = if other == *class { probability - 1.0 } else { probability };
                if error != 0.0 {
                    add(gradient, error, row);
                }
            }
        }
        (loss, gradient)
    }
}

/// Both are whole vectors.
fn dot(one: &[f32], other: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; LANES];
    for (one, other) in one.as_chunks::<LANES>().0.iter().zip(other.as_chunks::<LANES>().0) {
        lanes.iter_mut().zip(one.iter().zip(other)).for_each(|(lane, (one, other))| *lane += one * other);
    }
    lanes.iter().sum()
}

/// Adds a multiple. Both are whole vectors.
fn add(to: &mut [f32], factor: f32, other: &[f32]) {
    for (to, other) in to.as_chunks_mut::<LANES>().0.iter_mut().zip(other.as_chunks::<LANES>().0) {
        to.iter_mut().zip(other).for_each(|(to, other)| *to += factor * other);
    }
}

fn norm(values: &[f32]) -> f64 {
    f64::from(dot(values, values)).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Features around the center of each image's class, with labels.
    fn clouds(n_images: usize, n_values: usize, n_classes: u16, seed: u64) -> (Vec<f32>, Vec<u16>) {
        let mut random = Random::new(seed);
        let centers: Vec<f32> =
            (0..n_values * usize::from(n_classes)).map(|_| 2.0 * random.unit() as f32 - 1.0).collect();
        let labels: Vec<u16> = (0..n_images).map(|image| (image % usize::from(n_classes)) as u16).collect();
        let features = labels.iter().flat_map(|label| {
            let center = &centers[usize::from(*label) * n_values..][..n_values];
            center.iter().map(|value| value + 1.5 * (random.unit() as f32 - 0.5)).collect::<Vec<_>>()
        });
        (features.collect(), labels)
    }

    fn rows(features: &[f32], n_values: usize) -> Rows {
        let mut standard = Standard::new(features, n_values);
        features.chunks_exact(n_values).for_each(|row| standard.extend(row));
        let mut rows = Rows::default();
        features.chunks_exact(n_values).for_each(|row| rows.push(&standard.place(row)));
        rows
    }

    fn images(labels: &[u16]) -> Vec<(usize, u16)> {
        labels.iter().copied().enumerate().collect()
    }

    fn fitted(rows: &Rows, images: &[(usize, u16)], n_classes: usize, penalty: f32) -> Fit {
        let mut fit = Fit::new(rows, images.to_vec(), penalty, Classifier::new(rows, n_classes));
        while fit.step(rows) {}
        fit
    }

    /// Two images on a line, at -1 and 1, of one class each: by symmetry the biases are 0 and the weights -w and w. Both images pull at each of them,
    /// so λw = 2σ(-2w): for λ = 0.5, w = 0.7407.
    #[test]
    fn two_images_have_the_solution_of_their_equation() {
        let mut rows = Rows::default();
        rows.push(&[-1.0]);
        rows.push(&[1.0]);
        let fit = fitted(&rows, &[(0, 0), (1, 1)], 2, 0.5);
        let weight = f64::from(fit.classifier.weights[Rows::stride(1)]);
        let pull = 2.0 / (1.0 + (2.0 * weight).exp());
        assert!((pull - 0.5 * weight).abs() < 2e-3 && (weight - 0.7407).abs() < 5e-3, "{weight}");
        assert!((f64::from(fit.classifier.weights[0]) + weight).abs() < 1e-3);
        assert!(fit.classifier.weights[1].abs() < 1e-3, "the bias");
    }

    #[test]
    fn the_gradient_is_that_of_the_loss_and_vanishes_at_the_end() {
        let (features, labels) = clouds(40, 5, 3, 1);
        let rows = rows(&features, 5);
        let fit = fitted(&rows, &images(&labels), 3, 2.0);
        assert!(norm(&fit.gradient) <= fit.end && fit.n_steps < 60, "{} steps", fit.n_steps);
        let mut random = Random::new(2);
        let weights: Vec<f32> = fit.classifier.weights.iter().map(|it| it + random.unit() as f32 - 0.5).collect();
        let (_, gradient) = fit.measure(&rows, &weights);
        // What pads a row has no influence, so neither has its weight.
        for place in [0, 3, 5, Rows::stride(5) + 1] {
            let at = |difference: f32| {
                let mut moved = weights.clone();
                moved[place] += difference;
                fit.measure(&rows, &moved).0
            };
            let slope = (at(0.01) - at(-0.01)) / 0.02;
            assert!((slope - f64::from(gradient[place])).abs() < 0.02 * slope.abs().max(1.0), "{place}: {slope}");
        }
    }

    #[test]
    fn fewer_images_than_features_span_all_that_counts() {
        let (n_values, n_classes) = (50, 3);
        let (features, labels) = clouds(60, n_values, n_classes, 3);
        let learned = &features[..20 * n_values];
        let mut short = Standard::new(learned, n_values);
        let long = Standard { span: None, ..short.clone() };
        learned.chunks_exact(n_values).for_each(|row| short.extend(row));
        let answers = [short, long].map(|standard| {
            let mut rows = Rows::default();
            features.chunks_exact(n_values).for_each(|row| rows.push(&standard.place(row)));
            let classifier = fitted(&rows, &images(&labels[..20]), 3, 5.0).classifier();
            let answers: Vec<_> = (20..60).map(|place| classifier.classify(&rows, place)).collect();
            (rows.n_values, answers)
        });
        assert!(answers[0].0 <= 20 && answers[1].0 == n_values);
        assert_eq!(answers[0].1, answers[1].1);
        let n_correct =
            answers[0].1.iter().zip(&labels[20..]).filter(|(answer, label)| **answer == Some(**label)).count();
        assert!(n_correct > 30, "{n_correct} of 40");
    }

    #[test]
    fn a_classifier_that_goes_on_ends_where_one_from_the_beginning_does() {
        let (features, labels) = clouds(40, 6, 4, 5);
        let (rows, all) = (rows(&features, 6), images(&labels));
        let some = fitted(&rows, &all[..10], 4, 2.0).classifier();
        let mut further = Fit::new(&rows, all.clone(), 2.0, some);
        while further.step(&rows) {}
        let anew = fitted(&rows, &all, 4, 2.0);
        assert!((further.loss - anew.loss).abs() < 1e-3 * anew.loss, "{} {}", further.loss, anew.loss);
        for place in 0..40 {
            assert_eq!(further.classifier.classify(&rows, place), anew.classifier.classify(&rows, place));
        }
    }

    #[test]
    fn odd_images_are_learned_without_trouble() {
        // One class only, which is then all that is known.
        let (features, labels) = clouds(6, 4, 1, 7);
        let rows_of_one = rows(&features, 4);
        let fit = fitted(&rows_of_one, &images(&labels), 3, 1.0);
        assert_eq!((fit.n_steps, fit.classifier.classify(&rows_of_one, 2)), (0, Some(0)));
        // Equal images of two classes: the more frequent one is predicted.
        let equal = rows(&[0.5; 12], 2);
        let classifier = fitted(&equal, &[(0, 1), (1, 2), (2, 2), (3, 2), (4, 1), (5, 2)], 3, 1.0).classifier();
        assert_eq!(classifier.classify(&equal, 0), Some(2));
        // A feature that is no number counts as none.
        let features = [f32::NAN, 1.0, 0.0, -1.0, f32::INFINITY, 1.0, 0.0, -1.0];
        let classifier = fitted(&rows(&features, 2), &[(0, 0), (1, 1), (2, 0), (3, 1)], 2, 1.0).classifier();
        assert_eq!([0, 1].map(|place| classifier.classify(&rows(&features, 2), place)), [Some(0), Some(1)]);
        // No image at all.
        let classifier = fitted(&equal, &[], 3, 1.0).classifier();
        assert_eq!(classifier.classify(&equal, 0), None);
    }
}
