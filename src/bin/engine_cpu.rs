//! Starts the engine that computes on the CPU; everything else is library.

fn main() {
    kindling::engine::start(kindling::protocol::EngineKind::Cpu);
}
