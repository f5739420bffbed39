//! `cargo xtask build`: the page and its engines as a folder of static files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use walkdir::WalkDir;

use crate::engines::{self, Engine};
use crate::places::Places;
use crate::setup::Equipment;
use crate::toolchain::{TARGET, Toolchain};
use crate::{machine_paths, offline, package, parts, process, shrink};

/// Builds everything into `dist/`.
pub fn build(places: &Places, equipment: &Equipment) -> Result<()> {
    let staging = page(places, equipment)?;
    for engine in equipment.later_engines() {
        engine.build_into(&staging, places, &equipment.toolchain)?;
    }
    engines::list(&staging, &[])?;
    offline::list(&staging)?;
    publish(places, &staging)?;
    package::write(places)?;
    print_sizes(&places.dist)
}

/// Builds the page and the CPU engine into `dist/`, and announces the engines that [`complete`] will add.
pub fn begin(places: &Places, equipment: &Equipment, coming: &[&Engine]) -> Result<()> {
    let staging = page(places, equipment)?;
    engines::list(&staging, coming)?;
    if coming.is_empty() {
        offline::list(&staging)?;
    } else {
        offline::list_nothing(&staging)?;
    }
    publish(places, &staging)
}

/// Adds the other engines to `dist/`, where open pages pick them up. Where one fails, the pages no longer wait for it.
pub fn complete(places: &Places, equipment: &Equipment, coming: &[&Engine]) -> Result<()> {
    let mut n_failed = 0;
    for (index, engine) in coming.iter().enumerate() {
        println!("build: {}, behind the page", engine.name);
        let built = engine.build_into(&places.dist, places, &equipment.toolchain);
        engines::list(&places.dist, &coming[index + 1..])?;
        match built {
            Ok(()) => println!("build: {} is there, and a page that is open takes it", engine.name),
            Err(error) => {
                n_failed += 1;
                eprintln!("build: the page goes on without {}: {error:#}", engine.name);
            }
        }
    }
    offline::list(&places.dist)?;
    ensure!(n_failed == 0, "{n_failed} of {} engines could not be built", coming.len());
    Ok(())
}

/// Builds the page and the CPU engine into a folder next to `dist/`, so that it can be renamed to it: the target folder may be on another disk.
fn page(places: &Places, equipment: &Equipment) -> Result<PathBuf> {
    let staging = places.root.join("dist.unfinished");
    if staging.exists() {
        fs::remove_dir_all(&staging)?;
    }
    fs::create_dir_all(&staging)?;

    println!("build: with {}", equipment.toolchain.description);
    run_trunk(places, &equipment.toolchain, &staging)?;
    engines::CPU.check(places)?;
    engines::EXPORTER.build_into(&staging, places, &equipment.toolchain)?;
    complete_catalog(&staging.join("datasets"))?;
    let page = page_name(&staging)?;
    parts::cut(places, &page, &staging)?;
    if let Some(binaryen) = &equipment.shrinking.binaryen {
        shrink::wasm(binaryen, places, &staging, &page)?;
    }
    parts::share(&page, &staging)?;
    if let Some(esbuild) = &equipment.shrinking.esbuild {
        shrink::scripts_and_styles(esbuild, &staging, &page)?;
    }
    machine_paths::refuse(&staging, places)?;
    Ok(staging)
}

/// Replaces `dist/`. Only a complete and checked build gets here.
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

/// Compiles what Trunk requests from cargo according to index.html, so that Trunk finds it done.
pub fn compile_ahead(places: &Places, toolchain: &Toolchain) -> Result<()> {
    let page = ["--bin=app", "--features=page", "--profile=page"];
    let engine = ["--bin=engine_cpu", "--features=cpu", "--profile=engine"];
    let exporter = ["--bin=exporter", "--features=exporter", "--profile=engine"];
    let compile = |options: [&str; 3]| -> Result<()> {
        let mut cargo = toolchain.command("cargo", places)?;
        cargo.args(["build", "--locked", "--no-default-features", "--target", TARGET]).args(options);
        // Bars of several cargos would overwrite each other.
        cargo.env("CARGO_TERM_PROGRESS_WHEN", "never");
        process::run(&mut cargo, "the lines above say why")
    };
    // Both at once: each ends with minutes of one crate on one core, the page with its linking, the engine with burn-flex. The exporter waits for
    // the engine, since both write to one folder, which only one cargo may.
    std::thread::scope(|scope| {
        let page = scope.spawn(|| compile(page));
        let engines = compile(engine).and_then(|()| compile(exporter));
        page.join().unwrap_or_else(|_| bail!("compiling the page panicked"))?;
        engines
    })
}

fn run_trunk(places: &Places, toolchain: &Toolchain, staging: &Path) -> Result<()> {
    // Trunk takes everything in that folder for snippets of the current module, including those of older builds.
    let bindgen = places.wasm_target.join("wasm-bindgen");
    if bindgen.exists() {
        fs::remove_dir_all(bindgen)?;
    }
    let mut trunk = toolchain.command("trunk", places)?;
    trunk
        .args(["build", "--release", "--dist"])
        .arg(staging)
        .env("TRUNK_SKIP_VERSION_CHECK", "true")
        // Trunk reads it as an option of its own, and rejects the usual value, 1.
        .env_remove("NO_COLOR");
    process::run(&mut trunk, "the lines above say why")
}

/// Adds the datasets in the built folder to the built catalog, such as the archives that `cargo xtask dataset` fetched.
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

/// The name of the page's script without its extension; Trunk derives it from the module's content.
fn page_name(staging: &Path) -> Result<String> {
    let names = wasm_files(staging)?.into_iter().filter_map(|file| Some(file.file_name()?.to_str()?.to_owned()));
    names
        .filter(|name| name.starts_with("app-"))
        .find_map(|name| Some(name.strip_suffix("_bg.wasm")?.to_owned()))
        .context("Trunk made no wasm for the page: compare index.html with Trunk's version")
}

/// Builds an example of the kernels, a module for browsers, and returns its file.
pub fn kernel_example(name: &str, places: &Places, toolchain: &Toolchain) -> Result<PathBuf> {
    let mut cargo = toolchain.command("cargo", places)?;
    cargo.args(["build", "--locked", "--release", "--package=kindling-kernels", "--target", TARGET, "--example", name]);
    process::run(&mut cargo, "the lines above say why")?;
    Ok(places.wasm_target.join(TARGET).join("release").join("examples").join(format!("{name}.wasm")))
}

/// The wasm files of a folder, sorted by name.
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
