//! The tray of images without a label, and the questions of the model at hand about them.

use js_sys::Array;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{File, KeyboardEvent};

use super::learning_curve::LearningCurve;
use super::thumbnails::image_address;
use super::{Panel, use_panel};
use crate::page::collect::adding::Destination;
use crate::page::collect::project::{Class, ImageRecord, UNLABELED};
use crate::page::collect::pseudo::{CONFIDENCES, confident};
use crate::page::collect::tray::{Asking, Strategy};
use crate::page::reactive::{effect, memo, watch};
use crate::page::recipe::sources::named;
use crate::page::state::RunState;
use crate::page::store::use_store;
use crate::page::text::format::{count, percent, probability};
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::widgets::hint::Why;
use crate::page::widgets::segments::{Segment, Segments};
use crate::page::widgets::show::Show;
use kindling_core::active_learning::Uncertainty;

/// Classes with a hot key: the digits from 1 on.
const KEYS: usize = 9;

#[component]
pub fn Tray(classes: Memo<Vec<Class>>) -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let asking = Asking::default();
    let number =
        memo(move |_| collector.images.with(|images| images.iter().filter(|image| image.class == UNLABELED).count()));
    let is_asking = memo(move |_| asking.asked.read().is_some());
    let input = NodeRef::<html::Input>::new();
    let add = move |_| {
        let (Some(input), Some(project)) = (input.get_untracked(), collector.open.get_untracked()) else { return };
        let files = input
            .files()
            .map(|files| Array::from(&files).iter().map(|file| named(file.unchecked_into::<File>())).collect());
        let files: Vec<(String, File)> = files.unwrap_or_default();
        // Otherwise picking the same files again fires no event.
        input.set_value("");
        collector.run(async move {
            let to = Destination { project: &project, class: UNLABELED, split: None };
            collector.add_files(to, files).await.map(drop)
        });
    };
    let ask = move |_| collector.run(async move { collector.look(asking).await });
    let open = memo(move |_| collector.open.get());
    watch(move || open.get(), move |_, _| asking.asked.set(None), false);
    // An image may leave the tray without an answer: by a pseudo-label, in another tab, or deleted.
    let has_left = memo(move |_| {
        let is_asked = |image: &ImageRecord, asked: &str| image.id == asked && image.class == UNLABELED;
        let is_there = |asked: String| collector.images.with(|images| images.iter().any(|it| is_asked(it, &asked)));
        asking.asked.get().is_some_and(|asked| !is_there(asked))
    });
    let go_on = move |has_left: &bool, _: Option<&bool>| {
        if *has_left {
            collector.images.with_untracked(|images| asking.choose(images));
        }
    };
    watch(move || has_left.get(), go_on, false);
    view! {
        <details class="tray">
            <summary>{move || tr!(tray.title, count = count(number.get() as u64))}</summary>
            <Why text=key_tr!(tray.ask_why) />
            <div class="controls">
                <label class="button">
                    {move_tr!(data.pick)}
                    <input
                        class="visually-hidden"
                        type="file"
                        multiple
                        accept="image/*"
                        aria-label=move_tr!(tray.files)
                        node_ref=input
                        on:change=add
                    />
                </label>
                <Show when=move || { number.get() > 0 }>
                    <button type="button" class="button is-primary" id="tray-ask" disabled=move || asking.looking.read().is_some() on:click=ask>
                        {move_tr!(tray.ask)}
                    </button>
                    <StrategyChoice asking />
                </Show>
            </div>
            {move || asking.looking.get().map(|(done, total)| view! {
                <div class="collect-adding">
                    <progress max=total value=done aria-label=move_tr!(tray.looking)></progress>
                    <span class="hint">{tr!(load.images_of_total, done = count(done as u64), total = count(total as u64))}</span>
                </div>
            })}
            <Show when=move || is_asking.get()><Asked asking classes /></Show>
            <PseudoLabels asking />
            <LearningCurve asking />
        </details>
    }
}

#[component]
fn StrategyChoice(asking: Asking) -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let segments = vec![
        Segment { value: Strategy::Uncertain(Uncertainty::Margin), id: "tray-margin", name: || tr!(tray.margin) },
        Segment { value: Strategy::Uncertain(Uncertainty::Entropy), id: "tray-entropy", name: || tr!(tray.entropy) },
        Segment { value: Strategy::KCenter, id: "tray-k-center", name: || tr!(tray.k_center) },
    ];
    let choose = move |strategy| {
        asking.strategy.set(strategy);
        if asking.asked.read_untracked().is_some() {
            // The model may have to look again.
            collector.run(async move { collector.look(asking).await });
        }
    };
    view! {
        <Segments
            name="tray-uncertainty"
            legend=Signal::derive(move_tr!(tray.uncertainty))
            is_legend_hidden=true
            segments
            value=Signal::derive(move || Some(asking.strategy.get()))
            on_change=choose
        />
    }
}

/// Labels that the model gives to the images that it is sure of, and the way back.
#[component]
fn PseudoLabels(asking: Asking) -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let confidence = RwSignal::new(CONFIDENCES[1].1);
    let n_confident = memo(move |_| {
        asking.n_looks.track();
        let Some(project) = collector.project() else { return 0 };
        collector.images.with(|images| confident(asking, confidence.get(), &project, images).len())
    });
    let n_pseudo = memo(move |_| collector.images.with(|images| images.iter().filter(|image| image.is_pseudo).count()));
    let label = move |_| {
        let confidence = confidence.get_untracked();
        collector.run(async move { collector.label_confident(asking, confidence).await });
    };
    let take_back = move |_| collector.run(async move { collector.take_pseudo_back().await });
    let has_looks = memo(move |_| asking.n_looks.get() > 0);
    view! {
        <Show when=move || has_looks.get() || { n_pseudo.get() > 0 }>
            <h4>{move_tr!(tray.pseudo)}</h4>
            <Why text=key_tr!(tray.pseudo_why) />
            <div class="controls">
                <label class="inline-field">
                    <span>{move_tr!(tray.confidence)}</span>
                    <select id="tray-confidence" on:change:target=move |event| {
                        let chosen = event.target().value();
                        if let Some((_, value)) = CONFIDENCES.iter().find(|(name, _)| *name == chosen) {
                            confidence.set(*value);
                        }
                    }>
                        {CONFIDENCES.map(|(name, value)| view! {
                            <option value=name selected=value == confidence.get_untracked()>{percent(value.into())}</option>
                        })}
                    </select>
                </label>
                <button type="button" class="button" id="tray-pseudo" disabled=move || n_confident.get() == 0 on:click=label>
                    {move || tr!(tray.give_pseudo, count = count(n_confident.get() as u64))}
                </button>
                <Show when=move || { n_pseudo.get() > 0 }>
                    <button type="button" class="button" id="tray-pseudo-back" on:click=take_back>
                        {move || tr!(tray.take_back, count = count(n_pseudo.get() as u64))}
                    </button>
                </Show>
            </div>
        </Show>
    }
}

/// The image that is asked for, large, with a button for each class. Digits answer, and S skips.
#[component]
fn Asked(asking: Asking, classes: Memo<Vec<Class>>) -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let store = use_store();
    let group = NodeRef::<html::Div>::new();
    effect(move |_| {
        if let Some(group) = group.get() {
            // An element of the page takes the focus.
            group.focus().ok();
        }
    });
    let has_model = memo(move |_| store.run.with(RunState::has_network));
    let answer = move |class: Class| {
        let Some(image) = asking.asked.get_untracked() else { return };
        collector.run(async move {
            // Of an image that no model has looked at, nobody asked for the label in particular.
            match asking.guess(&image) {
                Some(_) => collector.label_asked(&image, &class.id).await?,
                None => collector.move_image(&image, &class.id).await?,
            }
            asking.answered(&image, &class.name);
            collector.images.with_untracked(|images| asking.choose(images));
            Ok(())
        });
    };
    let skip = move || collector.images.with_untracked(|images| asking.skip(images));
    let keys = move |event: KeyboardEvent| match event.key().as_str() {
        "s" | "S" => skip(),
        key => {
            let place = key.parse::<usize>().ok().filter(|place| (1..=KEYS).contains(place));
            if let Some(class) = place.and_then(|place| classes.with_untracked(|all| all.get(place - 1).cloned())) {
                answer(class);
            }
        }
    };
    let guess = move || {
        let (class, sureness) = asking.asked.get().and_then(|image| asking.guess(&image))?;
        Some(tr!(tray.guess, class = class, probability = probability(sureness.into())))
    };
    view! {
        // The keys work wherever the focus is inside.
        <div node_ref=group class="tray-asked" role="group" tabindex="-1" aria-label=move_tr!(tray.question) on:keydown=keys>
            {move || asking.asked.get().map(|image| {
                let address = image_address(collector, image);
                view! { <div class="tray-image">{move || address.get().map(|address| view! { <img src=address alt=tr!(tray.question) /> })}</div> }
            })}
            <div class="tray-answers">
                <p><strong>{move_tr!(tray.question)}</strong></p>
                <p class="hint">{move || if has_model.get() { guess() } else { Some(tr!(tray.no_model)) }}</p>
                <div class="controls">
                    {move || classes.get().into_iter().enumerate().map(|(place, class)| {
                        let key = (place < KEYS).then(|| view! { <kbd aria-hidden="true">{place + 1}</kbd>" " });
                        let name = class.name.clone();
                        view! { <button type="button" class="button" on:click=move |_| answer(class.clone())>{key}{name}</button> }
                    }).collect_view()}
                    <button type="button" class="button is-quiet" on:click=move |_| skip()>
                        <kbd aria-hidden="true">"S"</kbd>" "{move_tr!(tray.skip)}
                    </button>
                </div>
                <p class="hint" role="status">{move || {
                    let answers = asking.answers.get();
                    match answers.has_stopped_teaching() {
                        true => tr!(tray.stopped),
                        false => tr!(tray.given, count = count(answers.n_given())),
                    }
                }}</p>
            </div>
        </div>
    }
}
