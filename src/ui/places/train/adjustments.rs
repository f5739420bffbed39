//! What was changed while the run was under way, in words.

use leptos::prelude::*;

use crate::protocol::Adjustment;
use crate::ui::format::{count, figure};
use crate::ui::i18n::{move_tr, tr};
use crate::ui::reactive::memo;
use crate::ui::state::Run;
use crate::ui::store::use_store;
use crate::ui::widgets::chart::StepMark;
use crate::ui::widgets::show::Show;

/// What an adjustment changed; none of both where it set what was in force already.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Steps done before it.
    step: u32,
    learning_rate: Option<f64>,
    weight_decay: Option<f64>,
}

/// Nothing while nothing was changed.
#[component]
pub fn Adjustments(changes: Memo<Vec<Change>>) -> impl IntoView {
    let has_changes = memo(move |_| !changes.read().is_empty());
    view! {
        <Show when=move || has_changes.get()>
            <section class="adjustments" id="adjustments" aria-label=move_tr!(expert.adjustments)>
                <h3>{move_tr!(expert.adjustments)}</h3>
                <ul>{move || changes.get().iter().map(|change| view! { <li>{text(change)}</li> }).collect_view()}</ul>
            </section>
        </Show>
    }
}

/// The changes of the run in view.
pub fn use_changes() -> Memo<Vec<Change>> {
    let store = use_store();
    memo(move |_| store.run.with(|state| state.run().map(changes_of).unwrap_or_default()))
}

/// Where the charts mark the changes; tracked, as the titles follow the language.
pub fn marks(changes: &[Change]) -> Vec<StepMark> {
    changes.iter().map(|change| StepMark { step: change.step.into(), title: text(change) }).collect()
}

fn changes_of(run: &Run) -> Vec<Change> {
    changes((run.config.learning_rate, run.config.weight_decay), &run.adjustments)
}

/// What differs from adjustment to adjustment, beginning with the config's learning rate and weight decay.
fn changes(config: (f64, f64), adjustments: &[Adjustment]) -> Vec<Change> {
    let rates = adjustments.iter().map(|adjustment| (adjustment.learning_rate, adjustment.weight_decay));
    let before = std::iter::once(config).chain(rates);
    let change = |(adjustment, before): (&Adjustment, (f64, f64))| Change {
        step: adjustment.step,
        learning_rate: Some(adjustment.learning_rate).filter(|rate| *rate != before.0),
        weight_decay: Some(adjustment.weight_decay).filter(|decay| *decay != before.1),
    };
    let is_some = |change: &Change| change.learning_rate.is_some() || change.weight_decay.is_some();
    adjustments.iter().zip(before).map(change).filter(is_some).collect()
}

fn text(change: &Change) -> String {
    let rate = change.learning_rate.map(|rate| tr!(expert.adjusted_rate, rate = figure(rate)));
    let decay = change.weight_decay.map(|decay| tr!(expert.adjusted_decay, decay = figure(decay)));
    let both = [rate, decay].into_iter().flatten().collect::<Vec<_>>().join(", ");
    tr!(expert.adjusted, step = count(change.step), change = both)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adjustment(step: u32, learning_rate: f64, weight_decay: f64) -> Adjustment {
        Adjustment { step, learning_rate, weight_decay }
    }

    #[test]
    fn only_what_differs_is_told() {
        let adjustments = [adjustment(10, 0.01, 0.0), adjustment(20, 0.01, 0.1), adjustment(30, 0.01, 0.1)];
        let expected = [
            Change { step: 10, learning_rate: Some(0.01), weight_decay: None },
            Change { step: 20, learning_rate: None, weight_decay: Some(0.1) },
        ];
        assert_eq!(changes((0.1, 0.0), &adjustments), expected);
        assert_eq!(changes((0.1, 0.0), &[]), []);
    }
}
