//! Names the build by a hash of all that the engines are made of, so that a new page recognizes an old engine that a cache kept.
//! A change that only concerns the page leaves the name as it is: visitors keep their engine, and cargo keeps its work.

use std::hash::{DefaultHasher, Hasher};
use std::path::Path;
use std::process::Command;
use std::{env, fs, io};

/// The page's own code, which no engine contains.
const PAGE: &[&str] = &["src/page", "src/bin"];

fn main() -> io::Result<()> {
    let root = env::var("CARGO_MANIFEST_DIR").map_err(io::Error::other)?;
    let root = Path::new(&root);
    let mut hasher = DefaultHasher::new();
    let compiler = Command::new(env::var("RUSTC").map_err(io::Error::other)?).arg("-vV").output()?;
    hasher.write(&compiler.stdout);

    let source =
        children(&root.join("src"))?.into_iter().filter(|path| !PAGE.iter().any(|page| root.join(page) == **path));
    let settings = ["Cargo.lock", "Cargo.toml", ".cargo/config.toml"].map(|name| root.join(name));
    for path in source.chain(settings) {
        println!("cargo::rerun-if-changed={}", path.display());
        hash(&path, &mut hasher)?;
    }
    if env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family == "wasm") {
        // `cargo xtask build` cuts the page into parts, and follows what the code refers to.
        println!("cargo::rustc-link-arg-bin=app=--emit-relocs");
    }
    println!("cargo::rustc-env=KINDLING_BUILD={:016x}", hasher.finish());
    Ok(())
}

/// Hashes a file, or a folder's files in the order of their names.
fn hash(path: &Path, hasher: &mut DefaultHasher) -> io::Result<()> {
    hasher.write(path.file_name().unwrap_or_default().as_encoded_bytes());
    if path.is_dir() {
        return children(path)?.iter().try_for_each(|child| hash(child, hasher));
    }
    hasher.write(&fs::read(path)?);
    Ok(())
}

fn children(folder: &Path) -> io::Result<Vec<std::path::PathBuf>> {
    let mut children = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    children.sort();
    Ok(children)
}
