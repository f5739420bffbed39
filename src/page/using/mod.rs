//! The place Predict: the visitor draws, uploads or holds something up to the webcam, and the network classifies it; or whole folders at once.
//!
//! For a camera, `smoothing.rs` averages the answers over time, and `rejection.rs` fits the threshold for "none of these" on the validation images, by
//! the rule of `core/metrics/rejection.rs`. Many images come by `batch/`: the browser decodes three at a time away from the page's thread, and the
//! table keeps thumbnails only. A corrected image joins its class by `collect/teaching.rs`.

mod actions;
mod actions_view;
mod answer;
pub mod batch;
mod browser_sound;
mod classifier;
mod input;
mod pictures;
mod rejection;
mod smoothing;
mod teaching;
mod threshold;
mod trial;
mod trouble;

use leptos::prelude::*;

use self::actions::Actions;
use self::actions_view::ActionChoices;
use self::answer::{Answer, Explanations, bars};
use self::batch::{Batch, BatchResult};
use self::classifier::Classifier;
use self::input::{Input, InputPanel};
use self::rejection::Rejection;
use self::teaching::{TeachButtons, Teaching};
use self::threshold::ThresholdField;
use self::trial::Trial;
use crate::page::compress;
use crate::page::export;
use crate::page::parts::{Part, Parted, part};
use crate::page::reactive::{memo, watch};
use crate::page::recipe::use_recipe;
use crate::page::runs::at_hand::ModelAtHand;
use crate::page::runs::interrupted::use_interrupted;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::format::count;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::check_field::CheckField;
use crate::page::widgets::hint::TermLink;
use crate::page::widgets::image_input::is_falsified;
use crate::page::widgets::probabilities::Probabilities;
use crate::page::widgets::show::Show;
use kindling_core::protocol::Views;

pub const PART: Part = part!(use_place::place, UsePlace);

/// A pad for the end of a run, to try its network without leaving.
pub const TRIAL: Part = part!(use_place::trial, Trial);

#[component]
fn UsePlace() -> impl IntoView {
    let store = use_store();
    let classifier = Classifier::new(store);
    classifier.follow();
    let input = RwSignal::new(Input::default());
    let rejection = Rejection::new(store, expect_context());
    rejection.follow(classifier);
    let batch = Batch::new(store, rejection);
    let teaching = Teaching::new(store);
    // A camera shows nothing of the classes most of the time. Drawings and files are given to be recognized: there a low confidence is told as such.
    let is_live = memo(move |_| input.get() == Input::Webcam);
    let is_many = memo(move |_| input.get() == Input::Many);
    watch(move || is_live.get(), move |_, _| rejection.want(), false);
    let actions = Actions::new(store);
    actions.follow(classifier, rejection, is_live);
    let threshold = Signal::derive(move || is_live.get().then(|| rejection.threshold()).flatten());
    let choose_views = move |several: bool| {
        classifier.views.set(if several { Views::Several } else { Views::One });
        classifier.refresh();
    };
    let has_network = memo(move |_| {
        store.run.with(|run| run.has_network()) && store.dataset.with(|dataset| dataset.current.is_some())
    });
    view! {
        <section class="use-place" aria-labelledby="use-title">
            <header class="place-header">
                <h1 id="use-title">{move_tr!(use_place.title)}</h1>
                <p>{move_tr!(use_place.lead)}" "<TermLink term=key_tr!(use_place.lead) /></p>
            </header>
            {is_falsified().then(|| view! { <p class="failure" role="alert">{move_tr!(use_place.falsified)}</p> })}
            <div class="panel instrument" class:is-live=move || is_live.get() || is_many.get() class:is-many=move || is_many.get()>
                <InputPanel input classifier batch />
                <div class="use-answer" translate="no">
                    <h2 class="visually-hidden">{move_tr!(use_place.answer)}</h2>
                    <ModelAtHand none=NoNetwork>
                        <Show
                            when=move || is_many.get()
                            fallback=move || view! { <Answer outcome=classifier.outcome input threshold rate=classifier.rate /> }
                        >
                            <BatchResult batch teaching />
                        </Show>
                    </ModelAtHand>
                </div>
                <div class="use-notes">
                    <Show when=move || has_network.get()>
                        <div class="use-acting">
                            <Show when=move || !is_many.get()><TeachButtons teaching classifier is_live /></Show>
                            <Show when=move || is_live.get() || is_many.get()><ThresholdField rejection /></Show>
                            <Show when=move || is_live.get()><ActionChoices actions /></Show>
                        </div>
                        <div class="use-why">
                            <Show when=move || !is_many.get()><Explanations outcome=classifier.outcome /></Show>
                            <CheckField
                                id="use-views"
                                label=Signal::derive(move_tr!(use_place.views))
                                hint=Signal::derive(move_tr!(use_place.views_why))
                                term=key_tr!(use_place.views)
                                value=Signal::derive(move || classifier.views.get() == Views::Several)
                                on_change=choose_views
                            />
                        </div>
                    </Show>
                </div>
            </div>
            <div class="use-more">
                <Parted part=export::panel::PART />
                <Parted part=compress::panel::PART />
            </div>
        </section>
    }
}

#[component]
fn NoNetwork() -> impl IntoView {
    let store = use_store();
    let recipe = use_recipe();
    let interrupted = use_interrupted();
    let is_active = memo(move |_| store.run.with(RunState::is_active));
    let text = move || match interrupted.newest() {
        _ if is_active.get() => tr!(use_place.first_soon),
        Some(run) => tr!(interrupted.no_network, step = count(run.run.progress.step)),
        None => tr!(use_place.no_network),
    };
    // The bars as they will be, for those who see them.
    let coming = memo(move |_| recipe.dataset.read().as_ref().map(|it| bars(&it.classes, None)).unwrap_or_default());
    view! {
        <div class="empty">
            <p>{text}</p>
            <Show when=move || !is_active.get()>
                <a class="button is-primary" href="#train">{move_tr!(use_place.to_train)}</a>
            </Show>
            <div class="coming-bars" aria-hidden="true"><Probabilities bars=coming name=Signal::stored(String::new()) /></div>
        </div>
    }
}
