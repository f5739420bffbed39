//! Magnitude pruning during a run: the smallest weights of each layer become zero, more and more of them, and stay zero.

use serde::{Deserialize, Serialize};

/// The sparsity, the fraction of a layer's weights that are zero, rises as `s(t) = s · (1 − (1 − t)³)`, where `t` goes from 0 to 1 during the
/// first steps of the run (Zhu and Gupta, 2017, arXiv:1710.01878). Biases, norms and frozen layers keep all of theirs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SparsityConfig {
    /// s: the fraction of weights that are zero in the end.
    pub target: f64,
    /// The fraction of the run's steps during which the sparsity rises. The rest adapts the weights that are left.
    pub ramp: f64,
}

impl Default for SparsityConfig {
    fn default() -> Self {
        Self { target: 0.8, ramp: 0.5 }
    }
}

impl SparsityConfig {
    /// The sparsity after a share `t` of the steps during which it rises, 0 to 1.
    pub fn after(&self, t: f64) -> f64 {
        self.target * (1.0 - (1.0 - t.clamp(0.0, 1.0)).powi(3))
    }
}

/// The largest magnitude among this fraction, 0 to 1, of the smallest ones; 0 if that is none. Weights up to it become zero.
pub fn threshold(mut magnitudes: Vec<f32>, fraction: f64) -> f32 {
    let n_removed = (fraction * magnitudes.len() as f64).round() as usize;
    match n_removed.checked_sub(1) {
        Some(last) if last < magnitudes.len() => *magnitudes.select_nth_unstable_by(last, f32::total_cmp).1,
        _ => 0.0,
    }
}

/// Whether a tensor, by its name in PyTorch and its number of axes, has weights that may become zero.
pub fn can_be_sparse(name: &str, n_axes: usize) -> bool {
    n_axes > 1 && name.rsplit('.').next().is_some_and(|last| last.contains("weight"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sparsity_rises_fast_and_ends_at_its_target() {
        let config = SparsityConfig { target: 0.8, ramp: 0.5 };
        for (t, expected) in [(0.0, 0.0), (0.5, 0.7), (1.0, 0.8), (2.0, 0.8)] {
            assert!((config.after(t) - expected).abs() < 1e-12, "{t}");
        }
    }

    #[test]
    fn the_threshold_is_the_largest_of_the_smallest_magnitudes() {
        let magnitudes = || vec![3.0, 1.0, 0.5, 4.0, 2.0];
        assert_eq!([0.0, 0.2, 0.4, 0.6, 1.0].map(|it| threshold(magnitudes(), it)), [0.0, 0.5, 1.0, 2.0, 4.0]);
        assert_eq!(threshold(Vec::new(), 1.0), 0.0);
    }

    #[test]
    fn only_weights_of_products_become_zero() {
        for (name, n_axes, expected) in [
            ("0.weight", 4, true),
            ("3.layers.1.weight", 1, false),
            ("3.bias", 1, false),
            ("1.weight_hh_l0", 2, true),
            ("2.self_attn.in_proj_weight", 2, true),
            ("1.position", 2, false),
        ] {
            assert_eq!(can_be_sparse(name, n_axes), expected, "{name}");
        }
    }
}
