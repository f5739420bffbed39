//! Samples of large tensors: values at even distances.

use burn::tensor::Tensor;

use crate::module::Features;

/// Approximate number of values of one histogram.
pub const MAX_VALUES: usize = 4_096;

/// Samples tensors that are treated as one, each given in a row. None if there are no tensors.
pub fn sample(tensors: Vec<Tensor<1>>) -> Option<Tensor<1>> {
    let n_values: usize = tensors.iter().map(n_values_of).sum();
    let min_stride = n_values.div_ceil(MAX_VALUES);
    let mut parts: Vec<Tensor<1>> = tensors
        .into_iter()
        .map(|values| {
            let stride = stride(n_values_of(&values), min_stride);
            every(values, stride)
        })
        .collect();
    if parts.len() > 1 { Some(Tensor::cat(parts, 0)) } else { parts.pop() }
}

/// A layer's output in one row.
pub fn in_one_row(features: Features) -> Tensor<1> {
    let n_values = features.dims().iter().product::<usize>();
    match features {
        Features::Maps(maps) => maps.reshape([n_values]),
        Features::Sequence(sequence) => sequence.reshape([n_values]),
        Features::Vector(vector) => vector.reshape([n_values]),
    }
}

fn n_values_of(values: &Tensor<1>) -> usize {
    let [n_values] = values.dims();
    n_values
}

/// At least `min_stride`, and coprime to the number of values: otherwise it would meet the same column of each row.
fn stride(n_values: usize, min_stride: usize) -> usize {
    (min_stride.max(1)..).find(|&stride| gcd(stride, n_values) == 1).unwrap_or(1)
}

fn gcd(one: usize, other: usize) -> usize {
    if other == 0 { one } else { gcd(other, one % other) }
}

/// The first of every `stride` values; only the first value if there are fewer than that.
fn every(values: Tensor<1>, stride: usize) -> Tensor<1> {
    let n_picked = n_values_of(&values) / stride;
    match (stride, n_picked) {
        (1, _) => values,
        (_, 0) => values.narrow(0, 0, 1),
        _ => {
            let rows = values.narrow(0, 0, n_picked * stride).reshape([n_picked, stride]);
            rows.narrow(1, 0, 1).reshape([n_picked])
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_stride_shares_no_factor_with_the_sides() {
        use super::stride;

        // Rows of 1,024: a stride of 1,024 would see one column only.
        assert_eq!(stride(4_194_304, 1_024), 1_025);
        assert_eq!(stride(9 * 64 * 64, 9), 11);
        assert_eq!(stride(10, 1), 1);
    }

    #[cfg(feature = "cpu")]
    mod on_the_cpu {
        use burn::tensor::{Device, Tensor, TensorData};

        use super::super::{MAX_VALUES, sample};

        fn row(n_values: usize) -> Tensor<1> {
            let values: Vec<f32> = (0..n_values).map(|value| value as f32).collect();
            Tensor::from_data(TensorData::new(values, [n_values]), &Device::flex())
        }

        fn check(tensors: &[usize], expected: &[f32]) {
            let found = sample(tensors.iter().map(|&n_values| row(n_values)).collect()).unwrap();
            let found: Vec<f32> = found.into_data().iter::<f32>().collect();
            assert_eq!(&found[..expected.len()], expected);
            assert!(found.len() <= MAX_VALUES + tensors.len(), "{}", found.len());
        }

        #[test]
        fn few_values_are_all_there() {
            check(&[3, 2], &[0.0, 1.0, 2.0, 0.0, 1.0]);
            assert!(sample(Vec::new()).is_none());
        }

        #[test]
        fn of_many_there_are_some_in_even_distances() {
            check(&[10_000], &[0.0, 3.0, 6.0]);
            // A small tensor beside a large one is still there.
            let found = sample(vec![row(40_960), row(2)]).unwrap();
            assert_eq!(found.dims()[0], 40_960 / 11 + 1);
        }
    }
}
