//! Checks the kernels on the browser's GPU: a journey calls `check`. No engine, and not part of the page.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::needless_range_loop, reason = "naive loops are the definitions with their indices")]

use kindling::worker::{gpu, start};
use wasm_bindgen::prelude::wasm_bindgen;

#[path = "../../crates/train/tests/gpu/properties.rs"]
mod properties;

fn main() {
    start::run_constructors();
    console_error_panic_hook::set_once();
}

/// Checks `n_drawn` drawn shapes of each kind. Returns how many cases hold, or throws with those that do not.
#[wasm_bindgen]
pub async fn check(n_drawn: usize) -> Result<usize, String> {
    // A failure of the GPU ends the check below: it is looked for after every case.
    let (device, _) = gpu::open(|_| {}).await.map_err(|failure| failure.detail)?;
    let cases = properties::cases(n_drawn);
    for case in &cases {
        properties::check(case, &device.device).await?;
        if let Some(failure) = gpu::failure() {
            return Err(format!("{case:?}: {}", failure.detail));
        }
    }
    properties::check_norms(&device.device).await?;
    properties::check_resampling(&device.device).await?;
    properties::check_packing(&device.device).await?;
    Ok(cases.len())
}
