//! Weights for tools that keep maps as `[height, width, channels]`.

use crate::trained::Tensor;

/// A matrix with its axes exchanged.
pub fn turned(matrix: &Tensor) -> Tensor {
    let [n_rows, n_columns] = matrix.shape[..] else { return matrix.clone() };
    let places = (0..n_columns).flat_map(|column| (0..n_rows).map(move |row| row * n_columns + column));
    Tensor::new([n_columns, n_rows], places.filter_map(|place| matrix.values.get(place).copied()).collect())
}

/// The kernel of a convolution, `[out, in, side, side]`.
pub struct Kernel {
    pub shape: [usize; 4],
    values: Vec<f32>,
    pub stride: usize,
    pub dilation: usize,
}

impl Kernel {
    /// TensorFlow.js has strides or dilation, not both: then the dilation is written into the kernel, as zeros.
    pub fn of(weight: &Tensor, stride: u32, dilation: u32) -> Self {
        let [n_out, n_in, side, _] = weight.shape[..] else { unreachable!("kernels of convolutions have four axes") };
        let kernel = Self {
            shape: [n_out, n_in, side, side],
            values: weight.values.clone(),
            stride: stride as usize,
            dilation: dilation as usize,
        };
        if kernel.stride == 1 || kernel.dilation == 1 {
            return kernel;
        }
        let wide = (side - 1) * kernel.dilation + 1;
        let values = kernel.filled([n_out, n_in, wide, wide], |[filter, channel, u, v]| {
            let is_between = u % kernel.dilation != 0 || v % kernel.dilation != 0;
            (!is_between).then(|| [filter, channel, u / kernel.dilation, v / kernel.dilation])
        });
        Self { shape: [n_out, n_in, wide, wide], values, dilation: 1, ..kernel }
    }

    /// A kernel of this shape, each value from the place that `source` says, or 0.
    fn filled(&self, shape: [usize; 4], source: impl Fn([usize; 4]) -> Option<[usize; 4]>) -> Vec<f32> {
        let [n_out, n_in, height, width] = shape;
        let [_, own_in, own_height, own_width] = self.shape;
        let places = (0..n_out * n_in * height * width).map(|place| {
            [place / (n_in * height * width), place / (height * width) % n_in, place / width % height, place % width]
        });
        let values = places.map(|place| match source(place) {
            None => 0.0,
            Some([filter, channel, u, v]) => {
                let place = ((filter * own_in + channel) * own_height + u) * own_width + v;
                self.values.get(place).copied().unwrap_or_default()
            }
        });
        values.collect()
    }

    pub fn ungrouped(self, groups: usize) -> Self {
        if groups <= 1 {
            return self;
        }
        let [n_out, in_group, height, width] = self.shape;
        let shape = [n_out, in_group * groups, height, width];
        let per_group = (n_out / groups).max(1);
        let values = self.filled(shape, |[filter, channel, u, v]| {
            let first = filter / per_group * in_group;
            let own = channel.checked_sub(first).filter(|&channel| channel < in_group);
            own.map(|channel| [filter, channel, u, v])
        });
        Self { shape, values, ..self }
    }

    /// `[height, width, in, out]`
    pub fn hwio(&self) -> Tensor {
        let [n_out, n_in, height, width] = self.shape;
        let values = self.ordered([height, width, n_in, n_out], |[u, v, channel, filter]| [filter, channel, u, v]);
        Tensor::new([height, width, n_in, n_out], values)
    }

    /// `[height, width, channels, 1]` of a kernel with one filter per channel.
    pub fn hwci(&self) -> Tensor {
        let [n_out, _, height, width] = self.shape;
        let values = self.ordered([height, width, n_out, 1], |[u, v, filter, channel]| [filter, channel, u, v]);
        Tensor::new([height, width, n_out, 1], values)
    }

    fn ordered(&self, shape: [usize; 4], source: impl Fn([usize; 4]) -> [usize; 4]) -> Vec<f32> {
        self.filled(shape, |place| Some(source(place)))
    }

    /// `[out, height, width, in]`
    pub fn ohwi(&self) -> Tensor {
        let [n_out, n_in, height, width] = self.shape;
        let values = self.ordered([n_out, height, width, n_in], |[filter, u, v, channel]| [filter, channel, u, v]);
        Tensor::new([n_out, height, width, n_in], values)
    }
}
