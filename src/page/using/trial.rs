//! A pad with the network's answer, below the curves of a run that has ended: the first thing to do with a new network.

use leptos::prelude::*;

use super::answer::Answer;
use super::classifier::Classifier;
use super::input::Input;
use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::i18n::move_tr;
use crate::page::widgets::draw_pad::DrawPad;
use crate::page::widgets::image_input::is_falsified;
use crate::page::widgets::show::Show;
use kindling_core::dataset::DrawingStyle;

/// Empty for datasets whose images are no figures that one could draw.
#[component]
pub fn Trial() -> impl IntoView {
    let store = use_store();
    let can_draw = memo(move |_| {
        let has_figures = store.dataset.with(|dataset| {
            dataset.current.as_ref().is_some_and(|current| matches!(current.style, DrawingStyle::Figure(_)))
        });
        has_figures && store.run.with(|run| run.has_network()) && !is_falsified()
    });
    view! { <Show when=move || can_draw.get()><Pad /></Show> }
}

#[component]
fn Pad() -> impl IntoView {
    let classifier = Classifier::new(use_store());
    classifier.follow();
    view! {
        <section class="instrument is-small" aria-labelledby="trial-title">
            <h3 id="trial-title">{move_tr!(use_place.try_it)}</h3>
            <DrawPad on_change=move |image| classifier.offer(image) />
            <div class="use-answer" translate="no">
                <Answer outcome=classifier.outcome input=Input::Draw threshold=Signal::stored(None) rate=classifier.rate />
            </div>
        </section>
    }
}
