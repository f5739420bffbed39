//! The programs that make a page of what the compiler makes: Trunk, wasm-bindgen.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use crate::places::Places;
use crate::process;

/// Newer ones want a newer compiler than the oldest that Kindling builds with. Any on PATH from this one on is taken.
const TRUNK: &str = "0.21.14";

/// Trunk, of any version that knows features per link.
pub fn trunk(places: &Places) -> Result<()> {
    match fit_trunk(places)? {
        Some(version) => println!("trunk: {version} is there"),
        // Without its defaults, encrypted connections and a question for newer versions, it has a fifth fewer crates.
        // It copies files and calls other programs: optimized code would gain it nothing.
        None => cargo_install("trunk", TRUNK, &["--locked", "--no-default-features"], "0", places)?,
    }
    Ok(())
}

/// wasm-bindgen, of exactly the version that the crates are linked with.
pub fn wasm_bindgen(places: &Places) -> Result<()> {
    let wanted = wanted_bindgen(places)?;
    if has_bindgen(&wanted, places)? {
        println!("wasm-bindgen: {wanted} is there, as Cargo.lock asks");
        return Ok(());
    }
    // Not locked: its lock file may name crates that were withdrawn since. Without its defaults it needs no TLS, which takes long to compile.
    cargo_install("wasm-bindgen-cli", &wanted, &["--no-default-features", "--bin", "wasm-bindgen"], "1", places)
}

/// Whether one of both has to be installed.
pub fn are_missing(places: &Places) -> Result<bool> {
    Ok(fit_trunk(places)?.is_none() || !has_bindgen(&wanted_bindgen(places)?, places)?)
}

/// The version of the Trunk that is there, if it is new enough.
fn fit_trunk(places: &Places) -> Result<Option<String>> {
    let oldest = numbers(TRUNK);
    Ok(version_of("trunk", places)?.filter(|version| numbers(version) >= oldest))
}

fn has_bindgen(wanted: &str, places: &Places) -> Result<bool> {
    Ok(version_of("wasm-bindgen", places)?.as_deref() == Some(wanted))
}

fn wanted_bindgen(places: &Places) -> Result<String> {
    let lock =
        fs::read_to_string(places.root.join("Cargo.lock")).context("Cargo.lock is missing: check it out again")?;
    let wanted = locked_version(&lock, "wasm-bindgen").context("Cargo.lock has no wasm-bindgen: check it out again")?;
    Ok(wanted.to_owned())
}

/// Prebuilt where `cargo binstall` is at hand, else compiled.
fn cargo_install(name: &str, version: &str, options: &[&str], opt_level: &str, places: &Places) -> Result<()> {
    let root = places.cache.join("tools");
    let remedy = format!("check that the crate registry can be reached, or install {name} {version} on PATH");
    if process::read(Command::new("cargo").args(["binstall", "-V"])).is_some() {
        println!("{name}: fetching {version}");
        let mut command = Command::new("cargo");
        command.args(["binstall", "--no-confirm", "--root"]).arg(&root).arg(format!("{name}@{version}"));
        match process::run(&mut command, "it is compiled instead") {
            Ok(()) => return Ok(()),
            Err(error) => println!("{name}: {error}"),
        }
    }

    println!("{name}: compiling {version}, once, for some minutes");
    let target = root.join("build");
    let mut command = Command::new("cargo");
    command
        .args(["install", "--quiet", "--force", "--root"])
        .arg(&root)
        .arg(format!("{name}@{version}"))
        .args(options)
        .current_dir(&places.cache)
        .env("CARGO_TARGET_DIR", &target)
        // They run for seconds: the time that their own release profiles take would not come back.
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", opt_level)
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    fs::create_dir_all(&places.cache)?;
    process::run(&mut command, &remedy)?;
    // Some hundred megabytes that nothing needs again.
    fs::remove_dir_all(target).ok();
    Ok(())
}

/// The version that a program says it is.
fn version_of(program: &str, places: &Places) -> Result<Option<String>> {
    let path = places.path()?;
    let Some(program) = process::find(program, &path, &[]) else { return Ok(None) };
    let line = process::read(Command::new(program).arg("--version"));
    Ok(line.and_then(|line| line.split_whitespace().nth(1).map(str::to_owned)))
}

/// The version of a package in a lock file. Versions follow their names there.
fn locked_version<'a>(lock: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?;
    rest.split('"').next()
}

/// A version as numbers to compare; what is no number counts as 0.
fn numbers(version: &str) -> Vec<u32> {
    version.split(['.', '-', '+']).map(|number| number.parse().unwrap_or(0)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locked_version_is_that_of_the_very_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.58\"\n\n[[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\nsource = \"\"\n";
        assert_eq!(locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(locked_version(lock, "burn"), None);
    }

    #[test]
    fn versions_compare_as_numbers() {
        assert!(numbers("0.21.14") > numbers("0.21.9"));
        assert!(numbers("0.22.0-beta.1") > numbers(TRUNK));
        assert!(numbers("0.20.3") < numbers(TRUNK));
    }
}
