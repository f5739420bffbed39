//! Histograms, and the saturation of activations. Pure.

use kindling_core::config::Activation;
use kindling_core::protocol::Histogram;

pub const N_BINS: usize = 32;

/// A value is saturated if it is within this fraction of its function's range from an end.
const EDGE: f32 = 0.01;

/// None if no value is finite.
pub fn histogram(values: &[f32]) -> Option<Histogram> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let low = finite().reduce(f32::min)?;
    let high = finite().reduce(f32::max)?;
    let width = f64::from(high) - f64::from(low);
    let mut counts = vec![0_u16; N_BINS];
    for value in finite() {
        let fraction = if width > 0.0 { (f64::from(value) - f64::from(low)) / width } else { 0.0 };
        if let Some(count) = counts.get_mut(((fraction * N_BINS as f64) as usize).min(N_BINS - 1)) {
            *count = count.saturating_add(1);
        }
    }
    Some(Histogram { low, high, counts })
}

/// Fraction of the values at the ends of the function's range; none for functions whose range is not bounded on both sides.
pub fn saturated(function: Activation, values: &[f32]) -> Option<f32> {
    let (low, high) = match function {
        Activation::Sigmoid => (0.0, 1.0),
        Activation::Tanh => (-1.0, 1.0),
        Activation::Relu6 => (0.0, 6.0),
        Activation::Relu | Activation::LeakyRelu | Activation::Gelu | Activation::Silu => return None,
    };
    let edge = (high - low) * EDGE;
    let n_at_end = values.iter().filter(|&&value| value <= low + edge || value >= high - edge).count();
    (!values.is_empty()).then(|| n_at_end as f32 / values.len() as f32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_finite_value_is_in_one_bin() {
        let values: Vec<f32> = (0..64).map(|value| value as f32).chain([f32::NAN, f32::INFINITY]).collect();
        let found = histogram(&values).unwrap();
        assert_eq!((found.low, found.high), (0.0, 63.0));
        // Each bin is 63 / 32 wide: two values in each, and the largest in the last.
        assert_eq!(found.counts, [2; N_BINS]);
    }

    #[test]
    fn values_that_are_all_alike_share_a_bin() {
        let found = histogram(&[0.5; 7]).unwrap();
        assert_eq!((found.low, found.high, found.counts[0]), (0.5, 0.5, 7));
        assert_eq!(histogram(&[f32::NAN]), None);
        assert_eq!(histogram(&[]), None);
    }

    #[test]
    fn the_widest_range_is_no_overflow() {
        let found = histogram(&[f32::MIN, 0.0, f32::MAX]).unwrap();
        assert_eq!((found.counts[0], found.counts[16], found.counts[31]), (1, 1, 1));
    }

    #[test]
    fn saturated_values_are_at_either_end() {
        assert_eq!(saturated(Activation::Tanh, &[-1.0, -0.985, 0.0, 0.97]), Some(0.5));
        assert_eq!(saturated(Activation::Sigmoid, &[0.005, 0.02, 0.5, 0.995]), Some(0.5));
        assert_eq!(saturated(Activation::Relu, &[0.0]), None);
        assert_eq!(saturated(Activation::Tanh, &[]), None);
    }
}
