//! The properties of all kernels as a module for browsers: `check(property, cases)` traps if the property does not hold, and `message` says why.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::needless_range_loop, reason = "naive loops are the definitions with their indices")]

use std::sync::{Mutex, Once};

#[path = "../tests/properties/mod.rs"]
mod properties;

/// What the last panic said.
static MESSAGE: Mutex<String> = Mutex::new(String::new());

/// Checks a property by its number. Returns whether there is one of that number.
#[unsafe(no_mangle)]
pub extern "C" fn check(property: usize, cases: u32) -> bool {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            if let Ok(mut message) = MESSAGE.try_lock() {
                *message = panic.to_string();
            }
        }));
    });
    let Some((name, property)) = properties::ALL.get(property) else { return false };
    if let Ok(mut message) = MESSAGE.lock() {
        *message = (*name).to_owned();
    }
    property(&mut properties::runner(cases));
    true
}

/// The name of the last property, or what its panic said: where the bytes begin.
#[unsafe(no_mangle)]
pub extern "C" fn message() -> *const u8 {
    MESSAGE.lock().map_or(std::ptr::null(), |message| message.as_ptr())
}

#[unsafe(no_mangle)]
pub extern "C" fn message_length() -> usize {
    MESSAGE.lock().map_or(0, |message| message.len())
}
