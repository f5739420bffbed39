//! Sums of products of floats, as many at a time as fit the registers. Each sum adds its products in order.

#![expect(
    clippy::indexing_slicing,
    reason = "the innermost loops of inference; the operands' shapes are checked before anything is computed"
)]

/// Columns, which are the lanes of vectors, and rows that are multiplied by them at a time.
pub const LANES: usize = 8;
pub const ROWS: usize = 4;

/// The sums, which begin with some others, of each row of factors times each column of values.
pub fn sums(
    mut sums: [[f32; LANES]; ROWS],
    [one, two, three, four]: [&[f32]; ROWS],
    values: &[[f32; LANES]],
) -> [[f32; LANES]; ROWS] {
    for ((((values, one), two), three), four) in values.iter().zip(one).zip(two).zip(three).zip(four) {
        for (sums, factor) in sums.iter_mut().zip([one, two, three, four]) {
            sums.iter_mut().zip(values).for_each(|(sum, value)| *sum += factor * value);
        }
    }
    sums
}

/// `a`, of rows of `inner` values, times `[inner, columns]`, where neighbors along both axes are `of_inner` and `of_column` from each other.
pub fn product(
    a: &[f32],
    b: &[f32],
    [inner, columns]: [usize; 2],
    [of_inner, of_column]: [usize; 2],
    output: &mut [f32],
) {
    let mut some = vec![[0.0; LANES]; inner];
    for first in (0..columns).step_by(LANES) {
        let n_columns = LANES.min(columns - first);
        for (row, values) in some.iter_mut().enumerate() {
            let values = values[..n_columns].iter_mut().zip(first..);
            values.for_each(|(value, column)| *value = b[row * of_inner + column * of_column]);
        }
        for (a, output) in a.chunks((ROWS * inner).max(1)).zip(output.chunks_mut(ROWS * columns)) {
            // Behind the last row stand copies of it.
            let last = output.len() / columns - 1;
            let rows = std::array::from_fn(|row| &a[row.min(last) * inner..][..inner]);
            let sums = sums([[0.0; LANES]; ROWS], rows, &some);
            for (output, sums) in output.chunks_exact_mut(columns).zip(sums) {
                output[first..first + n_columns].copy_from_slice(&sums[..n_columns]);
            }
        }
    }
}
