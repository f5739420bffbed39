//! Handles files that are dropped anywhere on the page.

use leptos::ev;
use leptos::prelude::*;
use web_sys::{DataTransfer, DragEvent};

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
            event.prevent_default();
            is_over.set(false);
            take(event.data_transfer());
        }),
    ];
    on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    is_over
}
