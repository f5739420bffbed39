//! From the values that an activation takes to its scale and zero point.

use kindling_core::random::Random;

use crate::quantized::Quantization;

/// How a range is chosen from the values that were seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Calibration {
    /// From the least to the largest value.
    MinMax,
    /// Without the smallest and the largest 0.01 percent, which become the ends of the range.
    Percentile,
    /// The range with the least mean squared error of quantization.
    #[default]
    MeanSquaredError,
}

impl Calibration {
    pub const ALL: [Self; 3] = [Self::MinMax, Self::Percentile, Self::MeanSquaredError];

    /// Its name for programs.
    pub fn id(self) -> &'static str {
        match self {
            Self::MinMax => "min-max",
            Self::Percentile => "percentile",
            Self::MeanSquaredError => "mse",
        }
    }
}

/// The share of values outside of the range at each end.
const OUTSIDE: f64 = 1e-4;

/// Maximum number of values that are kept of one activation.
const MAX_KEPT: usize = 1 << 16;

/// How many ranges are tried for the least error.
const N_TRIALS: u32 = 40;

/// The values that an activation takes over many images: the extremes of all, and a random sample of fixed size.
#[derive(Clone, Debug)]
pub struct Observed {
    least: f32,
    largest: f32,
    kept: Vec<f32>,
    n_seen: u64,
    is_finite: bool,
    random: Random,
}

impl Default for Observed {
    fn default() -> Self {
        Self { least: 0.0, largest: 0.0, kept: Vec::new(), n_seen: 0, is_finite: true, random: Random::new(1) }
    }
}

impl Observed {
    pub fn see(&mut self, values: &[f32]) {
        for &value in values {
            self.least = self.least.min(value);
            self.largest = self.largest.max(value);
            self.is_finite &= value.is_finite();
            self.n_seen += 1;
            if self.kept.len() < MAX_KEPT {
                self.kept.push(value);
                continue;
            }
            // Reservoir sampling (Vitter, 1985): each value is kept with the same probability.
            let place = self.random.below(u32::try_from(self.n_seen).unwrap_or(u32::MAX)) as usize;
            if let Some(kept) = self.kept.get_mut(place) {
                *kept = value;
            }
        }
    }

    pub fn is_finite(&self) -> bool {
        self.is_finite
    }

    pub fn quantization(&self, calibration: Calibration) -> Quantization {
        match calibration {
            Calibration::MinMax => of_range(self.least, self.largest),
            Calibration::Percentile => {
                let mut sorted = self.kept.clone();
                sorted.sort_unstable_by(f32::total_cmp);
                let outside = (OUTSIDE * sorted.len() as f64) as usize;
                let [low, high] =
                    [outside, sorted.len().saturating_sub(outside + 1)].map(|place| sorted.get(place).copied());
                of_range(low.unwrap_or_default(), high.unwrap_or_default())
            }
            Calibration::MeanSquaredError => self.of_least_error(),
        }
    }

    /// The range is narrowed at both ends alike.
    fn of_least_error(&self) -> Quantization {
        let trials = (0..N_TRIALS).map(|trial| {
            let share = 1.0 - trial as f32 / (N_TRIALS + 10) as f32;
            let quantization = of_range(self.least * share, self.largest * share);
            let error = |value: &f32| f64::from(value - quantization.real(quantization.integer(*value))).powi(2);
            (quantization, self.kept.iter().map(error).sum::<f64>())
        });
        let best = trials.min_by(|(_, one), (_, other)| one.total_cmp(other));
        best.map_or_else(|| of_range(self.least, self.largest), |(quantization, _)| quantization)
    }
}

/// All 256 integers for a range, which is widened to hold 0; an empty one becomes that from 0 to 1.
pub fn of_range(least: f32, largest: f32) -> Quantization {
    let (least, largest) = (f64::from(least.min(0.0)), f64::from(largest.max(0.0)));
    let width = if largest - least > f64::from(f32::MIN_POSITIVE) * 1e4 { largest - least } else { 1.0 };
    let scale = width / 255.0;
    let zero_point = (-128.0 - least / scale).round().clamp(-128.0, 127.0);
    Quantization { scale: scale as f32, zero_point: zero_point as i8 }
}
