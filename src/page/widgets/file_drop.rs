//! Handles files that are dropped anywhere on the page.

use std::cell::Cell;

use leptos::ev;
use leptos::prelude::*;
use web_sys::{DataTransfer, DragEvent};

thread_local! {
    /// How many views take files that are dropped.
    static N_TAKING: Cell<u32> = const { Cell::new(0) };
}

/// Calls `take` with dropped files until the reactive owner is disposed. Returns whether files are being dragged over the page. The whole
/// page is the drop zone, because for a file dropped elsewhere the browser would navigate away from the page.
pub fn listen_for_files(take: impl Fn(Option<DataTransfer>) + 'static) -> RwSignal<bool> {
    let is_over = RwSignal::new(false);
    let listeners = [
        window_event_listener(ev::dragover, move |event: DragEvent| {
            event.prevent_default();
            is_over.set(true);
        }),
        window_event_listener(ev::dragleave, move |event: DragEvent| {
            // The event also fires between elements. Only when the pointer leaves the window is there no related target.
            is_over.update(|is_over| *is_over &= event.related_target().is_some());
        }),
        window_event_listener(ev::drop, move |event: DragEvent| {
            // Something in the page that takes files of its own has taken these.
            let is_taken = event.default_prevented();
            event.prevent_default();
            is_over.set(false);
            if !is_taken {
                take(event.data_transfer());
            }
        }),
    ];
    N_TAKING.set(N_TAKING.get() + 1);
    on_cleanup(move || {
        N_TAKING.set(N_TAKING.get().saturating_sub(1));
        listeners.into_iter().for_each(WindowListenerHandle::remove);
    });
    is_over
}

/// Where no files are taken, keeps the browser from leaving the page for one that is dropped.
pub fn refuse_files() {
    let has_files = |data: &DataTransfer| data.types().includes(&"Files".into(), 0);
    let refuse = window_event_listener(ev::dragover, move |event: DragEvent| {
        if let Some(data) = event.data_transfer().filter(|data| N_TAKING.get() == 0 && has_files(data)) {
            event.prevent_default();
            // No drop follows.
            data.set_drop_effect("none");
        }
    });
    on_cleanup(move || refuse.remove());
}
