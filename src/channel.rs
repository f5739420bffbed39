//! Typed messages between page and worker; the only caller of postMessage.
