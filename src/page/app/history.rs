//! Where each entry of the browser's history was scrolled to: a new one begins at the top, Back and Forward lead to where one was.

use std::collections::BTreeMap;

use leptos::ev;
use leptos::prelude::*;

/// Maximum number of remembered positions; the oldest ones are forgotten first.
const ENTRIES_LIMIT: usize = 200;

/// How long the page may take to become as long as it was, in frames.
const FRAMES_LIMIT: u32 = 30;

#[derive(Clone, Copy)]
pub struct History {
    positions: StoredValue<BTreeMap<u64, f64>>,
    /// The number of the current entry, which the browser keeps as the entry's state.
    current: StoredValue<u64>,
    /// How far the page is scrolled. At a change of place it is too late to ask: the browser has scrolled by then.
    y: StoredValue<f64>,
}

impl History {
    /// Created once, for the life of the page.
    pub fn new() -> Self {
        // Numbers of an earlier load of the page, which the browser has kept, are smaller.
        let current = js_sys::Date::now() as u64;
        let history =
            Self { positions: StoredValue::default(), current: StoredValue::new(current), y: StoredValue::new(0.0) };
        mark(current);
        // The listener stays, like the page.
        drop(window_event_listener(ev::scroll, move |_| {
            history.y.set_value(window().scroll_y().unwrap_or_default());
        }));
        history
    }

    /// Scrolls to where the entry was left, or to the top of a new one. Call when the address has led to another place.
    pub fn arrive(self) {
        let (left, y) = (self.current.get_value(), self.y.get_value());
        let entry =
            window().history().ok().and_then(|history| history.state().ok()?.as_f64()).map(|state| state as u64);
        let known = self.positions.try_update_value(|positions| {
            positions.insert(left, y);
            if positions.len() > ENTRIES_LIMIT {
                positions.pop_first();
            }
            entry.and_then(|entry| Some((entry, *positions.get(&entry)?)))
        });
        let (entry, y) = known.flatten().unwrap_or_else(|| {
            let next = self.positions.with_value(|positions| positions.keys().last().map_or(left, |last| last + 1));
            mark(next);
            (next, 0.0)
        });
        self.current.set_value(entry);
        scroll_to(y, FRAMES_LIMIT);
    }
}

/// Has the browser keep the number with the current entry. If it refuses, Back leads to the top.
fn mark(entry: u64) {
    if let Ok(history) = window().history() {
        history.replace_state(&(entry as f64).into(), "").ok();
    }
}

/// Scrolls as far as the page goes, and again in the next frames if it becomes longer.
fn scroll_to(y: f64, frames: u32) {
    window().scroll_to_with_x_and_y(0.0, y);
    if frames > 0 && window().scroll_y().is_ok_and(|now| now + 1.0 < y) {
        request_animation_frame(move || scroll_to(y, frames - 1));
    }
}
