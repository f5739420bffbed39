//! The typed channel between page and engine. A message is a small encoded header with large buffers beside it, which are transferred,
//! never copied.

#[cfg(any(feature = "page", feature = "exporter"))]
mod once;
mod page;
mod worker;

#[cfg(feature = "exporter")]
pub use once::answer_once;
#[cfg(feature = "page")]
pub use once::ask_once;
pub use page::EngineLink;
#[cfg(feature = "threads")]
pub use worker::ports_of_threads;
pub use worker::{macrotask, now_ms, post, serve, watch};

use js_sys::{Array, ArrayBuffer, Object, Reflect, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};

use kindling_core::protocol::bulk::{self, Envelope};
use kindling_core::protocol::{Bulk, Failure, FailureKind};

/// Identifies the wire format by a digest of its sources; every message carries it. Page and engine must agree: a host or a browser may
/// have cached one of them from an older build.
pub const BUILD: &str = env!("KINDLING_BUILD");

/// The maximum number of an engine's threads: more hardly help the networks that are trained here, and each needs its own stack.
pub const THREADS_LIMIT: u32 = 32;

/// A parameter in the query of an address: the page's, or that of an engine, which the page chose.
pub fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.trim_start_matches('?').split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// A message for `postMessage`, and the buffers to transfer.
struct Outgoing {
    message: Object,
    transfer: Array,
}

/// What a message holds.
enum Incoming<M> {
    Message(M),
    /// The error text of an engine, or one of its threads, that can no longer encode a message.
    LastWords(String),
    /// One port for the last words of each thread.
    Ports(Array),
}

fn pack<M: Serialize>(message: &M) -> Result<Outgoing, Failure> {
    let envelope = bulk::encode(message).map_err(|error| {
        Failure::new(FailureKind::EngineCrashed, format!("a message could not be encoded: {error}"))
    })?;
    let header = Uint8Array::from(envelope.header.as_slice());
    let bulks: Array = envelope.bulks.iter().map(|bulk| Uint8Array::from(&**bulk).buffer()).collect();
    let transfer = bulks.slice(0, bulks.length());
    transfer.push(&header.buffer());

    let message = Object::new();
    for (key, value) in [("build", &JsValue::from_str(BUILD)), ("header", &header), ("bulks", &bulks)] {
        // Cannot fail: the object was created a line above.
        Reflect::set(&message, &key.into(), value).ok();
    }
    Ok(Outgoing { message, transfer })
}

fn unpack<M: DeserializeOwned>(data: &JsValue) -> Result<Incoming<M>, Failure> {
    let field = |name: &str| Reflect::get(data, &name.into()).unwrap_or_default();
    let Some(build) = field("build").as_string() else {
        return Err(Failure::new(FailureKind::EngineCrashed, "a message of unknown origin came in"));
    };
    if build != BUILD {
        return Err(Failure::new(FailureKind::BuildMismatch, format!("the page is build {BUILD}, the engine {build}")));
    }
    if let Some(words) = field("lastWords").as_string() {
        return Ok(Incoming::LastWords(words));
    }
    if let Ok(ports) = field("ports").dyn_into() {
        return Ok(Incoming::Ports(ports));
    }

    let malformed = |reason: String| Failure::new(FailureKind::EngineCrashed, format!("a malformed message: {reason}"));
    let header: Uint8Array = field("header").dyn_into().map_err(|_| malformed("it has no header".into()))?;
    let bulks: Array = field("bulks").dyn_into().map_err(|_| malformed("it has no list of bulks".into()))?;
    let bulks = bulks
        .iter()
        .map(|buffer| Ok(Bulk::from(Uint8Array::new(&JsValue::from(buffer.dyn_into::<ArrayBuffer>()?)).to_vec())))
        .collect::<Result<Vec<_>, JsValue>>()
        .map_err(|_| malformed("a bulk is no buffer".into()))?;
    bulk::decode(Envelope { header: header.to_vec(), bulks })
        .map(Incoming::Message)
        .map_err(|error| malformed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_parameters() {
        let query = "?js=engine_cpu_threads.js&digest=1&threads=3";
        assert_eq!(parameter(query, "threads"), Some("3"));
        assert_eq!(parameter(query, "js"), Some("engine_cpu_threads.js"));
        assert_eq!(parameter("?js=engine_cpu.js", "threads"), None);
        assert_eq!(parameter("", "threads"), None);
    }
}
