//! Image counts per split and per class.

use std::sync::Arc;

use leptos::prelude::*;

use crate::page::text::format::count;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::hint::TermLink;
use kindling_core::protocol::{DatasetSummary, SplitCounts};

/// The maximum number of classes with a bar; a sentence gives the number of the others.
const BARS_LIMIT: usize = 60;

#[component]
pub fn Statistics(summary: Arc<DatasetSummary>) -> impl IntoView {
    let largest = summary.class_counts.iter().map(|counts| total(*counts)).max().unwrap_or(0);
    let smallest = summary.class_counts.iter().map(|counts| total(*counts)).min().unwrap_or(0);
    let n_hidden = summary.classes.len().saturating_sub(BARS_LIMIT);
    let bars = summary.classes.iter().cloned().zip(summary.class_counts.iter().copied()).take(BARS_LIMIT);
    let counts = summary.counts;
    let has_standard_test = summary.has_standard_test;
    view! {
        <section class="panel" aria-labelledby="statistics-title">
            <h2 id="statistics-title">{move_tr!(data.statistics, name = summary.name)}</h2>
            <dl class="figures">
                <div><dt>{move_tr!(data.train)}</dt><dd>{count(counts.train)}</dd></div>
                <div><dt>{move_tr!(data.validation)}</dt><dd>{count(counts.validation)}</dd></div>
                <div><dt>{move_tr!(data.test)}</dt><dd>{count(counts.test)}</dd></div>
            </dl>
            <p class="hint">
                {move || if has_standard_test { tr!(data.standard_test) } else { tr!(data.own_test) }}" "<TermLink term="dataset" />
                {is_unbalanced(smallest, largest).then(|| view! {
                    " "{move_tr!(data.unbalanced, least = count(smallest), most = count(largest))}" "<TermLink term="class-imbalance" />
                })}
            </p>
            <ul class="class-bars" aria-label=move_tr!(data.per_class)>
                {bars.map(|(name, counts)| view! { <ClassBar name counts largest /> }).collect_view()}
            </ul>
            {(n_hidden > 0).then(|| view! { <p class="hint">{move_tr!(data.more_classes, count = n_hidden)}</p> })}
            <ul class="key" aria-hidden="true">
                <li><i class="is-train-part"></i>{move_tr!(data.train)}</li>
                <li><i class="is-validation-part"></i>{move_tr!(data.validation)}</li>
                <li><i class="is-test-part"></i>{move_tr!(data.test)}</li>
            </ul>
        </section>
    }
}

#[component]
fn ClassBar(
    name: String,
    counts: SplitCounts,
    /// Images of the largest class.
    largest: u32,
) -> impl IntoView {
    let width = move |part: u32| format!("{:.2}%", f64::from(part) / f64::from(largest.max(1)) * 100.0);
    view! {
        <li class="class-bar">
            <span class="class-bar-name" title=name.clone()>{name.clone()}</span>
            <span class="class-bar-track" aria-hidden="true">
                <span class="is-train-part" style:width=width(counts.train)></span>
                <span class="is-validation-part" style:width=width(counts.validation)></span>
                <span class="is-test-part" style:width=width(counts.test)></span>
            </span>
            <span class="class-bar-count">{count(total(counts))}</span>
        </li>
    }
}

fn total(counts: SplitCounts) -> u32 {
    counts.train + counts.validation + counts.test
}

/// Whether the classes are so imbalanced that accuracy alone is misleading.
fn is_unbalanced(smallest: u32, largest: u32) -> bool {
    largest > smallest.saturating_mul(2)
}

#[cfg(test)]
mod tests {
    use super::is_unbalanced;

    #[test]
    fn twice_as_many_is_the_limit_of_balance() {
        assert!(!is_unbalanced(5_421, 6_742));
        assert!(!is_unbalanced(10, 20));
        assert!(is_unbalanced(10, 21));
        assert!(is_unbalanced(0, 1));
    }
}
