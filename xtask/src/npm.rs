//! The programs that make the page smaller: packages of npm, run by Node. They are worth having, and not worth failing for.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::places::Places;
use crate::process;

/// A program of npm.
pub struct Package {
    /// What it is called.
    program: &'static str,
    name: &'static str,
    pub version: &'static str,
    /// Its script for Node, in the package's folder.
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

/// The programs that are there.
pub struct Programs {
    pub wasm_opt: Option<Program>,
    pub esbuild: Option<Program>,
}

/// An installed program: its script for Node.
pub struct Program(PathBuf);

impl Programs {
    pub fn install(places: &Places) -> Result<Self> {
        Ok(Self { wasm_opt: WASM_OPT.install(places)?, esbuild: ESBUILD.install(places)? })
    }
}

impl Package {
    fn install(&self, places: &Places) -> Result<Option<Program>> {
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
    /// Runs it with these options and, after them, these files.
    pub fn run(&self, options: &[&str], files: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<()> {
        process::run(
            // The default heap of Node is too small for a module of 40 MB.
            Command::new("node").arg("--max-old-space-size=8192").arg(&self.0).args(options).args(files),
            "delete the program's folder in the cache and run set-up again",
        )
    }
}
