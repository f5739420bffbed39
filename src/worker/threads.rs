//! The engine's threads: workers inside its own, which share its module and its memory and make up rayon's global pool together with it.

use std::io;
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Mutex, OnceLock};

use js_sys::Array;
use rayon::{ThreadBuilder, ThreadPoolBuilder};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use super::platform::scope;
use crate::channel::{self, THREADS_LIMIT, parameter};

/// The engine does without a thread that has not started after this long. Its files are in the browser's cache, as the engine has just loaded them.
const START_LIMIT_MS: u32 = 10_000;

/// Where each thread fetches its place in the pool. Closed once the pool is complete, so that a thread that comes too late ends.
static PLACES: OnceLock<Mutex<Receiver<ThreadBuilder>>> = OnceLock::new();

#[wasm_bindgen(module = "/src/worker/threads.js")]
extern "C" {
    #[wasm_bindgen(catch, js_name = startThreads)]
    async fn start_threads(
        ports: &Array,
        script: &str,
        module: &JsValue,
        memory: &JsValue,
        build: &str,
        limit_ms: u32,
    ) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// The address of the engine's own script, with its digest.
    #[wasm_bindgen(thread_local_v2, js_namespace = ["import", "meta"], js_name = url)]
    static SCRIPT: String;
}

/// Starts as many threads as the worker's address asks for, and returns how many there are, the engine's own included. Call once, before
/// anything computes.
pub async fn start() -> u32 {
    let query = scope().location().search();
    let wanted = parameter(&query, "threads").and_then(|count| count.parse().ok()).unwrap_or(1).clamp(1, THREADS_LIMIT);
    let (sender, receiver) = channel();
    // Empty until now: this is the only call.
    PLACES.set(Mutex::new(receiver)).ok();

    // The browser starts workers only while the engine does not wait, so they have to run before the pool takes them in.
    let ports = channel::ports_of_threads(wanted - 1);
    let script = SCRIPT.with(String::clone);
    let (module, memory) = (wasm_bindgen::module(), wasm_bindgen::memory());
    let started = start_threads(&ports, &script, &module, &memory, channel::BUILD, START_LIMIT_MS).await;
    let n_started = started.ok().and_then(|count| count.as_f64()).unwrap_or_default() as u32;

    let n_threads = n_started + 1;
    let built = ThreadPoolBuilder::new()
        .num_threads(n_threads as usize)
        // The engine computes, too, instead of waiting for the others.
        .use_current_thread()
        .spawn_handler(|place| sender.send(place).map_err(|_| io::ErrorKind::BrokenPipe.into()))
        .build_global();
    // Without a pool, rayon computes on the engine's own thread.
    if built.is_ok() { n_threads } else { 1 }
}

/// What a thread does as long as the engine lives.
#[wasm_bindgen(js_name = runThread)]
pub fn run_thread() {
    let place = PLACES.get().and_then(|places| places.lock().ok()?.recv().ok());
    if let Some(place) = place {
        place.run();
    }
}

/// Whether this is one of the threads besides the engine's own.
pub fn is_thread() -> bool {
    rayon::current_thread_index().is_some_and(|index| index > 0)
}
