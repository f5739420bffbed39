//! Pooling. Global pooling gives one value for each channel of maps, or for each feature of a sequence.

use burn::module::Module;
use burn::nn::pool::{AvgPool2d, MaxPool2d};
use burn::tensor::Tensor;
use kindling_kernels::pool::Pool;

use super::features::Features;
use super::flow::Flow;
use crate::blocks::BlockTensor;
use crate::device::layout::in_usual_order;

/// `relu` may be true only if the maps are in blocks.
pub(super) fn max(layer: &MaxPool2d, flow: Flow, relu: bool) -> Flow {
    match flow {
        Flow::Blocks(blocks) => {
            let pool = Pool { window: layer.kernel_size, stride: layer.stride, ..whole(&blocks) };
            Flow::Blocks(blocks.max_pool(pool, relu))
        }
        flow => Flow::maps(in_usual_order(layer.forward(in_usual_order(flow.plain().maps())))),
    }
}

pub(super) fn average(layer: &AvgPool2d, flow: Flow) -> Flow {
    match flow {
        Flow::Blocks(blocks) => {
            let pool = Pool { window: layer.kernel_size, stride: layer.stride, ..whole(&blocks) };
            Flow::Blocks(blocks.average_pool(pool))
        }
        flow => Flow::maps(in_usual_order(layer.forward(in_usual_order(flow.plain().maps())))),
    }
}

#[derive(Module, Debug)]
pub(super) struct GlobalAveragePool {}

impl GlobalAveragePool {
    pub fn forward(&self, flow: Flow) -> Flow {
        match flow {
            Flow::Blocks(blocks) | Flow::SequenceBlocks(blocks) => {
                let pool = whole(&blocks);
                Flow::FlatBlocks(blocks.average_pool(pool))
            }
            flow => Flow::Plain(Features::Vector(places_last(flow.plain()).mean_dim(2).squeeze_dim(2))),
        }
    }
}

#[derive(Module, Debug)]
pub(super) struct GlobalMaxPool {}

impl GlobalMaxPool {
    pub fn forward(&self, flow: Flow) -> Flow {
        match flow {
            Flow::Blocks(blocks) | Flow::SequenceBlocks(blocks) => {
                let pool = whole(&blocks);
                Flow::FlatBlocks(blocks.max_pool(pool, false))
            }
            flow => Flow::Plain(Features::Vector(places_last(flow.plain()).max_dim(2).squeeze_dim(2))),
        }
    }
}

/// One window over the whole map.
fn whole(blocks: &BlockTensor) -> Pool {
    let [_, channels, height, width] = blocks.dims();
    Pool::global(channels, [height, width])
}

/// `[batch, channels, places]`
fn places_last(features: Features) -> Tensor<3> {
    match features {
        Features::Sequence(sequence) => sequence.swap_dims(1, 2),
        features @ (Features::Maps(_) | Features::Vector(_)) => features.maps().flatten(2, 3),
    }
}
