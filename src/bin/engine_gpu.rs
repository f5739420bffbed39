//! Starts the engine that computes on WebGPU; all other code is in the library.

fn main() {
    kindling::worker::start(kindling_core::protocol::EngineKind::Webgpu);
}
