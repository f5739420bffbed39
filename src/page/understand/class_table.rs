//! A sortable table of precision, recall and F1 per class.

use leptos::prelude::*;

use super::order::{ClassRow, Column, Order};
use crate::page::reactive::memo;
use crate::page::text::format::{count, percent};
use crate::page::text::i18n::{TextKey, key_tr, move_tr, text_of, tr};
use crate::page::widgets::hint::TermName;
use crate::page::widgets::sorted_table::SortableHeader;
use kindling_core::metrics::ClassMetrics;

const COLUMNS: [Column; 5] = [Column::Class, Column::Images, Column::Precision, Column::Recall, Column::F1];

/// The table's terms, each with the key of the sentence that explains it.
const EXPLAINED: &[(TextKey, TextKey)] = &[
    (key_tr!(understand.precision), key_tr!(understand.precision_why)),
    (key_tr!(understand.recall), key_tr!(understand.recall_why)),
    (key_tr!(understand.f1), key_tr!(understand.f1_why)),
    (key_tr!(understand.images), key_tr!(understand.support_why)),
    (key_tr!(understand.average), key_tr!(understand.average_why)),
];

#[component]
pub fn ClassTable(
    rows: Vec<ClassRow>,
    /// The macro average: every class has the same weight.
    average: ClassMetrics,
    classes: Vec<String>,
) -> impl IntoView {
    let order = RwSignal::new(Order::default());
    let classes = StoredValue::new(classes);
    let sorted = memo(move |_| {
        let mut rows = rows.clone();
        order.get().sort(&mut rows);
        rows
    });
    let name = move |class: u16| classes.with_value(|all| all.get(usize::from(class)).cloned()).unwrap_or_default();
    view! {
        <div class="table-scroll">
            <table class="class-table" aria-label=move_tr!(understand.per_class)>
                <thead>
                    <tr>{COLUMNS.map(|column| view! { <Header column order /> }).collect_view()}</tr>
                </thead>
                <tbody>
                    <For each=move || sorted.get() key=|row| row.class let:row>
                        <tr>
                            <th scope="row">{name(row.class)}</th>
                            <td>{count(row.n_images)}</td>
                            <FigureCell figure=row.precision />
                            <FigureCell figure=row.recall />
                            <FigureCell figure=row.f1 />
                        </tr>
                    </For>
                </tbody>
                <tfoot>
                    <tr>
                        <th scope="row">{move_tr!(understand.average)}</th>
                        <td>{count(average.support)}</td>
                        <FigureCell figure=Some(average.precision.into()) />
                        <FigureCell figure=Some(average.recall.into()) />
                        <FigureCell figure=Some(average.f1.into()) />
                    </tr>
                </tfoot>
            </table>
        </div>
        <dl class="explanations">{EXPLAINED.iter().map(explanation).collect_view()}</dl>
    }
}

fn explanation(&(name, why): &(TextKey, TextKey)) -> impl IntoView + use<> {
    view! {
        <dt><TermName label=name /></dt>
        <dd>{move || text_of(why)}</dd>
    }
}

#[component]
fn Header(column: Column, order: RwSignal<Order>) -> impl IntoView {
    let name = move || match column {
        Column::Class => tr!(understand.class),
        Column::Images => tr!(understand.images),
        Column::Precision => tr!(understand.precision),
        Column::Recall => tr!(understand.recall),
        Column::F1 => tr!(understand.f1),
    };
    view! {
        <SortableHeader
            name
            direction=move || order.get().direction_of(column)
            on_sort=move || order.update(|order| *order = order.clicked(column))
        />
    }
}

/// A fraction as percent, over a bar of that length.
#[component]
fn FigureCell(figure: Option<f64>) -> impl IntoView {
    let fraction = figure.unwrap_or(0.0);
    view! {
        <td class="figure-cell" style=("--share", format!("{fraction:.4}"))>
            {match figure {
                Some(fraction) => percent(fraction),
                None => "–".to_owned(),
            }}
        </td>
    }
}
