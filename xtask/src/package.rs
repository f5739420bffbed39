//! The runtime of exported web components as a folder that npm could publish: the same for every network, which comes as a `network.json` of its own.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::json;

use crate::places::Places;

const NAME: &str = "kindling-classifier";

/// Writes the package beside what cargo builds.
pub fn write(places: &Places) -> Result<()> {
    let folder = write_into(&places.host_target.join("npm"), &places.root)?;
    println!("build: {} has the runtime of exported web components, for npm", folder.display());
    Ok(())
}

/// Returns the package's folder.
fn write_into(parent: &Path, root: &Path) -> Result<PathBuf> {
    let web = root.join("crates").join("exchange").join("web");
    let read = |file: PathBuf| fs::read_to_string(&file).with_context(|| format!("{} is missing", file.display()));
    let source = |name: &str| read(web.join(name));
    // As `write/module.rs` of kindling-exchange does for an archive.
    let script = source("module.js")?.replace("@ENGINE@", &source("engine.js")?);
    let script = script.replace("@PREPARE@", &source("prepare.js")?);
    let about = json!({
        "name": NAME,
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Classifies images with a network that Kindling trained and exported: a web component and a function, without dependencies.",
        "license": "MIT OR Apache-2.0",
        "type": "module",
        "exports": { ".": { "types": "./kindling-classifier.d.ts", "default": "./kindling-classifier.js" } },
        "types": "./kindling-classifier.d.ts",
        "files": ["kindling-classifier.js", "kindling-classifier.d.ts", "LICENSE-MIT", "LICENSE-APACHE"],
    });
    let folder = parent.join(NAME);
    fs::create_dir_all(&folder)?;
    for (name, text) in [
        ("kindling-classifier.js", script),
        ("kindling-classifier.d.ts", source("module.d.ts")?),
        ("README.md", source("package.md")?),
        ("LICENSE-MIT", read(root.join("LICENSE-MIT"))?),
        ("LICENSE-APACHE", read(root.join("LICENSE-APACHE"))?),
        ("package.json", format!("{about:#}\n")),
    ] {
        fs::write(folder.join(name), text)?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_package_is_complete() {
        let parent = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let folder = write_into(parent.path(), root).unwrap();
        let about: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(folder.join("package.json")).unwrap()).unwrap();
        for file in about["files"].as_array().unwrap() {
            assert!(folder.join(file.as_str().unwrap()).is_file(), "{file}");
        }
        let script = fs::read_to_string(folder.join("kindling-classifier.js")).unwrap();
        assert!(script.contains("export async function load") && script.contains("function openModel"));
        assert!(!script.contains("@ENGINE@") && !script.contains("@PREPARE@"));
    }
}
