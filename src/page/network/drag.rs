//! Dragging a card to another position with a mouse, a pen or a finger.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Element, PointerEvent};

use super::cards::Deck;
use super::focus::{card, focus_control};
use crate::page::network::designer::edit::Edit;
use crate::page::recipe::Recipe;

/// The page scrolls while the pointer is this close to the screen's top or bottom edge, in pixels.
const EDGE: f64 = 72.0;

/// A card being dragged, and where it would be dropped. Layers count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dragged {
    pub from: usize,
    pub to: usize,
}

pub fn start(deck: Deck, at: usize, event: &PointerEvent) {
    if event.button() != 0 {
        return;
    }
    if let Some(grip) = event.current_target().and_then(|target| target.dyn_into::<Element>().ok()) {
        // Without capture, no events arrive once the pointer has left the grip.
        grip.set_pointer_capture(event.pointer_id()).ok();
    }
    deck.dragged.set(Some(Dragged { from: at, to: at }));
}

pub fn update(deck: Deck, event: &PointerEvent) {
    let Some(dragged) = deck.dragged.get_untracked() else { return };
    let y = f64::from(event.client_y());
    let height = window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(f64::INFINITY);
    if y < EDGE || y > height - EDGE {
        window().scroll_by_with_x_and_y(0.0, if y < EDGE { -12.0 } else { 12.0 });
    }
    let bottoms: Vec<f64> = (0..deck.n_layers.get_untracked())
        .map_while(|at| Some(card(at)?.get_bounding_client_rect().bottom()))
        .collect();
    let to = card_at(y, &bottoms);
    if to != dragged.to {
        deck.dragged.set(Some(Dragged { to, ..dragged }));
    }
}

pub fn end(recipe: Recipe, deck: Deck) {
    if let Some(Dragged { from, to }) = deck.dragged.get_untracked() {
        deck.dragged.set(None);
        move_layer(recipe, deck, from, to);
    }
}

/// Moves a layer, and keyboard focus with it: to the same control on the layer's new card.
pub fn move_layer(recipe: Recipe, deck: Deck, from: usize, to: usize) {
    let focused = document().active_element().and_then(|element| element.get_attribute("data-control"));
    // Taking focus from a number that is being typed commits it before its layer moves.
    focus_control(from, "grip");
    if !recipe.edit(&Edit::Move { from, to }) {
        return;
    }
    deck.selected.set(to);
    let is_end = to == 0 || to + 1 == deck.n_layers.get_untracked();
    match focused.as_deref() {
        // Up or down is disabled at the ends.
        Some(control) if !is_end => focus_control(to, control),
        Some(_) | None => focus_control(to, "grip"),
    }
}

/// The index of the card at height `y`, from the cards' lower edges; the last card below them all.
fn card_at(y: f64, bottoms: &[f64]) -> usize {
    bottoms.iter().filter(|bottom| **bottom < y).count().min(bottoms.len().saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::card_at;

    #[test]
    fn a_height_is_on_one_card() {
        let bottoms = [10.0, 30.0, 40.0];
        for (y, expected) in [(-5.0, 0), (9.0, 0), (11.0, 1), (30.0, 1), (35.0, 2), (99.0, 2)] {
            assert_eq!(card_at(y, &bottoms), expected, "{y}");
        }
        assert_eq!(card_at(5.0, &[]), 0);
    }
}
