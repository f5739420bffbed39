//! The head of the panel: which project is open, its name, and what can be done with it as a whole.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;

use super::{Panel, use_panel};
use crate::page::collect::project::clean_name;
use crate::page::reactive::memo;
use crate::page::runs::use_runs;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::show::Show;

const NAME_LIMIT: usize = 80;

#[component]
pub fn Head() -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let is_open = memo(move |_| collector.open.read().is_some());
    let name = move || collector.project().map(|project| project.name).unwrap_or_default();
    let rename = move |text: String| {
        let text = clean_name(&text);
        if !text.is_empty() {
            collector.edit(move |project| project.name = text);
        }
    };
    view! {
        <header class="collect-head">
            <div class="panel-header">
                <h2 id="collect-title">{move_tr!(collect.title)}</h2>
                <p class="hint">{move_tr!(collect.lead)}</p>
            </div>
            <div class="collect-project">
                <Show when=move || is_open.get()>
                    <input
                        class="card-name"
                        id="project-name"
                        type="text"
                        maxlength=NAME_LIMIT
                        autocomplete="off"
                        aria-label=move_tr!(collect.project_name)
                        prop:value=name
                        on:change:target=move |event| rename(event.target().value())
                    />
                </Show>
                <Show when=move || collector.projects.with(|projects| projects.len() > 1)><ProjectChoice /></Show>
                <ProjectTools is_open />
            </div>
            <Show when=move || collector.is_elsewhere.get()>
                <p class="hint" role="status">{move_tr!(collect.elsewhere)}</p>
            </Show>
        </header>
    }
}

#[component]
fn ProjectChoice() -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let choose = move |id: String| collector.run(async move { collector.show(Some(id)).await });
    view! {
        <label class="inline-field">
            <span>{move_tr!(collect.projects)}</span>
            <select id="project-choice" on:change=move |event| {
                if let Some(select) = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok()) {
                    choose(select.value());
                }
            }>
                {move || {
                    let open = collector.open.get();
                    collector.projects.get().into_iter().map(|project| {
                        let is_open = open.as_ref() == Some(&project.id);
                        view! { <option value=project.id selected=is_open>{project.name}</option> }
                    }).collect_view()
                }}
            </select>
        </label>
    }
}

#[component]
fn ProjectTools(is_open: Memo<bool>) -> impl IntoView {
    let Panel { collector, .. } = use_panel();
    let runs = use_runs();
    let input = NodeRef::<html::Input>::new();
    let create = move |_| {
        collector.run(async move {
            let classes = [1, 2].map(|number| tr!(collect.class_numbered, number = number));
            let n_projects = collector.projects.with_untracked(Vec::len);
            let name = match n_projects {
                0 => tr!(collect.first_name),
                _ => tr!(collect.project_numbered, number = n_projects + 1),
            };
            collector.create(&name, &classes).await?;
            request_animation_frame(|| crate::page::widgets::reveal::reveal("project-name"));
            Ok(())
        });
    };
    let save = move |_| {
        if let Some(id) = collector.open.get_untracked() {
            collector.run(async move { collector.save(&id, runs).await });
        }
    };
    let delete = move |_| {
        if let Some(id) = collector.open.get_untracked() {
            collector.run(async move { collector.delete_project(&id).await });
        }
    };
    let import = move |_| {
        let Some(input) = input.get_untracked() else { return };
        let file = input.files().and_then(|files| files.get(0));
        // Lets the same file be chosen again.
        input.set_value("");
        if let Some(file) = file {
            let name = file.name();
            let name = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem).to_owned();
            collector.run(async move { collector.import(&file, &name, runs).await.map(drop) });
        }
    };
    view! {
        <div class="controls">
            <Show when=move || is_open.get()>
                <button type="button" class="button" id="project-new" on:click=create>{move_tr!(collect.new_project)}</button>
                <button type="button" class="button" id="project-export" on:click=save>{move_tr!(collect.export)}</button>
            </Show>
            <label class="button">
                {move_tr!(collect.import)}
                <input
                    class="visually-hidden"
                    id="project-import"
                    type="file"
                    accept=".zip,application/zip"
                    aria-label=move_tr!(collect.import_name)
                    node_ref=input
                    on:change=import
                />
            </label>
            <Show when=move || is_open.get()>
                <button type="button" class="button" id="project-delete" on:click=delete>
                    {move_tr!(collect.delete_project)}
                </button>
            </Show>
        </div>
    }
}
