//! The tensors of a layer: names and shapes as in PyTorch, and their initialization.

#[derive(Clone, Debug, PartialEq)]
pub struct TensorSpec {
    /// Name within the layer, such as `weight` or `self_attn.out_proj.bias`.
    pub name: &'static str,
    pub shape: Vec<u64>,
    pub start: Start,
    /// Whether it is a learned parameter. Running statistics are not.
    pub is_learned: bool,
}

/// The initialization of a tensor. Bounds are PyTorch's; the network's [`crate::config::InitConfig`] may replace them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Start {
    /// A weight that multiplies inputs: uniform in ±bound.
    Weight { bound: f32 },
    /// A bias: uniform in ±bound.
    Bias { bound: f32 },
    /// A learned positional embedding, for which PyTorch has no layer: standard deviation 0.02, as in torchvision's vision transformer.
    Position,
    /// The scale or shift of a norm, or a running statistic: the identity.
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

/// Weight and bias of a convolution or a linear layer, both uniform in ±1/√fan-in, which is what PyTorch's `kaiming_uniform_(a=√5)` amounts
/// to.
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

/// Learned scale and shift of a norm.
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
