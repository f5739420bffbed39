//! The backward passes of convolutions and batch norms of maps.

use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, NodeGuard, Ops, OpsKind};
use burn::backend::tensor::FloatTensor;
use burn::backend::{Autodiff, AutodiffBackend, Backend};
use kindling_kernels::conv::Conv;

use super::ops::{MapGradients, MapOps};

/// What a convolution keeps for its backward pass.
#[derive(Clone, Debug)]
struct Convolved<B: Backend> {
    conv: Conv,
    maps: B::FloatTensorPrimitive,
    weight: B::FloatTensorPrimitive,
    /// The output, if it ended in a ReLU.
    output: Option<B::FloatTensorPrimitive>,
}

/// A convolution in burn's graph, of maps, weights and, if N is 3, a bias.
#[derive(Debug)]
struct Step<const N: usize>;

impl<B: MapGradients, const N: usize> Backward<B, N> for Step<N> {
    type State = Convolved<B>;

    fn backward(self, ops: Ops<Convolved<B>, N>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let Convolved { conv, maps, weight, output } = ops.state;
        let relu = output.is_some();
        let output = output.unwrap_or_else(|| gradient.clone());
        let mut parents = ops.parents.into_iter();
        let [of_maps, of_weight, of_bias] = std::array::from_fn(|_| parents.next().flatten());
        if of_weight.is_some() || of_bias.is_some() {
            let (weights, bias) = B::parameter_gradients(maps, gradient.clone(), output.clone(), conv, relu);
            if let Some(node) = of_weight {
                gradients.register::<B>(node.id, weights);
            }
            if let Some(node) = of_bias {
                gradients.register::<B>(node.id, bias);
            }
        }
        // Images are not tracked: the first layer has no such gradient.
        if let Some(node) = of_maps {
            gradients.register::<B>(node.id, B::maps_gradient(gradient, output, weight, conv, relu));
        }
    }
}

/// What a batch norm keeps for its backward pass.
#[derive(Clone, Debug)]
struct Normalized<B: Backend> {
    maps: B::FloatTensorPrimitive,
    statistics: B::FloatTensorPrimitive,
    scale: B::FloatTensorPrimitive,
    shift: B::FloatTensorPrimitive,
    epsilon: f64,
    relu: bool,
}

/// A batch norm in burn's graph, of maps, scale and shift.
#[derive(Debug)]
struct NormStep;

impl<B: MapGradients> Backward<B, 3> for NormStep {
    type State = Normalized<B>;

    fn backward(self, ops: Ops<Normalized<B>, 3>, gradients: &mut Gradients, _: &mut Checkpointer) {
        let gradient = gradients.consume::<B>(&ops.node);
        let Normalized { maps, statistics, scale, shift, epsilon, relu } = ops.state;
        let (maps, scale, shift) = B::norm_gradients(maps, statistics, scale, shift, gradient, epsilon, relu);
        for (parent, gradient) in ops.parents.into_iter().zip([maps, scale, shift]) {
            if let Some(node) = parent {
                gradients.register::<B>(node.id, gradient);
            }
        }
    }
}

impl<B: MapOps + MapGradients, C: CheckpointStrategy> MapOps for Autodiff<B, C> {
    fn convolve(maps: FloatTensor<Self>, weight: FloatTensor<Self>, conv: Conv, relu: bool) -> FloatTensor<Self> {
        let ((maps, maps_node), (weight, weight_node)) = (maps.into_parts(), weight.into_parts());
        let output = B::convolve(maps.clone(), weight.clone(), conv, relu);
        tracked::<B, C, _, 2>(Step::<2>, [maps_node, weight_node], output, |output| Convolved {
            conv,
            maps,
            weight,
            output: relu.then(|| output.clone()),
        })
    }

    fn convolve_with_bias(
        maps: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        conv: Conv,
        relu: bool,
    ) -> FloatTensor<Self> {
        let ((maps, maps_node), (weight, weight_node)) = (maps.into_parts(), weight.into_parts());
        let (bias, bias_node) = bias.into_parts();
        let output = B::convolve_with_bias(maps.clone(), weight.clone(), bias, conv, relu);
        tracked::<B, C, _, 3>(Step::<3>, [maps_node, weight_node, bias_node], output, |output| Convolved {
            conv,
            maps,
            weight,
            output: relu.then(|| output.clone()),
        })
    }

    fn normalize(
        maps: FloatTensor<Self>,
        scale: FloatTensor<Self>,
        shift: FloatTensor<Self>,
        epsilon: f64,
        relu: bool,
    ) -> (FloatTensor<Self>, FloatTensor<Self>) {
        let ((maps, maps_node), (scale, scale_node)) = (maps.into_parts(), scale.into_parts());
        let (shift, shift_node) = shift.into_parts();
        let (output, statistics) = B::normalize(maps.clone(), scale.clone(), shift.clone(), epsilon, relu);
        let kept = statistics.clone();
        let output = tracked::<B, C, _, 3>(NormStep, [maps_node, scale_node, shift_node], output, |_| Normalized {
            maps,
            statistics: kept,
            scale,
            shift,
            epsilon,
            relu,
        });
        (output, Self::from_inner(statistics))
    }

    fn resample(images: FloatTensor<Self>, matrices: FloatTensor<Self>, size: [usize; 2]) -> FloatTensor<Self> {
        let ((images, _images_node), (matrices, _matrices_node)) = (images.into_parts(), matrices.into_parts());
        Self::from_inner(B::resample(images, matrices, size))
    }
}

/// Adds an operation to the graph. `keep` is called only if one of its inputs is tracked.
fn tracked<B: Backend, C: CheckpointStrategy, S: Backward<B, N>, const N: usize>(
    step: S,
    inputs: [NodeGuard; N],
    output: B::FloatTensorPrimitive,
    keep: impl FnOnce(&B::FloatTensorPrimitive) -> S::State,
) -> FloatTensor<Autodiff<B, C>> {
    match step.prepare::<C>(inputs).compute_bound().stateful() {
        OpsKind::Tracked(step) => {
            let kept = keep(&output);
            step.finish(kept, output)
        }
        OpsKind::UnTracked(step) => step.finish(output),
    }
}
