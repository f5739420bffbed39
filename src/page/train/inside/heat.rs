//! Histograms over time on one range of values, as strengths of color. Pure.

use crate::page::state::LOOKS_LIMIT;
use kindling_core::protocol::Histogram;

pub const COLUMNS: usize = LOOKS_LIMIT;

pub const ROWS: usize = 32;

/// A picture of histograms: the newest at the right, the greatest values above.
#[derive(Clone, Debug, PartialEq)]
pub struct Heat {
    /// Least value of all histograms.
    pub low: f32,
    /// Greatest value.
    pub high: f32,
    /// `COLUMNS * ROWS`, row by row: 0 where there is no value, 255 where most of a column's values are.
    pub strengths: Vec<u8>,
}

/// None without histograms; the oldest comes first.
pub fn heat(histograms: &[&Histogram]) -> Option<Heat> {
    let low = histograms.iter().map(|histogram| histogram.low).reduce(f32::min)?;
    let high = histograms.iter().map(|histogram| histogram.high).reduce(f32::max)?;
    let mut strengths = vec![0; COLUMNS * ROWS];
    let newest = histograms.iter().rev().take(COLUMNS);
    for (column, histogram) in (0..COLUMNS).rev().zip(newest) {
        let shares = shares(histogram, f64::from(low), f64::from(high));
        let most = shares.iter().copied().fold(0.0, f64::max);
        // From the lowest row upwards.
        for (row, share) in (0..ROWS).rev().zip(shares) {
            // The root lets rare values be seen beside frequent ones.
            let strength = if most > 0.0 { (share / most).sqrt() } else { 0.0 };
            if let Some(place) = strengths.get_mut(row * COLUMNS + column) {
                *place = (strength * 255.0).round() as u8;
            }
        }
    }
    Some(Heat { low, high, strengths })
}

/// How many values are in each row of the common range, the lowest first; a bin that several rows share is divided among them.
fn shares(histogram: &Histogram, low: f64, high: f64) -> [f64; ROWS] {
    let mut shares = [0.0; ROWS];
    let row_height = (high - low) / ROWS as f64;
    let bin_height = (f64::from(histogram.high) - f64::from(histogram.low)) / histogram.counts.len().max(1) as f64;
    for (bin, count) in histogram.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let from = f64::from(histogram.low) + bin as f64 * bin_height;
        let (first, last) = if row_height > 0.0 {
            ((from - low) / row_height, (from + bin_height - low) / row_height)
        } else {
            (ROWS as f64 / 2.0, ROWS as f64 / 2.0)
        };
        for (row, share) in shares.iter_mut().enumerate() {
            let row = row as f64;
            let overlap = last.min(row + 1.0) - first.max(row);
            let is_point_here = last - first < 1e-9 && first.min(ROWS as f64 - 0.5).floor() == row;
            if is_point_here {
                *share += f64::from(*count);
            } else if overlap > 0.0 {
                *share += f64::from(*count) * overlap / (last - first);
            }
        }
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(low: f32, high: f32, counts: &[u16]) -> Histogram {
        Histogram { low, high, counts: counts.to_vec() }
    }

    #[test]
    fn all_values_are_shared_out() {
        let bins: Vec<u16> = (0..32).collect();
        let shared = shares(&histogram(-1.0, 1.0, &bins), -1.0, 3.0);
        assert!((shared.iter().sum::<f64>() - f64::from(bins.iter().sum::<u16>())).abs() < 1e-6);
        // Twice the range: two bins in each of the lower rows, none in the upper ones.
        assert!((shared[1] - 5.0).abs() < 1e-6 && shared[16..].iter().all(|share| *share < 1e-6), "{shared:?}");
    }

    #[test]
    fn the_newest_is_at_the_right_and_the_greatest_above() {
        let (old, new) = (histogram(0.0, 1.0, &[0, 1]), histogram(0.0, 1.0, &[4, 1]));
        let heat = heat(&[&old, &new]).unwrap();
        let at = |row: usize, from_right: usize| heat.strengths[row * COLUMNS + COLUMNS - 1 - from_right];
        assert_eq!((heat.low, heat.high), (0.0, 1.0));
        // Half as strong as the root of a quarter.
        assert_eq!((at(0, 0), at(ROWS - 1, 0)), (128, 255));
        assert_eq!((at(0, 1), at(ROWS - 1, 1)), (255, 0));
        assert_eq!((at(0, 2), at(ROWS - 1, 2)), (0, 0), "nothing before the first look");
    }

    #[test]
    fn equal_values_are_a_line() {
        let heat = heat(&[&histogram(0.5, 0.5, &[9, 0])]).unwrap();
        let column: Vec<u8> = heat.strengths.chunks(COLUMNS).map(|row| row[COLUMNS - 1]).collect();
        assert_eq!(column.iter().filter(|strength| **strength > 0).count(), 1);
        // Beside a wider range, too, and at its end.
        let wide = histogram(0.0, 0.5, &[1, 1]);
        let heat = super::heat(&[&wide, &histogram(0.5, 0.5, &[9, 0])]).unwrap();
        assert_eq!(heat.strengths[COLUMNS - 1], 255);
        assert_eq!(super::heat(&[]), None);
    }
}
