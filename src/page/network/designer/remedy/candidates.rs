//! Candidates for remedies, by the reason why a layer does not fit.

use super::RemedyKind;
use crate::page::network::designer::edit::Edit;
use crate::page::network::designer::parameters::{Parameter, parameters, value, with_value};
use kindling_core::config::{Layer, NetworkConfig, Padding, States};
use kindling_core::network::FeatureShape;
use kindling_core::network::shape::{LayerError, MAX_WINDOW, NetworkError, Survey};
use kindling_core::protocol::ImageShape;

pub(super) struct Candidate {
    pub kind: RemedyKind,
    pub network: NetworkConfig,
    /// The number of leading layers that must fit for the candidate to be a remedy.
    pub n_fitting: usize,
}

pub(super) fn candidates(network: &NetworkConfig, survey: &Survey, image: ImageShape) -> Vec<Candidate> {
    match &survey.error {
        Some(NetworkError::NoClassifier) => add_classifier(network, survey, image).into_iter().collect(),
        Some(NetworkError::Layer { layer, reason, .. }) => {
            let Some((misplaced, input)) = network.layers.get(*layer).zip(survey.input_of(*layer, image)) else {
                return Vec::new();
            };
            let misfit = Misfit { network, survey, image, at: *layer, layer: misplaced, input };
            misfit.candidates(reason).into_iter().flatten().collect()
        }
        Some(
            NetworkError::AllFrozen
            | NetworkError::TooManyLayers
            | NetworkError::TooDeep
            | NetworkError::TooManyParameters { .. }
            | NetworkError::TooManyValues { .. },
        )
        | None => Vec::new(),
    }
}

fn add_classifier(network: &NetworkConfig, survey: &Survey, image: ImageShape) -> Option<Candidate> {
    let mut network = network.clone();
    match survey.input_of(network.layers.len(), image)? {
        FeatureShape::Vector { .. } => {}
        FeatureShape::Maps { .. } | FeatureShape::Sequence { .. } => network.layers.push(Layer::Flatten),
    }
    network.layers.push(Layer::Classifier { bias: true });
    let n_fitting = network.layers.len();
    Some(Candidate { kind: RemedyKind::AddClassifier, network, n_fitting })
}

/// The first layer that does not fit, and the shape of its input.
struct Misfit<'a> {
    network: &'a NetworkConfig,
    survey: &'a Survey,
    image: ImageShape,
    at: usize,
    layer: &'a Layer,
    input: FeatureShape,
}

impl Misfit<'_> {
    fn candidates(&self, reason: &LayerError) -> Vec<Option<Candidate>> {
        use RemedyKind::{InsertFlatten, InsertRows};
        match reason {
            LayerError::NeedsVector => vec![self.insert(InsertFlatten, Layer::Flatten)],
            LayerError::NeedsMaps { .. } => vec![self.move_to_maps(), self.remove()],
            LayerError::NeedsSequence { .. } => {
                vec![self.insert(InsertRows, Layer::Rows), self.all_states(), self.remove()]
            }
            LayerError::NotForSequences { .. } => {
                vec![self.replace(RemedyKind::UseLayerNorm, Layer::LayerNorm), self.remove()]
            }
            LayerError::AlreadyFlat | LayerError::EmptyBlock => vec![self.remove()],
            LayerError::Zero { .. } => vec![self.at_least_one()],
            LayerError::KernelTooLarge { .. } | LayerError::WindowTooWide { .. } => self.smaller_kernel(),
            LayerError::PoolTooLarge { .. } | LayerError::PatchTooLarge { .. } => {
                vec![self.set(Parameter::Size, self.min_side()), self.remove()]
            }
            LayerError::UnevenGroups { .. } => vec![self.even_groups()],
            LayerError::UnevenHeads { heads, features } => {
                vec![self.set(Parameter::Heads, divisor_below(*heads, *features))]
            }
            LayerError::RateOutOfRange => vec![self.lower_rate()],
            LayerError::ClassifierNotLast => vec![self.classifier_to_end().or_else(|| self.remove())],
            LayerError::NoShortcut { .. } | LayerError::NotAVector { .. } | LayerError::Inside { .. } => {
                vec![self.remove()]
            }
            LayerError::TooManyValues { .. } | LayerError::TooManySteps { .. } | LayerError::TooFewClasses => {
                Vec::new()
            }
        }
    }

    fn candidate(&self, kind: RemedyKind, edit: &Edit, n_fitting: usize) -> Option<Candidate> {
        Some(Candidate { kind, network: edit.apply(self.network)?, n_fitting })
    }

    fn insert(&self, kind: RemedyKind, layer: Layer) -> Option<Candidate> {
        self.candidate(kind, &Edit::Insert { at: self.at, layer }, self.at + 2)
    }

    fn replace(&self, kind: RemedyKind, layer: Layer) -> Option<Candidate> {
        self.candidate(kind, &Edit::Replace { at: self.at, layer }, self.at + 1)
    }

    fn set(&self, parameter: Parameter, number: u64) -> Option<Candidate> {
        let number = u32::try_from(number).ok()?;
        self.replace(RemedyKind::Set(parameter, number), with_value(self.layer, parameter, number.into()))
    }

    fn remove(&self) -> Option<Candidate> {
        self.candidate(RemedyKind::Remove, &Edit::Remove(self.at), self.at)
    }

    /// Moves the layer to the last position before it whose input is feature maps.
    fn move_to_maps(&self) -> Option<Candidate> {
        let gets_maps =
            |layer: &usize| matches!(self.survey.input_of(*layer, self.image), Some(FeatureShape::Maps { .. }));
        let to = (0..self.at).rev().find(gets_maps)?;
        self.candidate(RemedyKind::MoveBefore(to), &Edit::Move { from: self.at, to }, self.at + 1)
    }

    /// Makes the last recurrent layer before this one return all its hidden states, not only the last.
    fn all_states(&self) -> Option<Candidate> {
        let is_recurrent = |layer: &Layer| matches!(layer, Layer::Lstm { .. } | Layer::Gru { .. });
        let at = self.network.layers.get(..self.at)?.iter().rposition(is_recurrent)?;
        let mut layer = self.network.layers.get(at)?.clone();
        if let Layer::Lstm { states, .. } | Layer::Gru { states, .. } = &mut layer {
            *states = States::All;
        }
        self.candidate(RemedyKind::AllStates(at), &Edit::Replace { at, layer }, self.at + 1)
    }

    fn at_least_one(&self) -> Option<Candidate> {
        let is_zero = |parameter: &Parameter| value(self.layer, *parameter) == Some(0.0);
        // Choices and fractions may be 0.
        let is_number = |parameter: &Parameter| parameter.min_value() > 0.0;
        let wrong = parameters(self.layer).into_iter().filter(is_number).filter(is_zero);
        let layer = wrong.fold(self.layer.clone(), |layer, parameter| with_value(&layer, parameter, 1.0));
        self.replace(RemedyKind::AtLeastOne, layer)
    }

    /// The largest smaller odd kernel that fits, as odd kernels can keep the size; else "same" padding, or removal.
    fn smaller_kernel(&self) -> Vec<Option<Candidate>> {
        let number = |parameter| value(self.layer, parameter).unwrap_or(1.0).max(1.0) as u64;
        let (kernel, dilation) = (number(Parameter::Kernel), number(Parameter::Dilation));
        let room = match self.padding() {
            Some(Padding::Valid) => self.min_side().min(MAX_WINDOW),
            Some(Padding::Same) | None => MAX_WINDOW,
        };
        let largest = (room.saturating_sub(1) / dilation + 1).min(kernel.saturating_sub(1)).max(1);
        let odd = largest - (1 - largest % 2);
        let shrunk = self.set(Parameter::Kernel, odd);
        let padded = (self.padding() == Some(Padding::Valid))
            .then(|| self.replace(RemedyKind::SamePadding, with_value(self.layer, Parameter::Padding, 1.0)))
            .flatten();
        vec![shrunk, padded, self.remove()]
    }

    fn padding(&self) -> Option<Padding> {
        match self.layer {
            Layer::Conv { padding, .. } | Layer::DepthwiseConv { padding, .. } => Some(*padding),
            _ => None,
        }
    }

    fn min_side(&self) -> u64 {
        match self.input {
            FeatureShape::Maps { height, width, .. } => height.min(width),
            FeatureShape::Sequence { .. } | FeatureShape::Vector { .. } => 1,
        }
    }

    /// A smaller number of groups that divides the channels and, if the layer has filters, their number.
    fn even_groups(&self) -> Option<Candidate> {
        let FeatureShape::Maps { channels, .. } = self.input else { return None };
        let filters = value(self.layer, Parameter::Filters).map_or(channels, |filters| filters as u64);
        let groups = value(self.layer, Parameter::Groups)? as u64;
        self.set(Parameter::Groups, divisor_below(groups, common_divisor(channels, filters)))
    }

    fn lower_rate(&self) -> Option<Candidate> {
        let layer = with_value(self.layer, Parameter::Rate, 0.5);
        self.replace(RemedyKind::LowerRate, with_value(&layer, Parameter::Dropout, 0.1))
    }

    fn classifier_to_end(&self) -> Option<Candidate> {
        let to = self.network.layers.len().checked_sub(1)?;
        // Before another classifier at the end, this one would still not be the last layer.
        if matches!(self.network.layers.get(to), Some(Layer::Classifier { .. })) {
            return None;
        }
        self.candidate(RemedyKind::ClassifierToEnd, &Edit::Move { from: self.at, to }, self.at)
    }
}

/// The greatest divisor of `whole` that is less than `number`, or 1.
fn divisor_below(number: u64, whole: u64) -> u64 {
    // Layers have few channels, and 65,536 is the maximum of a field.
    (1..number.min(whole + 1).min(65_537)).rev().find(|divisor| whole.is_multiple_of(*divisor)).unwrap_or(1)
}

fn common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { common_divisor(b, a % b) }
}
