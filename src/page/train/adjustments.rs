//! The adjustments made during the run, as text.

use leptos::prelude::*;

use crate::page::charts::chart::StepMark;
use crate::page::reactive::memo;
use crate::page::runs::difference::part_difference;
use crate::page::runs::label::difference_text;
use crate::page::store::use_store;
use crate::page::text::format::{count, figure, list};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::show::Show;
use kindling_core::config::{AugmentConfig, RunConfig};
use kindling_core::protocol::Adjustment;

/// What an adjustment changed. A value that was already in force is None.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// Steps completed before it.
    step: u32,
    learning_rate: Option<f64>,
    weight_decay: Option<f64>,
    /// Data augmentation before and after it.
    augment: Option<(AugmentConfig, AugmentConfig)>,
}

/// Empty while nothing has been changed.
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
    memo(move |_| {
        store.run.with(|state| state.run().map(|run| changes(&run.config, &run.adjustments)).unwrap_or_default())
    })
}

/// The changes as marks of the charts, tracked by the language.
pub fn marks(changes: &[Change]) -> Vec<StepMark> {
    changes.iter().map(|change| StepMark { step: change.step.into(), title: text(change) }).collect()
}

/// The difference of each adjustment from the one before; the first is compared with the config. Adjustments that change nothing are left out.
fn changes(config: &RunConfig, adjustments: &[Adjustment]) -> Vec<Change> {
    let RunConfig { learning_rate, weight_decay, .. } = *config;
    let initial = Adjustment { step: 0, learning_rate, weight_decay, augment: None };
    let before = std::iter::once(&initial).chain(adjustments);
    let augment = |adjustment: &Adjustment| adjustment.augment.unwrap_or(config.augment);
    let change = |(adjustment, before): (&Adjustment, &Adjustment)| Change {
        step: adjustment.step,
        learning_rate: Some(adjustment.learning_rate).filter(|rate| *rate != before.learning_rate),
        weight_decay: Some(adjustment.weight_decay).filter(|decay| *decay != before.weight_decay),
        augment: Some((augment(before), augment(adjustment))).filter(|(before, after)| before != after),
    };
    let is_some =
        |change: &Change| change.learning_rate.is_some() || change.weight_decay.is_some() || change.augment.is_some();
    adjustments.iter().zip(before).map(change).filter(is_some).collect()
}

fn text(change: &Change) -> String {
    let rate = change.learning_rate.map(|rate| tr!(expert.adjusted_rate, rate = figure(rate)));
    let decay = change.weight_decay.map(|decay| tr!(expert.adjusted_decay, decay = figure(decay)));
    let strengths = change.augment.map(|(before, after)| part_difference("augment", &before, &after));
    let strengths = strengths.iter().flatten().map(difference_text);
    let all = list(rate.into_iter().chain(decay).chain(strengths));
    tr!(expert.adjusted, step = count(change.step), change = all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_core::config::NetworkConfig;

    fn config(augment: AugmentConfig) -> RunConfig {
        let network = NetworkConfig::new("Empty", vec![]);
        RunConfig { learning_rate: 0.1, augment, ..RunConfig::new("mnist", network) }
    }

    fn adjustment(step: u32, learning_rate: f64, weight_decay: f64) -> Adjustment {
        Adjustment { step, learning_rate, weight_decay, augment: None }
    }

    const NOTHING: Change = Change { step: 0, learning_rate: None, weight_decay: None, augment: None };

    #[test]
    fn only_differences_are_reported() {
        let adjustments = [adjustment(10, 0.01, 0.0), adjustment(20, 0.01, 0.1), adjustment(30, 0.01, 0.1)];
        let expected = [
            Change { step: 10, learning_rate: Some(0.01), ..NOTHING },
            Change { step: 20, weight_decay: Some(0.1), ..NOTHING },
        ];
        assert_eq!(changes(&config(AugmentConfig::default()), &adjustments), expected);
        assert_eq!(changes(&config(AugmentConfig::default()), &[]), []);
    }

    #[test]
    fn augmentation_is_compared_with_the_values_in_force() {
        let none = AugmentConfig::default();
        let translated = AugmentConfig { shift: 0.1, ..none };
        let noisy = AugmentConfig { noise: 0.25, ..none };
        let with = |step, augment| Adjustment { augment, ..adjustment(step, 0.1, 0.0) };
        // The first has only a learning rate, as in runs recorded before augmentation could be adjusted; the third changes nothing.
        let adjustments =
            [adjustment(10, 0.2, 0.0), with(20, Some(noisy)), with(30, Some(noisy)), with(40, Some(none))];
        let found = changes(&config(translated), &adjustments);
        let augments: Vec<_> = found.iter().map(|change| (change.step, change.augment)).collect();
        assert_eq!(augments, [(10, None), (20, Some((translated, noisy))), (40, Some((noisy, none)))]);
        assert_eq!(text(&found[2]), "After step 40: Gaussian noise (std) 0.25 → 0");
    }
}
