//! Texts of the network designer in the visitor's language.

use crate::page::network::designer::palette::Group;
use crate::page::network::designer::parameters::Parameter;
use crate::page::network::designer::remedy::RemedyKind;
use crate::page::network::designer::text::TextError;
use crate::page::text::i18n::{TextKey, key_tr, text_of, tr};
use crate::page::text::layer::activation_name;
use crate::page::text::reason::network_reason;
use kindling_core::config::{Activation, InitConfig};

/// Like all functions here, tracked by the language.
pub fn group_name(group: Group) -> String {
    match group {
        Group::Convolution => tr!(designer.group_convolution),
        Group::Normalization => tr!(designer.group_normalization),
        Group::Activation => tr!(designer.group_activation),
        Group::Pooling => tr!(designer.group_pooling),
        Group::Regularization => tr!(designer.group_regularization),
        Group::Shape => tr!(designer.group_shape),
        Group::Blocks => tr!(designer.group_blocks),
        Group::Sequences => tr!(designer.group_sequences),
        Group::Attention => tr!(designer.group_attention),
    }
}

pub fn parameter_name(parameter: Parameter) -> String {
    text_of(parameter_key(parameter))
}

pub fn parameter_key(parameter: Parameter) -> TextKey {
    match parameter {
        Parameter::Activation => key_tr!(parameter.activation),
        Parameter::Bias => key_tr!(parameter.bias),
        Parameter::Dilation => key_tr!(parameter.dilation),
        Parameter::Dropout => key_tr!(parameter.dropout),
        Parameter::Features => key_tr!(parameter.features),
        Parameter::Filters => key_tr!(parameter.filters),
        Parameter::Groups => key_tr!(parameter.groups),
        Parameter::Heads => key_tr!(parameter.heads),
        Parameter::Kernel => key_tr!(parameter.kernel),
        Parameter::MlpRatio => key_tr!(parameter.mlp_ratio),
        Parameter::Padding => key_tr!(parameter.padding),
        Parameter::Rate => key_tr!(parameter.rate),
        Parameter::Ratio => key_tr!(parameter.ratio),
        Parameter::Size => key_tr!(parameter.size),
        Parameter::States => key_tr!(parameter.states),
        Parameter::Stride => key_tr!(parameter.stride),
        Parameter::Units => key_tr!(parameter.units),
    }
}

/// The name of a choice's option, by its index.
pub fn option_name(parameter: Parameter, option: usize) -> String {
    let is_second = option > 0;
    match parameter {
        Parameter::Activation => Activation::ALL.get(option).map(|kind| activation_name(*kind)).unwrap_or_default(),
        Parameter::Padding if is_second => tr!(parameter.padding_same),
        Parameter::Padding => tr!(parameter.padding_valid),
        Parameter::States if is_second => tr!(parameter.states_all),
        Parameter::States => tr!(parameter.states_last),
        _ if is_second => tr!(parameter.yes),
        _ => tr!(parameter.no),
    }
}

pub fn remedy_name(kind: RemedyKind) -> String {
    match kind {
        RemedyKind::AddClassifier => tr!(remedy.add_classifier),
        RemedyKind::ClassifierToEnd => tr!(remedy.classifier_to_end),
        RemedyKind::InsertFlatten => tr!(remedy.insert_flatten),
        RemedyKind::InsertRows => tr!(remedy.insert_rows),
        RemedyKind::MoveBefore(layer) => tr!(remedy.move_before, layer = layer + 1),
        RemedyKind::Remove => tr!(remedy.remove),
        RemedyKind::Set(parameter, number) => {
            tr!(remedy.set, parameter = parameter_name(parameter), number = number)
        }
        RemedyKind::SamePadding => tr!(remedy.same_padding),
        RemedyKind::AtLeastOne => tr!(remedy.at_least_one),
        RemedyKind::LowerRate => tr!(remedy.lower_rate),
        RemedyKind::AllStates(layer) => tr!(remedy.all_states, layer = layer + 1),
        RemedyKind::UseLayerNorm => tr!(remedy.use_layer_norm),
    }
}

pub fn init_name(init: InitConfig) -> String {
    match init {
        InitConfig::Pytorch => "PyTorch".to_owned(),
        InitConfig::He => "He".to_owned(),
        InitConfig::Xavier => "Xavier".to_owned(),
        InitConfig::Zeros => tr!(designer.zeros),
    }
}

pub fn init_why(init: InitConfig) -> String {
    match init {
        InitConfig::Pytorch => tr!(designer.pytorch_why),
        InitConfig::He => tr!(designer.he_why),
        InitConfig::Xavier => tr!(designer.xavier_why),
        InitConfig::Zeros => tr!(designer.zeros_why),
    }
}

pub fn text_error(error: &TextError) -> String {
    match error {
        TextError::TooLong => tr!(designer.text_too_long),
        TextError::Syntax { line, column, detail } => {
            tr!(designer.text_syntax, line = line, column = column, detail = detail)
        }
        TextError::Network(error) => network_reason(error),
    }
}
