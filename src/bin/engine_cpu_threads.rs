//! Starts the engine that computes on the CPU with several threads; all other code is in the library.

fn main() {
    kindling::worker::start(kindling_core::protocol::EngineKind::Cpu);
}
