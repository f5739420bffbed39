//! Names the build by a hash of its sources, so that a new page recognizes an old engine that a cache kept.

use std::hash::{DefaultHasher, Hasher};
use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let mut hasher = DefaultHasher::new();
    for name in ["Cargo.lock", "Cargo.toml", "src"] {
        println!("cargo::rerun-if-changed={name}");
        hash(&Path::new(&root).join(name), &mut hasher)?;
    }
    println!("cargo::rustc-env=KINDLING_BUILD={:016x}", hasher.finish());
    Ok(())
}

/// Hashes a file, or a folder's files in the order of their names.
fn hash(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    if !path.is_dir() {
        hasher.write(&fs::read(path)?);
        return Ok(());
    }
    let mut children = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    children.sort();
    children.iter().try_for_each(|child| {
        hasher.write(child.file_name().unwrap_or_default().as_encoded_bytes());
        hash(child, hasher)
    })
}
