//! The wire to an engine's worker.
//!
//! The code that encodes commands and decodes events is a part of the page (`parts.rs`): an engine needs it, and is larger by far.

use wasm_split_helpers::{SplitLoaderError, wasm_split};

use crate::channel::EngineLink;
use kindling_core::protocol::{Command, Event};

/// Sends commands to a worker, which ends when this is dropped.
pub type Wire = Box<dyn Fn(&Command)>;

/// Starts the worker of an address, as [`EngineLink::start`].
pub type Start = fn(&str, Box<dyn FnMut(Event)>) -> Wire;

#[wasm_split(wire, fallible)]
pub fn starter() -> Result<Start, SplitLoaderError> {
    Ok(|url, on_event| {
        let link = EngineLink::start(url, on_event);
        Box::new(move |command: &Command| link.send(command))
    })
}
