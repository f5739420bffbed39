//! Several images at once: those that are selected move to a class or are deleted, which can be undone.

use std::collections::BTreeSet;

use leptos::prelude::*;

use super::{Panel, use_panel};
use crate::page::reactive::memo;
use crate::page::text::format::count;
use crate::page::text::i18n::{move_tr, tr};
use crate::page::widgets::show::Show;

/// Ids of the images that are selected.
pub type Selected = RwSignal<BTreeSet<String>>;

/// Selects an image, or takes it out of the selection.
pub fn toggle(selected: Selected, id: &str) {
    selected.update(|selected| {
        if !selected.remove(id) {
            selected.insert(id.to_owned());
        }
    });
}

/// What can be done with the selected images; nothing without any.
#[component]
pub fn SelectionBar() -> impl IntoView {
    let Panel { collector, selected, shown, .. } = use_panel();
    // Some may be gone, of another project, or hidden by a filter: nothing is done to what is not seen.
    let ids = memo(move |_| {
        selected.with(|selected| {
            let is_selected = |id: &&String| selected.contains(*id);
            match selected.is_empty() {
                true => Vec::new(),
                false => shown.with(|shown| shown.ids().filter(is_selected).cloned().collect::<Vec<_>>()),
            }
        })
    });
    let classes = memo(move |_| {
        let classes = collector.project().map(|project| project.live_classes().cloned().collect::<Vec<_>>());
        classes.unwrap_or_default()
    });
    let delete = move |_| {
        let ids = ids.get_untracked();
        selected.set(BTreeSet::new());
        collector.run(async move { collector.delete_images(&ids).await });
    };
    let move_to = move |class: String| {
        let ids = ids.get_untracked();
        selected.set(BTreeSet::new());
        collector.run(async move { collector.move_images(&ids, &class).await });
    };
    view! {
        <Show when=move || ids.with(|ids| !ids.is_empty())>
            <div class="controls collect-selection">
                <span role="status">{move || tr!(collect.selected, count = count(ids.with(Vec::len) as u64))}</span>
                <label class="inline-field">
                    <span>{move_tr!(collect.move_to)}</span>
                    <select id="collect-move" on:change:target=move |event| move_to(event.target().value())>
                        <option value="" selected=true>"–"</option>
                        {move || classes.get().into_iter().map(|class| view! { <option value=class.id>{class.name}</option> }).collect_view()}
                    </select>
                </label>
                <button type="button" class="button is-small" id="collect-delete" on:click=delete>{move_tr!(collect.delete_image)}</button>
                <button type="button" class="button is-small" on:click=move |_| selected.set(BTreeSet::new())>{move_tr!(collect.select_none)}</button>
            </div>
        </Show>
    }
}
