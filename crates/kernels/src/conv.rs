//! Two-dimensional convolution (cross-correlation, as in PyTorch's `Conv2d`) on blocks of images, and linear layers, which are the convolution
//! whose kernel covers the whole map.
//!
//! Forward and data gradient are the same loop ([`direct`]): an output place sums over the input places that its kernel meets. The weight gradient
//! sums products of input and output gradient over all places and images ([`outer`]). Kernels of 3×3 with many channels take Winograd's shorter way
//! ([`winograd`]). Where there are next to no images, places take their lanes in kernels of 1×1 ([`places`]).

/// Which places a kernel meets along one axis.
mod axis;

/// Forward pass and data gradient.
mod direct;

/// Weight gradient.
mod outer;

/// What weight gradients sum.
mod products;

/// Convolution with a kernel per channel.
mod depthwise;

/// Winograd's minimal filtering for kernels of 3×3.
mod winograd;

/// Kernels of 1×1 on very few images.
mod places;

use self::axis::Axis;
use self::direct::Packing;
pub(crate) use self::direct::{Direct, PackedWeights};
use crate::blocks::Blocks;

/// The shape of a convolution of maps `[channels, height, width]` with `filters` kernels. Pairs are `[height, width]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    pub channels: usize,
    pub size: [usize; 2],
    pub filters: usize,
    pub kernel: [usize; 2],
    pub stride: [usize; 2],
    /// Zeros on each side.
    pub padding: [usize; 2],
    pub dilation: [usize; 2],
    pub groups: usize,
    pub weights: WeightOrder,
}

/// The memory order of the weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightOrder {
    /// `[filters, channels / groups, height, width]`
    Conv,
    /// `[channels · height · width, filters]`: of a linear layer.
    Linear,
}

impl Conv {
    /// A linear layer on the flattened maps `[C, H, W]`. Its weights are `[C · H · W, units]`.
    pub fn linear(channels: usize, size: [usize; 2], units: usize) -> Self {
        let [height, width] = size;
        Self {
            channels,
            // One row, so that all of an image's values follow each other.
            size: [1, height * width],
            filters: units,
            kernel: [1, height * width],
            stride: [1; 2],
            padding: [0; 2],
            dilation: [1; 2],
            groups: 1,
            weights: WeightOrder::Linear,
        }
    }

    /// A linear layer on each of `places` places. Its weights are `[channels, units]`.
    pub fn pointwise(channels: usize, places: usize, units: usize) -> Self {
        Self { size: [places, 1], kernel: [1; 2], ..Self::linear(channels, [1; 2], units) }
    }

    /// `[height, width]` of the output; none if the kernel does not fit.
    pub fn output_size(&self) -> Option<[usize; 2]> {
        let side = |axis: usize| {
            let reach = self.dilation[axis] * self.kernel[axis].checked_sub(1)? + 1;
            Some((self.size[axis] + 2 * self.padding[axis]).checked_sub(reach)? / self.stride[axis] + 1)
        };
        Some([side(0)?, side(1)?])
    }

    /// The output `[blocks][H'][W'][filters]` for the input `[blocks][H][W][channels]`, with `max(0, ·)` of it if `relu`.
    pub fn forward(
        &self,
        blocks: Blocks,
        input: &[f32],
        weights: &[f32],
        bias: Option<&[f32]>,
        relu: bool,
    ) -> Vec<f32> {
        self.check(weights, bias);
        if self.is_depthwise() {
            return depthwise::forward(self, blocks, input, weights, bias, relu);
        }
        if winograd::suits(self, self.output()) {
            return winograd::forward(self, blocks, input, weights, bias, relu);
        }
        if places::suits(self, blocks) {
            return places::forward(self, blocks, input, weights, bias, relu);
        }
        self.direct().run(blocks, input, weights, bias, relu)
    }

    /// The forward pass as sums.
    pub(crate) fn direct(&self) -> Direct {
        Direct {
            input: self.size,
            output: self.output(),
            axes: [0, 1].map(|axis| self.forward_axis(axis)),
            groups: self.groups,
            packing: self.packing(Direction::Forward),
        }
    }

    /// The data gradient as sums.
    pub(crate) fn direct_gradient(&self) -> Direct {
        Direct {
            input: self.output(),
            output: self.size,
            axes: [0, 1].map(|axis| self.gradient_axis(axis)),
            groups: self.groups,
            packing: self.packing(Direction::Gradient),
        }
    }

    /// The gradient at the input `[blocks][H][W][channels]` for the gradient at the output.
    pub fn data_gradient(&self, blocks: Blocks, gradient: &[f32], weights: &[f32]) -> Vec<f32> {
        self.check(weights, None);
        if self.is_depthwise() {
            return depthwise::data_gradient(self, blocks, gradient, weights);
        }
        if winograd::suits(self, self.size) {
            return winograd::data_gradient(self, blocks, gradient, weights);
        }
        self.direct_gradient().run(blocks, gradient, weights, None, false)
    }

    /// The gradient of the weights, in their order.
    pub fn weight_gradient(&self, blocks: Blocks, input: &[f32], gradient: &[f32]) -> Vec<f32> {
        let [height, width] = self.output();
        self.check_maps(blocks, input, self.channels, self.size);
        self.check_maps(blocks, gradient, self.filters, [height, width]);
        if self.is_depthwise() {
            depthwise::weight_gradient(self, blocks, input, gradient)
        } else if winograd::suits(self, [height, width]) {
            winograd::weight_gradient(self, blocks, input, gradient)
        } else {
            outer::weight_gradient(self, blocks, input, gradient)
        }
    }

    /// The gradient of the bias, `[filters]`.
    pub fn bias_gradient(&self, blocks: Blocks, gradient: &[f32]) -> Vec<f32> {
        let [height, width] = self.output();
        self.check_maps(blocks, gradient, self.filters, [height, width]);
        crate::norm::channel_sums(blocks, gradient, self.filters, height * width)
    }

    fn output(&self) -> [usize; 2] {
        let Some(size) = self.output_size() else {
            panic!("a kernel of {:?} does not fit into {:?}", self.kernel, self.size)
        };
        size
    }

    fn check(&self, weights: &[f32], bias: Option<&[f32]>) {
        assert!(
            self.channels.is_multiple_of(self.groups) && self.filters.is_multiple_of(self.groups),
            "groups divide channels and filters"
        );
        assert!(self.weights == WeightOrder::Conv || self.groups == 1, "a linear layer has one group");
        assert_eq!(weights.len(), self.n_weights(), "weights have the shape of {self:?}");
        assert!(bias.is_none_or(|bias| bias.len() == self.filters), "there is a bias for each filter");
    }

    fn check_maps(&self, blocks: Blocks, maps: &[f32], channels: usize, [height, width]: [usize; 2]) {
        assert_eq!(maps.len(), blocks.n_values(channels * height * width), "maps have the shape of {self:?}");
    }

    fn n_weights(&self) -> usize {
        self.filters * self.group_channels() * self.taps()
    }

    fn taps(&self) -> usize {
        self.kernel[0] * self.kernel[1]
    }

    fn group_channels(&self) -> usize {
        self.channels / self.groups
    }

    fn group_filters(&self) -> usize {
        self.filters / self.groups
    }

    /// One filter for each channel.
    fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.groups == self.channels && self.groups == self.filters
    }

    /// Along a row, taps that meet adjacent places are one run, if a place's channels are all of the same group.
    fn merges(&self, axis: usize) -> bool {
        axis == 1 && self.groups == 1
    }

    /// Taps meet input places.
    fn forward_axis(&self, axis: usize) -> Axis {
        let (stride, padding, dilation) = (self.stride[axis], self.padding[axis], self.dilation[axis]);
        Axis::new(self.output()[axis], self.kernel[axis], self.merges(axis), |place, tap| {
            let input = (place * stride + tap * dilation).checked_sub(padding)?;
            (input < self.size[axis]).then_some(input)
        })
    }

    /// Mirrored taps meet output places.
    fn gradient_axis(&self, axis: usize) -> Axis {
        let (stride, padding, dilation) = (self.stride[axis], self.padding[axis], self.dilation[axis]);
        let (n_outputs, n_taps) = (self.output()[axis], self.kernel[axis]);
        if n_outputs == 1 {
            // Without a search over all taps: there are as many as places where a kernel covers the map.
            return Axis::of_single(self.size[axis], |place| {
                let reached = place + padding;
                let tap = reached / dilation;
                (reached.is_multiple_of(dilation) && tap < n_taps).then(|| n_taps - 1 - tap)
            });
        }
        Axis::new(self.size[axis], n_taps, self.merges(axis), |place, tap| {
            let reached = (place + padding).checked_sub((n_taps - 1 - tap) * dilation)?;
            (reached % stride == 0 && reached / stride < n_outputs).then_some(reached / stride)
        })
    }

    /// Where the weights of a pass are.
    fn packing(&self, direction: Direction) -> Packing {
        let [height, width] = self.kernel;
        let taps = self.taps();
        // Steps from filter to filter, channel to channel, row to row, column to column.
        let (filter, channel, row, column) = match self.weights {
            WeightOrder::Conv => (self.group_channels() * taps, taps, width, 1),
            WeightOrder::Linear => (1, taps * self.filters, width * self.filters, self.filters),
        };
        let group = self.group_filters() * filter;
        let (outputs, inputs) = (self.group_filters(), self.group_channels());
        match direction {
            Direction::Forward => Packing {
                kernel: self.kernel,
                outputs,
                inputs,
                group,
                output: filter,
                input: channel,
                row,
                column,
                mirrored: false,
            },
            Direction::Gradient => Packing {
                kernel: [height, width],
                outputs: inputs,
                inputs: outputs,
                group,
                output: channel,
                input: filter,
                row,
                column,
                mirrored: true,
            },
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Direction {
    Forward,
    Gradient,
}
