//! Cross-entropy of a softmax, and its gradient.

use pulp::Simd;

use crate::functions::exp;
use crate::simd::{self, Kernel, groups_mut};

/// What [`cross_entropy`] computes, `[batch, classes]` each.
#[derive(Clone, Debug)]
pub struct CrossEntropy {
    /// `-w log p` for each class, which sum to the loss.
    pub parts: Vec<f32>,
    /// `p Σ w - w`: the gradient of the loss at the logits.
    pub gradient: Vec<f32>,
}

/// Logits `[batch, classes]`, of which each image's largest is 0, with a weight `w` for each: the target, times whatever weight image and class have.
/// `p` is the softmax of an image's logits.
pub fn cross_entropy(logits: &[f32], weights: &[f32], classes: usize) -> CrossEntropy {
    assert!(logits.len() == weights.len() && logits.len().is_multiple_of(classes), "there is a weight for each logit");
    let mut parts = weights.to_vec();
    let mut gradient = logits.to_vec();
    gradient.resize(logits.len().next_multiple_of(simd::lanes()), 0.0);
    simd::run(Exponentials(&mut gradient), 1);
    gradient.truncate(logits.len());
    let rows = logits.chunks_exact(classes.max(1)).zip(weights.chunks_exact(classes.max(1)));
    let results = parts.chunks_exact_mut(classes.max(1)).zip(gradient.chunks_exact_mut(classes.max(1)));
    for ((logits, weights), (parts, gradient)) in rows.zip(results) {
        let sum: f32 = gradient.iter().sum();
        let (log_sum, scale) = (sum.ln(), weights.iter().sum::<f32>() / sum);
        for class in 0..classes {
            parts[class] = weights[class] * (log_sum - logits[class]);
            gradient[class] = gradient[class] * scale - weights[class];
        }
    }
    CrossEntropy { parts, gradient }
}

/// Replaces values by their exponentials.
struct Exponentials<'a>(&'a mut [f32]);

impl Kernel for Exponentials<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, simd: S) {
        for [value] in groups_mut::<S, 1>(self.0) {
            *value = exp(simd, *value);
        }
    }
}
