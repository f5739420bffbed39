//! The prediction for the image, and the model input.

use leptos::prelude::*;

use super::Input;
use super::classifier::{Outcome, is_sure};
use crate::page::reactive::{effect, memo};
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::{Hint, TermLink, Why};
use crate::page::widgets::pixel_image::paint;
use crate::page::widgets::probabilities::{Bar, Probabilities};
use crate::page::widgets::show::Show;
use kindling_core::protocol::{Classification, Failure, InputKind};

/// The number of classes listed: from the sixth on, probabilities are negligible.
const BARS_LIMIT: usize = 5;

#[component]
pub fn AnswerPanel(#[prop(into)] outcome: Signal<Outcome>, #[prop(into)] input: Signal<Input>) -> impl IntoView {
    let store = use_store();
    let has_network = memo(move |_| {
        store.run.with(|run| run.has_network()) && store.dataset.with(|dataset| dataset.current.is_some())
    });
    // A memo, so that predictions, up to ten a second, do not rebuild the panel while its face stays the same.
    let face = memo(move |_| match (has_network.get(), &*outcome.read()) {
        (false, _) => Face::NoNetwork,
        (true, Outcome::Nothing) => Face::NoImage,
        (true, Outcome::Classified(_)) => Face::Answer,
        (true, Outcome::Failed(failure)) => Face::Failed(failure.clone()),
    });
    view! {
        <div class="panel use-answer" translate="no">
            <h2>{move_tr!(use_place.answer)}</h2>
            {move || match face.get() {
                Face::NoNetwork => view! { <NoNetwork /> }.into_any(),
                Face::NoImage => view! { <p class="hint">{move || match input.get() {
                    Input::Draw => tr!(use_place.draw_first),
                    Input::Upload => tr!(use_place.upload_first),
                    Input::Webcam => tr!(use_place.webcam_first),
                }}</p> }.into_any(),
                Face::Failed(failure) => view! { <p role="alert" class="failure">{failure_text(&failure)}</p> }.into_any(),
                Face::Answer => view! { <Answer outcome input /> }.into_any(),
            }}
        </div>
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Face {
    NoNetwork,
    NoImage,
    Answer,
    Failed(Failure),
}

#[component]
fn NoNetwork() -> impl IntoView {
    view! {
        <div class="empty">
            <p>{move_tr!(use_place.no_network)}</p>
            <a class="button is-primary" href="#train">{move_tr!(use_place.to_train)}</a>
        </div>
    }
}

#[component]
fn Answer(outcome: Signal<Outcome>, input: Signal<Input>) -> impl IntoView {
    let store = use_store();
    let classes = memo(move |_| {
        store
            .dataset
            .with(|dataset| dataset.current.as_ref().map(|current| current.classes.clone()))
            .unwrap_or_default()
    });
    let label = move |class: u16| classes.read().get(usize::from(class)).cloned().unwrap_or_default();
    let bars = memo(move |_| match &*outcome.read() {
        Outcome::Classified(classification) => {
            let classes = classification.classes.iter().take(BARS_LIMIT);
            classes.map(|class| Bar { label: label(class.class), probability: class.probability.into() }).collect()
        }
        Outcome::Nothing | Outcome::Failed(_) => Vec::new(),
    });
    let classes_name = Signal::derive(move || tr!(use_place.classes, count = bars.read().len()));
    let size = memo(move |_| match &*outcome.read() {
        Outcome::Classified(Classification { shape, .. }) => format!("{}×{}", shape.width, shape.height),
        Outcome::Nothing | Outcome::Failed(_) => String::new(),
    });
    let first = memo(move |_| bars.read().first().map(|bar| bar.label.clone()).unwrap_or_default());
    let is_sure = memo(move |_| match &*outcome.read() {
        Outcome::Classified(classification) => is_sure(&classification.classes),
        Outcome::Nothing | Outcome::Failed(_) => false,
    });
    view! {
        <p class="answer-verdict" class:is-unsure=move || !is_sure.get()>
            // Screen readers announce only the class, and only when it changes.
            <output aria-live="polite">
                {move || match is_sure.get() {
                    true => first.get(),
                    false => tr!(use_place.not_sure, class = first.get()),
                }}
            </output>
        </p>
        <div class="answer-columns">
            <figure class="seen">
                <Seen outcome size />
                <figcaption>{move || tr!(use_place.seen, size = size.get())}</figcaption>
            </figure>
            <div>
                <p class="hint">{classes_name}" "<TermLink term="softmax" /></p>
                <Probabilities bars name=classes_name />
            </div>
        </div>
        <Show when=move || !is_sure.get()>
            <Why text=key_tr!(use_place.not_sure_why) />
        </Show>
        <Hint
            text=Signal::derive(move || match input.get().kind() {
                InputKind::Drawing => tr!(use_place.drawing_prepared),
                InputKind::Photo => tr!(use_place.photo_prepared),
            })
            term=key_tr!(use_place.drawing_prepared)
        />
        <Hint text=Signal::derive(move_tr!(use_place.always_answers)) term=key_tr!(use_place.answer) />
    }
}

/// The model input, on one canvas that is repainted.
#[component]
fn Seen(outcome: Signal<Outcome>, size: Memo<String>) -> impl IntoView {
    let canvas = NodeRef::<leptos::html::Canvas>::new();
    let shape = memo(move |_| match &*outcome.read() {
        Outcome::Classified(classification) => Some(classification.shape),
        Outcome::Nothing | Outcome::Failed(_) => None,
    });
    effect(move |_| {
        // Setting a canvas's size clears it, so this effect comes before the one that paints.
        if let (Some(canvas), Some(shape)) = (canvas.get(), shape.get()) {
            canvas.set_width(shape.width);
            canvas.set_height(shape.height);
        }
    });
    effect(move |_| {
        if let (Some(canvas), Outcome::Classified(found)) = (canvas.get(), &*outcome.read()) {
            // If the pixels do not match the shape, the canvas keeps its content.
            paint(&canvas, found.shape, &found.seen);
        }
    });
    view! { <canvas node_ref=canvas class="pixels" role="img" aria-label=move || tr!(use_place.seen, size = size.get())></canvas> }
}
