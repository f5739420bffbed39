//! Starts the engine that computes on the CPU; everything else is library.

fn main() {
    kindling::worker::start(kindling_core::protocol::EngineKind::Cpu);
}
