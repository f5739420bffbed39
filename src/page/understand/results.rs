//! The results of an evaluation: its metrics, the most-confused pairs, the confusion matrix beside the images of a cell or the errors with the
//! highest loss, and per-class metrics.

use std::sync::Arc;

use leptos::prelude::*;

use super::class_table::ClassTable;
use super::gallery::{Gallery, PAGE_SIZE};
use super::order::class_rows;
use crate::page::charts::confusion::ConfusionTable;
use crate::page::charts::matrix_cells::{Cell, behind, most_confused};
use crate::page::evaluations::{Evaluated, EvaluationState, Evaluations};
use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::format::{count, figure, percent};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::{TermName, Why};
use crate::page::widgets::show::Show;
use kindling_core::metrics::top_losses;
use kindling_core::protocol::{SplitName, Views};

/// With more classes than this, a matrix would be unreadable and have thousands of cells to draw.
const MATRIX_CLASSES_LIMIT: usize = 40;

/// The number of most-confused pairs listed.
const PAIRS_LIMIT: usize = 5;

#[component]
pub fn Results(evaluated: Arc<Evaluated>) -> impl IntoView {
    let is_small = evaluated.classes.len() <= MATRIX_CLASSES_LIMIT;
    let matrix = evaluated.matrix();
    // The cell whose images are shown.
    let selected = RwSignal::new(None::<Cell>);
    let (classes, n_classes) = (evaluated.classes.clone(), evaluated.classes.len());
    view! {
        <Pairs pairs=most_confused(&matrix, PAIRS_LIMIT) classes=classes.clone() selected />
        <div class="evaluation-columns" style=("--n-classes", n_classes.to_string())>
            {is_small.then(|| view! {
                <section class="panel" aria-labelledby="confusion-title">
                    <h2 id="confusion-title">{move_tr!(understand.confusion)}</h2>
                    <ConfusionTable classes=classes.clone() matrix=matrix.clone() selected />
                    <Why text=key_tr!(understand.confusion_why) />
                </section>
            })}
            <Images evaluated=evaluated.clone() selected />
        </div>
        <section class="panel" aria-labelledby="classes-title">
            <h2 id="classes-title">{move_tr!(understand.per_class)}</h2>
            {(!is_small).then(|| view! {
                <p class="hint">{move_tr!(understand.confusion_pairs, most = MATRIX_CLASSES_LIMIT)}</p>
            })}
            <ClassTable rows=class_rows(&matrix) average=matrix.macro_average() classes />
        </section>
    }
}

/// Accuracy and loss, and whether the network has been trained further since. Empty without a result.
#[component]
pub fn Summary(split: RwSignal<SplitName>) -> impl IntoView {
    let evaluations = expect_context::<Evaluations>();
    view! {
        // Always there, so that screen readers announce the result.
        <div class="evaluation-figures" role="status">
            {move || match evaluations.of(split.get()).get() {
                EvaluationState::Done(evaluated) => view! { <SummaryOf evaluated /> }.into_any(),
                EvaluationState::None | EvaluationState::Running(_) | EvaluationState::Failed(_) => ().into_any(),
            }}
        </div>
    }
}

#[component]
fn SummaryOf(evaluated: Arc<Evaluated>) -> impl IntoView {
    let store = use_store();
    let step = evaluated.step;
    let is_trained_further =
        memo(move |_| store.run.with(|run| run.run().is_some_and(|run| run.progress.step != step)));
    let is_averaged = evaluated.views == Views::Several;
    let evaluation = &evaluated.evaluation;
    let n_correct = evaluation.predictions.iter().filter(|it| it.label == it.predicted).count();
    let interval = evaluated.matrix().accuracy_interval();
    view! {
        <dl class="figures">
            <div>
                <dt><TermName label=key_tr!(understand.accuracy) /></dt>
                <dd>{percent(evaluation.accuracy.into())}</dd>
            </div>
            {interval.map(|(low, high)| view! {
                <div>
                    <dt><TermName label=key_tr!(understand.interval) /></dt>
                    <dd>{move_tr!(understand.from_to, low = percent(low), high = percent(high))}</dd>
                </div>
            })}
            <div>
                <dt><TermName label=key_tr!(understand.loss) /></dt>
                <dd>{figure(evaluation.loss.into())}</dd>
            </div>
            <div>
                <dt>{move_tr!(understand.right)}</dt>
                <dd>{move_tr!(understand.n_of, right = count(n_correct as u64), all = count(evaluation.predictions.len() as u64))}</dd>
            </div>
        </dl>
        {is_averaged.then(|| view! { <p class="hint">{move_tr!(understand.by_views)}</p> })}
        <Show when=move || is_trained_further.get()>
            <p class="hint" role="note">{move || tr!(understand.learned_since, step = count(step))}</p>
        </Show>
    }
}

/// The most-confused pairs of classes: the headline. Each opens its images.
#[component]
fn Pairs(pairs: Vec<(Cell, u32)>, classes: Vec<String>, selected: RwSignal<Option<Cell>>) -> impl IntoView {
    let name = |class: usize| classes.get(class).cloned().unwrap_or_default();
    let has_pairs = !pairs.is_empty();
    let buttons = pairs.into_iter().map(|(cell, n_images)| {
        let (label, predicted) = (name(cell.label), name(cell.predicted));
        view! {
            <li>
                <button
                    type="button"
                    class="pair"
                    aria-pressed=move || (selected.get() == Some(cell)).to_string()
                    on:click=move |_| selected.set(Some(cell))
                >
                    {move_tr!(understand.pair, label = label, predicted = predicted, images = count(n_images))}
                </button>
            </li>
        }
    });
    let list = match has_pairs {
        true => view! { <ol>{buttons.collect_view()}</ol> }.into_any(),
        false => view! { <p>{move_tr!(understand.no_pairs)}</p> }.into_any(),
    };
    view! {
        <section class="pairs" aria-labelledby="pairs-title">
            <h2 id="pairs-title">{move_tr!(understand.pairs)}</h2>
            {list}
        </section>
    }
}

/// The images of the open cell, or the errors with the highest loss.
#[component]
fn Images(evaluated: Arc<Evaluated>, selected: RwSignal<Option<Cell>>) -> impl IntoView {
    let classes = evaluated.classes.clone();
    let title = Signal::derive(move || {
        let name = |class: usize| classes.get(class).cloned().unwrap_or_default();
        match selected.get() {
            None => tr!(understand.mistakes),
            Some(cell) if cell.is_correct() => tr!(understand.behind_right, label = name(cell.label)),
            Some(cell) => tr!(understand.behind, label = name(cell.label), predicted = name(cell.predicted)),
        }
    });
    let gallery = move || {
        let Evaluated { evaluation, classes, .. } = &*evaluated;
        let predictions = match selected.get() {
            None => top_losses(&evaluation.predictions, 2 * PAGE_SIZE),
            Some(cell) => behind(&evaluation.predictions, cell),
        };
        if predictions.is_empty() {
            return view! { <p>{move_tr!(understand.no_mistakes)}</p> }.into_any();
        }
        view! { <Gallery predictions classes=classes.clone() name=title /> }.into_any()
    };
    view! {
        <section class="panel" aria-labelledby="images-title">
            <header class="images-head">
                <h2 id="images-title" aria-live="polite">{title}</h2>
                <Show when=move || selected.get().is_some()>
                    <button type="button" class="button is-small" on:click=move |_| selected.set(None)>
                        {move_tr!(understand.close)}
                    </button>
                </Show>
            </header>
            {gallery}
            <Show when=move || selected.get().is_none()>
                <Why text=key_tr!(understand.mistakes_why) />
            </Show>
        </section>
    }
}
