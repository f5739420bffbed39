//! The engines' files: builds all that Trunk does not, checks all engines, and lists them in `engines.json`, named by their content.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::places::Places;
use crate::toolchain::{TARGET, Toolchain};
use crate::{build, machine_paths, process, threads, wasm};

/// A wasm module that trains, with the name of its binary in Cargo.toml.
pub struct Engine {
    pub name: &'static str,
    feature: &'static str,
    profile: &'static str,
    has_threads: bool,
}

/// The engine that index.html has Trunk build.
pub const CPU: Engine = Engine { name: "engine_cpu", feature: "cpu", profile: "engine", has_threads: false };

/// The CPU engine without Kindling's kernels, which the benchmarks compare with.
pub const STOCK: Engine = Engine { name: "engine_stock", feature: "stock", profile: "engine", has_threads: false };

/// No engine, but built and named like one: it writes networks as files for other tools.
pub const EXPORTER: Engine = Engine { name: "exporter", feature: "exporter", profile: "engine", has_threads: false };

/// The others, in the order in which they are built.
const LATER: [Engine; 2] = [
    Engine { name: "engine_cpu_threads", feature: "threads", profile: "engine", has_threads: true },
    Engine { name: "engine_gpu", feature: "gpu", profile: "gpu", has_threads: false },
];

/// The engines to build after the page and [`CPU`], without those that this machine cannot build.
pub fn later(can_build_threads: bool) -> Vec<&'static Engine> {
    LATER.iter().filter(|engine| can_build_threads || !engine.has_threads).collect()
}

/// The list of engines, for the page.
const LIST: &str = "engines.json";

/// No engine: the module that checks the GPU's kernels in a browser.
pub const GPU_CHECK: Engine = Engine { name: "gpu_check", feature: "checks", profile: "gpu", has_threads: false };

/// Sources of the page alone. An engine that depended on them would change with every edit there, a download of 19 MB for each visitor.
const PAGE_SOURCES: &[&str] =
    &["src/page/", "crates/core/src/search/", "crates/core/src/advice/", "crates/core/src/runs/"];

impl Engine {
    /// Compiles the engine and puts its files into `folder`.
    pub fn build_into(&self, folder: &Path, places: &Places, toolchain: &Toolchain) -> Result<()> {
        let mut cargo = match self.has_threads {
            true => threads::cargo(toolchain, places)?,
            false => toolchain.command("cargo", places)?,
        };
        cargo.args(["build", "--locked", "--no-default-features", "--target", TARGET]);
        cargo.args(["--bin", self.name, "--features", self.feature, "--profile", self.profile]);
        cargo.args(if self.has_threads { threads::OPTIONS } else { &[] });
        process::run(&mut cargo, "the lines above say why")?;
        self.check(places)?;

        let bound = self.bind(places)?;
        machine_paths::refuse(&bound, places)?;
        for entry in WalkDir::new(&bound) {
            let entry = entry?;
            let place = folder.join(entry.path().strip_prefix(&bound)?);
            if entry.file_type().is_dir() {
                fs::create_dir_all(&place)?;
            } else {
                fs::copy(entry.path(), &place)?;
            }
        }
        Ok(())
    }

    /// Fails if the engine would be slow, or would be renamed by every change of the page.
    pub fn check(&self, places: &Places) -> Result<()> {
        let file = self.file(places);
        // Checks cargo's output, because wasm-bindgen drops most exports.
        let module = fs::read(&file).with_context(|| format!("{} was not built", file.display()))?;
        let fraction = wasm::fraction_of_wrapped_exports(&module)?;
        // Without the trap it is 0, with it nearly 1; see `wasm`.
        ensure!(
            fraction <= 0.25,
            "{} runs all static constructors at every call ({:.0}% of its exports are wrapped): its start function has to call \
             __wasm_call_ctors itself",
            self.name,
            fraction * 100.0
        );
        let sources =
            fs::read_to_string(file.with_extension("d")).context("cargo no longer lists an engine's sources")?;
        if let Some(source) = page_source(&sources, &places.root) {
            bail!("{} is made of {source}, too, so every change there would rename it", self.name);
        }
        Ok(())
    }

    /// The module that cargo built.
    fn file(&self, places: &Places) -> PathBuf {
        let target = if self.has_threads { threads::target(places) } else { places.wasm_target.clone() };
        target.join(TARGET).join(self.profile).join(format!("{}.wasm", self.name))
    }

    /// Runs wasm-bindgen, unless its output for the same file still exists. Returns the folder with its files.
    fn bind(&self, places: &Places) -> Result<PathBuf> {
        let folder = places.wasm_target.join("engines").join(self.name);
        let input = self.file(places);
        let changed = |file: &Path| fs::metadata(file).and_then(|metadata| metadata.modified()).ok();
        let output = folder.join(format!("{}_bg.wasm", self.name));
        // wasm-bindgen has the version of the crate, so it changes only together with the file.
        if output.exists() && changed(&output) > changed(&input) {
            return Ok(folder);
        }
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
        let bindgen =
            process::find("wasm-bindgen", &places.path()?, &[]).context("wasm-bindgen is missing: run set-up")?;
        process::run(
            Command::new(bindgen)
                .args(["--target", "web", "--no-typescript", "--out-name", self.name, "--out-dir"])
                .arg(&folder)
                .arg(&input),
            "the lines above say why",
        )?;
        Ok(folder)
    }
}

/// Lists the engines in `folder`, each with the digest of its content, and the engines that will follow.
pub fn list(folder: &Path, coming: &[&Engine]) -> Result<()> {
    let coming: Vec<_> = coming.iter().map(|engine| engine.name).collect();
    let mut engines = BTreeMap::new();
    for engine in [&CPU, &EXPORTER].into_iter().chain(&LATER) {
        if !coming.contains(&engine.name) && folder.join(format!("{}.js", engine.name)).exists() {
            engines.insert(engine.name, digest(folder, engine.name)?);
        }
    }
    // Replaced atomically, because a page may fetch it at any time.
    let unfinished = folder.join(format!("{LIST}.unfinished"));
    fs::write(&unfinished, serde_json::to_string(&json!({ "engines": engines, "coming": coming }))?)?;
    fs::rename(unfinished, folder.join(LIST))?;
    Ok(())
}

/// The digest of each engine that [`list`] has listed in `folder`.
pub fn listed(folder: &Path) -> Result<BTreeMap<String, String>> {
    let mut list: serde_json::Value = serde_json::from_slice(&fs::read(folder.join(LIST))?)?;
    Ok(serde_json::from_value(list["engines"].take())?)
}

/// The digest of an engine's script, its snippets and its wasm. The script is rewritten to request each snippet by the snippet's own digest.
fn digest(folder: &Path, name: &str) -> Result<String> {
    let script_file = folder.join(format!("{name}.js"));
    let script = pinned(&fs::read_to_string(&script_file)?, folder)?;
    fs::write(script_file, &script)?;
    let mut digest = Sha256::new();
    digest.update(script);
    digest.update(fs::read(folder.join(format!("{name}_bg.wasm")))?);
    Ok(short(digest))
}

/// A script whose imports contain the digest of what they import, because a browser may have cached a snippet of an older build.
fn pinned(script: &str, folder: &Path) -> Result<String> {
    const START: &str = "from './snippets/";
    let mut pieces = script.split(START);
    let mut pinned = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (address, rest) =
            piece.split_once('\'').context("a script of wasm-bindgen has another form than expected")?;
        let path = address.split('?').next().unwrap_or_default();
        let snippet =
            fs::read(folder.join("snippets").join(path)).with_context(|| format!("snippets/{path} is missing"))?;
        pinned += &format!("{START}{path}?{}'{rest}", short(Sha256::new().chain_update(snippet)));
    }
    Ok(pinned)
}

fn short(digest: Sha256) -> String {
    build::hex(&digest.finalize()[..8])
}

/// The first source in cargo's list for an engine that belongs to the page alone.
fn page_source<'a>(sources: &'a str, root: &Path) -> Option<&'a str> {
    // Paths with spaces are split, which does not matter for those of the page.
    sources.split_whitespace().find(|source| {
        let source = Path::new(source).strip_prefix(root).unwrap_or(Path::new(source));
        let source = source.to_string_lossy().replace('\\', "/");
        PAGE_SOURCES.iter().any(|page| source.starts_with(page))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &Path, name: &str, content: &str) {
        let file = folder.join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, content).unwrap();
    }

    fn read(folder: &Path) -> serde_json::Value {
        serde_json::from_slice(&fs::read(folder.join(LIST)).unwrap()).unwrap()
    }

    /// A folder with the CPU engine.
    fn built() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "engine_cpu.js", "import { watch } from './snippets/kindling-0/worker.js';\nstart();");
        write(folder.path(), "engine_cpu_bg.wasm", "wasm");
        write(folder.path(), "snippets/kindling-0/worker.js", "export function watch() {}");
        folder
    }

    #[test]
    fn an_engine_is_named_by_its_content_alone() {
        let (folder, again) = (built(), built());
        list(folder.path(), &later(true)).unwrap();
        let first = read(folder.path());
        assert_eq!(first["coming"], json!(["engine_cpu_threads", "engine_gpu"]));
        assert_eq!(first["engines"].as_object().unwrap().len(), 1);

        write(again.path(), "app.js", "another page");
        list(again.path(), &[]).unwrap();
        assert_eq!(read(again.path())["engines"], first["engines"]);
        list(again.path(), &[]).unwrap();
        assert_eq!(read(again.path()), json!({ "engines": first["engines"], "coming": [] }));
    }

    #[test]
    fn a_machine_that_cannot_build_threads_builds_the_others() {
        let names: Vec<_> = later(false).iter().map(|engine| engine.name).collect();
        assert_eq!(names, ["engine_gpu"]);
    }

    #[test]
    fn whatever_changes_in_an_engine_renames_it() {
        for (name, content) in [
            ("engine_cpu.js", "start();"),
            ("engine_cpu_bg.wasm", "other wasm"),
            ("snippets/kindling-0/worker.js", "export function watch() { other(); }"),
        ] {
            let folder = built();
            list(folder.path(), &[]).unwrap();
            let before = read(folder.path());
            write(folder.path(), name, content);
            list(folder.path(), &[]).unwrap();
            assert_ne!(read(folder.path()), before, "{name}");
        }
    }

    #[test]
    fn scripts_ask_for_snippets_by_their_content() {
        let folder = built();
        list(folder.path(), &[]).unwrap();
        let script = fs::read_to_string(folder.path().join("engine_cpu.js")).unwrap();
        assert!(script.contains("from './snippets/kindling-0/worker.js?"), "{script}");
        assert_eq!(pinned(&script, folder.path()).unwrap(), script);
        assert!(pinned("import { a } from './snippets/absent.js';", folder.path()).is_err());
    }

    #[test]
    fn an_engine_made_of_the_page_is_seen() {
        let root = Path::new("/clone");
        let fine = "/target/engine_cpu.wasm: /clone/src/bin/engine_cpu.rs /clone/src/channel/page.rs /clone/crates/core/src/lib.rs";
        assert_eq!(page_source(fine, root), None);
        let page = "/target/engine_cpu.wasm: /clone/src/lib.rs /clone/src/page/mod.rs";
        assert_eq!(page_source(page, root), Some("/clone/src/page/mod.rs"));
        assert_eq!(
            page_source("engine_cpu.wasm: crates/core/src/search/mod.rs", root),
            Some("crates/core/src/search/mod.rs")
        );
    }
}
