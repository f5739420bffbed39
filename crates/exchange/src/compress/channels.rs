//! Pruning of whole channels (Li and others, 2017): filters and units of least importance are removed, with all that only they feed. The
//! network becomes smaller: fewer parameters, less memory, less time.
//!
//! A channel that is added to others cannot go alone. What leaves a residual block with an identity shortcut therefore keeps the channels that
//! entered it, and a projected shortcut loses the same ones as the block's last layer. Channels are kept where a layer mixes them in fixed
//! places: grouped convolutions, group norm, squeeze and excitation, pooled skip connections, patches and rows; and in frozen layers, which could
//! not learn to do without.

use std::collections::BTreeMap;

use kindling_core::config::{Layer, NetworkConfig};
use kindling_core::network::shape::{FeatureShape, PlacedLayer, network_tensors, place};
use kindling_core::protocol::ImageShape;

use super::is_frozen;
use crate::error::ExchangeError;
use crate::trained::Tensor;

/// What makes a channel important.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Criterion {
    /// The sum of the magnitudes of its filter's weights, times the scale of a batch norm that follows.
    #[default]
    Norm,
    /// The scale of the batch norm that follows (Liu and others, 2017); where none follows, as `Norm`.
    BatchNormScale,
}

/// A smaller network.
#[derive(Clone, Debug)]
pub struct Pruned {
    pub network: NetworkConfig,
    /// In PyTorch's names and layouts.
    pub weights: BTreeMap<String, Tensor>,
    /// Learned parameters before and after.
    pub parameters: [u64; 2],
    /// FLOPs of the forward pass per image before and after.
    pub flops: [u64; 2],
}

/// Keeps the share `keep` of the channels of each layer that can lose some, at least one of each.
///
/// # Errors
///
/// A network that cannot be placed, weights that are missing.
pub fn prune_channels(
    network: &NetworkConfig,
    input: ImageShape,
    n_classes: usize,
    weights: &BTreeMap<String, Tensor>,
    keep: f32,
    criterion: Criterion,
) -> Result<Pruned, ExchangeError> {
    let layers = place(network, input, n_classes)?;
    for (name, spec) in network_tensors(&layers) {
        let shape: Vec<usize> = spec.shape.iter().map(|&side| side as usize).collect();
        if weights.get(&name).is_none_or(|tensor| tensor.shape != shape) {
            return Err(ExchangeError::NoTensor { name, shape });
        }
    }
    let mut pruning = Pruning {
        given: weights,
        cut: BTreeMap::new(),
        n_frozen: network.frozen,
        keep: f64::from(keep.clamp(0.0, 1.0)),
        criterion,
    };
    let (smaller, _) = pruning.chain(&layers, "", all(input.channels as usize), None);
    let network = NetworkConfig { layers: smaller, ..network.clone() };
    let placed = place(&network, input, n_classes)?;
    let parameters = [&layers, &placed].map(|layers| layers.iter().map(PlacedLayer::n_parameters).sum());
    let flops = [&layers, &placed].map(|layers| layers.iter().map(|layer| layer.summary().flops).sum());
    Ok(Pruned { network, weights: pruning.cut, parameters, flops })
}

/// Places of the channels or features that are kept, in order.
type Kept = Vec<usize>;

fn all(n: usize) -> Kept {
    (0..n).collect()
}

struct Pruning<'a> {
    given: &'a BTreeMap<String, Tensor>,
    /// The tensors of the smaller network.
    cut: BTreeMap<String, Tensor>,
    /// Counted from the first.
    n_frozen: u32,
    keep: f64,
    criterion: Criterion,
}

impl Pruning<'_> {
    /// Layers in sequence, whose input keeps some channels. `forced` are the channels that must leave the chain, if it has a layer that chooses
    /// any. Returns the smaller layers and the channels that leave.
    fn chain(
        &mut self,
        layers: &[PlacedLayer],
        prefix: &str,
        mut kept: Kept,
        forced: Option<&Kept>,
    ) -> (Vec<Layer>, Kept) {
        let last = layers.iter().rposition(chooses);
        let mut smaller = Vec::with_capacity(layers.len());
        for (index, placed) in layers.iter().enumerate() {
            let path = format!("{prefix}{index}");
            let rest = layers.get(index + 1..).unwrap_or_default();
            let wanted = match forced.filter(|_| last == Some(index)) {
                Some(forced) => forced.clone(),
                None if can_lose(rest) && !is_frozen(&path, self.n_frozen) => {
                    self.chosen(placed, &path, rest.first().map(|next| (next, index + 1, prefix)))
                }
                None => all(n_channels(placed.output)),
            };
            let (layer, leaves) = self.layer(placed, &path, kept, wanted);
            smaller.push(layer);
            kept = leaves;
        }
        (smaller, kept)
    }

    /// A layer whose input keeps some channels, and which should keep the wanted ones of its own, if it chooses any.
    fn layer(&mut self, placed: &PlacedLayer, path: &str, kept: Kept, wanted: Kept) -> (Layer, Kept) {
        let layer = placed.layer.clone();
        match layer {
            Layer::Conv { kernel, stride, padding, dilation, groups: 1, bias, .. } => {
                self.cut_weight(path, &wanted, &kept);
                let filters = wanted.len() as u32;
                (Layer::Conv { filters, kernel, stride, padding, dilation, groups: 1, bias }, wanted)
            }
            Layer::Linear { bias, .. } if is_vector(placed.input) => {
                self.cut_weight(path, &wanted, &kept);
                (Layer::Linear { units: wanted.len() as u32, bias }, wanted)
            }
            Layer::Classifier { .. } if is_vector(placed.input) => {
                self.cut_weight(path, &wanted, &kept);
                (layer, wanted)
            }
            Layer::DepthwiseSeparable { kernel, stride, .. } => {
                for (part, place) in ["layers.0", "layers.1"].into_iter().zip([0, 1]) {
                    self.cut_first_axis(placed.inner.get(place), &format!("{path}.{part}"), &kept);
                }
                self.cut_weight(&format!("{path}.layers.3"), &wanted, &kept);
                self.cut_first_axis(placed.inner.get(4), &format!("{path}.layers.4"), &wanted);
                (Layer::DepthwiseSeparable { filters: wanted.len() as u32, kernel, stride }, wanted)
            }
            Layer::Residual { .. } if is_supported(placed) => self.residual(placed, path, kept, wanted),
            Layer::DepthwiseConv { .. } | Layer::BatchNorm | Layer::LayerNorm => {
                self.cut_first_axis(Some(placed), path, &kept);
                (layer, kept)
            }
            Layer::Flatten => {
                let leaves = match placed.input {
                    FeatureShape::Maps { height, width, .. } => {
                        let n_places = (height * width) as usize;
                        kept.iter().flat_map(|channel| channel * n_places..(channel + 1) * n_places).collect()
                    }
                    FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => all(n_values(placed.output)),
                };
                (layer, leaves)
            }
            Layer::Activation(_)
            | Layer::MaxPool { .. }
            | Layer::AveragePool { .. }
            | Layer::GlobalAveragePool
            | Layer::GlobalMaxPool
            | Layer::Resize { .. }
            | Layer::Dropout { .. }
            | Layer::SpatialDropout { .. } => (layer, kept),
            // The layers before keep all channels, because these need them.
            _ => {
                for (name, _) in placed.named_tensors() {
                    self.copy(&format!("{path}.{name}"));
                }
                (layer, all(n_channels(placed.output)))
            }
        }
    }

    fn residual(&mut self, placed: &PlacedLayer, path: &str, kept: Kept, mut wanted: Kept) -> (Layer, Kept) {
        let prefix = format!("{path}.layers.");
        if placed.shortcut.is_none() {
            let (layers, _) = self.chain(&placed.inner, &prefix, kept.clone(), Some(&kept));
            return (Layer::Residual { layers }, kept);
        }
        let same_place = match (placed.input, placed.output) {
            (FeatureShape::Maps { height, width, .. }, FeatureShape::Maps { height: h, width: w, .. }) => {
                (height, width) == (h, w)
            }
            _ => true,
        };
        // With as many channels as its input, the block would lose its projection.
        if same_place && wanted.len() == kept.len() {
            let missing = (0..n_channels(placed.output)).find(|channel| !wanted.contains(channel));
            wanted.extend(missing);
            wanted.sort_unstable();
        }
        let (layers, _) = self.chain(&placed.inner, &prefix, kept.clone(), Some(&wanted));
        self.cut_weight(&format!("{path}.shortcut"), &wanted, &kept);
        (Layer::Residual { layers }, wanted)
    }

    /// The most important channels of a layer that chooses any. `next` is the layer after it, with its number and the prefix of its path.
    fn chosen(&self, placed: &PlacedLayer, path: &str, next: Option<(&PlacedLayer, usize, &str)>) -> Kept {
        let n = n_channels(placed.output);
        let (weight, norm) = match &placed.layer {
            Layer::Conv { groups: 1, .. } | Layer::Linear { .. } => {
                let norm = next.filter(|(next, ..)| matches!(next.layer, Layer::BatchNorm));
                (format!("{path}.weight"), norm.map(|(_, index, prefix)| format!("{prefix}{index}.weight")))
            }
            Layer::DepthwiseSeparable { .. } => {
                (format!("{path}.layers.3.weight"), Some(format!("{path}.layers.4.weight")))
            }
            Layer::Residual { .. } if placed.shortcut.is_some() && is_supported(placed) => {
                match placed.inner.iter().enumerate().rfind(|(_, inner)| chooses(inner)) {
                    Some((index, inner)) => {
                        let prefix = format!("{path}.layers.");
                        let next = placed.inner.get(index + 1).map(|next| (next, index + 1, prefix.as_str()));
                        return self.chosen(inner, &format!("{prefix}{index}"), next);
                    }
                    None => return all(n),
                }
            }
            _ => return all(n),
        };
        let scale = |channel: usize| {
            let norm = norm.as_ref().and_then(|name| self.given.get(name));
            norm.map(|norm| norm.values.get(channel).copied().unwrap_or_default().abs())
        };
        let Some(Tensor { values, .. }) = self.given.get(&weight) else { return all(n) };
        let filters = values.chunks_exact((values.len() / n.max(1)).max(1)).enumerate();
        let mut importances: Vec<(usize, f32)> = filters
            .map(|(channel, filter)| {
                let norm: f32 = filter.iter().map(|value| value.abs()).sum();
                let importance = match (self.criterion, scale(channel)) {
                    (Criterion::BatchNormScale, Some(scale)) => scale,
                    (Criterion::Norm, Some(scale)) => norm * scale,
                    (_, None) => norm,
                };
                (channel, importance)
            })
            .collect();
        importances.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let n_kept = ((n as f64 * self.keep).round() as usize).clamp(1, n.max(1));
        let mut kept: Kept = importances.into_iter().take(n_kept).map(|(channel, _)| channel).collect();
        kept.sort_unstable();
        kept
    }

    fn copy(&mut self, name: &str) {
        if let Some(tensor) = self.given.get(name) {
            self.cut.insert(name.to_owned(), tensor.clone());
        }
    }

    /// A weight `[out, in, …]` and its bias, if there is one.
    fn cut_weight(&mut self, path: &str, outputs: &[usize], inputs: &[usize]) {
        let name = format!("{path}.weight");
        if let Some(weight) = self.given.get(&name) {
            self.cut.insert(name, cut(&cut(weight, 0, outputs), 1, inputs));
        }
        self.cut_one(&format!("{path}.bias"), outputs);
    }

    /// All tensors of a layer with something for each channel.
    fn cut_first_axis(&mut self, placed: Option<&PlacedLayer>, path: &str, kept: &[usize]) {
        for tensor in placed.iter().flat_map(|placed| &placed.tensors) {
            self.cut_one(&format!("{path}.{}", tensor.name), kept);
        }
    }

    fn cut_one(&mut self, name: &str, kept: &[usize]) {
        if let Some(tensor) = self.given.get(name) {
            self.cut.insert(name.to_owned(), cut(tensor, 0, kept));
        }
    }
}

/// Whether a layer chooses which channels leave it.
fn chooses(placed: &PlacedLayer) -> bool {
    match placed.layer {
        Layer::Conv { groups: 1, .. } | Layer::DepthwiseSeparable { .. } => true,
        Layer::Linear { .. } => is_vector(placed.input),
        Layer::Residual { .. } => placed.shortcut.is_some() && is_supported(placed),
        _ => false,
    }
}

/// Whether channels can be missing in front of these layers.
fn can_lose(layers: &[PlacedLayer]) -> bool {
    for (index, placed) in layers.iter().enumerate() {
        match &placed.layer {
            // All that leaves this block stays, so an input cut to as many channels would take its projection away.
            Layer::Residual { .. }
                if placed.shortcut.is_some()
                    && n_channels(placed.input) > n_channels(placed.output)
                    && !can_lose(layers.get(index + 1..).unwrap_or_default()) =>
            {
                return false;
            }
            _ if chooses(placed) => return true,
            Layer::Classifier { .. } => return is_vector(placed.input),
            Layer::Residual { .. } if !is_supported(placed) => return false,
            layer if !keeps_channels(layer) && !matches!(layer, Layer::Residual { .. }) => return false,
            _ => {}
        }
    }
    true
}

/// Layers that need no fixed number of channels. The statistics of a layer norm become those of the channels that stay.
fn keeps_channels(layer: &Layer) -> bool {
    matches!(
        layer,
        Layer::DepthwiseConv { .. }
            | Layer::BatchNorm
            | Layer::LayerNorm
            | Layer::Activation(_)
            | Layer::MaxPool { .. }
            | Layer::AveragePool { .. }
            | Layer::GlobalAveragePool
            | Layer::GlobalMaxPool
            | Layer::Resize { .. }
            | Layer::Dropout { .. }
            | Layer::SpatialDropout { .. }
            | Layer::Flatten
    )
}

/// Whether a residual block can lose channels: every layer in it can, and where its input is projected, one of them chooses the channels that leave.
fn is_supported(placed: &PlacedLayer) -> bool {
    let can_lose = |inner: &PlacedLayer| match inner.layer {
        Layer::Residual { .. } | Layer::Flatten => false,
        _ => chooses(inner) || keeps_channels(&inner.layer),
    };
    !matches!(placed.input, FeatureShape::Sequence { .. })
        && placed.inner.iter().all(can_lose)
        && (placed.shortcut.is_none() || placed.inner.iter().any(chooses))
}

fn is_vector(shape: FeatureShape) -> bool {
    matches!(shape, FeatureShape::Vector { .. })
}

fn n_channels(shape: FeatureShape) -> usize {
    match shape {
        FeatureShape::Maps { channels, .. } => channels as usize,
        FeatureShape::Sequence { features, .. } => features as usize,
        FeatureShape::Vector { length } => length as usize,
    }
}

fn n_values(shape: FeatureShape) -> usize {
    shape.n_values() as usize
}

/// The given places along an axis.
fn cut(tensor: &Tensor, axis: usize, kept: &[usize]) -> Tensor {
    let Tensor { shape, values } = tensor;
    let inner: usize = shape.iter().skip(axis + 1).product();
    let side = shape.get(axis).copied().unwrap_or(1);
    let rows = values.chunks_exact((side * inner).max(1));
    let pieces = rows.flat_map(|row| kept.iter().filter_map(move |&place| row.get(place * inner..(place + 1) * inner)));
    let values = pieces.flatten().copied().collect();
    let mut shape = shape.clone();
    if let Some(side) = shape.get_mut(axis) {
        *side = kept.len();
    }
    Tensor { shape, values }
}
