//! Identifies the wire format between page and engine by a digest of the sources that define it; a page rejects an engine with another one.
//! Nothing else goes into the digest, so a change in the page leaves the engines unchanged.

use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};
use std::{env, fs, io};

/// The channel, and every type that is sent through it.
const WIRE: &[&str] = &[
    "src/channel",
    "crates/core/src/protocol",
    "crates/core/src/config",
    "crates/core/src/dataset",
    "crates/core/src/network",
];

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?);
    let mut hasher = DefaultHasher::new();
    for path in WIRE.iter().map(|path| root.join(path)) {
        println!("cargo::rerun-if-changed={}", path.display());
        hash(&path, &mut hasher)?;
    }
    println!("cargo::rustc-env=KINDLING_BUILD={:016x}", hasher.finish());
    if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        // `cargo xtask build` splits the page into parts, for which it follows references in the code.
        println!("cargo::rustc-link-arg-bin=app=--emit-relocs");
    }
    Ok(())
}

/// Hashes a file, or a folder's files in order of their names.
fn hash(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    hasher.write(path.file_name().unwrap_or_default().as_encoded_bytes());
    if !path.is_dir() {
        hasher.write(&fs::read(path)?);
        return Ok(());
    }
    let mut children = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    children.sort();
    children.iter().try_for_each(|child| hash(child, hasher))
}
