//! The updates of optimizers, in one pass over a parameter: its values, their gradients, and the moments that an optimizer keeps of these.

use pulp::Simd;

use crate::simd::{self, Kernel};
use crate::threads::Threads;

/// An update `w ← w · kept - change`, where the change follows a rule for the gradient `g + l2 · w`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    pub rule: Rule,
    /// The learning rate, η.
    pub rate: f32,
    /// What decoupled weight decay leaves of a value: 1 without it.
    pub kept: f32,
    /// The factor of L2 regularization: 0 without it.
    pub l2: f32,
}

/// How a gradient `g` becomes a change, with up to three moments, which start at 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `η g`
    Plain,
    /// `v ← μ v + g`, then `η v`, or `η (g + μ v)` with Nesterov's lookahead. The first moment is `v`.
    Momentum { momentum: f32, nesterov: bool },
    /// `m ← β₁ m + (1 - β₁) g`, `v ← β₂ v + (1 - β₂) g²`, then `η s₁ m / (√v s₂ + ε)`, where the scales correct the moments' bias. First and second
    /// moment.
    Adam { beta1: f32, beta2: f32, rest1: f32, rest2: f32, scale1: f32, scale2: f32, epsilon: f32 },
    /// `v ← α v + (1 - α) g²`, then `g / (√v + ε)`, with momentum if it is not 0. If centered, the square of the mean is subtracted from `v`. Mean,
    /// mean square and velocity.
    RmsProp { alpha: f32, rest: f32, epsilon: f32, momentum: f32, centered: bool },
    /// `s ← s + g²`, then `η g / (√s + ε)`. The second moment is `s`.
    Adagrad { epsilon: f32 },
    /// `η sign(β₁ m + (1 - β₁) g)`, then `m ← β₂ m + (1 - β₂) g`. The first moment is `m`.
    Lion { beta1: f32, beta2: f32, rest1: f32, rest2: f32 },
}

impl Rule {
    /// Which of the moments there are.
    pub fn moments(self) -> [bool; 3] {
        match self {
            Self::Plain => [false; 3],
            Self::Momentum { .. } | Self::Lion { .. } => [true, false, false],
            Self::Adam { .. } => [true, true, false],
            Self::RmsProp { momentum, centered, .. } => [centered, true, momentum != 0.0],
            Self::Adagrad { .. } => [false, true, false],
        }
    }
}

/// Values of an item of work.
const CHUNK: usize = 1 << 14;

/// Updates values and moments. Those moments that the rule does not have are empty.
pub fn update(update: Update, values: &mut [f32], gradients: &[f32], moments: [&mut [f32]; 3]) {
    let n = values.len();
    assert_eq!(gradients.len(), n, "there is a gradient for each value");
    for (moment, exists) in moments.iter().zip(update.rule.moments()) {
        assert_eq!(moment.len(), if exists { n } else { 0 }, "there are moments as {:?} has them", update.rule);
    }
    let mut moments = moments.map(|moment| moment.chunks_mut(CHUNK));
    let chunks = values.chunks_mut(CHUNK).zip(gradients.chunks(CHUNK)).map(|(values, gradients)| {
        let moments = moments.each_mut().map(|moment| moment.next().unwrap_or_default());
        Chunk { update, values, gradients, moments }
    });
    let chunks = chunks.collect();
    Threads::for_values(4 * n).for_each(chunks, |chunk: Chunk| simd::run(chunk, 1));
}

struct Chunk<'a> {
    update: Update,
    values: &'a mut [f32],
    gradients: &'a [f32],
    moments: [&'a mut [f32]; 3],
}

impl Kernel for Chunk<'_> {
    type Output = ();

    /// The compiler turns these loops into vectors.
    #[inline(always)]
    fn run<S: Simd, const V: usize>(self, _: S) {
        let Self { update: Update { rule, rate, kept, l2 }, values, gradients, moments: [first, second, third] } = self;
        let pairs = values.iter_mut().zip(gradients);
        match rule {
            Rule::Plain => {
                for (w, g) in pairs {
                    let g = g + l2 * *w;
                    *w = *w * kept - rate * g;
                }
            }
            Rule::Momentum { momentum, nesterov } => {
                for ((w, g), v) in pairs.zip(first) {
                    let g = g + l2 * *w;
                    *v = *v * momentum + g;
                    let direction = if nesterov { g + *v * momentum } else { *v };
                    *w = *w * kept - rate * direction;
                }
            }
            Rule::Adam { beta1, beta2, rest1, rest2, scale1, scale2, epsilon } => {
                let rate = rate * scale1;
                for (((w, g), m), v) in pairs.zip(first).zip(second) {
                    let g = g + l2 * *w;
                    *m = *m * beta1 + g * rest1;
                    *v = *v * beta2 + g * g * rest2;
                    *w = *w * kept - *m * rate / (v.sqrt() * scale2 + epsilon);
                }
            }
            Rule::RmsProp { alpha, rest, epsilon, momentum, centered } => {
                let (mut first, mut third) = (first.iter_mut(), third.iter_mut());
                for ((w, g), v) in pairs.zip(second) {
                    let g = g + l2 * *w;
                    *v = *v * alpha + g * g * rest;
                    let variance = match first.next() {
                        Some(mean) if centered => {
                            *mean = *mean * alpha + g * rest;
                            // Rounding must not make it negative.
                            (*v - *mean * *mean).max(0.0)
                        }
                        _ => *v,
                    };
                    let mut direction = g / (variance.sqrt() + epsilon);
                    if let Some(velocity) = third.next() {
                        *velocity = *velocity * momentum + direction;
                        direction = *velocity;
                    }
                    *w = *w * kept - rate * direction;
                }
            }
            Rule::Adagrad { epsilon } => {
                for ((w, g), s) in pairs.zip(second) {
                    let g = g + l2 * *w;
                    *s += g * g;
                    *w = *w * kept - g * rate / (s.sqrt() + epsilon);
                }
            }
            Rule::Lion { beta1, beta2, rest1, rest2 } => {
                for ((w, g), m) in pairs.zip(first) {
                    let g = g + l2 * *w;
                    let direction = *m * beta1 + g * rest1;
                    *m = *m * beta2 + g * rest2;
                    // The sign of 0 is 0, unlike that of `signum`.
                    let sign = f32::from(i8::from(direction > 0.0) - i8::from(direction < 0.0));
                    *w = *w * kept - rate * sign;
                }
            }
        }
    }
}

/// The sum of squares, in an order that does not depend on the number of threads.
pub fn sum_of_squares(values: &[f32]) -> f32 {
    struct Squares<'a>(&'a [f32]);
    impl Kernel for Squares<'_> {
        type Output = f64;
        #[inline(always)]
        fn run<S: Simd, const V: usize>(self, _: S) -> f64 {
            const LANES: usize = 16;
            let (chunks, rest) = self.0.as_chunks::<LANES>();
            let mut sums = [0.0_f32; LANES];
            for chunk in chunks {
                for lane in 0..LANES {
                    sums[lane] += chunk[lane] * chunk[lane];
                }
            }
            let lanes = sums.iter().map(|sum| f64::from(*sum));
            lanes.chain(rest.iter().map(|value| f64::from(value * value))).sum()
        }
    }
    let chunks = values.chunks(CHUNK).collect();
    let sums = Threads::for_values(values.len()).map(chunks, |chunk: &[f32]| simd::run(Squares(chunk), 1));
    sums.iter().sum::<f64>() as f32
}
