//! The panel below the exports: what the model costs, and how it becomes smaller.

use leptos::prelude::*;

use super::cost::Cost;
use super::distilling::Distilling;
use super::pruning::Pruning;
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::runs::use_runs;
use crate::page::text::i18n::{key_tr, move_tr};
use crate::page::widgets::hint::Hint;

pub const PART: Part = part!(compress::panel, CompressPanel);

#[component]
fn CompressPanel() -> impl IntoView {
    let runs = use_runs();
    let record = memo(move |_| runs.in_view().filter(|record| record.weights_bytes.is_some()));
    view! {
        <section class="panel compress" aria-labelledby="compress-title">
            <details id="compress">
                <summary><h2 id="compress-title">{move_tr!(compress.title)}</h2></summary>
                <Hint text=Signal::derive(move_tr!(compress.lead)) term=key_tr!(compress.title) />
                {move || match record.get() {
                    None => view! { <p>{move_tr!(compress.not_yet)}</p> }.into_any(),
                    // Drawn anew for another run, of which nothing measured before is true.
                    Some(record) => view! {
                        <div class="compress-parts">
                            <Cost record=record.clone() />
                            <Distilling record=record.clone() />
                            <Pruning record />
                        </div>
                    }
                    .into_any(),
                }}
            </details>
        </section>
    }
}
