//! The programs that judge exported networks: onnxruntime and LiteRT in a Python of their own, onnxruntime-web and TensorFlow.js in Node.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::places::Places;
use crate::{distribution, process};

/// Exact versions, so that a test means the same tomorrow. PyTorch is not among them: PyPI's brings CUDA, gigabytes of it.
const PYTHON_PACKAGES: &[&str] =
    &["numpy==2.4.6", "onnx==1.23.2", "onnxruntime==1.32.0", "ai-edge-litert==2.3.0", "safetensors==0.8.0"];
const NODE_PACKAGES: &[&str] = &[
    "@tensorflow/tfjs-core@4.22.0",
    "@tensorflow/tfjs-layers@4.22.0",
    "@tensorflow/tfjs-backend-cpu@4.22.0",
    "@tensorflow/tfjs-backend-wasm@4.22.0",
    "onnxruntime-web@1.30.0",
];
/// Another number, another folder: raise it when the packages change.
const EDITION: u32 = 1;

pub struct Judges {
    python: PathBuf,
    node: PathBuf,
    /// The folder whose `node_modules` has the packages.
    node_folder: PathBuf,
}

impl Judges {
    /// The environment variables by which the tests find them.
    pub fn variables(&self) -> [(&'static str, OsString); 3] {
        [
            ("KINDLING_JUDGES_PYTHON", self.python.clone().into()),
            ("KINDLING_JUDGES_NODE", self.node.clone().into()),
            ("KINDLING_JUDGES_MODULES", self.node_folder.clone().into()),
        ]
    }
}

/// Finds them in the cache, or installs them: about 520 MB.
pub fn find_or_install(places: &Places) -> Result<Judges> {
    let folder = places.cache.join("judges");
    let node_folder = folder.join(format!("node-{EDITION}"));
    let node = install_node_packages(&node_folder, places)?;
    let python = install_python_packages(&folder.join(format!("python-{EDITION}")), places)?;
    Ok(Judges { python, node, node_folder })
}

/// Returns Node.
fn install_node_packages(folder: &Path, places: &Places) -> Result<PathBuf> {
    let path = places.path()?;
    let found = |program| process::find(program, &path, &[]);
    if found("node").is_none() || found("npm").is_none() {
        distribution::apt_install(&["nodejs", "npm"], "or install Node with npm")?;
    }
    let node = found("node").context("there is no Node: install it, with npm")?;
    let npm = found("npm").context("there is no npm: install it, with Node")?;
    // Written last by npm.
    if folder.join("node_modules").join(".package-lock.json").is_file() {
        println!("judges: onnxruntime-web and TensorFlow.js are there");
        return Ok(node);
    }
    println!("judges: installing onnxruntime-web and TensorFlow.js with npm");
    fs::create_dir_all(folder)?;
    let mut command = Command::new(npm);
    command.args(["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix"]);
    command.arg(folder).args(NODE_PACKAGES);
    process::run(&mut command, "check that npm's registry can be reached")?;
    Ok(node)
}

/// Returns the Python that has them.
fn install_python_packages(folder: &Path, places: &Places) -> Result<PathBuf> {
    let python = match cfg!(windows) {
        true => folder.join("Scripts").join("python.exe"),
        false => folder.join("bin").join("python"),
    };
    if has_modules(&python, "numpy, onnx, onnxruntime, safetensors, ai_edge_litert") {
        println!("judges: onnxruntime and LiteRT are there");
        return Ok(python);
    }
    println!("judges: installing onnxruntime and LiteRT with pip");
    fs::remove_dir_all(folder).ok();
    let mut command = Command::new(base_python(places)?);
    command.args(["-m", "venv"]).arg(folder);
    process::run(&mut command, "install Python's module venv")?;
    let mut command = Command::new(&python);
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PYTHON_PACKAGES);
    process::run(&mut command, "check that PyPI can be reached")?;
    Ok(python)
}

/// A Python that can make environments.
fn base_python(places: &Places) -> Result<PathBuf> {
    const DEBIANS: &str = "/usr/bin/python3";
    let found = process::find("python3", &places.path()?, &[]);
    let all = found.into_iter().chain([PathBuf::from(DEBIANS)]);
    if let Some(python) = all.into_iter().find(|python| has_modules(python, "venv, ensurepip")) {
        return Ok(python);
    }
    distribution::apt_install(&["python3-venv"], "or install Python 3 with its module venv")?;
    Ok(DEBIANS.into())
}

fn has_modules(python: &Path, modules: &str) -> bool {
    process::read(Command::new(python).args(["-c", &format!("import {modules}")])).is_some()
}
