//! How large the layers of a network are drawn: their outputs to one scale. Pure.

use kindling_core::config::Layer;
use kindling_core::network::FeatureShape;

/// A layer's output as a rectangle, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Block {
    pub width: f64,
    pub height: f64,
}

/// The space for a network's blocks, in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Space {
    /// Height of the tallest block.
    pub height: f64,
    /// Width of the deepest block.
    pub width: f64,
    /// Width of vectors and of layers that keep the shape, and the minimum of all sides.
    pub thin: f64,
}

/// What the space stands for. Feature maps are as tall as their height and as wide as they have channels; a sequence is as tall as it is long
/// and as wide as it has features; a vector is a thin column as tall as it is long, next to the longest vector of the network.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    space: Space,
    tallest: u64,
    deepest: u64,
    longest: u64,
}

impl Scale {
    /// The scale at which all of the shapes fit the space.
    pub fn of(shapes: impl IntoIterator<Item = FeatureShape>, space: Space) -> Self {
        let mut scale = Self { space, tallest: 1, deepest: 1, longest: 1 };
        for shape in shapes {
            match shape {
                FeatureShape::Maps { channels, height, .. } => scale.grow(height, channels),
                FeatureShape::Sequence { length, features } => scale.grow(length, features),
                FeatureShape::Vector { length } => scale.longest = scale.longest.max(length),
            }
        }
        scale
    }

    fn grow(&mut self, height: u64, depth: u64) {
        self.tallest = self.tallest.max(height);
        self.deepest = self.deepest.max(depth);
    }

    pub fn block(self, shape: FeatureShape) -> Block {
        let Space { height, width, thin } = self.space;
        let part = |of: u64, most: u64, space: f64| (of as f64 / most as f64 * space).max(thin).min(space.max(thin));
        match shape {
            FeatureShape::Maps { channels, height: rows, .. } => {
                Block { width: part(channels, self.deepest, width), height: part(rows, self.tallest, height) }
            }
            FeatureShape::Sequence { length, features } => {
                Block { width: part(features, self.deepest, width), height: part(length, self.tallest, height) }
            }
            FeatureShape::Vector { length } => Block { width: thin, height: part(length, self.longest, height) },
        }
    }

    /// The block of a layer with this output.
    pub fn block_of(self, layer: &Layer, output: FeatureShape) -> Block {
        let block = self.block(output);
        if is_film(layer) { Block { width: self.space.thin, ..block } } else { block }
    }
}

/// Whether the layer keeps its input's shape and changes each value by itself or by its statistics. Such a layer is drawn as a film.
pub fn is_film(layer: &Layer) -> bool {
    match layer {
        Layer::Activation(_)
        | Layer::BatchNorm
        | Layer::GroupNorm { .. }
        | Layer::LayerNorm
        | Layer::Dropout { .. }
        | Layer::SpatialDropout { .. }
        | Layer::PositionEmbedding => true,
        Layer::Conv { .. }
        | Layer::DepthwiseConv { .. }
        | Layer::MaxPool { .. }
        | Layer::AveragePool { .. }
        | Layer::GlobalAveragePool
        | Layer::GlobalMaxPool
        | Layer::Flatten
        | Layer::Linear { .. }
        | Layer::Residual { .. }
        | Layer::PooledSkip { .. }
        | Layer::Resize { .. }
        | Layer::DepthwiseSeparable { .. }
        | Layer::SqueezeExcitation { .. }
        | Layer::Rows
        | Layer::Lstm { .. }
        | Layer::Gru { .. }
        | Layer::PatchEmbedding { .. }
        | Layer::TransformerBlock { .. }
        | Layer::Classifier { .. } => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::Activation;

    const SPACE: Space = Space { height: 200.0, width: 60.0, thin: 4.0 };

    fn maps(channels: u64, side: u64) -> FeatureShape {
        FeatureShape::Maps { channels, height: side, width: side }
    }

    #[test]
    fn blocks_are_to_one_scale() {
        let vector = |length| FeatureShape::Vector { length };
        let scale = Scale::of([maps(1, 28), maps(30, 14), vector(400), vector(100)], SPACE);
        assert_eq!(scale.block(maps(30, 14)), Block { width: 60.0, height: 100.0 });
        assert_eq!(scale.block(maps(15, 7)), Block { width: 30.0, height: 50.0 });
        assert_eq!(scale.block(vector(100)), Block { width: 4.0, height: 50.0 });
        // Too small to be seen at scale.
        assert_eq!(scale.block(maps(1, 28)), Block { width: 4.0, height: 200.0 });
        assert_eq!(scale.block(vector(1)).height, 4.0);
        let sequence = FeatureShape::Sequence { length: 28, features: 60 };
        let scale = Scale::of([maps(1, 28), sequence], SPACE);
        assert_eq!(scale.block(sequence), Block { width: 60.0, height: 200.0 });
    }

    #[test]
    fn a_layer_that_keeps_the_shape_is_a_film() {
        let scale = Scale::of([maps(30, 28)], SPACE);
        let film = scale.block_of(&Layer::Activation(Activation::Relu), maps(30, 28));
        assert_eq!(film, Block { width: 4.0, height: 200.0 });
        assert_eq!(scale.block_of(&Layer::Flatten, maps(30, 28)).width, 60.0);
    }

    #[test]
    fn an_empty_network_has_a_scale() {
        let scale = Scale::of([], SPACE);
        assert_eq!(scale.block(maps(3, 32)), Block { width: 60.0, height: 200.0 });
    }
}
