//! One run as a row of the table.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::prelude::*;

use super::View;
use super::compare::COMPARED_LIMIT;
use super::details::ending_text;
use crate::page::reactive::memo;
use crate::page::runs::difference::{Difference, config_difference, run_before};
use crate::page::runs::label::run_label;
use crate::page::runs::use_runs;
use crate::page::text::format::{clock, count, date, figure, percent};
use crate::page::text::i18n::tr;
use crate::page::widgets::icon::{Glyph, Icon};
use kindling_core::protocol::FailureKind;
use kindling_core::runs::record::{RunEnding, RunRecord};

/// A record, and how its config differs from the previous run's; none if there is no earlier run to compare to.
#[derive(Clone, Debug, PartialEq)]
pub struct RunRow {
    pub record: Arc<RunRecord>,
    pub differences: Option<Arc<[Difference]>>,
    /// Id of the run that the differences refer to.
    pub before_id: Option<String>,
}

/// The rows of the table. Differences are reused from `known` rows where possible, because a run's config never changes.
pub fn run_rows(records: &[Arc<RunRecord>], known: &[RunRow]) -> Vec<RunRow> {
    let known: BTreeMap<&str, &RunRow> = known.iter().map(|row| (row.record.id.as_str(), row)).collect();
    let row = |record: &Arc<RunRecord>| {
        let before = run_before(record, records);
        let before_id = before.map(|before| before.id.clone());
        let differences = match known.get(record.id.as_str()).filter(|row| row.before_id == before_id) {
            Some(row) => row.differences.clone(),
            None => before.map(|before| config_difference(&before.config, &record.config).into()),
        };
        RunRow { record: record.clone(), differences, before_id }
    };
    records.iter().map(row).collect()
}

impl RunRow {
    /// The run's label; tracks the language.
    pub fn label(&self) -> String {
        run_label(&self.record, self.differences.as_deref())
    }

    pub fn accuracy(&self) -> Option<f64> {
        self.record.best?.validation_accuracy.map(f64::from)
    }

    pub fn loss(&self) -> Option<f64> {
        self.record.best?.validation_loss.map(f64::from)
    }

    pub fn test_accuracy(&self) -> Option<f64> {
        self.record.test.map(|test| test.accuracy.into())
    }
}

/// The row of the run with this id, as long as it exists.
pub fn row_of(rows: Memo<Vec<RunRow>>, id: String) -> Memo<Option<RunRow>> {
    memo(move |_| rows.read().iter().find(|row| row.record.id == id).cloned())
}

#[component]
pub fn TableRow(id: String, rows: Memo<Vec<RunRow>>, view: View) -> impl IntoView {
    let runs = use_runs();
    let row = row_of(rows, id.clone());
    let id = StoredValue::new(id);
    let text = move |read: fn(&RunRow) -> String| move || row.read().as_ref().map(read);
    let label = memo(move |_| row.read().as_ref().map(RunRow::label).unwrap_or_default());
    let is_starred = move || row.read().as_ref().is_some_and(|row| row.record.is_starred);
    let is_ticked = move || id.with_value(|id| view.ticked.read().contains(id));
    let is_open = move || id.with_value(|id| view.open.read().as_ref() == Some(id));
    let is_beyond = move || !is_ticked() && view.ticked.read().len() >= COMPARED_LIMIT;
    let tick = move |is_ticked: bool| {
        view.ticked.update(|ticked| {
            ticked.retain(|ticked| *ticked != id.get_value());
            if is_ticked {
                ticked.push(id.get_value());
            }
        });
    };
    let star = move |_| runs.change(&id.get_value(), |record| record.is_starred = !record.is_starred);
    let open = move |_| {
        let was_open = untrack(is_open);
        view.open.set((!was_open).then(|| id.get_value()));
    };
    view! {
        <tr data-run=id.get_value() class:is-open=is_open>
            <td>
                <input
                    type="checkbox"
                    aria-label=move || tr!(runs.compare_run, name = label.get())
                    prop:checked=is_ticked
                    disabled=is_beyond
                    on:change:target=move |event| tick(event.target().checked())
                />
            </td>
            <td>
                <button
                    type="button"
                    class="star"
                    aria-pressed=move || is_starred().to_string()
                    aria-label=move || tr!(runs.star_run, name = label.get())
                    on:click=star
                >
                    {move || if is_starred() { "★" } else { "☆" }}
                </button>
            </td>
            <th scope="row" class="run-name">
                <button
                    type="button"
                    class="link"
                    aria-expanded=move || is_open().to_string()
                    aria-controls="run-details"
                    on:click=open
                >
                    {label}
                </button>
                {move || row.read().as_ref().and_then(|row| ending_mark(row.record.ending))}
            </th>
            <td>{text(|row| known(row.accuracy(), percent))}</td>
            <td>{text(|row| known(row.loss(), figure))}</td>
            <td>{text(|row| known(row.test_accuracy(), percent))}</td>
            <td>{text(|row| row.record.dataset_name.clone())}</td>
            <td>{text(|row| row.record.config.network.name.clone())}</td>
            <td>{text(|row| count(row.record.steps))}</td>
            <td>{text(|row| clock(row.record.elapsed_ms))}</td>
            <td>{text(|row| date(row.record.started_at))}</td>
        </tr>
    }
}

/// What sets the run apart from one that went through to its end.
fn ending_mark(ending: RunEnding) -> Option<impl IntoView> {
    let (icon, is_failed) = match ending {
        RunEnding::Completed | RunEnding::StepLimit | RunEnding::EarlyStopped => return None,
        RunEnding::Imported => (Icon::Upload, false),
        RunEnding::Stopped | RunEnding::Replaced => (Icon::Stop, false),
        RunEnding::Failed(_) => (Icon::Warning, true),
    };
    Some(view! {
        <span class="run-ending" class:is-failed=is_failed><Glyph icon />{move || short_ending(ending)}</span>
    })
}

fn short_ending(ending: RunEnding) -> String {
    match ending {
        RunEnding::Failed(FailureKind::LossNotFinite) => tr!(runs.diverged),
        RunEnding::Failed(_) => tr!(runs.failed),
        _ => ending_text(ending),
    }
}

fn known(figure: Option<f64>, format: fn(f64) -> String) -> String {
    figure.map_or_else(|| "–".to_owned(), format)
}
