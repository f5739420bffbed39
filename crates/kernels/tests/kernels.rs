//! The properties of all kernels, natively. `cargo xtask test` checks them in Chromium, too.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
#![allow(clippy::needless_range_loop, reason = "naive loops are the definitions with their indices")]

mod properties;

#[test]
fn every_property_holds() {
    for (name, property) in properties::ALL {
        println!("{name}");
        property(&mut properties::runner(200));
    }
}
