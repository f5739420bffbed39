//! The label of a run: the visitor's name for it, or how its config differs from the previous run's.

use super::difference::Difference;
use crate::page::text::config::{path_text, path_text_in, value_text};
use crate::page::text::format::list;
use crate::page::text::i18n::tr;
use kindling_core::config::NetworkConfig;
use kindling_core::runs::record::RunRecord;

/// Maximum number of differences that a label names; further ones are only counted.
const NAMED: usize = 3;

/// Tracks the language. `differences` are those from the previous run; none if the run is the first with its dataset and network.
pub fn run_label(record: &RunRecord, differences: Option<&[Difference]>) -> String {
    if !record.name.is_empty() {
        return record.name.clone();
    }
    match differences {
        None => tr!(runs.first, network = record.config.network.name),
        Some([]) => tr!(runs.same_again),
        Some(differences) => {
            let named = differences.iter().take(NAMED).map(|it| difference_text_in(it, &record.config.network));
            let named = list(named);
            match differences.len().saturating_sub(NAMED) {
                0 => named,
                n_more => tr!(runs.and_more, count = n_more, named = named),
            }
        }
    }
}

/// `Learning rate 0.001 → 0.01`
pub fn difference_text(difference: &Difference) -> String {
    named(path_text(&difference.path), difference)
}

/// [`difference_text`], and the names of the layers' parameters in this network.
pub fn difference_text_in(difference: &Difference, network: &NetworkConfig) -> String {
    named(path_text_in(&difference.path, network), difference)
}

fn named(name: String, difference: &Difference) -> String {
    format!("{name} {} → {}", value_text(&difference.before), value_text(&difference.after))
}
