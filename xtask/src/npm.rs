//! Packages of npm: the programs that make the page smaller, run by Node, and a script that checks whether the page is accessible. They are worth
//! having, and not worth failing for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::places::Places;
use crate::process;

/// A package of npm.
pub struct Package {
    /// What it is called.
    program: &'static str,
    name: &'static str,
    pub version: &'static str,
    /// Its script, in the package's folder.
    script: &'static str,
    /// Without it.
    loss: &'static str,
}

/// Makes wasm smaller. Distributions' are years old.
pub const WASM_OPT: Package = Package {
    program: "wasm-opt",
    name: "binaryen",
    version: "132.0.0",
    script: "bin/wasm-opt",
    loss: "the page's wasm stays a little larger",
};

/// Makes scripts and styles smaller.
pub const ESBUILD: Package = Package {
    program: "esbuild",
    name: "esbuild",
    version: "0.28.2",
    script: "bin/esbuild",
    loss: "the page's scripts and styles stay a little larger",
};

/// Finds what keeps people from using a page: the journeys run it in Chromium.
pub const AXE: Package = Package {
    program: "axe",
    name: "axe-core",
    version: "4.14.1",
    script: "axe.min.js",
    loss: "no test checks whether the page is accessible",
};

/// The programs that are there.
pub struct Programs {
    pub wasm_opt: Option<Program>,
    pub esbuild: Option<Program>,
}

/// An installed package: its script.
pub struct Program(PathBuf);

impl Programs {
    pub fn install(places: &Places) -> Result<Self> {
        Ok(Self { wasm_opt: WASM_OPT.install(places)?, esbuild: ESBUILD.install(places)? })
    }
}

impl Package {
    /// None, with a line that says why, where it cannot be had.
    pub fn install(&self, places: &Places) -> Result<Option<Program>> {
        let Self { program, name, version, loss, .. } = self;
        let folder = places.cache.join("tools").join(format!("{name}-{version}"));
        let script = folder.join("node_modules").join(name).join(self.script);
        if script.is_file() {
            println!("{program}: {version} is there");
            return Ok(Some(Program(script)));
        }
        let path = places.path()?;
        let (Some(_), Some(npm)) = (process::find("node", &path, &[]), process::find("npm", &path, &[])) else {
            println!("{program}: skipped, as there is no Node; {loss}");
            return Ok(None);
        };
        println!("{program}: installing {name} {version} with npm");
        std::fs::create_dir_all(&folder)?;
        let installed = process::run(
            Command::new(npm)
                // A package's own script might put a binary where Node expects one of its scripts.
                .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
                .arg(&folder)
                .arg(format!("{name}@{version}")),
            &format!("skipped; {loss}"),
        );
        match installed {
            Ok(()) if script.is_file() => return Ok(Some(Program(script))),
            Ok(()) => println!("{program}: skipped, as the package has another layout than expected"),
            Err(error) => println!("{program}: {error}"),
        }
        Ok(None)
    }
}

impl Program {
    pub fn script(&self) -> &Path {
        &self.0
    }

    /// Runs it in Node with these options and, after them, these files.
    pub fn run(&self, options: &[&str], files: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<()> {
        process::run(
            // The default heap of Node is too small for a module of 40 MB.
            Command::new("node").arg("--max-old-space-size=8192").arg(&self.0).args(options).args(files),
            "delete the program's folder in the cache and run set-up again",
        )
    }
}
