//! Corrections of answers: buttons that put what is shown into the class that it is of, and what became of it.

use leptos::prelude::*;

use super::classifier::{Classifier, Outcome};
use crate::page::collect::adding::new_burst;
use crate::page::collect::collector::{Collector, collector};
use crate::page::collect::teaching::Shown;
use crate::page::collect::view::text::{news_text, problem_text, refused_text};
use crate::page::reactive::memo;
use crate::page::store::Store;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::show::Show;
use kindling_core::protocol::{ImageInput, InputKind};

/// The most classes that have a button each. More are chosen from a list.
const BUTTONS_LIMIT: usize = 8;

#[derive(Clone, Copy)]
pub struct Teaching {
    store: Store,
    collector: Collector,
    /// Whether something was corrected in this visit to the place: earlier news of the project are of no interest here.
    has_taught: RwSignal<bool>,
}

impl Teaching {
    pub fn new(store: Store) -> Self {
        Self { store, collector: collector(store), has_taught: RwSignal::new(false) }
    }

    /// The project that the dataset at hand was made of, tracked.
    pub fn project(self) -> Option<String> {
        let dataset = self.store.dataset.with(|dataset| dataset.current.as_ref().map(|current| current.id.clone()))?;
        self.collector.project_of_dataset(&dataset)
    }

    /// Puts an image into a class of the dataset at hand.
    pub fn teach(self, class: u16, shown: Shown) {
        let name = self.store.dataset.with_untracked(|dataset| {
            dataset.current.as_ref().and_then(|current| current.classes.get(usize::from(class)).cloned())
        });
        let (Some(project), Some(name)) = (untrack(|| self.project()), name) else { return };
        self.has_taught.set(true);
        let collector = self.collector;
        collector.refused.set(Vec::new());
        collector.run(async move { collector.teach(&project, &name, shown).await });
    }
}

/// Buttons for the classes of the project; empty for datasets that no project became.
#[component]
pub fn TeachButtons(teaching: Teaching, classifier: Classifier, #[prop(into)] is_live: Signal<bool>) -> impl IntoView {
    let store = teaching.store;
    let classes = memo(move |_| {
        teaching.project()?;
        store.dataset.with(|dataset| dataset.current.as_ref().map(|current| current.classes.clone()))
    });
    let burst = StoredValue::new(new_burst());
    let shown = move |image: ImageInput| match (image.kind, is_live.get_untracked()) {
        (InputKind::Drawing, _) => Shown::Drawing(image),
        // A file comes as its pixels, too, of which the square in the middle was classified.
        (InputKind::Photo, true) => Shown::Frame { image, burst: burst.get_value() },
        (InputKind::Photo, false) => Shown::Frame { image, burst: new_burst() },
    };
    let teach = move |class: u16| {
        if let Outcome::Classified { image, .. } = classifier.outcome.get_untracked() {
            teaching.teach(class, shown(image));
        }
    };
    let has_image = memo(move |_| classifier.outcome.with(|outcome| outcome.classification().is_some()));
    let choices = move |classes: Vec<String>| {
        match classes.len() <= BUTTONS_LIMIT {
        true => classes
            .into_iter()
            .zip(0_u16..)
            .map(|(name, class)| {
                view! {
                    <button type="button" class="button is-small" disabled=move || !has_image.get() on:click=move |_| teach(class)>
                        {name}
                    </button>
                }
            })
            .collect_view()
            .into_any(),
        false => view! {
            <select
                id="use-teach"
                aria-labelledby="use-teach-label"
                disabled=move || !has_image.get()
                on:change:target=move |event| {
                    if let Ok(class) = event.target().value().parse() {
                        teach(class);
                    }
                    event.target().set_value("");
                }
            >
                <option value="">"–"</option>
                {classes.into_iter().enumerate().map(|(class, name)| view! { <option value=class.to_string()>{name}</option> }).collect_view()}
            </select>
        }
        .into_any(),
    }
    };
    view! {
        <Show when=move || classes.with(Option::is_some)>
            <div class="teach" role="group" aria-labelledby="use-teach-label">
                <p class="hint" id="use-teach-label">{move_tr!(use_place.teach)}</p>
                <div class="controls">{move || classes.get().map(choices)}</div>
            </div>
            <TeachNews teaching />
        </Show>
    }
}

/// What became of the last correction, and how to take it back.
#[component]
pub fn TeachNews(teaching: Teaching) -> impl IntoView {
    let Teaching { collector, has_taught, .. } = teaching;
    let undo = move |_| collector.run(async move { collector.undo().await });
    let said = move || {
        let refused = collector.refused.with(|refused| refused.first().map(|refused| refused_text(&refused.why)));
        refused.or_else(|| collector.news.with(|news| news.as_ref().map(news_text)))
    };
    view! {
        <Show when=move || has_taught.get()>
            <div class="collect-news">
                <p role="status">{said}" "<span class="hint">{move || tr!(use_place.taught_why)}</span></p>
                <Show when=move || collector.can_undo()>
                    <button type="button" class="button is-small" id="use-undo" on:click=undo>{move_tr!(runs.undo)}</button>
                </Show>
            </div>
            {move || collector.problem.get().map(|problem| view! {
                <p class="failure" role="alert">{move || problem_text(&problem)}</p>
            })}
        </Show>
    }
}
