//! `cargo xtask setup`: whatever building and testing need and the machine has not, and quick when nothing is missing.

use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::places::Places;
use crate::toolchain::Toolchain;
use crate::{build, tools};

/// What a build works with.
pub struct Equipment {
    pub toolchain: Toolchain,
    /// The script for Node; without it the page is a little larger.
    pub wasm_opt: Option<PathBuf>,
}

pub fn for_building(places: &Places) -> Result<Equipment> {
    let toolchain = Toolchain::find_or_install(places)?;
    println!("wasm target: {}", toolchain.description);
    let tools = || -> Result<Option<PathBuf>> {
        tools::trunk(places)?;
        tools::wasm_bindgen(places)?;
        tools::wasm_opt(places)
    };
    let wasm_opt = match tools::are_missing(places)? {
        true => while_compiling(tools, places, &toolchain)?,
        false => tools()?,
    };
    Ok(Equipment { toolchain, wasm_opt })
}

/// Installs the tools while cargo compiles what Trunk will want of it: each alone would leave a core without work at its end.
fn while_compiling<T: Send>(
    install: impl FnOnce() -> Result<T> + Send,
    places: &Places,
    toolchain: &Toolchain,
) -> Result<T> {
    std::thread::scope(|scope| {
        let installing = scope.spawn(install);
        if let Err(error) = build::compile_ahead(places, toolchain) {
            // Trunk will meet the same, if it is more than a passing trouble.
            println!("build: {error:#}");
        }
        installing.join().unwrap_or_else(|_| bail!("installing the tools ended in a panic: the lines above say which"))
    })
}
