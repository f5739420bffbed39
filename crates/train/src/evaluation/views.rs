//! Test-time augmentation: the probabilities are averaged over several views of an image, slightly translated and flipped.

use burn::tensor::Tensor;
use burn::tensor::activation::log_softmax;

use crate::module::Network;
use kindling_core::dataset::summary::shows_characters;
use kindling_core::protocol::Views;

/// The views of an image. They are always the same, so that predictions are reproducible.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ViewSet {
    /// The image itself.
    #[default]
    One,
    /// Also translated slightly to each side: five views.
    Moved,
    /// Also each of these flipped horizontally: ten views.
    MovedAndMirrored,
}

impl ViewSet {
    /// The views that suit a dataset with these classes: digits and letters are not flipped.
    pub fn new(views: Views, classes: &[String]) -> Self {
        match views {
            Views::One => Self::One,
            Views::Several if shows_characters(classes) => Self::Moved,
            Views::Several => Self::MovedAndMirrored,
        }
    }

    /// The logarithm of the views' mean probabilities: `[batch, channels, height, width]` to `[batch, classes]`. `network` is in inference
    /// mode. The views pass one after the other, so that memory use and a GPU's kernels are those of a single view.
    pub fn log_probabilities(self, network: &Network, images: Tensor<4>) -> Tensor<2> {
        let views = self.of(images).into_iter().map(|view| log_softmax(network.forward(view), 1));
        let mut stacked: Vec<Tensor<2>> = views.collect();
        match (stacked.pop(), stacked.is_empty()) {
            (Some(only), true) => only,
            (Some(last), false) => {
                stacked.push(last);
                let stacked: Tensor<3> = Tensor::stack(stacked, 0); // [views, batch, classes]
                // The largest is subtracted first, so that not all exponentials underflow.
                let largest = stacked.clone().max_dim(0); // [1, batch, classes]
                let mean = (stacked - largest.clone()).exp().mean_dim(0);
                (mean.log() + largest).squeeze_dim(0)
            }
            (None, _) => unreachable!("the image itself is a view"),
        }
    }

    fn of(self, images: Tensor<4>) -> Vec<Tensor<4>> {
        match self {
            Self::One => vec![images],
            Self::Moved => moved(images),
            Self::MovedAndMirrored => {
                let mut views = moved(images.clone());
                views.extend(moved(images.flip([3])));
                views
            }
        }
    }
}

/// The images, and copies translated left, right, up and down by 1/28 of the side (one pixel on MNIST); the edge is repeated.
fn moved(images: Tensor<4>) -> Vec<Tensor<4>> {
    let [_, _, height, width] = images.dims();
    let mut views = vec![images.clone()];
    for (axis, side) in [(3, width), (2, height)] {
        if side < 2 {
            continue;
        }
        let distance = (side / 28).max(1);
        let rest = side - distance;
        let edge = |place| images.clone().narrow(axis, place, 1).repeat_dim(axis, distance);
        views.push(Tensor::cat(vec![images.clone().narrow(axis, distance, rest), edge(side - 1)], axis));
        views.push(Tensor::cat(vec![edge(0), images.clone().narrow(axis, 0, rest)], axis));
    }
    views
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "cpu")]
    #[test]
    fn views_move_by_a_pixel_and_continue_the_edge() {
        use burn::tensor::{Device, TensorData};

        let data = TensorData::new(vec![1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0], [1, 1, 2, 3]);
        let images = Tensor::<4>::from_data(data, &Device::flex());
        let views = |set: ViewSet| {
            let values = |view: Tensor<4>| view.into_data().iter::<f32>().map(|value| value as u8).collect::<Vec<_>>();
            set.of(images.clone()).into_iter().map(values).collect::<Vec<_>>()
        };
        let expected =
            [[1, 2, 3, 4, 5, 6], [2, 3, 3, 5, 6, 6], [1, 1, 2, 4, 4, 5], [4, 5, 6, 4, 5, 6], [1, 2, 3, 1, 2, 3]];
        assert_eq!(views(ViewSet::Moved), expected);
        let mirrored = views(ViewSet::MovedAndMirrored);
        assert_eq!(mirrored[..5], expected);
        assert_eq!(mirrored[5], [3, 2, 1, 6, 5, 4]);
        assert_eq!(mirrored.len(), 10);
    }

    #[test]
    fn characters_are_not_mirrored() {
        let classes = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
        assert_eq!(ViewSet::new(Views::Several, &classes(&["0", "1"])), ViewSet::Moved);
        assert_eq!(ViewSet::new(Views::Several, &classes(&["Shirt", "Bag"])), ViewSet::MovedAndMirrored);
        assert_eq!(ViewSet::new(Views::One, &classes(&["Shirt", "Bag"])), ViewSet::One);
    }
}
