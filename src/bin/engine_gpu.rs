//! Starts the engine that computes on WebGPU; everything else is library.

fn main() {
    kindling::worker::start(kindling_core::protocol::EngineKind::Webgpu);
}
