//! The prediction for the image: the class, the probabilities of all classes, and how the model input was made.

use std::sync::Arc;

use leptos::prelude::*;

use super::classifier::{Outcome, SURE, is_sure};
use super::input::Input;
use super::pictures::Pictures;
use super::threshold::shown;
use super::trouble::trouble_text;
use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::format::probability;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::{Hint, TermLink};
use crate::page::widgets::probabilities::{Bar, Probabilities};
use kindling_core::dataset::{DrawingStyle, Framing};
use kindling_core::protocol::{ClassProbability, Failure, InputKind, Treatment};

/// The most classes of which each has its bar, in the order of the classes. Of more, only the most probable ones are listed.
const CLASSES_LIMIT: usize = 12;

/// The number of classes listed then: from the sixth on, probabilities are negligible.
const TOP_LIMIT: usize = 5;

/// The answer, or an invitation in its place. The bars are there from the beginning, so that nothing moves when the answer comes.
#[component]
pub fn Answer(
    #[prop(into)] outcome: Signal<Outcome>,
    #[prop(into)] input: Signal<Input>,
    /// The probability below which the answer is none of the classes; without one, the classifier's answer counts as unsure below a round one.
    #[prop(into)]
    threshold: Signal<Option<f32>>,
    /// Predictions per second, of a live camera.
    #[prop(into)]
    rate: Signal<Option<f64>>,
) -> impl IntoView {
    let store = use_store();
    let classes = memo(move |_| {
        store.dataset.with(|dataset| dataset.current.as_ref().map(|current| Arc::new(current.classes.clone())))
    });
    let classes = move || classes.get().unwrap_or_default();
    let bars = memo(move |_| {
        let outcome = outcome.read();
        bars(&classes(), outcome.classification().map(|found| &found.classes[..]))
    });
    let has_all = move || classes().len() <= CLASSES_LIMIT;
    let classes_name = Signal::derive(move || match has_all() {
        true => tr!(use_place.probabilities),
        false => tr!(use_place.classes, count = TOP_LIMIT),
    });
    // A memo, so that predictions, up to thirty a second, do not rebuild the verdict while its face stays the same.
    let face = memo(move |_| match &*outcome.read() {
        Outcome::Nothing => Face::Invitation,
        Outcome::Classified { classification, .. } => {
            match is_sure(&classification.classes, threshold.get().unwrap_or(SURE)) {
                true => Face::Sure,
                false => Face::Unsure(classification.classes.first().map(|first| first.class)),
            }
        }
        Outcome::Failed(failure) => Face::Failed(failure.clone()),
    });
    view! {
        <Pictures outcome input />
        <div class="answer-said">
            <Verdict outcome classes=Signal::derive(classes) threshold />
            {move || match face.get() {
                Face::Invitation => view! { <p class="hint answer-invitation">{move || match input.get() {
                    Input::Draw => tr!(use_place.draw_first),
                    Input::Upload => tr!(use_place.upload_first),
                    Input::Webcam | Input::Many => tr!(use_place.webcam_first),
                }}</p> }.into_any(),
                Face::Failed(failure) => view! { <p role="alert" class="failure">{trouble_text(&failure)}</p> }.into_any(),
                Face::Sure => ().into_any(),
                Face::Unsure(closest) => {
                    let closest = closest.and_then(|class| classes().get(usize::from(class)).cloned()).unwrap_or_default();
                    let text = move || match threshold.get() {
                        Some(threshold) => tr!(use_place.none_why, class = closest.clone(), threshold = shown(threshold)),
                        None => tr!(use_place.not_sure_why, sure = shown(SURE)),
                    };
                    view! { <Hint text=Signal::derive(text) term="confidence" /> }.into_any()
                }
            }}
            {move || rate.get().map(|rate| view! {
                <p class="hint live-rate">{move || tr!(use_place.rate, rate = format!("{rate:.0}"))}</p>
            })}
        </div>
        <div class="answer-bars">
            <p class="hint">{classes_name}" "<TermLink term="softmax" /></p>
            <Probabilities bars name=classes_name />
        </div>
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Face {
    Invitation,
    Sure,
    /// Holds the most probable class.
    Unsure(Option<u16>),
    Failed(Failure),
}

/// The bars of the classes, of unknown length without an answer.
pub(super) fn bars(classes: &[String], found: Option<&[ClassProbability]>) -> Vec<Bar> {
    let bar = |class: usize, of: Option<f64>, is_marked: bool| Bar {
        label: classes.get(class).cloned().unwrap_or_default(),
        fraction: of.unwrap_or_default(),
        value: of.map_or_else(|| "–".to_owned(), probability),
        is_marked,
    };
    let most = found.and_then(|found| found.first()).map(|first| usize::from(first.class));
    match found {
        _ if classes.len() <= CLASSES_LIMIT => (0..classes.len())
            .map(|class| {
                let of = found.and_then(|found| found.iter().find(|found| usize::from(found.class) == class));
                bar(class, of.map(|of| of.probability.into()), most == Some(class))
            })
            .collect(),
        Some(found) => found
            .iter()
            .take(TOP_LIMIT)
            .map(|of| {
                let class = usize::from(of.class);
                bar(class, Some(of.probability.into()), most == Some(class))
            })
            .collect(),
        None => Vec::new(),
    }
}

/// The class, which screen readers announce when it changes: the element is there before, and empty without an answer.
#[component]
fn Verdict(
    outcome: Signal<Outcome>,
    classes: Signal<Arc<Vec<String>>>,
    threshold: Signal<Option<f32>>,
) -> impl IntoView {
    let first = memo(move |_| {
        let outcome = outcome.read();
        let first = outcome.classification().and_then(|found| found.classes.first())?;
        classes.read().get(usize::from(first.class)).cloned()
    });
    let is_sure = memo(move |_| {
        let threshold = threshold.get().unwrap_or(SURE);
        outcome.read().classification().is_some_and(|found| is_sure(&found.classes, threshold))
    });
    let text = move || match first.get() {
        Some(class) if is_sure.get() => class,
        Some(_) if threshold.with(Option::is_some) => tr!(use_place.none),
        Some(class) => tr!(use_place.not_sure, class = class),
        None => String::new(),
    };
    view! {
        <p class="answer-verdict" class:is-unsure=move || !is_sure.get()>
            <output aria-live="polite">{text}</output>
        </p>
    }
}

/// How the model input was made from the image, and what a prediction is worth.
#[component]
pub fn Explanations(#[prop(into)] outcome: Signal<Outcome>) -> impl IntoView {
    let store = use_store();
    let made = memo(move |_| match &*outcome.read() {
        Outcome::Classified { image, classification } => Some((image.kind, classification.treatment?)),
        Outcome::Nothing | Outcome::Failed(_) => None,
    });
    let has_figures = memo(move |_| {
        store.dataset.with(|dataset| {
            dataset.current.as_ref().is_some_and(|current| matches!(current.style, DrawingStyle::Figure(_)))
        })
    });
    let preparation = move || match made.get()? {
        (InputKind::Drawing, Treatment::Figure { .. }) => Some(tr!(use_place.drawing_prepared)),
        (InputKind::Photo, Treatment::Figure { is_inverted: false }) => Some(tr!(use_place.photo_figure)),
        (InputKind::Photo, Treatment::Figure { is_inverted: true }) => Some(tr!(use_place.photo_inverted)),
        (InputKind::Photo, Treatment::Framed(Framing::CenterCrop)) if has_figures.get() => {
            Some(tr!(use_place.photo_busy))
        }
        (_, Treatment::Framed(Framing::CenterCrop)) => Some(tr!(use_place.photo_prepared)),
        (_, Treatment::Framed(Framing::Letterbox)) => Some(tr!(use_place.photo_letterboxed)),
    };
    view! {
        {move || preparation().map(|text| view! { <Hint text=Signal::stored(text) term=key_tr!(use_place.drawing_prepared) /> })}
        <Hint text=Signal::derive(move_tr!(use_place.always_answers)) term=key_tr!(use_place.answer) />
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(n_classes: usize) -> Vec<String> {
        (0..n_classes).map(|class| format!("c{class}")).collect()
    }

    fn of(class: u16, probability: f32) -> ClassProbability {
        ClassProbability { class, probability }
    }

    fn labels(bars: &[Bar]) -> Vec<&str> {
        bars.iter().map(|bar| bar.label.as_str()).collect()
    }

    #[test]
    fn a_few_classes_keep_their_order_whatever_the_answer() {
        let found = [of(2, 0.75), of(0, 0.25), of(1, 0.0)];
        let drawn = bars(&names(3), Some(&found));
        assert_eq!(labels(&drawn), ["c0", "c1", "c2"]);
        assert_eq!(drawn.iter().map(|bar| bar.value.as_str()).collect::<Vec<_>>(), ["25.0%", "<0.1%", "75.0%"]);
        assert_eq!(drawn.iter().map(|bar| bar.is_marked).collect::<Vec<_>>(), [false, false, true]);
        let waiting = bars(&names(3), None);
        assert_eq!(labels(&waiting), labels(&drawn));
        assert!(waiting.iter().all(|bar| bar.fraction == 0.0 && bar.value == "–" && !bar.is_marked));
    }

    #[test]
    fn of_many_classes_the_most_probable_are_listed() {
        let found: Vec<_> = (0..100).rev().map(|class| of(class, f32::from(class) / 4950.0)).collect();
        assert_eq!(labels(&bars(&names(100), Some(&found))), ["c99", "c98", "c97", "c96", "c95"]);
        assert!(bars(&names(100), None).is_empty());
    }
}
