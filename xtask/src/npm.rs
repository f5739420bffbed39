//! Packages of npm: the programs that make the page smaller, run by Node, which are worth having and not worth failing for, and the script that checks
//! whether the page is accessible, without which its test fails.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

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
}

/// Makes wasm smaller. Distributions' are years old.
pub const BINARYEN: Package = Package { program: "binaryen", name: "binaryen", version: "132.0.0", script: "index.js" };

/// Makes scripts and styles smaller.
pub const ESBUILD: Package = Package { program: "esbuild", name: "esbuild", version: "0.28.2", script: "bin/esbuild" };

/// Finds what keeps people from using a page: the journeys run it in Chromium.
pub const AXE: Package = Package { program: "axe", name: "axe-core", version: "4.14.1", script: "axe.min.js" };

/// The programs that are there.
#[derive(Default)]
pub struct Programs {
    pub binaryen: Option<Program>,
    pub esbuild: Option<Program>,
}

/// An installed package: its script.
pub struct Program(PathBuf);

impl Programs {
    pub fn install(places: &Places) -> Self {
        Self {
            binaryen: BINARYEN.install_if_possible(places, "the page's wasm stays a little larger"),
            esbuild: ESBUILD.install_if_possible(places, "the page's scripts and styles stay a little larger"),
        }
    }
}

impl Package {
    /// None, with a line that says why and what is lost, where it cannot be had.
    fn install_if_possible(&self, places: &Places, loss: &str) -> Option<Program> {
        self.install(places).inspect_err(|error| println!("{}: skipped: {error:#}; {loss}", self.program)).ok()
    }

    /// Finds it in the cache, or installs it.
    pub fn install(&self, places: &Places) -> Result<Program> {
        let Self { program, name, version, .. } = self;
        let folder = places.cache.join("tools").join(format!("{name}-{version}"));
        let script = folder.join("node_modules").join(name).join(self.script);
        if script.is_file() {
            println!("{program}: {version} is there");
            return Ok(Program(script));
        }
        let path = places.path()?;
        process::find("node", &path, &[]).context("there is no Node: install it, with npm")?;
        let npm = process::find("npm", &path, &[]).context("there is no npm: install it, with Node")?;
        println!("{program}: installing {name} {version} with npm");
        std::fs::create_dir_all(&folder)?;
        process::run(
            Command::new(npm)
                // A package's own script might put a binary where Node expects one of its scripts.
                .args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"])
                .arg(&folder)
                .arg(format!("{name}@{version}")),
            "check that npm's registry can be reached",
        )?;
        ensure!(script.is_file(), "the package {name} {version} has no {}: delete {}", self.script, folder.display());
        Ok(Program(script))
    }
}

impl Program {
    pub fn script(&self) -> &Path {
        &self.0
    }

    /// Runs it in Node with these options and, after them, these files.
    pub fn run(&self, options: &[&str], files: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<()> {
        run_node(Command::new("node").arg(&self.0).args(options).args(files))
    }

    /// Runs another script in Node that uses this one, which is its first argument.
    pub fn run_by(&self, script: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<()> {
        // The default heap of Node is too small for a module of 40 MB.
        run_node(Command::new("node").arg("--max-old-space-size=8192").arg(script).arg(&self.0).args(arguments))
    }
}

fn run_node(command: &mut Command) -> Result<()> {
    process::run(command, "delete the program's folder in the cache and run set-up again")
}
