//! Files that are dropped anywhere on the page.

use leptos::ev;
use leptos::prelude::*;
use web_sys::{DragEvent, FileList};

/// Listens while its owner is shown; whether files are held over the page. A file that misses the zone would make the browser leave the page
/// for it, so the whole page is one.
pub fn listen_for_files(take: impl Fn(Option<FileList>) + 'static) -> RwSignal<bool> {
    let is_over = RwSignal::new(false);
    let listeners = [
        window_event_listener(ev::dragover, move |event: DragEvent| {
            event.prevent_default();
            is_over.set(true);
        }),
        window_event_listener(ev::dragleave, move |event: DragEvent| {
            // Only leaving the window is leaving: it has no related target.
            is_over.update(|is_over| *is_over &= event.related_target().is_some());
        }),
        window_event_listener(ev::drop, move |event: DragEvent| {
            event.prevent_default();
            is_over.set(false);
            take(event.data_transfer().and_then(|data| data.files()));
        }),
    ];
    on_cleanup(move || listeners.into_iter().for_each(WindowListenerHandle::remove));
    is_over
}
