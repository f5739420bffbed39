//! Advice in the page's language: the observation with its values, and a remedy.

use crate::page::text::format::{count, figure, percent};
use crate::page::text::i18n::tr;
use crate::page::text::layer::layer_title;
use kindling_core::advice::{Advice, RateSign};
use kindling_core::config::NetworkConfig;

/// The names of classes and layers.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    pub classes: &'a [String],
    pub network: &'a NetworkConfig,
}

/// The observation behind an advice; tracks the language.
pub fn sentence(advice: &Advice, names: Names) -> String {
    match *advice {
        Advice::RateTooHigh { learning_rate, sign: RateSign::Rose { lowest_loss, lowest_step, loss } } => tr!(
            advice.rate_rose,
            rate = figure(learning_rate),
            lowest = figure(lowest_loss),
            step = count(lowest_step),
            loss = figure(loss)
        ),
        Advice::RateTooHigh {
            learning_rate,
            sign: RateSign::Jumped { highest_loss, highest_step, loss, guess_loss },
        } => tr!(
            advice.rate_jumped,
            rate = figure(learning_rate),
            highest = figure(highest_loss),
            step = count(highest_step),
            loss = figure(loss),
            guess = figure(guess_loss)
        ),
        Advice::RateTooLow { learning_rate, first_loss, loss, steps } => tr!(
            advice.rate_low,
            rate = figure(learning_rate),
            first = figure(first_loss),
            loss = figure(loss),
            steps = count(steps)
        ),
        Advice::OverFitting { since_epoch, lowest_loss, loss, train_loss_then, train_loss } => tr!(
            advice.over_fitting,
            epoch = since_epoch + 1,
            lowest = figure(lowest_loss.into()),
            loss = figure(loss.into()),
            train_then = figure(train_loss_then.into()),
            train = figure(train_loss.into())
        ),
        Advice::DeadUnits { layer, share } => {
            tr!(advice.dead, fraction = percent(share), number = layer + 1, layer = layer_name(layer, names))
        }
        Advice::SaturatedOutputs { layer, share } => {
            tr!(advice.saturated, fraction = percent(share), number = layer + 1, layer = layer_name(layer, names))
        }
        Advice::UnbalancedClasses { largest, smallest, smallest_count: 0, .. } => {
            tr!(advice.missing_class, largest = class_name(largest, names), smallest = class_name(smallest, names))
        }
        Advice::UnbalancedClasses { largest, largest_count, smallest, smallest_count } => tr!(
            advice.unbalanced,
            largest = class_name(largest, names),
            largest_count = count(largest_count),
            smallest = class_name(smallest, names),
            smallest_count = count(smallest_count)
        ),
    }
}

/// What to try; tracks the language.
pub fn remedy(advice: &Advice) -> String {
    match advice {
        Advice::RateTooHigh { .. } => tr!(advice.lower_rate),
        Advice::RateTooLow { .. } => tr!(advice.raise_rate),
        Advice::OverFitting { .. } => tr!(advice.reduce_overfitting),
        Advice::DeadUnits { .. } => tr!(advice.revive),
        Advice::SaturatedOutputs { .. } => tr!(advice.desaturate),
        Advice::UnbalancedClasses { smallest_count: 0, .. } => tr!(advice.collect),
        Advice::UnbalancedClasses { .. } => tr!(advice.balance),
    }
}

fn class_name(class: u16, names: Names) -> String {
    names.classes.get(usize::from(class)).cloned().unwrap_or_else(|| class.to_string())
}

fn layer_name(layer: u32, names: Names) -> String {
    names.network.layers.get(layer as usize).map(layer_title).unwrap_or_default()
}
