//! The list of a build's files, each with its SHA-256, in the script of its service worker (static/service-worker.js), which keeps the page for
//! visits without a connection.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use walkdir::WalkDir;

use crate::build::hex;
use crate::engines;

const SCRIPT: &str = "service-worker.js";

/// What the script's first line begins with.
const START: &str = "const BUILD=";

/// SHA-256 by path.
type Files = BTreeMap<String, String>;

/// Lists the files of a complete build in its service worker. Call after [`engines::list`].
pub fn list(folder: &Path) -> Result<()> {
    let (mut page, mut engines) = (Files::new(), BTreeMap::<String, Files>::new());
    for entry in WalkDir::new(folder) {
        let entry = entry?;
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path().strip_prefix(folder)?.to_string_lossy().replace('\\', "/");
        let files = match engine_of(&path) {
            Some(engine) => engines.entry(engine.to_owned()).or_default(),
            None if is_of_page(&path) => &mut page,
            None => continue,
        };
        files.insert(path, hex(&Sha256::digest(fs::read(entry.path())?)));
    }
    let digests = engines::listed(folder)?;
    let engines: BTreeMap<_, _> = digests
        .into_iter()
        .map(|(name, digest)| {
            let files = engines.remove(&name).unwrap_or_default();
            (name, json!({ "digest": digest, "files": files }))
        })
        .collect();
    let mut build = json!({ "page": page, "engines": engines });
    let name = hex(&Sha256::digest(build.to_string())[..8]);
    build["name"] = name.into();
    write(folder, &build)
}

/// Has the service worker keep nothing, as long as engines are still being built.
pub fn list_nothing(folder: &Path) -> Result<()> {
    write(folder, &Value::Null)
}

fn write(folder: &Path, build: &Value) -> Result<()> {
    let file = folder.join(SCRIPT);
    let script = fs::read_to_string(&file).context("the build has no service worker: compare index.html")?;
    // After that of an earlier call.
    let script = match script.split_once('\n') {
        Some((first, rest)) if first.starts_with(START) => rest,
        _ => &script,
    };
    // Replaced atomically, because a browser may fetch it at any time.
    let unfinished = folder.join(format!("{SCRIPT}.unfinished"));
    fs::write(&unfinished, format!("{START}{build};\n{script}"))?;
    fs::rename(unfinished, file)?;
    Ok(())
}

/// The engine that a file belongs to: `engine_cpu` for `engine_cpu_bg.wasm`. The exporter is kept like one, once it is used. Their snippets are
/// small, and belong to the page.
fn engine_of(path: &str) -> Option<&str> {
    let name = path.strip_suffix("_bg.wasm").or_else(|| path.strip_suffix(".js"))?;
    (name.starts_with("engine_") || name == engines::EXPORTER.name).then_some(name)
}

/// Of a dataset, the page has its description and its thumbnails; the rest is kept by the engine that loads it, and so are pre-trained weights. A
/// service worker cannot keep itself.
fn is_of_page(path: &str) -> bool {
    let is_of_engine = path.starts_with("datasets/") || path.starts_with("pretrained/");
    path != SCRIPT && (!is_of_engine || path.ends_with(".json") || path.ends_with(".png"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, content) in [
            ("service-worker.js", "keep(BUILD);\nanswer();\n"),
            ("index.html", "<!doctype html>"),
            ("app-1/parts.js", "parts"),
            ("datasets/catalog.json", "{}"),
            ("datasets/mnist/dataset.json", "{}"),
            ("datasets/mnist/images.gz", "images"),
            ("datasets/mnist/samples.png", "thumbnails"),
            ("datasets/mnist/LICENSE", "license"),
            ("pretrained/some-net/features.safetensors", "weights"),
            ("engine_cpu.js", "start();"),
            ("engine_cpu_bg.wasm", "wasm"),
            // Not among the engines of engines.json, as that of the benchmarks.
            ("engine_stock.js", "start();"),
            ("snippets/kindling-0/worker.js", "export function watch() {}"),
        ] {
            let file = folder.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, content).unwrap();
        }
        engines::list(folder.path(), &[]).unwrap();
        folder
    }

    fn script(folder: &tempfile::TempDir) -> String {
        fs::read_to_string(folder.path().join(SCRIPT)).unwrap()
    }

    fn build(folder: &tempfile::TempDir) -> Value {
        list(folder.path()).unwrap();
        let script = script(folder);
        serde_json::from_str(script.lines().next().unwrap().strip_prefix(START).unwrap().trim_end_matches(';')).unwrap()
    }

    #[test]
    fn the_page_and_each_engine_are_listed_and_images_are_not() {
        let build = build(&built());
        let paths = |files: &Value| files.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(
            paths(&build["page"]),
            [
                "app-1/parts.js",
                "datasets/catalog.json",
                "datasets/mnist/dataset.json",
                "datasets/mnist/samples.png",
                "engines.json",
                "index.html",
                "snippets/kindling-0/worker.js"
            ]
        );
        assert_eq!(paths(&build["engines"]), ["engine_cpu"]);
        assert_eq!(paths(&build["engines"]["engine_cpu"]["files"]), ["engine_cpu.js", "engine_cpu_bg.wasm"]);
        assert_eq!(build["page"]["index.html"], hex(&Sha256::digest("<!doctype html>")));
    }

    #[test]
    fn whatever_changes_renames_the_build() {
        let before = build(&built());
        assert_eq!(build(&built()), before);
        for path in ["index.html", "datasets/catalog.json", "engine_cpu_bg.wasm", "snippets/kindling-0/worker.js"] {
            let folder = built();
            fs::write(folder.path().join(path), "changed").unwrap();
            engines::list(folder.path(), &[]).unwrap();
            assert_ne!(build(&folder)["name"], before["name"], "{path}");
        }
    }

    #[test]
    fn a_later_list_replaces_an_earlier_one() {
        let folder = built();
        list_nothing(folder.path()).unwrap();
        assert_eq!(script(&folder), "const BUILD=null;\nkeep(BUILD);\nanswer();\n");
        build(&folder);
        assert!(script(&folder).ends_with(";\nkeep(BUILD);\nanswer();\n"));
        assert_eq!(script(&folder).matches(START).count(), 1);
    }
}
