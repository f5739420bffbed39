//! Every remedy makes the layer fit, and most make the whole network fit.

use super::*;
use kindling_core::config::{Activation, Layer, Padding, States};
use kindling_core::network::shape::infer;

const MNIST: ImageShape = ImageShape { channels: 1, height: 28, width: 28 };
const CLASSIFIER: Layer = Layer::Classifier { bias: true };
const FLATTEN: Layer = Layer::Flatten;
const LAST_STATE: Layer = Layer::Gru { units: 8, states: States::Last };

fn network(layers: &[Layer]) -> NetworkConfig {
    NetworkConfig::new("N", layers.to_vec())
}

fn conv(filters: u32, kernel: u32, padding: Padding) -> Layer {
    grouped(filters, kernel, padding, 1)
}

fn grouped(filters: u32, kernel: u32, padding: Padding, groups: u32) -> Layer {
    Layer::Conv { filters, kernel, stride: 1, padding, dilation: 1, groups, bias: true }
}

fn kinds(layers: &[Layer]) -> Vec<RemedyKind> {
    remedies(&network(layers), MNIST, 10).into_iter().map(|remedy| remedy.kind).collect()
}

/// Checks the kinds of the remedies, and that each makes a network that can be trained.
fn check(layers: &[Layer], expected: &[RemedyKind]) {
    assert!(infer(&network(layers), MNIST, 10).is_err(), "{layers:?} fits as it is");
    let found = remedies(&network(layers), MNIST, 10);
    assert_eq!(found.iter().map(|remedy| remedy.kind).collect::<Vec<_>>(), expected, "{layers:?}");
    for remedy in found {
        let result = infer(&remedy.network, MNIST, 10);
        assert!(result.is_ok(), "{:?} of {layers:?}: {result:?}", remedy.kind);
    }
}

#[test]
fn what_fits_needs_no_remedy() {
    assert_eq!(kinds(&[FLATTEN, CLASSIFIER]), []);
}

#[test]
fn a_missing_classifier_is_added_behind_a_flatten_where_that_is_needed() {
    check(&[], &[RemedyKind::AddClassifier]);
    check(&[conv(4, 3, Padding::Same)], &[RemedyKind::AddClassifier]);
    check(&[FLATTEN], &[RemedyKind::AddClassifier]);
    check(&[Layer::Rows], &[RemedyKind::AddClassifier]);
    let layers = remedies(&network(&[FLATTEN]), MNIST, 10).remove(0).network.layers;
    assert_eq!(layers, [FLATTEN, CLASSIFIER]);
}

#[test]
fn shapes_are_made_to_fit() {
    let linear = Layer::Linear { units: 9, bias: true };
    check(&[conv(4, 3, Padding::Same), linear, CLASSIFIER], &[RemedyKind::InsertFlatten]);
    check(&[CLASSIFIER], &[RemedyKind::InsertFlatten]);
    check(&[FLATTEN, conv(4, 3, Padding::Valid), CLASSIFIER], &[RemedyKind::MoveBefore(0), RemedyKind::Remove]);
    check(
        &[Layer::BatchNorm, Layer::Rows, FLATTEN, Layer::MaxPool { size: 2, stride: 2 }, CLASSIFIER],
        &[RemedyKind::MoveBefore(1), RemedyKind::Remove],
    );
    check(&[Layer::Rows, LAST_STATE, LAST_STATE, CLASSIFIER], &[RemedyKind::AllStates(1), RemedyKind::Remove]);
    check(&[Layer::Rows, Layer::BatchNorm, LAST_STATE, CLASSIFIER], &[RemedyKind::UseLayerNorm, RemedyKind::Remove]);
    check(&[FLATTEN, FLATTEN, CLASSIFIER], &[RemedyKind::Remove]);
    check(&[FLATTEN, CLASSIFIER, Layer::Dropout { rate: 0.5 }], &[RemedyKind::ClassifierToEnd]);
    check(&[FLATTEN, CLASSIFIER, CLASSIFIER], &[RemedyKind::Remove]);
}

#[test]
fn kernels_pools_and_patches_shrink_to_what_there_is() {
    let set = |parameter, number| RemedyKind::Set(parameter, number);
    let sizes = [RemedyKind::SamePadding, RemedyKind::Remove];
    let behind = |layer: Layer| [Layer::MaxPool { size: 5, stride: 5 }, layer, FLATTEN, CLASSIFIER];
    check(&behind(conv(4, 7, Padding::Valid)), &[vec![set(Parameter::Kernel, 5)], sizes.to_vec()].concat());
    let dilated =
        Layer::Conv { filters: 4, kernel: 5, stride: 1, padding: Padding::Valid, dilation: 2, groups: 1, bias: true };
    check(&behind(dilated), &[vec![set(Parameter::Kernel, 3)], sizes.to_vec()].concat());
    check(&behind(Layer::MaxPool { size: 6, stride: 2 }), &[set(Parameter::Size, 5), RemedyKind::Remove]);
    let patches = Layer::PatchEmbedding { size: 6, features: 8 };
    check(&behind(patches), &[set(Parameter::Size, 5), RemedyKind::Remove]);
    let one = Layer::MaxPool { size: 28, stride: 28 };
    check(&[one, conv(4, 2, Padding::Same), FLATTEN, CLASSIFIER], &[set(Parameter::Kernel, 1), RemedyKind::Remove]);
    let wide = Layer::DepthwiseConv { kernel: 999, stride: 1, padding: Padding::Same, dilation: 1, bias: true };
    check(&[wide, FLATTEN, CLASSIFIER], &[set(Parameter::Kernel, 255), RemedyKind::Remove]);
    let far = Layer::DepthwiseConv { kernel: 3, stride: 1, padding: Padding::Valid, dilation: u32::MAX, bias: true };
    check(&[far, FLATTEN, CLASSIFIER], &[set(Parameter::Kernel, 1), RemedyKind::Remove]);
}

#[test]
fn groups_and_heads_become_divisors() {
    let six = conv(6, 1, Padding::Valid);
    let groups = |number| [RemedyKind::Set(Parameter::Groups, number)];
    check(&[six.clone(), grouped(4, 1, Padding::Valid, 3), FLATTEN, CLASSIFIER], &groups(2));
    check(&[six.clone(), grouped(6, 1, Padding::Valid, 4), FLATTEN, CLASSIFIER], &groups(3));
    check(&[six, Layer::GroupNorm { groups: 5 }, FLATTEN, CLASSIFIER], &groups(3));
    check(&[Layer::GroupNorm { groups: u32::MAX }, FLATTEN, CLASSIFIER], &groups(1));
    let heads = Layer::TransformerBlock { heads: 5, mlp_ratio: 2, dropout: 0.0 };
    check(&[Layer::Rows, heads, FLATTEN, CLASSIFIER], &[RemedyKind::Set(Parameter::Heads, 4)]);
}

#[test]
fn numbers_out_of_range_are_brought_back() {
    let zeros =
        Layer::Conv { filters: 0, kernel: 0, stride: 0, padding: Padding::Valid, dilation: 0, groups: 0, bias: false };
    check(&[zeros, FLATTEN, CLASSIFIER], &[RemedyKind::AtLeastOne]);
    check(&[Layer::Dropout { rate: 1.0 }, FLATTEN, CLASSIFIER], &[RemedyKind::LowerRate]);
    let block = Layer::TransformerBlock { heads: 4, mlp_ratio: 2, dropout: f32::NAN };
    check(&[Layer::Rows, block, FLATTEN, CLASSIFIER], &[RemedyKind::LowerRate]);
}

#[test]
fn blocks_that_do_not_fit_can_be_removed() {
    let block = |layers: &[Layer]| Layer::Residual { layers: layers.to_vec() };
    check(&[block(&[]), FLATTEN, CLASSIFIER], &[RemedyKind::Remove]);
    check(&[block(&[FLATTEN]), FLATTEN, CLASSIFIER], &[RemedyKind::Remove]);
    check(&[FLATTEN, block(&[conv(4, 3, Padding::Same)]), CLASSIFIER], &[RemedyKind::Remove]);
}

#[test]
fn a_remedy_helps_one_layer_even_where_a_later_one_does_not_fit_either() {
    let relu = Layer::Activation(Activation::Relu);
    let layers = [relu, Layer::Linear { units: 3, bias: true }, LAST_STATE, CLASSIFIER];
    assert_eq!(kinds(&layers), [RemedyKind::InsertFlatten]);
    let mended = remedies(&network(&layers), MNIST, 10).remove(0).network;
    assert_eq!(shape::survey(&mended, MNIST, 10).misfit().map(|(layer, _)| layer), Some(3));
}

#[test]
fn what_cannot_be_read_as_a_sequence_is_read_by_rows_or_left_out() {
    let layers = [LAST_STATE, CLASSIFIER];
    assert_eq!(kinds(&layers), [RemedyKind::InsertRows, RemedyKind::Remove]);
    let mended = remedies(&network(&layers), MNIST, 10).remove(0).network;
    assert!(infer(&mended, MNIST, 10).is_ok());
}

#[test]
fn some_things_no_click_can_mend() {
    assert_eq!(remedies(&network(&[FLATTEN, CLASSIFIER]), MNIST, 1).len(), 0);
    let huge = ImageShape { channels: 1, height: 2_000, width: 28 };
    assert_eq!(remedies(&network(&[Layer::Rows, LAST_STATE, CLASSIFIER]), huge, 10).len(), 0);
}
