//! `cargo xtask build`: the page and its engines as a folder of static files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::engines::{self, Engine};
use crate::places::Places;
use crate::setup::Equipment;
use crate::toolchain::{TARGET, Toolchain};
use crate::{machine_paths, parts, process, tools};

/// Builds everything into `dist/`.
pub fn build(places: &Places, equipment: &Equipment) -> Result<()> {
    let staging = page(places, equipment)?;
    for engine in engines::GPU {
        engine.build_into(&staging, places, &equipment.toolchain)?;
    }
    engines::list(&staging, &[])?;
    publish(places, &staging)?;
    print_sizes(&places.dist)
}

/// Builds the page and the CPU's engine into `dist/`, with word of the engines that [`complete`] will add.
pub fn begin(places: &Places, equipment: &Equipment, coming: &[Engine]) -> Result<()> {
    let staging = page(places, equipment)?;
    engines::list(&staging, coming)?;
    publish(places, &staging)
}

/// Adds the GPU's engines to `dist/`; pages that are open take them. If that fails, they no longer wait.
pub fn complete(places: &Places, equipment: &Equipment) -> Result<()> {
    for (index, engine) in engines::GPU.iter().enumerate() {
        println!("build: {}, behind the page", engine.name);
        if let Err(error) = engine.build_into(&places.dist, places, &equipment.toolchain) {
            engines::list(&places.dist, &[])?;
            return Err(error);
        }
        engines::list(&places.dist, &engines::GPU[index + 1..])?;
        println!("build: {} is there, and a page that is open takes it", engine.name);
    }
    Ok(())
}

/// Builds the page and the CPU's engine into a folder beside `dist/`, so that one can become the other: the target folder may be on another disk.
fn page(places: &Places, equipment: &Equipment) -> Result<PathBuf> {
    let staging = places.root.join("dist.unfinished");
    if staging.exists() {
        fs::remove_dir_all(&staging)?;
    }
    fs::create_dir_all(&staging)?;

    println!("build: with {}", equipment.toolchain.description);
    run_trunk(places, &equipment.toolchain, &staging)?;
    engines::CPU.check(places)?;
    complete_catalog(&staging.join("datasets"))?;
    let page = page_name(&staging)?;
    parts::cut(places, &page, &staging)?;
    match &equipment.wasm_opt {
        Some(script) => shrink_page(script, places, &staging, &page)?,
        None => println!("build: wasm-opt is not there, so the page's wasm stays a little larger"),
    }
    parts::share(&page, &staging)?;
    machine_paths::refuse(&staging, places)?;
    Ok(staging)
}

/// `dist/` is only ever replaced by a build that is complete and checked.
fn publish(places: &Places, staging: &Path) -> Result<()> {
    if places.dist.exists() {
        fs::remove_dir_all(&places.dist)?;
    }
    fs::rename(staging, &places.dist).context("dist/ could not be replaced: close whatever holds it open")
}

fn print_sizes(folder: &Path) -> Result<()> {
    for file in wasm_files(folder)? {
        let size_bytes = fs::metadata(&file)?.len();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        println!("build: {name}, {:.2} MB", size_bytes as f64 / 1e6);
    }
    Ok(())
}

/// Compiles what Trunk asks cargo for, as index.html has it; Trunk then finds it done.
pub fn compile_ahead(places: &Places, toolchain: &Toolchain) -> Result<()> {
    let page = ["--bin=app", "--features=page", "--profile=page"];
    let engine = ["--bin=engine_cpu", "--features=cpu", "--profile=release"];
    for options in [page, engine] {
        let mut cargo = toolchain.command("cargo", places)?;
        cargo.args(["build", "--locked", "--no-default-features", "--target", TARGET]).args(options);
        process::run(&mut cargo, "the lines above say why")?;
    }
    Ok(())
}

fn run_trunk(places: &Places, toolchain: &Toolchain, staging: &Path) -> Result<()> {
    // Trunk takes whatever lies there for snippets of the module at hand, those of older builds, too.
    let bindgen = places.wasm_target.join("wasm-bindgen");
    if bindgen.exists() {
        fs::remove_dir_all(bindgen)?;
    }
    let mut trunk = toolchain.command("trunk", places)?;
    trunk
        .args(["build", "--release", "--dist"])
        .arg(staging)
        .env("TRUNK_SKIP_VERSION_CHECK", "true")
        // Trunk reads it as an option of its own, and refuses the usual value, 1.
        .env_remove("NO_COLOR");
    process::run(&mut trunk, "the lines above say why")
}

/// Adds to the built catalog what lies beside it, such as the archives that `cargo xtask dataset` fetched.
fn complete_catalog(datasets: &Path) -> Result<()> {
    let file = datasets.join("catalog.json");
    let mut catalog: serde_json::Value =
        serde_json::from_slice(&fs::read(&file).context("static/datasets/catalog.json is missing")?)?;
    let ids = catalog["datasets"].as_array_mut().context("static/datasets/catalog.json lists no datasets")?;
    for entry in WalkDir::new(datasets).min_depth(1).max_depth(1).sort_by_file_name() {
        let entry = entry?;
        let id = entry.file_name().to_string_lossy();
        if entry.path().join("dataset.json").is_file() && !ids.iter().any(|known| known == id.as_ref()) {
            ids.push(id.into());
        }
    }
    fs::write(file, serde_json::to_string(&catalog)?)?;
    Ok(())
}

/// The name of the page's script without its ending; Trunk makes it of the module's content.
fn page_name(staging: &Path) -> Result<String> {
    let names = wasm_files(staging)?.into_iter().filter_map(|file| Some(file.file_name()?.to_str()?.to_owned()));
    names
        .filter(|name| name.starts_with("app-"))
        .find_map(|name| Some(name.strip_suffix("_bg.wasm")?.to_owned()))
        .context("Trunk made no wasm for the page: compare index.html with Trunk's version")
}

/// Runs wasm-opt on each part of the page, or takes what it made of the same one before.
fn shrink_page(script: &Path, places: &Places, staging: &Path, page: &str) -> Result<()> {
    // Only what every browser with SIMD understands: with all features on, wasm-opt writes types that none knows yet.
    const OPTIONS: &[&str] = &[
        "-Oz",
        "--converge",
        "--enable-bulk-memory",
        "--enable-bulk-memory-opt",
        "--enable-multivalue",
        "--enable-mutable-globals",
        "--enable-nontrapping-float-to-int",
        "--enable-reference-types",
        "--enable-sign-ext",
        "--enable-simd",
    ];
    let kept = places.wasm_target.join("wasm-opt");
    let shrunk = places.wasm_target.join("wasm-opt.unfinished");
    if shrunk.exists() {
        fs::remove_dir_all(&shrunk)?;
    }
    fs::create_dir_all(&shrunk)?;
    let mut files = wasm_files(&staging.join(page))?;
    files.push(staging.join(format!("{page}_bg.wasm")));
    for file in files {
        let mut digest = Sha256::new();
        digest.update(format!("{} {OPTIONS:?}", tools::WASM_OPT_VERSION));
        digest.update(fs::read(&file)?);
        let name = format!("{}.wasm", hex(&digest.finalize()));
        if kept.join(&name).exists() {
            fs::copy(kept.join(&name), shrunk.join(&name))?;
        } else {
            let unfinished = shrunk.join("unfinished.wasm");
            tools::run_wasm_opt(script, OPTIONS, &file, &unfinished)?;
            fs::rename(unfinished, shrunk.join(&name))?;
        }
        fs::copy(shrunk.join(name), file)?;
    }
    // What older builds left goes.
    if kept.exists() {
        fs::remove_dir_all(&kept)?;
    }
    fs::rename(shrunk, kept)?;
    Ok(())
}

/// A folder's wasm, in the order of the names.
pub fn wasm_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
