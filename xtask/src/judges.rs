//! The programs that judge exported networks: PyTorch, onnxruntime and LiteRT in a Python of their own, TensorFlow.js in Node.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::places::Places;
use crate::{distribution, process};

/// Exact versions, so that a test means the same tomorrow. Debian's PyTorch is built with NumPy 1 and warns of a newer one; nothing passes from
/// one to the other here.
const PYTHON_PACKAGES: &[&str] = &[
    "numpy==2.4.6",
    "onnx==1.23.2",
    "onnxruntime==1.32.0",
    "ai-edge-litert==2.3.0",
    "pillow==13.0.0",
    "safetensors==0.8.0",
];
const NODE_PACKAGES: &[&str] = &[
    "@tensorflow/tfjs-core@4.22.0",
    "@tensorflow/tfjs-layers@4.22.0",
    "@tensorflow/tfjs-backend-cpu@4.22.0",
    "@tensorflow/tfjs-backend-wasm@4.22.0",
];
/// Another number, another folder: raise it when the packages change.
const EDITION: u32 = 1;

/// PyTorch of any version. PyPI's for Linux brings CUDA, gigabytes of it; Debian's is 150 MB.
const DEBIAN_PACKAGES: &[&str] = &["python3-torch", "python3-venv"];
const DEBIAN_PYTHON: &str = "/usr/bin/python3";

pub struct Judges {
    python: PathBuf,
    node: PathBuf,
    /// The folder with TensorFlow.js in its `node_modules`.
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

/// Finds them in the cache, or installs them: about 950 MB, PyTorch 650 of them.
pub fn find_or_install(places: &Places) -> Result<Judges> {
    let folder = places.cache.join("judges");
    let path = places.path()?;
    let node = process::find("node", &path, &[]).context("there is no Node: install it, with npm")?;
    let node_folder = folder.join(format!("node-{EDITION}"));
    install_node_packages(&node_folder, places)?;
    let python = install_python(&folder.join(format!("python-{EDITION}")), places)?;
    Ok(Judges { python, node, node_folder })
}

fn install_node_packages(folder: &Path, places: &Places) -> Result<()> {
    // Written last by npm.
    if folder.join("node_modules").join(".package-lock.json").is_file() {
        println!("judges: TensorFlow.js is there");
        return Ok(());
    }
    println!("judges: installing TensorFlow.js with npm");
    let npm = process::find("npm", &places.path()?, &[]).context("there is no npm: install it, with Node")?;
    fs::create_dir_all(folder)?;
    let mut command = Command::new(npm);
    command.args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"]).arg(folder).args(NODE_PACKAGES);
    process::run(&mut command, "check that npm's registry can be reached")
}

fn install_python(folder: &Path, places: &Places) -> Result<PathBuf> {
    let python = match cfg!(windows) {
        true => folder.join("Scripts").join("python.exe"),
        false => folder.join("bin").join("python"),
    };
    if has_modules(&python, "torch, PIL, onnx, onnxruntime, safetensors, ai_edge_litert") {
        println!("judges: PyTorch and onnxruntime are there");
        return Ok(python);
    }
    let (base, has_torch) = base_python(places)?;
    println!("judges: installing onnxruntime, LiteRT{} with pip", if has_torch { "" } else { " and PyTorch" });
    fs::remove_dir_all(folder).ok();
    let mut command = Command::new(base);
    command.args(["-m", "venv", "--system-site-packages"]).arg(folder);
    process::run(&mut command, "install Python's module venv")?;
    let torch: &[&str] = if has_torch { &[] } else { &["torch"] };
    let mut command = Command::new(&python);
    command.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PYTHON_PACKAGES).args(torch);
    process::run(&mut command, "check that PyPI can be reached")?;
    Ok(python)
}

/// A Python with PyTorch, if there is one or the distribution has one; else any.
fn base_python(places: &Places) -> Result<(PathBuf, bool)> {
    let found = process::find("python3", &places.path()?, &[DEBIAN_PYTHON]);
    let debians = Path::new(DEBIAN_PYTHON);
    for python in found.iter().map(PathBuf::as_path).chain([debians]) {
        if has_modules(python, "torch, venv, ensurepip") {
            return Ok((python.to_owned(), true));
        }
    }
    match distribution::apt_install(DEBIAN_PACKAGES, "or let pip fetch PyTorch") {
        Ok(()) => Ok((debians.to_owned(), true)),
        Err(error) => {
            println!("judges: {error:#}");
            Ok((found.context("there is no Python: install it")?, false))
        }
    }
}

fn has_modules(python: &Path, modules: &str) -> bool {
    process::read(Command::new(python).args(["-c", &format!("import {modules}")])).is_some()
}
