//! The panel "Your images" of the place Data.

mod capture;
mod class_card;
mod cross_validation;
mod filter_bar;
mod head;
mod image_checks;
mod label_errors;
mod learning_curve;
mod outcome;
mod selection;
mod suspects;
pub mod text;
mod thumbnails;
mod tray;
mod viewer;

use std::sync::Arc;

use leptos::prelude::*;
use leptos::task::spawn_local;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlInputElement};

use self::capture::Capture;
use self::class_card::{ClassCard, all_named};
use self::filter_bar::FilterBar;
use self::head::Head;
use self::outcome::{Outcome, StorageLine};
use self::selection::{Selected, SelectionBar};
use self::text::{problem_text, refused_text};
use self::tray::Tray;
use self::viewer::Viewer;
use super::collector::{Collector, Reading, Refused, collector};
use super::facts::Source;
use super::filter::{Filter, Shown};
use super::project::ImageRecord;
use super::recorder::Recorder;
use crate::page::load_status::image_figures;
use crate::page::parts::{Part, part};
use crate::page::reactive::memo;
use crate::page::store::use_store;
use crate::page::text::format::count;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::reveal::reveal;
use crate::page::widgets::show::Show;
use kindling_core::protocol::ImageInput;

pub const PART: Part = part!(collect::panel, CollectPanel);

pub use cross_validation::PART as CROSS_VALIDATION;
pub use image_checks::PART as IMAGE_CHECKS;
pub use label_errors::PART as LABEL_ERRORS;

/// What the views of the panel share.
#[derive(Clone, Copy)]
pub struct Panel {
    pub collector: Collector,
    pub recorder: Recorder,
    pub capture: RwSignal<CaptureKind>,
    /// Id of the image that is shown large.
    pub viewed: RwSignal<Option<String>>,
    pub selected: Selected,
    pub filter: RwSignal<Filter>,
    /// The dataset and the network at hand, if the open project is the dataset.
    pub source: Memo<Option<Source>>,
    pub shown: Memo<Arc<Shown>>,
    /// The drawing on the pad.
    pub drawing: RwSignal<Option<ImageInput>>,
    /// Counts the drawings that were added: each begins on a blank pad.
    pub pad_turn: RwSignal<u32>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CaptureKind {
    #[default]
    Webcam,
    Draw,
}

pub fn use_panel() -> Panel {
    expect_context()
}

#[component]
fn CollectPanel() -> impl IntoView {
    let collector = collector(use_store());
    let filter = RwSignal::new(Filter::default());
    let source = memo(move |_| collector.source());
    let known = memo(move |_| collector.known(source.get()));
    let shown = memo(move |_| {
        let Some(project) = collector.project() else { return Arc::default() };
        let of = |images: &Vec<ImageRecord>| known.with(|known| Shown::of(&filter.read(), &project, images, known));
        Arc::new(collector.images.with(of))
    });
    let panel = Panel {
        collector,
        recorder: Recorder::new(collector),
        capture: RwSignal::default(),
        viewed: RwSignal::default(),
        selected: RwSignal::default(),
        filter,
        source,
        shown,
        drawing: RwSignal::default(),
        pad_turn: RwSignal::default(),
    };
    provide_context(panel);
    spawn_local(async move { drop(collector.loaded().await) });
    let is_open = memo(move |_| collector.open.read().is_some());
    view! {
        <section class="panel collect" aria-labelledby="collect-title">
            <Head />
            {move || match collector.reading.get() {
                Reading::Unread => view! { <p class="hint" role="status">{move_tr!(collect.reading)}</p> }.into_any(),
                Reading::Failed => view! { <p class="hint">{move_tr!(collect.not_kept)}</p> }.into_any(),
                Reading::Done => view! {
                    <Show when=move || is_open.get() fallback=Invitation>
                        <Workspace />
                    </Show>
                }.into_any(),
            }}
            <Outcome />
            <Messages />
            <Show when=move || is_open.get()><StorageLine /></Show>
        </section>
        <Viewer />
    }
}

/// There is no project yet.
#[component]
fn Invitation() -> impl IntoView {
    let collector = use_panel().collector;
    let start = move |_| {
        collector.run(async move {
            let classes = [1, 2].map(|number| tr!(collect.class_numbered, number = number));
            collector.create(&tr!(collect.first_name), &classes).await.map(drop)
        });
    };
    view! {
        <div class="collect-invitation">
            <p>{move_tr!(collect.invitation)}</p>
            <button type="button" class="button is-primary" on:click=start>{move_tr!(collect.start)}</button>
        </div>
    }
}

#[component]
fn Workspace() -> impl IntoView {
    let Panel { collector, filter, shown, .. } = use_panel();
    let classes = memo(move |_| {
        let classes = collector.project().map(|project| project.live_classes().cloned().collect::<Vec<_>>());
        classes.unwrap_or_default()
    });
    // Where images are filtered, classes without any that is shown are out of the way.
    let ids = memo(move |_| {
        let is_active = filter.read().is_active();
        let is_there = |id: &&String| !is_active || shown.with(|shown| shown.has(id));
        classes.with(|classes| classes.iter().map(|class| &class.id).filter(is_there).cloned().collect::<Vec<_>>())
    });
    let add = move |_| {
        let Some(id) = collector.open.get_untracked() else { return };
        collector.run(async move {
            let project = collector.find(&id);
            let is_free = |name: &String| project.as_ref().is_some_and(|it| it.check_name(name, None).is_ok());
            let numbered = |number: u32| tr!(collect.class_numbered, number = number);
            let name = (1..=10_000).map(numbered).find(is_free).unwrap_or_default();
            let class = collector.add_class(&id, &name).await?;
            // Its name is what the visitor types next.
            request_animation_frame(move || reveal(&format!("class-{class}")));
            Ok(())
        });
    };
    view! {
        <div class="collect-work">
            <Capture />
            <div class="collect-classes">
                <FilterBar classes />
                <SelectionBar />
                <ul class="class-cards" aria-label=move_tr!(collect.classes)>
                    <For each=move || ids.get() key=|id| id.clone() children=move |id| view! { <ClassCard id classes /> } />
                </ul>
                <div class="controls">
                    <button type="button" class="button" on:click=add>{move_tr!(collect.add_class)}</button>
                    <FolderButton />
                </div>
                <Tray classes />
            </div>
        </div>
    }
}

/// Adds the images of a folder, each of whose sub-folders is a class.
#[component]
fn FolderButton() -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let add = move |event: Event| {
        let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        let (Some(input), Some(id)) = (input, collector.open.get_untracked()) else { return };
        let files = input.files().map(|files| all_named(&files)).unwrap_or_default();
        // Otherwise picking the same folder again fires no event.
        input.set_value("");
        collector.run(async move { collector.add_folder(&id, files).await.map(drop) });
    };
    view! {
        <label class="button">
            {move_tr!(collect.add_folder)}
            <input
                class="visually-hidden"
                id="collect-folder"
                type="file"
                multiple
                prop:webkitdirectory=true
                aria-label=move_tr!(collect.add_folder_name)
                on:change=add
            />
        </label>
    }
}

/// What goes on, and what could not be done.
#[component]
fn Messages() -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    view! {
        {move || collector.problem.get().map(|problem| view! {
            <p class="failure" role="alert"><Glyph icon=Icon::Warning />{move || problem_text(&problem)}</p>
        })}
        {move || collector.adding.get().map(|adding| view! {
            <div class="collect-adding">
                <progress max=adding.total value=adding.done aria-label=move_tr!(collect.adding_bar)></progress>
                <span class="hint">{image_figures(adding.done as u32, adding.total as u32, adding.rate())}</span>
                <button type="button" class="button" on:click=move |_| collector.cancel_adding()>{move_tr!(load.cancel)}</button>
            </div>
        })}
        <Show when=move || collector.refused.with(|refused| !refused.is_empty())><RefusedFiles /></Show>
    }
}

#[component]
fn RefusedFiles() -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let number = move || count(collector.refused.with(Vec::len) as u64);
    view! {
        <details class="import-report">
            <summary>{move || tr!(collect.refused, count = number())}</summary>
            <ul class="left-out">
                {move || collector.refused.get().into_iter().map(|Refused { file, why }| view! {
                    <li><span class="left-out-file">{file}</span>" "{refused_text(&why)}</li>
                }).collect_view()}
            </ul>
        </details>
    }
}
