//! The label of a run: the visitor's name for it, or how its config differs from the previous run's.

use super::difference::Difference;
use crate::page::text::config::{path_text, value_text};
use crate::page::text::i18n::tr;
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
            let named = differences.iter().take(NAMED).map(difference_text).collect::<Vec<_>>().join(", ");
            match differences.len().saturating_sub(NAMED) {
                0 => named,
                n_more => tr!(runs.and_more, count = n_more, named = named),
            }
        }
    }
}

/// `Learning rate 0.001 → 0.01`
pub fn difference_text(difference: &Difference) -> String {
    format!("{} {} → {}", path_text(&difference.path), value_text(&difference.before), value_text(&difference.after))
}
