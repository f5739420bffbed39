//! Images that are pointed out, a page at a time, each with what the visitor may decide about it.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;

use super::text::{flaw_text, news_text, problem_text};
use crate::page::collect::collector::{Collector, News};
use crate::page::collect::review::Decision;
use crate::page::collect::suspects::{Suspect, Why, undecided};
use crate::page::reactive::memo;
use crate::page::recipe::ending::may_replace;
use crate::page::recipe::use_recipe;
use crate::page::store::use_store;
use crate::page::text::failure::failure_text;
use crate::page::text::format::{count, probability};
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::pager::{Pager, n_pages};
use crate::page::widgets::pixel_image::PixelImage;
use crate::page::widgets::show::Show;
use kindling_core::dataset::Reading;
use kindling_core::protocol::question::ImagesAt;
use kindling_core::protocol::{DatasetSummary, ImageBatch};

/// Images per page: three rows on a wide screen.
const PAGE_SIZE: usize = 12;

/// What the parts of the list share.
#[derive(Clone, Copy)]
struct List {
    collector: Collector,
    /// The names of the dataset's classes.
    classes: StoredValue<Vec<String>>,
    /// The project that the images are in, if there is one: without it, nothing can be decided.
    project: Memo<Option<String>>,
}

impl List {
    fn name(self, class: u16) -> String {
        self.classes.with_value(|classes| classes.get(usize::from(class)).cloned()).unwrap_or_default()
    }
}

/// The images that nothing was decided about, the decisions so far, and the button that makes the project the dataset again.
#[component]
pub fn Suspects(collector: Collector, dataset: DatasetSummary, suspects: Vec<Suspect>) -> impl IntoView {
    let DatasetSummary { id, classes, .. } = dataset;
    let project = memo(move |_| collector.project_of_dataset(&id));
    // The list shows the records of the project that is open.
    if let Some(id) = project.get_untracked().filter(|id| !collector.is_open(id)) {
        collector.run(async move { collector.show(Some(id)).await });
    }
    let owner = memo(move |_| {
        let id = project.get()?;
        collector.projects.with(|projects| projects.iter().find(|it| it.id == id).cloned())
    });
    let list = List { collector, classes: StoredValue::new(classes), project };
    let has_suspects = !suspects.is_empty();
    let left = memo(move |_| match owner.get() {
        Some(owner) => {
            let of = |images: &Vec<_>| list.classes.with_value(|classes| undecided(&suspects, classes, &owner, images));
            collector.images.with(of)
        }
        None => suspects.clone(),
    });
    view! {
        <Pages list suspects=left />
        <Show when=move || project.read().is_none() && has_suspects>
            <p class="hint">{move_tr!(suspects.no_project)}</p>
        </Show>
        <Show when=move || project.read().is_some() && has_suspects><Decided list /></Show>
    }
}

#[component]
fn Pages(list: List, suspects: Memo<Vec<Suspect>>) -> impl IntoView {
    let store = use_store();
    let page = RwSignal::new(0_u32);
    let pages = memo(move |_| n_pages(suspects.with(Vec::len) as u32, PAGE_SIZE as u32));
    let shown = memo(move |_| {
        // What was decided is gone, and with it the last page, perhaps.
        let first = page.get().min(pages.get() - 1) as usize * PAGE_SIZE;
        suspects.with(|all| all.iter().skip(first).take(PAGE_SIZE).copied().collect::<Vec<_>>())
    });
    let images = LocalResource::new(move || {
        let shown = shown.get();
        let indices = shown.iter().flat_map(|suspect| [Some(suspect.index), twin(suspect)]).flatten().collect();
        async move { store.ask(ImagesAt { indices }).await.map(|batch| (shown, batch)) }
    });
    let items = move || {
        // The current images stay until those of a new page have arrived.
        images.get().map(|result| match result {
            Ok((shown, batch)) => {
                let items = shown.into_iter().map(|suspect| view! { <Item list suspect batch=batch.clone() /> });
                view! { <ul class="suspects" aria-label=move_tr!(suspects.list)>{items.collect::<Vec<_>>()}</ul> }
                    .into_any()
            }
            Err(failure) => view! { <p role="alert" class="failure">{failure_text(&failure)}</p> }.into_any(),
        })
    };
    view! {
        {items}
        <Show when=move || { pages.get() > 1 }><Pager page n_pages=pages /></Show>
    }
}

/// Index of the image that it looks like.
fn twin(suspect: &Suspect) -> Option<u32> {
    match suspect.why {
        Why::Flaw { twin, .. } => twin.map(|twin| twin.index),
        Why::Label(_) => None,
    }
}

#[component]
fn Item(list: List, suspect: Suspect, batch: ImageBatch) -> impl IntoView {
    let label = list.name(suspect.label);
    let suggested = suspect.suggested().map(|class| list.name(class));
    let picture = |index: u32, name: String| {
        let pixels = pixels_of(&batch, index)?;
        Some(view! { <PixelImage shape=batch.shape pixels name /> })
    };
    let pair = suggested.as_ref().map_or(label.clone(), |suggested| format!("{label} → {suggested}"));
    let spoken = (label.clone(), suggested.unwrap_or_default());
    let why = move || match suspect.why {
        Why::Label(error) => tr!(
            suspects.probabilities,
            suggested = probability(error.probability.into()),
            label = probability(error.label_probability.into())
        ),
        Why::Flaw { kind, .. } => flaw_text(kind),
    };
    let of_twin = match suspect.why {
        Why::Flaw { twin: Some(twin), .. } => picture(twin.index, list.name(twin.label)),
        Why::Flaw { .. } | Why::Label(_) => None,
    };
    view! {
        <li class="suspect">
            <div class="suspect-images">{picture(suspect.index, label)}{of_twin}</div>
            <div class="suspect-text">
                <strong aria-hidden="true">{pair}</strong>
                <span class="visually-hidden">{move || match spoken.1.as_str() {
                    "" => tr!(gallery.label, class = spoken.0),
                    suggested => tr!(suspects.spoken, label = spoken.0, suggested = suggested),
                }}</span>
                <span class="hint">{why}</span>
            </div>
            <Show when=move || list.project.read().is_some()><Decisions list suspect /></Show>
        </li>
    }
}

fn pixels_of(batch: &ImageBatch, index: u32) -> Option<Vec<u8>> {
    let place = batch.indices.iter().position(|it| *it == index)?;
    let n_values = batch.shape.n_values();
    batch.pixels.get(place * n_values..(place + 1) * n_values).map(<[u8]>::to_vec)
}

#[component]
fn Decisions(list: List, suspect: Suspect) -> impl IntoView {
    let List { collector, classes, project } = list;
    let decide = move |decision: Decision| {
        let (Some(project), Some(image)) = (project.get_untracked(), suspect.id()) else { return };
        collector.run(async move { collector.decide(&project, &image, decision).await });
    };
    let relabel = move |class: String| {
        let owner = project.get_untracked().and_then(|project| collector.find(&project));
        let id = owner.and_then(|owner| owner.class_named(&class).map(|class| class.id.clone()));
        if let Some(id) = id {
            decide(Decision::Relabel(id));
        }
    };
    let label = list.name(suspect.label);
    let suggested = suspect.suggested().map(|class| list.name(class));
    let is_other = |class: &&String| **class != label && Some(*class) != suggested.as_ref();
    let others: Vec<String> = classes.with_value(|classes| classes.iter().filter(is_other).cloned().collect());
    view! {
        <div class="controls suspect-decisions">
            <button type="button" class="button is-small" on:click=move |_| decide(Decision::Keep)>
                {move_tr!(suspects.keep, label = label)}
            </button>
            {suggested.map(|class| {
                let name = class.clone();
                view! {
                    <button type="button" class="button is-small is-primary" on:click=move |_| relabel(class.clone())>
                        {move_tr!(suspects.relabel, class = name)}
                    </button>
                }
            })}
            {(!others.is_empty()).then(|| view! {
                <select aria-label=move_tr!(suspects.other) on:change=move |event| {
                    if let Some(select) = event.target().and_then(|it| it.dyn_into::<HtmlSelectElement>().ok()) {
                        relabel(select.value());
                    }
                }>
                    <option value="" selected=true>{move_tr!(suspects.other)}</option>
                    {others.into_iter().map(|class| view! { <option value=class.clone()>{class.clone()}</option> }).collect_view()}
                </select>
            })}
            <button type="button" class="button is-small" on:click=move |_| decide(Decision::Delete)>
                {move_tr!(collect.delete_image)}
            </button>
        </div>
    }
}

/// What was decided in the project, how to take it back, and the button that makes its images the dataset again.
#[component]
fn Decided(list: List) -> impl IntoView {
    let List { collector, project, .. } = list;
    let store = use_store();
    let recipe = use_recipe();
    let reviewed = memo(move |_| {
        let id = project.get();
        let of = |projects: &Vec<super::super::project::Project>| {
            projects.iter().find(|it| Some(&it.id) == id.as_ref()).map(|it| it.reviewed)
        };
        collector.projects.with(of).unwrap_or_default()
    });
    let use_again = move |_| {
        let Some(id) = project.get_untracked().filter(|_| may_replace(store)) else { return };
        let split = recipe.split.get_untracked();
        collector.run(async move { collector.use_project(&id, split, Reading::default()).await.map(drop) });
    };
    let undo = move |_| collector.run(async move { collector.undo().await });
    // What else happened in the project is said at Data, and taken back there.
    let decision = memo(move |_| collector.news.get().filter(News::is_about_labels));
    view! {
        <div class="collect-news">
            <p role="status">{move || decision.with(|news| news.as_ref().map(news_text))}</p>
            <Show when=move || decision.with(Option::is_some) && collector.can_undo()>
                <button type="button" class="button" on:click=undo>{move_tr!(runs.undo)}</button>
            </Show>
        </div>
        {move || collector.problem.get().map(|problem| view! {
            <p class="failure" role="alert">{move || problem_text(&problem)}</p>
        })}
        <p class="hint">{move || {
            let reviewed = reviewed.get();
            tr!(
                suspects.reviewed,
                kept = count(reviewed.kept),
                relabeled = count(reviewed.relabeled),
                deleted = count(reviewed.deleted)
            )
        }}</p>
        <Show when=move || { reviewed.get().relabeled + reviewed.get().deleted > 0 }>
            <div class="controls">
                <button type="button" class="button is-primary" on:click=use_again>{move_tr!(suspects.use_again)}</button>
                <span class="hint">{move_tr!(suspects.use_again_why)}</span>
            </div>
        </Show>
    }
}
