//! The table of trials. Each column's header sorts by it.

use leptos::prelude::*;

use super::View;
use super::order::{Column, Order};
use super::row::TrialRow;
use super::text::metric_name;
use crate::page::reactive::memo;
use crate::page::search::use_searcher;
use crate::page::text::config::path_text_in;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::sorted_table::SortableHeader;
use kindling_core::config::Metric;

#[component]
pub fn TrialsTable(view: View) -> impl IntoView {
    let searcher = use_searcher();
    let order = RwSignal::new(Order::default());
    let places =
        memo(move |_| searcher.search.read().as_ref().map(|search| order.get().sorted(search)).unwrap_or_default());
    let metric = memo(move |_| searcher.search.read().as_ref().map(|search| search.plan().metric));
    let best = memo(move |_| searcher.search.read().as_ref().and_then(|search| search.best()));
    let names = memo(move |_| {
        let search = searcher.search.read();
        let Some(search) = search.as_ref() else { return Vec::new() };
        let plan = search.plan();
        plan.fields.iter().map(|field| path_text_in(&field.path, &plan.base.network)).collect::<Vec<_>>()
    });
    let n_taken = RwSignal::new(None::<usize>);
    let take = move |place: usize| {
        searcher.take(place);
        n_taken.set(Some(place));
    };
    let metric_or_default = move || metric.get().unwrap_or(Metric::ValidationAccuracy);
    let of_fields = move || {
        let header = |(place, name): (usize, String)| {
            view! { <Header column=Column::Field(place) order metric name=move || name.clone() /> }
        };
        names.get().into_iter().enumerate().map(header).collect_view()
    };
    view! {
        <section class="search-part" aria-labelledby="search-trials-title">
            <h3 id="search-trials-title">{move_tr!(search.table)}</h3>
            <div class="table-scroll" tabindex="0" role="group" aria-labelledby="search-trials-title">
                <table id="search-table" aria-labelledby="search-trials-title">
                    <thead>
                        <tr>
                            <Header column=Column::Number order metric name=|| tr!(search.number) />
                            <Header column=Column::State order metric name=|| tr!(search.state) />
                            <Header column=Column::Epochs order metric name=|| tr!(train.epochs) />
                            <Header column=Column::Metric order metric name=move || metric_name(metric_or_default()) />
                            {of_fields}
                            <th scope="col"><span class="visually-hidden">{move_tr!(runs.use_settings)}</span></th>
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || places.get() key=|place| *place let:place>
                            <TrialRow place view metric best on_take=take />
                        </For>
                    </tbody>
                </table>
            </div>
            <p class="hint" role="status">
                {move || n_taken.get().map(|place| tr!(search.taken, number = place + 1))}
            </p>
        </section>
    }
}

#[component]
fn Header(
    column: Column,
    order: RwSignal<Order>,
    metric: Memo<Option<Metric>>,
    name: impl Fn() -> String + Send + 'static,
) -> impl IntoView {
    let sort = move || {
        let metric = metric.get_untracked().unwrap_or(Metric::ValidationAccuracy);
        order.update(|order| *order = order.clicked(column, metric));
    };
    view! { <SortableHeader name direction=move || order.get().direction_of(column) on_sort=sort /> }
}
