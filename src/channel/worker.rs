//! The engine's end of the channel.

use gloo::events::EventListener;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

use super::{BUILD, Incoming, pack, unpack};
use kindling_core::protocol::{Command, Event};

#[wasm_bindgen(module = "/src/channel/worker.js")]
extern "C" {
    #[wasm_bindgen(js_name = watch)]
    fn watch_rejections(build: &str);

    #[cfg(feature = "threads")]
    #[wasm_bindgen(js_name = portsOfThreads)]
    fn open_ports(build: &str, count: u32) -> js_sys::Array;

    #[wasm_bindgen(js_name = macrotask)]
    fn next_macrotask() -> js_sys::Promise;
}

/// Reports traps that no Rust code can catch, such as running out of memory, to the page. Call this first.
pub fn watch() {
    watch_rejections(BUILD);
}

/// A port to the page for each of the engine's threads. A thread that ends posts `{ build, lastWords }`, like the engine itself.
#[cfg(feature = "threads")]
pub fn ports_of_threads(count: u32) -> js_sys::Array {
    open_ports(BUILD, count)
}

/// Passes every command to `on_command` from now on.
pub fn serve(mut on_command: impl FnMut(Command) + 'static) {
    EventListener::new(&scope(), "message", move |event| {
        match unpack(&event.unchecked_ref::<MessageEvent>().data()) {
            Ok(Incoming::Message(command)) => on_command(command),
            // Only an engine sends these.
            Ok(Incoming::LastWords(_) | Incoming::Ports(_)) => {}
            Err(failure) => post(&Event::Crashed(failure)),
        }
    })
    .forget();
}

/// Sends an event to the page.
pub fn post(event: &Event) {
    let result = pack(event)
        .map_err(|failure| JsValue::from_str(&failure.detail))
        .and_then(|outgoing| scope().post_message_with_transfer(&outgoing.message, &outgoing.transfer));
    // Cannot be reported, since sending is what failed. Throwing an uncaught error makes the page terminate the engine.
    if let Err(error) = result {
        wasm_bindgen::throw_val(error);
    }
}

/// Yields a macrotask to the browser, so that messages and the GPU's callbacks are processed.
pub async fn macrotask() {
    // This promise is never rejected.
    JsFuture::from(next_macrotask()).await.ok();
}

/// The time in ms since the worker began. Every browser with workers has `performance`; without it, rates and times are zero.
pub fn now_ms() -> f64 {
    scope().performance().map_or(0.0, |performance| performance.now())
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}
