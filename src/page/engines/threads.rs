//! How many threads the CPU engine gets. Its threads share memory, which a browser allows only in a page that is isolated from other origins.

use js_sys::{Uint8Array, WebAssembly};
use leptos::prelude::window;

use crate::channel::{THREADS_LIMIT, parameter};
use crate::page::preferences::Threads;
use crate::page::property::property;

/// Why there can be only one thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// Neither the host nor a service worker sends the headers that isolate the page.
    NotIsolated,
    /// The browser shares no memory between threads, or cannot wait for it without a helper that the page's policy forbids.
    Unsupported,
}

/// What `?threads=` in the page's address asks for.
pub fn asked_by_address() -> Option<Threads> {
    asked_by_query(&window().location().search().unwrap_or_default())
}

fn asked_by_query(query: &str) -> Option<Threads> {
    Threads::from_name(parameter(query, "threads")?)
}

/// The number of threads to train with, if the engine is the CPU's.
pub fn count(wanted: Threads) -> u32 {
    let n_cores = window().navigator().hardware_concurrency();
    decide(wanted, n_cores as u32, obstacle())
}

fn decide(wanted: Threads, n_cores: u32, obstacle: Option<Obstacle>) -> u32 {
    match wanted {
        _ if obstacle.is_some() => 1,
        Threads::Exactly(count) => count.clamp(1, THREADS_LIMIT),
        Threads::Automatic if n_cores < 2 => 1,
        // One core is left to the page and the rest of the machine; of two, both are used, since the page needs little of one.
        Threads::Automatic => (n_cores - 1).clamp(2, THREADS_LIMIT),
    }
}

pub fn obstacle() -> Option<Obstacle> {
    if !property(&window(), "crossOriginIsolated").is_truthy() {
        return Some(Obstacle::NotIsolated);
    }
    // Without it, wasm-bindgen's futures wait in a worker at a `data:` address.
    let can_wait = property(&property(&window(), "Atomics"), "waitAsync").is_function();
    let has_threads = WebAssembly::validate(&Uint8Array::from(PROBE)).unwrap_or(false);
    (!can_wait || !has_threads).then_some(Obstacle::Unsupported)
}

/// A module with shared memory, and a function that reads it with an atomic instruction. An engine built with more features than these, such as
/// relaxed SIMD, needs a function with an instruction of each here.
const PROBE: &[u8] = &[
    0, b'a', b's', b'm', 1, 0, 0, 0, // Version 1.
    1, 4, 1, 0x60, 0, 0, // Types: a function without parameters and results.
    3, 2, 1, 0, // Functions: one of that type.
    5, 4, 1, 3, 1, 1, // Memories: a shared one of one page, which never grows.
    10, 11, 1, 9, 0, // Code: a body of nine bytes without locals.
    0x41, 0, 0xfe, 0x10, 2, 0, 0x1a, // i32.const 0, i32.atomic.load, drop.
    0x0b, // end
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_core_is_left_to_the_rest_and_two_are_both_used() {
        let automatic = |n_cores| decide(Threads::Automatic, n_cores, None);
        assert_eq!([0, 1, 2, 3, 4, 8].map(automatic), [1, 1, 2, 2, 3, 7]);
        assert_eq!(automatic(128), THREADS_LIMIT);
    }

    #[test]
    fn the_visitor_s_number_counts_where_threads_are_possible() {
        assert_eq!(decide(Threads::Exactly(5), 2, None), 5);
        assert_eq!(decide(Threads::Exactly(1), 8, None), 1);
        assert_eq!(decide(Threads::Exactly(4_000_000_000), 8, None), THREADS_LIMIT);
        for obstacle in [Obstacle::NotIsolated, Obstacle::Unsupported] {
            assert_eq!(decide(Threads::Exactly(5), 8, Some(obstacle)), 1);
            assert_eq!(decide(Threads::Automatic, 8, Some(obstacle)), 1);
        }
    }

    #[test]
    fn the_address_may_say_how_many() {
        assert_eq!(asked_by_query("?engine=cpu&threads=2"), Some(Threads::Exactly(2)));
        assert_eq!(asked_by_query("?threads=automatic"), Some(Threads::Automatic));
        assert_eq!(asked_by_query("?threads=0"), None);
        assert_eq!(asked_by_query("?engine=cpu"), None);
    }
}
