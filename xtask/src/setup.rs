//! `cargo xtask setup`: installs what building and testing need and the machine lacks; quick if nothing is missing.

use anyhow::{Result, bail};

use crate::engines::{self, Engine};
use crate::npm;
use crate::places::Places;
use crate::toolchain::Toolchain;
use crate::{build, threads, tools};

/// The tools of a build.
pub struct Equipment {
    pub toolchain: Toolchain,
    /// What makes the page smaller: nothing, where it is only served on this machine.
    pub shrinking: npm::Programs,
    /// Whether the compiler's source is there for an engine with threads.
    pub can_build_threads: bool,
}

impl Equipment {
    /// The engines that are built after the page.
    pub fn later_engines(&self) -> Vec<&'static Engine> {
        engines::later(self.can_build_threads)
    }
}

pub fn for_building(places: &Places) -> Result<Equipment> {
    install(places, npm::Programs::install)
}

/// For a page that is not downloaded: making it smaller would take longer than it saves.
pub fn for_serving(places: &Places) -> Result<Equipment> {
    install(places, |_| npm::Programs::default())
}

fn install(places: &Places, shrinking: fn(&Places) -> npm::Programs) -> Result<Equipment> {
    Toolchain::install(places)?;
    let are_tools_missing = tools::are_missing(places)?;
    // The tools are compiled beside everything else, because each part alone leaves a core idle at its end.
    std::thread::scope(|scope| {
        let installing = scope.spawn(|| -> Result<npm::Programs> {
            tools::trunk(places)?;
            tools::wasm_bindgen(places)?;
            Ok(shrinking(places))
        });
        let toolchain = Toolchain::find_or_build(places).inspect_err(|error| println!("wasm target: {error:#}"))?;
        println!("wasm target: {}", toolchain.description);
        let can_build_threads = threads::set_up(&toolchain)?;
        if are_tools_missing && let Err(error) = build::compile_ahead(places, &toolchain) {
            // Trunk will meet the same error, unless it was a temporary one.
            println!("build: {error:#}");
        }
        let shrinking = installing.join().unwrap_or_else(|_| bail!("installing the tools ended in a panic"))?;
        Ok(Equipment { toolchain, shrinking, can_build_threads })
    })
}
