//! The tensors that a layer needs: names and shapes as PyTorch has them, and what each starts as.

#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// Within its layer, such as `weight` or `self_attn.out_proj.bias`.
    pub name: &'static str,
    pub shape: Vec<u64>,
    pub start: Start,
    /// Whether training learns it. Running statistics are only followed.
    pub is_learned: bool,
}

/// What a tensor starts as. The bounds are PyTorch's; the network's [`crate::config::InitConfig`] may say otherwise.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// Weighs inputs. Uniform in ±bound.
    Weight { bound: f32 },
    /// Uniform in ±bound.
    Bias { bound: f32 },
    /// Learned places, which PyTorch has no layer for: with the standard deviation 0.02 of its vision transformer.
    Position,
    /// The identity of a norm.
    Constant(f32),
}

impl TensorSpec {
    pub fn n_values(&self) -> u64 {
        self.shape.iter().fold(1, |product: u64, &side| product.saturating_mul(side))
    }

    pub(super) fn learned(name: &'static str, shape: impl Into<Vec<u64>>, start: Start) -> Self {
        Self { name, shape: shape.into(), start, is_learned: true }
    }

    pub(super) fn running(name: &'static str, n_values: u64, value: f32) -> Self {
        Self { name, shape: vec![n_values], start: Start::Constant(value), is_learned: false }
    }
}

/// Of a convolution or a linear layer. Both are uniform in ±1/√fan-in, which is what PyTorch's `kaiming_uniform_(a=√5)` comes to.
pub(super) fn weight_and_bias(names: [&'static str; 2], shape: Vec<u64>, has_bias: bool) -> Vec<TensorSpec> {
    let n_out = shape.first().copied().unwrap_or_default();
    let fan_in = shape.iter().skip(1).fold(1, |product: u64, &side| product.saturating_mul(side));
    let bound = bound(fan_in);
    let [weight, bias] = names;
    let mut tensors = vec![TensorSpec::learned(weight, shape, Start::Weight { bound })];
    if has_bias {
        tensors.push(TensorSpec::learned(bias, [n_out], Start::Bias { bound }));
    }
    tensors
}

/// Of a norm.
pub(super) fn scale_and_shift(names: [&'static str; 2], n_values: u64) -> [TensorSpec; 2] {
    let [scale, shift] = names;
    [
        TensorSpec::learned(scale, [n_values], Start::Constant(1.0)),
        TensorSpec::learned(shift, [n_values], Start::Constant(0.0)),
    ]
}

/// 1/√n
pub(super) fn bound(n: u64) -> f32 {
    1.0 / (n as f32).sqrt()
}
