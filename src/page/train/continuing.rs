//! Going on from a run whose dataset has grown, and what its network knew before and knows now, class by class.

use leptos::prelude::*;
use leptos::task::spawn_local;

use crate::page::evaluations::Evaluations;
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::runs::use_runs;
use crate::page::store::use_store;
use crate::page::text::format::{count, date, list, percent};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::{TermLink, TermName};
use kindling_core::metrics::{ClassChange, class_changes};
use kindling_core::protocol::{Failure, SplitName, Views};

pub const OFFER: Part = part!(workbench::continue_offer, ContinueOffer);

pub const BEFORE_AFTER: Part = part!(workbench::before_after, BeforeAfter);

/// The button that goes on from the newest run on the dataset as it was.
#[component]
fn ContinueOffer() -> impl IntoView {
    let runs = use_runs();
    let record = memo(move |_| runs.grown_since());
    move || {
        record.get().map(|record| {
            let why = {
                let record = record.clone();
                move || {
                    let (network, at) = (record.config.network.name.clone(), date(record.started_at));
                    tr!(continuing.why, network = network, date = at, dataset = record.dataset_name.clone())
                }
            };
            let start = move |_| spawn_local(runs.continue_here(record.clone()));
            view! {
                <div class="continue-run">
                    <button type="button" class="button is-big" id="continue-run" on:click=start>
                        {move_tr!(continuing.start)}
                    </button>
                    <p class="hint">{why}" "<TermLink term="catastrophic-forgetting" /></p>
                </div>
            }
        })
    }
}

/// The two networks on the validation images.
#[derive(Clone, Debug, PartialEq)]
struct Comparison {
    changes: Vec<ClassChange>,
    classes: Vec<String>,
    /// The classes that the earlier network knows.
    known: Vec<String>,
}

impl Comparison {
    fn name(&self, change: &ClassChange) -> String {
        self.classes.get(usize::from(change.class)).cloned().unwrap_or_default()
    }

    fn is_new(&self, change: &ClassChange) -> bool {
        !self.known.contains(&self.name(change))
    }

    /// Classes that lost accuracy.
    fn forgotten(&self) -> Vec<String> {
        self.changes.iter().filter(|change| change.after < change.before).map(|change| self.name(change)).collect()
    }

    /// Accuracy on the images of known classes, before and after.
    fn of_known(&self) -> (f64, f64) {
        let known = self.changes.iter().filter(|change| !self.is_new(change));
        let sums = known.fold((0, 0, 0), |(images, before, after), change| {
            (images + change.n_images, before + change.before, after + change.after)
        });
        let share = |correct: u32| f64::from(correct) / f64::from(sums.0.max(1));
        (share(sums.1), share(sums.2))
    }
}

/// Accuracy by class before and after, of a run that has continued another.
#[component]
fn BeforeAfter() -> impl IntoView {
    let store = use_store();
    let runs = use_runs();
    let evaluations = expect_context::<Evaluations>();
    let found = RwSignal::new(None::<Result<Comparison, Failure>>);
    if let Some(from) = store.run.with_untracked(|state| state.run()?.continued_from.clone()) {
        spawn_local(async move {
            let compared = async {
                let (_, weights) = runs.trained(&from).await?;
                let before = runs.evaluate_kept(&from, SplitName::Validation).await?;
                let after = evaluations.evaluate(SplitName::Validation, Views::One).await?;
                let changes = class_changes(&before.predictions, &after.evaluation.predictions, after.classes.len());
                Ok(Comparison { changes, classes: after.classes.clone(), known: weights.classes })
            };
            // The visitor may have moved on to another place meanwhile.
            found.try_set(Some(compared.await));
        });
    }
    move || match found.get() {
        None => view! { <p class="hint">{move_tr!(continuing.comparing)}</p> }.into_any(),
        // Without validation images, or the earlier weights, there is nothing to compare.
        Some(Err(_)) => ().into_any(),
        Some(Ok(comparison)) => view! { <Changes comparison /> }.into_any(),
    }
}

#[component]
fn Changes(comparison: Comparison) -> impl IntoView {
    let (before, after) = comparison.of_known();
    let forgotten = comparison.forgotten();
    let sentence = move || {
        let (before, after) = (percent(before), percent(after));
        match &forgotten[..] {
            [] => tr!(continuing.nothing_forgotten, before = before, after = after),
            names => tr!(continuing.forgotten, before = before, after = after, classes = list(names.to_vec())),
        }
    };
    let rows = comparison.changes.iter().map(|change| {
        let share = |correct: u32| percent(f64::from(correct) / f64::from(change.n_images.max(1)));
        let is_new = comparison.is_new(change);
        let is_worse = change.after < change.before;
        let (before, after) = (share(change.before), share(change.after));
        view! {
            <tr class:is-worse=is_worse>
                <th scope="row">{comparison.name(change)}</th>
                <td>{count(change.n_images)}</td>
                <td>{move || if is_new { tr!(continuing.new_class) } else { before.clone() }}</td>
                <td>{after}</td>
            </tr>
        }
    });
    let rows = rows.collect_view();
    view! {
        <details class="before-after" id="before-after">
            <summary>{sentence}</summary>
            <div class="table-scroll">
                <table class="class-table">
                    <thead>
                        <tr>
                            <th scope="col">{move_tr!(understand.class)}</th>
                            <th scope="col">{move_tr!(understand.images)}</th>
                            <th scope="col">{move_tr!(continuing.before)}</th>
                            <th scope="col">{move_tr!(continuing.after)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </div>
            <p class="hint">{move_tr!(continuing.on_validation)}" "<TermName label=key_tr!(continuing.forgetting) /></p>
        </details>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_forgotten_is_told_apart_from_what_is_new() {
        let change = |class, n_images, before, after| ClassChange { class, n_images, before, after };
        let comparison = Comparison {
            changes: vec![change(0, 10, 9, 7), change(1, 10, 5, 8), change(2, 10, 0, 9)],
            classes: ["cat", "dog", "fox"].map(str::to_owned).to_vec(),
            known: ["dog", "cat"].map(str::to_owned).to_vec(),
        };
        assert_eq!(comparison.forgotten(), ["cat"]);
        assert_eq!(comparison.of_known(), (0.7, 0.75));
        assert!(comparison.is_new(&comparison.changes[2]) && !comparison.is_new(&comparison.changes[0]));
    }
}
