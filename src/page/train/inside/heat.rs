//! Histograms over time as a heat map, on a common range of values. Pure.

use kindling_core::protocol::Histogram;

pub const ROWS: usize = 32;

/// A heat map of histograms: one column each, the newest at the right; the highest values at the top.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// The minimum of all histograms.
    pub low: f32,
    /// The maximum of all histograms.
    pub high: f32,
    pub n_columns: usize,
    /// `[ROWS, n_columns]`, row by row: 0 where there is no value, 255 in each column's fullest row.
    pub strengths: Vec<u8>,
}

/// The heat map of histograms, oldest first. None without histograms.
pub fn heat(histograms: &[&Histogram]) -> Option<Heat> {
    let low = histograms.iter().map(|histogram| histogram.low).reduce(f32::min)?;
    let high = histograms.iter().map(|histogram| histogram.high).reduce(f32::max)?;
    let n_columns = histograms.len();
    let mut strengths = vec![0; n_columns * ROWS];
    for (column, histogram) in histograms.iter().enumerate() {
        let counts = row_counts(histogram, f64::from(low), f64::from(high));
        let max = counts.iter().copied().fold(0.0, f64::max);
        // From the bottom row upwards.
        for (row, count) in (0..ROWS).rev().zip(counts) {
            // The square root keeps rare values visible beside frequent ones.
            let strength = if max > 0.0 { (count / max).sqrt() } else { 0.0 };
            if let Some(pixel) = strengths.get_mut(row * n_columns + column) {
                *pixel = (strength * 255.0).round() as u8;
            }
        }
    }
    Some(Heat { low, high, n_columns, strengths })
}

/// The number of values in each row of the range from `low` to `high`, lowest row first. A bin that overlaps several rows is divided among them in
/// proportion to the overlap.
fn row_counts(histogram: &Histogram, low: f64, high: f64) -> [f64; ROWS] {
    let mut row_counts = [0.0; ROWS];
    let row_height = (high - low) / ROWS as f64;
    let bin_height = (f64::from(histogram.high) - f64::from(histogram.low)) / histogram.counts.len().max(1) as f64;
    for (bin, count) in histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let from = f64::from(histogram.low) + bin as f64 * bin_height;
        let (first, last) = if row_height > 0.0 {
            ((from - low) / row_height, (from + bin_height - low) / row_height)
        } else {
            (ROWS as f64 / 2.0, ROWS as f64 / 2.0)
        };
        for (row, row_count) in row_counts.iter_mut().enumerate() {
            let row = row as f64;
            let overlap = last.min(row + 1.0) - first.max(row);
            let is_point_here = last - first < 1e-9 && first.min(ROWS as f64 - 0.5).floor() == row;
            if is_point_here {
                *row_count += f64::from(*count);
            } else if overlap > 0.0 {
                *row_count += f64::from(*count) * overlap / (last - first);
            }
        }
    }
    row_counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(low: f32, high: f32, counts: &[u16]) -> Histogram {
        Histogram { low, high, counts: counts.to_vec() }
    }

    #[test]
    fn all_values_are_distributed_over_the_rows() {
        let bins: Vec<u16> = (0..32).collect();
        let counts = row_counts(&histogram(-1.0, 1.0, &bins), -1.0, 3.0);
        assert!((counts.iter().sum::<f64>() - f64::from(bins.iter().sum::<u16>())).abs() < 1e-6);
        // Twice the range: two bins in each of the lower rows, none in the upper ones.
        assert!((counts[1] - 5.0).abs() < 1e-6 && counts[16..].iter().all(|count| *count < 1e-6), "{counts:?}");
    }

    #[test]
    fn the_newest_is_at_the_right_and_the_greatest_above() {
        let (old, new) = (histogram(0.0, 1.0, &[0, 1]), histogram(0.0, 1.0, &[4, 1]));
        let heat = heat(&[&old, &new]).unwrap();
        let at = |row: usize, from_right: usize| heat.strengths[row * 2 + 1 - from_right];
        assert_eq!((heat.low, heat.high, heat.n_columns), (0.0, 1.0, 2));
        // The square root of a quarter is a half.
        assert_eq!((at(0, 0), at(ROWS - 1, 0)), (128, 255));
        assert_eq!((at(0, 1), at(ROWS - 1, 1)), (255, 0));
    }

    #[test]
    fn equal_values_are_a_line() {
        let heat = heat(&[&histogram(0.5, 0.5, &[9, 0])]).unwrap();
        assert_eq!(heat.strengths.iter().filter(|strength| **strength > 0).count(), 1);
        // The same beside a histogram of a wider range, at the end of that range.
        let wide = histogram(0.0, 0.5, &[1, 1]);
        let heat = super::heat(&[&wide, &histogram(0.5, 0.5, &[9, 0])]).unwrap();
        assert_eq!(heat.strengths[1], 255);
        assert_eq!(super::heat(&[]), None);
    }
}
