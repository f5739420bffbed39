//! A network's description (shapes, parameters, FLOPs, presets: pure Rust) and, behind `train`, the burn module built from it.
