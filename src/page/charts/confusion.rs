//! A confusion matrix as a table of counts, tinted by their fraction of the row. Its cells can be opened.

use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::matrix_cells::{Cell, tint};
use crate::page::text::format::count as counted;
use crate::page::text::i18n::{move_tr, tr};
use kindling_core::metrics::ConfusionMatrix;

/// Rows are true classes, columns predicted ones. Arrow keys move from cell to cell; Enter opens a cell.
#[component]
pub fn ConfusionTable(
    classes: Vec<String>,
    matrix: ConfusionMatrix,
    /// The open cell.
    selected: RwSignal<Option<Cell>>,
) -> impl IntoView {
    let n_classes = classes.len();
    let has_long_names = classes.iter().any(|name| name.chars().count() > 3);
    let focused = RwSignal::new(Cell::default());
    let on_key = move |event: KeyboardEvent| {
        if let Some(next) = focused.get_untracked().after_key(&event.key(), n_classes) {
            event.prevent_default();
            focused.set(next);
            focus(next);
        }
    };
    let rows = classes.iter().enumerate().map(|(label, name)| {
        let total = matrix.support(label);
        let cells = classes.iter().enumerate().map(|(predicted, predicted_name)| {
            let cell = Cell { label, predicted };
            let count = matrix.count(label, predicted);
            view! { <MatrixCell cell count total names=(name.clone(), predicted_name.clone()) focused selected /> }
        });
        view! {
            <tr>
                <th scope="row">{name.clone()}</th>
                {cells.collect_view()}
            </tr>
        }
    });
    view! {
        <div class="confusion" class:has-long-names=has_long_names>
            <table role="grid" aria-label=move_tr!(confusion.name) on:keydown=on_key>
                <thead>
                    <tr class="confusion-axis">
                        <td></td>
                        <th scope="colgroup" colspan=n_classes>{move_tr!(confusion.predicted_class)}</th>
                    </tr>
                    <tr>
                        <th scope="col"><span class="confusion-axis">{move_tr!(confusion.true_class)}</span></th>
                        {classes.iter().map(|name| view! {
                            <th scope="col"><span>{name.clone()}</span></th>
                        }).collect_view()}
                    </tr>
                </thead>
                <tbody>{rows.collect_view()}</tbody>
            </table>
        </div>
    }
}

#[component]
fn MatrixCell(
    cell: Cell,
    count: u32,
    /// The sum of the row.
    total: u32,
    /// Names of the true and the predicted class.
    names: (String, String),
    focused: RwSignal<Cell>,
    selected: RwSignal<Option<Cell>>,
) -> impl IntoView {
    let is_open = move || selected.get() == Some(cell);
    let name = move || {
        let (label, predicted) = (&names.0, &names.1);
        match cell.is_correct() {
            true => tr!(confusion.right_cell, label = label, count = counted(count)),
            false => tr!(confusion.cell, label = label, predicted = predicted, count = counted(count)),
        }
    };
    view! {
        <td class:is-right=cell.is_correct() class:is-zero=count == 0 style=("--tint", format!("{:.3}", tint(count, total)))>
            <button
                type="button"
                id=cell_id(cell)
                tabindex=move || if focused.get() == cell { "0" } else { "-1" }
                aria-label=name
                aria-expanded=move || is_open().to_string()
                // Not disabled: a cell without images can still be read by keyboard.
                aria-disabled=(count == 0).to_string()
                on:focus=move |_| focused.set(cell)
                on:click={move |_| { if count > 0 { selected.set((!is_open()).then_some(cell)) } }}
            >
                {count}
            </button>
        </td>
    }
}

fn focus(cell: Cell) {
    if let Some(button) = document().get_element_by_id(&cell_id(cell)) {
        wasm_bindgen::JsCast::unchecked_into::<web_sys::HtmlElement>(button).focus().ok();
    }
}

fn cell_id(cell: Cell) -> String {
    format!("confusion-{}-{}", cell.label, cell.predicted)
}
