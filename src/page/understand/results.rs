//! The results of an evaluation: its metrics, the confusion matrix with the images of each cell, per-class metrics, and the errors with the highest
//! loss.

use std::sync::Arc;

use leptos::prelude::*;

use super::class_table::ClassTable;
use super::evaluations::Evaluated;
use super::gallery::{Gallery, PAGE_SIZE};
use super::order::class_rows;
use crate::page::charts::confusion::ConfusionTable;
use crate::page::charts::matrix_cells::{Cell, behind, most_confused};
use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::format::{count, figure, percent};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::{Hint, TermName, Why};
use crate::page::widgets::show::Show;
use kindling_core::metrics::top_losses;
use kindling_core::protocol::Views;

/// With more classes than this, a matrix would be unreadable and have thousands of cells to draw.
const MATRIX_CLASSES_LIMIT: usize = 40;

/// The number of most-confused pairs listed.
const PAIRS_LIMIT: usize = 5;

#[component]
pub fn Results(evaluated: Arc<Evaluated>) -> impl IntoView {
    let is_small = evaluated.classes.len() <= MATRIX_CLASSES_LIMIT;
    let mistakes = top_losses(&evaluated.evaluation.predictions, 2 * PAGE_SIZE);
    let has_mistakes = !mistakes.is_empty();
    let matrix = evaluated.matrix();
    view! {
        <Summary evaluated=evaluated.clone() />
        <section class="panel" aria-labelledby="confusion-title">
            <h2 id="confusion-title">{move_tr!(understand.confusion)}</h2>
            <Hint
                text=Signal::derive(move || match is_small {
                    true => tr!(understand.confusion_why),
                    false => tr!(understand.confusion_pairs, most = MATRIX_CLASSES_LIMIT),
                })
                term=key_tr!(understand.confusion)
            />
            <Confusion evaluated=evaluated.clone() is_small />
        </section>
        <section class="panel" aria-labelledby="classes-title">
            <h2 id="classes-title">{move_tr!(understand.per_class)}</h2>
            <ClassTable rows=class_rows(&matrix) average=matrix.macro_average() classes=evaluated.classes.clone() />
        </section>
        <section class="panel" aria-labelledby="mistakes-title">
            <h2 id="mistakes-title">{move_tr!(understand.mistakes)}</h2>
            {if has_mistakes {
                view! {
                    <Why text=key_tr!(understand.mistakes_why) />
                    <Gallery
                        predictions=mistakes
                        classes=evaluated.classes.clone()
                        name=Signal::derive(move_tr!(understand.mistakes))
                    />
                }.into_any()
            } else {
                view! { <p>{move_tr!(understand.no_mistakes)}</p> }.into_any()
            }}
        </section>
    }
}

/// Accuracy and loss, and whether the network has been trained further since.
#[component]
fn Summary(evaluated: Arc<Evaluated>) -> impl IntoView {
    let store = use_store();
    let step = evaluated.step;
    let is_trained_further =
        memo(move |_| store.run.with(|run| run.run().is_some_and(|run| run.progress.step != step)));
    let is_averaged = evaluated.views == Views::Several;
    let evaluation = &evaluated.evaluation;
    let n_correct = evaluation.predictions.iter().filter(|it| it.label == it.predicted).count();
    view! {
        <dl class="figures">
            <div>
                <dt><TermName label=key_tr!(understand.accuracy) /></dt>
                <dd>{percent(evaluation.accuracy.into())}</dd>
            </div>
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

/// The most-confused pairs, the matrix unless there are many classes, and the images of the open cell.
#[component]
fn Confusion(evaluated: Arc<Evaluated>, is_small: bool) -> impl IntoView {
    let selected = RwSignal::new(None::<Cell>);
    let matrix = evaluated.matrix();
    let pairs = most_confused(&matrix, PAIRS_LIMIT);
    let classes = evaluated.classes.clone();
    let name = {
        let classes = classes.clone();
        move |class: usize| classes.get(class).cloned().unwrap_or_default()
    };
    let has_pairs = !pairs.is_empty();
    let pair_buttons = pairs
        .into_iter()
        .map(|(cell, n_images)| {
            let (label, predicted) = (name(cell.label), name(cell.predicted));
            view! {
                <li>
                    <button type="button" class="link" on:click=move |_| selected.set(Some(cell))>
                        {move_tr!(understand.pair, label = label, predicted = predicted, images = count(n_images))}
                    </button>
                </li>
            }
        })
        .collect_view();
    let images = {
        let name = name.clone();
        move || {
            selected.get().map(|cell| {
            let title = {
                let name = name.clone();
                move || match cell.is_correct() {
                    true => tr!(understand.behind_right, label = name(cell.label)),
                    false => tr!(understand.behind, label = name(cell.label), predicted = name(cell.predicted)),
                }
            };
            let title = Signal::derive(title);
            view! {
                <section class="behind" aria-label=title>
                    <header>
                        <h3>{title}</h3>
                        <button type="button" class="button" on:click=move |_| selected.set(None)>{move_tr!(understand.close)}</button>
                    </header>
                    <Gallery predictions=behind(&evaluated.evaluation.predictions, cell) classes=evaluated.classes.clone() name=title />
                </section>
            }
        })
        }
    };
    view! {
        <div class="confusion-columns">
            {is_small.then(|| view! { <ConfusionTable classes matrix selected /> })}
            <div class="confusion-side">
                <h3>{move_tr!(understand.pairs)}</h3>
                {match has_pairs {
                    true => view! { <ol>{pair_buttons}</ol> }.into_any(),
                    false => view! { <p>{move_tr!(understand.no_pairs)}</p> }.into_any(),
                }}
            </div>
        </div>
        <div aria-live="polite">{images}</div>
    }
}
