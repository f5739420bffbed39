//! Building where rustup cannot download: with Debian's compiler, and a standard library for wasm that is built from its source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::places::Places;
use crate::toolchain::{TARGET, Toolchain, has_target};
use crate::{machine_paths, process};

const BIN: &str = "/usr/bin";
const RUSTC: &str = "/usr/bin/rustc";
const LIBRARY: &str = "/usr/lib/rustlib/src/rust";
const STD_SOURCE: &str = "/usr/lib/rustlib/src/rust/library/std/Cargo.toml";
/// Debian's rustc has no `rust-lld`.
const LINKER: &str = "wasm-ld-19";
/// Compiler, cargo, the source of std (it ships none for wasm32-unknown-unknown), std for build scripts, linker, clippy.
const PACKAGES: &[&str] =
    &["rustc-web", "cargo-web", "rust-web-src", "libstd-rust-web-dev", "lld-19", "rust-web-clippy"];
/// The oldest compiler that the crates accept: `rust-version` in Cargo.toml.
const OLDEST: (u32, u32) = (1, 95);

/// The distribution's Rust, if it can build for wasm already.
pub fn find(places: &Places) -> Option<Toolchain> {
    let version = compiler()?;
    let linker = process::find(LINKER, BIN.as_ref(), &[])?.display().to_string();
    let own = sysroot(places, &version);
    let sysroot = match has_target(Path::new(RUSTC), None) {
        true => None,
        false if has_target(Path::new(RUSTC), Some(&own)) => Some(own),
        false => return None,
    };
    Some(Toolchain {
        description: format!("{version} of the distribution, linked by {LINKER}"),
        bin: Some(BIN.into()),
        linker: Some(linker),
        sysroot,
    })
}

/// Installs the missing parts of the distribution's Rust.
pub fn install() -> Result<()> {
    let missing = compiler().is_none()
        || !Path::new(STD_SOURCE).exists()
        || process::find(LINKER, BIN.as_ref(), &[]).is_none()
        || !Path::new(BIN).join("cargo").exists();
    if missing {
        apt_install(PACKAGES, &format!("or let rustup download: `rustup target add {TARGET}`"))?;
    }
    compiler().map(drop).context(
        "/usr/bin/rustc is older than 1.95 or missing: install a newer one, or rustup with the wasm32-unknown-unknown target",
    )
}

/// Builds the standard library for wasm, if the distribution's compiler has none.
pub fn build_library(places: &Places) -> Result<()> {
    let version = compiler().context("/usr/bin/rustc is missing: run set-up again")?;
    let own = sysroot(places, &version);
    if has_target(Path::new(RUSTC), None) || has_target(Path::new(RUSTC), Some(&own)) {
        return Ok(());
    }
    println!("wasm target: building its standard library from the distribution's source, once");
    build_std(places, &own)
}

/// Installs packages of a Debian-like system, or fails with the names of those to install.
pub fn apt_install(packages: &[&str], otherwise: &str) -> Result<()> {
    let list = packages.join(" ");
    let by_hand = format!("apt-get install -y --no-install-recommends {list}");
    if process::read(Command::new("apt-get").arg("--version")).is_none() {
        bail!("this system has no apt-get to install {list} with: install their like, {otherwise}");
    }
    if process::read(Command::new("id").arg("-u")).as_deref() != Some("0") {
        bail!("installing packages needs root: run `sudo {by_hand}`, {otherwise}");
    }
    println!("packages: installing {list}");
    // A fresh machine has no package lists yet.
    process::run(
        Command::new("apt-get").args(["update", "-qq"]).env("DEBIAN_FRONTEND", "noninteractive"),
        &format!("check the package sources, {otherwise}"),
    )?;
    process::run(
        Command::new("apt-get")
            .args(["install", "-qq", "-y", "--no-install-recommends"])
            .args(packages)
            .env("DEBIAN_FRONTEND", "noninteractive"),
        &format!("install these packages by hand, {otherwise}"),
    )
}

/// The version of the distribution's compiler, if it is installed and new enough.
fn compiler() -> Option<String> {
    let version = process::read(Command::new(RUSTC).arg("--version"))?;
    is_new_enough(&version).then_some(version)
}

fn is_new_enough(version: &str) -> bool {
    let numbers = version.split_whitespace().nth(1).unwrap_or_default();
    let mut numbers = numbers.split('.').map_while(|number| number.parse::<u32>().ok());
    matches!((numbers.next(), numbers.next()), (Some(major), Some(minor)) if (major, minor) >= OLDEST)
}

/// Kindling's own folder for the standard library: one per compiler, because no compiler can use another's. The suffix of its name distinguishes
/// it from the libraries that older versions of these commands built.
fn sysroot(places: &Places, version: &str) -> PathBuf {
    let name = version.replace(|letter: char| !letter.is_ascii_alphanumeric() && letter != '.', "-");
    places.cache.join("sysroot").join(format!("{name}-remapped"))
}

/// Builds the standard library through an empty crate, and keeps its rlibs where `--sysroot` finds them.
fn build_std(places: &Places, sysroot: &Path) -> Result<()> {
    let seed = places.cache.join("sysroot").join("seed");
    let library = sysroot.join("lib").join("rustlib").join(TARGET).join("lib");
    if seed.exists() {
        fs::remove_dir_all(&seed)?;
    }
    fs::create_dir_all(seed.join("src"))?;
    fs::write(seed.join("src").join("lib.rs"), "")?;
    let manifest = "[package]\nname = \"seed\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n[workspace]\n";
    fs::write(seed.join("Cargo.toml"), manifest)?;

    // Link-time optimization needs the bitcode beside the machine code, which cargo leaves out by default.
    let mut flags = vec!["-Cembed-bitcode=yes".to_owned()];
    flags.extend(machine_paths::remap_flags(&seed.join("target"), Path::new(LIBRARY)));
    let path = process::path_with(&[BIN.into()], &std::env::var_os("PATH").unwrap_or_default())?;
    process::run(
        Command::new(Path::new(BIN).join("cargo"))
            .args(["build", "--release", "-Zbuild-std=std,panic_abort", "--target", TARGET])
            .current_dir(&seed)
            .env("PATH", path)
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
            // A stable compiler rejects -Zbuild-std without this.
            .env("RUSTC_BOOTSTRAP", "1")
            .env("CARGO_TARGET_DIR", seed.join("target"))
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER),
        "check that the crate registry can be reached, as the standard library has a few dependencies there",
    )?;

    fs::create_dir_all(&library)?;
    let built = seed.join("target").join(TARGET).join("release").join("deps");
    for entry in fs::read_dir(built)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.ends_with(".rlib") && !name.starts_with("libseed") {
            fs::copy(entry.path(), library.join(&name))?;
        }
    }
    fs::remove_dir_all(seed)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_or_unreadable_compiler_is_not_taken() {
        assert!(is_new_enough("rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)"));
        assert!(is_new_enough("rustc 1.95.0"));
        assert!(is_new_enough("rustc 2.0.1"));
        assert!(!is_new_enough("rustc 1.63.0"));
        assert!(!is_new_enough("rustc"));
        assert!(!is_new_enough("rustc nightly"));
    }
}
