//! Starts the engine that computes on WebGPU with kernels tuned for the adapter; everything else is library.

fn main() {
    kindling::worker::start(kindling_core::protocol::EngineKind::Webgpu);
}
