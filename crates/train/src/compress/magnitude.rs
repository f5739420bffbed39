//! Pruning of single weights by magnitude (Han and others, 2015): the smallest become 0. The network keeps its shape; its file packs smaller.

use crate::device::tensors::NamedTensor;

/// Sets the share `sparsity` of each weight tensor to 0, those of smallest magnitude. Biases and norms stay. Returns the number of zeros.
pub fn prune_weights(tensors: &mut [NamedTensor], sparsity: f32) -> usize {
    let weights = tensors.iter_mut().filter(|tensor| tensor.shape.len() > 1);
    let zeros = weights.map(|NamedTensor { values, .. }| {
        let n = (values.len() as f32 * sparsity.clamp(0.0, 1.0)) as usize;
        let mut places: Vec<usize> = (0..values.len()).collect();
        let magnitude = |place: &usize| values.get(*place).map_or(0.0, |value| value.abs());
        places.sort_by(|one, other| magnitude(one).total_cmp(&magnitude(other)));
        for place in places.into_iter().take(n) {
            if let Some(value) = values.get_mut(place) {
                *value = 0.0;
            }
        }
        n
    });
    zeros.sum()
}

/// The sparsity after a step of a gradual schedule: it rises fast at first, and slowly where few weights are left (Zhu and Gupta, 2017).
pub fn gradual_sparsity(target: f32, step: u32, n_steps: u32) -> f32 {
    let left = 1.0 - (step as f32 / n_steps.max(1) as f32).clamp(0.0, 1.0);
    target * (1.0 - left.powi(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_weights_go_and_biases_stay() {
        let tensor = |name: &str, shape: &[usize], values: &[f32]| NamedTensor {
            name: name.to_owned(),
            shape: shape.to_vec(),
            values: values.to_vec(),
        };
        let mut tensors =
            vec![tensor("0.weight", &[2, 2], &[0.1, -3.0, -0.2, 2.0]), tensor("0.bias", &[2], &[0.0, 0.1])];
        assert_eq!(prune_weights(&mut tensors, 0.5), 2);
        assert_eq!(tensors[0].values, [0.0, -3.0, 0.0, 2.0]);
        assert_eq!(tensors[1].values, [0.0, 0.1]);
    }

    #[test]
    fn a_gradual_schedule_ends_at_its_target() {
        let sparsities: Vec<f32> = (0..=4).map(|step| gradual_sparsity(0.8, step, 4)).collect();
        assert_eq!((sparsities[0], sparsities[4]), (0.0, 0.8));
        assert!(sparsities.is_sorted() && sparsities[1] > 0.4, "{sparsities:?}");
    }
}
