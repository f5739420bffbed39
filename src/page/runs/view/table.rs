//! The table of runs. Each column's header sorts by it.

use leptos::prelude::*;

use super::View;
use super::order::{Column, Order};
use super::row::{RunRow, TableRow};
use crate::page::reactive::memo;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::show::Show;
use crate::page::widgets::sorted_table::SortableHeader;

/// Number of rows shown at first, and added by each click on "more".
const ROWS_SHOWN: usize = 25;

#[component]
pub fn RunsTable(rows: Memo<Vec<RunRow>>, view: View) -> impl IntoView {
    let order = RwSignal::new(Order::default());
    let n_shown = RwSignal::new(ROWS_SHOWN);
    let ids = memo(move |_| {
        let mut rows = rows.get();
        order.get().sort(&mut rows, RunRow::label);
        rows.iter().take(n_shown.get()).map(|row| row.record.id.clone()).collect::<Vec<_>>()
    });
    let n_hidden = memo(move |_| rows.read().len().saturating_sub(n_shown.get()));
    view! {
        <div class="table-scroll" tabindex="0" role="group" aria-labelledby="runs-title">
            <table id="runs-table" aria-labelledby="runs-title">
                <thead>
                    <tr>
                        <th scope="col"><span class="visually-hidden">{move_tr!(runs.compare)}</span></th>
                        {Column::ALL.map(|column| view! { <Header column order /> }).collect_view()}
                    </tr>
                </thead>
                <tbody>
                    <For each=move || ids.get() key=String::clone let:id><TableRow id rows view /></For>
                </tbody>
            </table>
        </div>
        <Show when=move || { n_hidden.get() > 0 }>
            <button type="button" class="button" id="runs-more" on:click=move |_| n_shown.update(|n| *n += ROWS_SHOWN)>
                {move || tr!(runs.more, count = n_hidden.get())}
            </button>
        </Show>
    }
}

#[component]
fn Header(column: Column, order: RwSignal<Order>) -> impl IntoView {
    let name = move || match column {
        Column::Star => tr!(runs.star),
        Column::Name => tr!(runs.run),
        Column::Dataset => tr!(runs.dataset),
        Column::Network => tr!(runs.network),
        Column::Accuracy => tr!(runs.validation_accuracy),
        Column::Loss => tr!(runs.validation_loss),
        Column::Test => tr!(runs.test_accuracy),
        Column::Steps => tr!(train.steps),
        Column::Time => tr!(runs.time),
        Column::Date => tr!(runs.date),
    };
    view! {
        <SortableHeader
            name
            direction=move || order.get().direction_of(column)
            on_sort=move || order.update(|order| *order = order.clicked(column))
            key=column.key()
        />
    }
}
