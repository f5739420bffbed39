//! Starts an engine that leaves every layer to burn's own CPU backend: what `cargo xtask bench` compares Kindling's kernels with. Never shipped.

fn main() {
    kindling::worker::start(kindling_core::protocol::EngineKind::Cpu);
}
