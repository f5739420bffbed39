//! A layer's card: its parameters, its output shape and cost, what it does, and its error.

use leptos::prelude::*;
use web_sys::KeyboardEvent;

use super::cards::Deck;
use super::drag::{self, Dragged, move_layer};
use super::figures::Figures;
use super::focus::{focus_control, focus_soon};
use super::parameter_field::ParameterField;
use super::remedy_buttons::RemedyButtons;
use crate::page::network::designer::edit::Edit;
use crate::page::network::designer::parameters::parameters;
use crate::page::reactive::memo;
use crate::page::recipe::use_recipe;
use crate::page::text::i18n::{key_tr, move_tr, tr};
use crate::page::text::layer::{layer_title, layer_why};
use crate::page::text::reason::layer_reason;
use crate::page::widgets::hint::{TermName, Why};
use crate::page::widgets::icon::{Glyph, Icon};
use crate::page::widgets::show::Show;
use kindling_core::config::Layer;

#[component]
pub fn Card(
    /// The layer's index, from 0.
    at: usize,
    deck: Deck,
) -> impl IntoView {
    let recipe = use_recipe();
    let title = memo(move |_| recipe.network.read().as_ref()?.layers.get(at).map(layer_title));
    let is_wrong = memo(move |_| {
        let survey = recipe.survey.read();
        survey.as_ref().and_then(|survey| survey.misfit()).is_some_and(|(layer, _)| layer == at)
    });
    let is_from = move || deck.dragged.get().is_some_and(|dragged| dragged.from == at);
    let is_to = move |is_after: bool| {
        deck.dragged.get().is_some_and(|Dragged { from, to }| to == at && from != at && (from < to) == is_after)
    };
    let on_key = move |event: KeyboardEvent| {
        let to = match event.key().as_str() {
            "ArrowUp" if event.alt_key() => at.checked_sub(1),
            "ArrowDown" if event.alt_key() => Some(at + 1).filter(|to| *to < deck.n_layers.get_untracked()),
            _ => return,
        };
        event.prevent_default();
        if let Some(to) = to {
            move_layer(recipe, deck, at, to);
        }
    };
    view! {
        <li
            class="layer-card"
            class:is-wrong=move || is_wrong.get()
            class:is-frozen=move || at < deck.n_frozen.get()
            class:is-dragged=is_from
            class:is-before=move || is_to(false)
            class:is-after=move || is_to(true)
            data-layer=at + 1
            on:keydown=on_key
        >
            <div class="layer-head">
                <Grip at deck />
                <strong class="layer-title">{at + 1}". "{title}</strong>
                <Tools at deck />
            </div>
            <LayerBody at deck />
        </li>
    }
}

/// Everything about a layer but its title: its fields, what is in it, its output and cost, what it does, its error.
#[component]
pub fn LayerBody(
    /// The layer's index, from 0.
    at: usize,
    deck: Deck,
    /// Shown below output and cost.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let recipe = use_recipe();
    let layer = memo(move |_| recipe.network.read().as_ref()?.layers.get(at).cloned());
    let fields = memo(move |_| layer.read().as_ref().map(parameters).unwrap_or_default());
    let misfit = memo(move |_| {
        let survey = recipe.survey.read();
        survey.as_ref()?.misfit().filter(|(layer, _)| *layer == at).map(|(_, reason)| reason.clone())
    });
    view! {
        {move || misfit.get().map(|reason| view! {
            <div class="layer-problem" role="alert">
                <p>{move || layer_reason(&reason)}</p>
                <RemedyButtons remedies=deck.remedies />
            </div>
        })}
        <Marks at deck />
        <div class="layer-fields">
            {move || fields.get().into_iter().map(|parameter| view! {
                <ParameterField at layer parameter />
            }).collect_view()}
        </div>
        {move || layer.read().as_ref().and_then(inside)}
        <Figures at deck />
        {children.map(|children| children())}
        {move || layer.read().as_ref().map(layer_why).map(|why| view! { <Why text=why /> })}
    }
}

/// Whether the layer is frozen, and whether it starts with pre-trained weights.
#[component]
fn Marks(at: usize, deck: Deck) -> impl IntoView {
    let is_frozen = memo(move |_| at < deck.n_frozen.get());
    let is_pretrained = memo(move |_| at < deck.n_pretrained.get());
    view! {
        <Show when=move || is_frozen.get() || is_pretrained.get()>
            <p class="layer-marks">
                <Show when=move || is_frozen.get()><TermName label=key_tr!(designer.frozen) /></Show>
                <Show when=move || is_pretrained.get()><TermName label=key_tr!(designer.pretrained) /></Show>
            </p>
        </Show>
    }
}

/// The handle by which the card is dragged.
#[component]
fn Grip(at: usize, deck: Deck) -> impl IntoView {
    let recipe = use_recipe();
    view! {
        <button
            type="button"
            class="layer-grip"
            data-control="grip"
            aria-label=move || tr!(designer.grip, layer = at + 1)
            aria-keyshortcuts="Alt+ArrowUp Alt+ArrowDown"
            title=move_tr!(designer.grip_why)
            on:pointerdown=move |event| drag::start(deck, at, &event)
            on:pointermove=move |event| drag::update(deck, &event)
            on:pointerup=move |_| drag::end(recipe, deck)
            on:pointercancel=move |_| deck.dragged.set(None)
        >
            <span aria-hidden="true">"⠿"</span>
        </button>
    }
}

/// Buttons that freeze, move, duplicate and remove the layer.
#[component]
pub fn Tools(at: usize, deck: Deck) -> impl IntoView {
    let recipe = use_recipe();
    let is_last = move || at + 1 >= deck.n_layers.get();
    let up = move |_| {
        if let Some(to) = at.checked_sub(1) {
            move_layer(recipe, deck, at, to);
        }
    };
    let copy = move |_| {
        recipe.edit(&Edit::Duplicate(at));
    };
    let remove = move |_| {
        recipe.edit(&Edit::Remove(at));
        // The last layer is gone, and keyboard focus with it.
        if at == deck.n_layers.get_untracked() {
            match at.checked_sub(1) {
                Some(before) => {
                    deck.selected.set(before);
                    focus_control(before, "remove");
                }
                None => focus_soon("add-layer"),
            }
        }
    };
    // Frozen layers are the first ones, so those before are frozen with it, and those behind thaw with it.
    let is_frozen = memo(move |_| at < deck.n_frozen.get());
    let freeze = move |_| {
        recipe.edit(&Edit::Freeze(at + usize::from(!is_frozen.get_untracked())));
    };
    let freeze_text = move || match is_frozen.get() {
        true => tr!(designer.thaw, layer = at + 1),
        false => tr!(designer.freeze, layer = at + 1),
    };
    view! {
        <span class="layer-tools">
            <button
                type="button"
                class="button is-quiet"
                data-control="freeze"
                disabled=is_last
                aria-pressed=move || is_frozen.get().to_string()
                aria-label=freeze_text
                title=freeze_text
                on:click=freeze
            >
                <Glyph icon=Icon::Freeze />
            </button>
            <button
                type="button"
                class="button is-quiet"
                data-control="up"
                disabled=at == 0
                aria-label=move || tr!(designer.up, layer = at + 1)
                title=move || tr!(designer.up, layer = at + 1)
                on:click=up
            >
                <span aria-hidden="true">"↑"</span>
            </button>
            <button
                type="button"
                class="button is-quiet"
                data-control="down"
                disabled=is_last
                aria-label=move || tr!(designer.down, layer = at + 1)
                title=move || tr!(designer.down, layer = at + 1)
                on:click=move |_| move_layer(recipe, deck, at, at + 1)
            >
                <span aria-hidden="true">"↓"</span>
            </button>
            <button
                type="button"
                class="button is-quiet"
                data-control="duplicate"
                aria-label=move || tr!(designer.duplicate, layer = at + 1)
                title=move || tr!(designer.duplicate, layer = at + 1)
                on:click=copy
            >
                <Glyph icon=Icon::Copy />
            </button>
            <button
                type="button"
                class="button is-quiet"
                data-control="remove"
                aria-label=move || tr!(designer.remove, layer = at + 1)
                title=move || tr!(designer.remove, layer = at + 1)
                on:click=remove
            >
                <span aria-hidden="true">"✕"</span>
            </button>
        </span>
    }
}

/// The layers of a block, read-only: they are edited as text.
fn inside(layer: &Layer) -> Option<AnyView> {
    let (Layer::Residual { layers } | Layer::PooledSkip { layers }) = layer else { return None };
    let items = layers.iter().cloned().map(|layer| {
        let deeper = inside(&layer);
        view! { <li>{move || layer_title(&layer)}{deeper}</li> }
    });
    let items = items.collect_view();
    Some(
        view! { <div class="layer-inside"><ol>{items}</ol><p class="hint">{move_tr!(designer.block_as_text)}</p></div> }
            .into_any(),
    )
}
