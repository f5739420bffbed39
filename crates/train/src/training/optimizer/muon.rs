//! The orthogonalized updates of Keller Jordan's Muon: kellerjordan.github.io/posts/muon.

use burn::tensor::Tensor;

use crate::blocks::sum_of_squares;

/// Chosen by Jordan so that small singular values grow fast; the resulting ones lie around 1, not at it.
const COEFFICIENTS: [f64; 3] = [3.4445, -4.7750, 2.0315];

const STEPS: usize = 5;

/// Avoids a division by zero for a gradient of zeros.
const EPSILON: f64 = 1e-7;

/// The update as a matrix, a row for each output, with all its singular values brought near 1; tall matrices are scaled up by the
/// square root of their height over their width. Computed in f32, where Jordan uses bfloat16. His code reads height and width before
/// it flattens a convolution; here, as in his text, the flattened matrix decides.
pub fn orthogonal<const D: usize>(update: Tensor<D>) -> Tensor<D> {
    let shape = update.shape();
    let n_rows = shape.first().copied().unwrap_or_default();
    let n_columns = shape.num_elements() / n_rows.max(1);
    // A linear layer's weight is [in, out] in burn.
    let height_by_width = match D {
        2 => n_columns as f64 / n_rows as f64,
        _ => n_rows as f64 / n_columns as f64,
    };
    let matrix = update.reshape([n_rows, n_columns]);
    // The products are smallest with the short side first, and the result is the same.
    let orthogonal = match n_rows > n_columns {
        true => newton_schulz(matrix.transpose()).transpose(),
        false => newton_schulz(matrix),
    };
    (orthogonal * height_by_width.max(1.0).sqrt()).reshape(shape)
}

/// `matrix` is `[short, long]`.
fn newton_schulz(matrix: Tensor<2>) -> Tensor<2> {
    let [a, b, c] = COEFFICIENTS;
    let norm = sum_of_squares(matrix.clone()).sqrt() + EPSILON; // [1]
    let mut x = matrix / norm.reshape([1, 1]);
    for _ in 0..STEPS {
        let square = x.clone().matmul(x.clone().transpose()); // [short, short]
        let polynomial = square.clone() * b + square.clone().matmul(square) * c;
        x = x.clone() * a + polynomial.matmul(x);
    }
    x
}
