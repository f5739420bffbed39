//! `cargo xtask setup`: whatever building and testing need and the machine has not, and quick when nothing is missing.

use std::path::PathBuf;

use anyhow::Result;

use crate::places::Places;
use crate::toolchain::Toolchain;
use crate::tools;

/// What a build works with.
pub struct Equipment {
    pub toolchain: Toolchain,
    /// The script for Node; without it the page is a little larger.
    pub wasm_opt: Option<PathBuf>,
}

pub fn for_building(places: &Places) -> Result<Equipment> {
    let toolchain = Toolchain::find_or_install(places)?;
    println!("wasm target: {}", toolchain.description);
    tools::trunk(places)?;
    tools::wasm_bindgen(places)?;
    let wasm_opt = tools::wasm_opt(places)?;
    Ok(Equipment { toolchain, wasm_opt })
}
