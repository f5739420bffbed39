//! Starts the engine that computes on WebGPU; everything else is library.

fn main() {
    kindling::engine::start(kindling::protocol::EngineKind::Webgpu);
}
