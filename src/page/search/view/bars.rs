//! Hyperparameter importance, as bars.

use leptos::prelude::*;

use crate::page::reactive::memo;
use crate::page::search::use_searcher;
use crate::page::sort::sort_by;
use crate::page::text::config::path_text_in;
use crate::page::text::format::percent;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::Why;
use crate::page::widgets::probabilities::{Bar, Probabilities};
use crate::page::widgets::show::Show;
use kindling_core::search::importance;
use kindling_core::search::importance::{MIN_TRIALS, counted};

#[component]
pub fn ImportanceBars() -> impl IntoView {
    let searcher = use_searcher();
    let importances = memo(move |_| {
        let search = searcher.search.read();
        let Some(search) = search.as_ref() else { return Vec::new() };
        let name = |path: &str| path_text_in(path, &search.plan().base.network);
        let fields = search.plan().fields.iter().map(|field| name(&field.path));
        let mut importances: Vec<_> =
            fields.zip(importance(search)).filter_map(|(name, it)| Some((name, it?))).collect();
        sort_by(&mut importances, |left, right| right.1.total_cmp(&left.1));
        importances
    });
    let n_known = memo(move |_| {
        let search = searcher.search.read();
        search.as_ref().map_or(0, |search| counted(search).count())
    });
    let bars = Signal::derive(move || {
        let bar = |(name, fraction): &(String, f64)| Bar {
            label: name.clone(),
            fraction: *fraction,
            value: percent(*fraction),
            is_marked: false,
        };
        importances.read().iter().map(bar).collect::<Vec<_>>()
    });
    view! {
        <section class="search-part" aria-labelledby="search-importance-title">
            <h3 id="search-importance-title">{move_tr!(search.importance)}</h3>
            <Why text=key_tr!(search.importance_why) />
            <Show when=move || { n_known.get() < MIN_TRIALS }>
                <p class="hint" id="search-few">{move || tr!(search.few, wanted = MIN_TRIALS)}</p>
            </Show>
            <div class="search-importance">
                <Probabilities bars name=Signal::derive(move_tr!(search.importance)) />
            </div>
        </section>
    }
}
