//! The compiler for wasm: the one on PATH if it has the target, else rustup's target, else the distribution's Rust.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::places::Places;
use crate::{distribution, machine_paths, process};

pub const TARGET: &str = "wasm32-unknown-unknown";

/// How to call cargo and Trunk so that they can build for wasm.
#[derive(Clone, Debug, Default)]
pub struct Toolchain {
    /// What set-up prints about it.
    pub description: String,
    /// Folder of the compiler, if it is not the one on PATH.
    pub bin: Option<PathBuf>,
    /// The linker, if the compiler has none.
    pub linker: Option<String>,
    /// Kindling's own folder with the target's standard library, if the compiler has none.
    pub sysroot: Option<PathBuf>,
}

impl Toolchain {
    /// The toolchain to use, if nothing has to be installed for it.
    pub fn find(places: &Places) -> Option<Self> {
        if has_target(Path::new("rustc"), None) {
            let version = process::read(Command::new("rustc").arg("--version"))?;
            return Some(Self { description: format!("{version}, which has the target"), ..Self::default() });
        }
        distribution::find(places)
    }

    pub fn find_or_install(places: &Places) -> Result<Self> {
        Self::install(places)?;
        Self::find_or_build(places)
    }

    /// Installs a compiler for wasm if none is there. Compiles nothing, so it fails soon if at all.
    pub fn install(places: &Places) -> Result<()> {
        if Self::find(places).is_some() {
            return Ok(());
        }
        if process::read(Command::new("rustup").arg("--version")).is_none() {
            println!("wasm target: no rustup here, so the distribution's Rust");
        } else if !may_rustup_download() {
            println!("wasm target: rustup may not download here (RUSTUP_AUTO_INSTALL=0), so the distribution's Rust");
        } else {
            println!("wasm target: asking rustup for it");
            let remedy = "the distribution's Rust is tried instead";
            match process::run(Command::new("rustup").args(["target", "add", TARGET]), remedy) {
                Ok(()) if has_target(Path::new("rustc"), None) => return Ok(()),
                Ok(()) => println!("wasm target: rustup added it to another toolchain than the one in use here"),
                Err(error) => println!("wasm target: {error}"),
            }
        }
        distribution::install()
    }

    /// The toolchain to use, after [`Toolchain::install`]. Compiles the standard library for wasm if the compiler has none.
    pub fn find_or_build(places: &Places) -> Result<Self> {
        if let Some(found) = Self::find(places) {
            return Ok(found);
        }
        distribution::build_library(places)?;
        Self::find(places).with_context(|| {
            format!("the distribution's Rust was installed but has no {TARGET}: run `rustup target add {TARGET}`")
        })
    }

    /// A program that builds for wasm: cargo, or Trunk, which calls cargo.
    pub fn command(&self, program: &str, places: &Places) -> Result<Command> {
        let sysroot = self.sysroot.iter().map(|sysroot| format!("--sysroot={}", sysroot.display()));
        self.command_with(program, &sysroot.collect::<Vec<_>>(), places)
    }

    /// The same with these flags of the compiler, and without Kindling's own folder of the standard library.
    pub fn command_with(&self, program: &str, flags: &[String], places: &Places) -> Result<Command> {
        let mut path = std::env::var_os("PATH").unwrap_or_default();
        if let Some(bin) = &self.bin {
            path = process::path_with(std::slice::from_ref(bin), &path)?;
        }
        path = process::path_with(&[places.tools_bin()], &path)?;

        let program = process::find(program, &path, &[]).unwrap_or_else(|| program.into());
        let mut command = Command::new(program);
        command.current_dir(&places.root).env("PATH", path).env("CARGO_TARGET_DIR", &places.wasm_target);
        if let Some(linker) = &self.linker {
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", linker);
        }
        // Encoded, because a path may contain a space. Cargo then uses no other flags, so those of its configuration are included.
        command.env("CARGO_ENCODED_RUSTFLAGS", self.flags(flags, places)?.join("\u{1f}"));
        Ok(command)
    }

    /// The compiler's flags beyond its profile.
    fn flags(&self, further: &[String], places: &Places) -> Result<Vec<String>> {
        let config = places.root.join(".cargo").join("config.toml");
        let mut flags = std::fs::read_to_string(&config)
            .ok()
            .and_then(|config| configured_flags(&config))
            .with_context(|| format!("{} has no flags for {TARGET}: check it out again", config.display()))?;
        flags.extend_from_slice(further);
        flags.extend(machine_paths::remap_flags(&places.wasm_target, &self.library_source()?));
        Ok(flags)
    }

    /// Where the source of the standard library is, if it is installed.
    pub fn library_source(&self) -> Result<PathBuf> {
        let rustc = self.bin.as_ref().map_or_else(|| PathBuf::from("rustc"), |bin| bin.join("rustc"));
        let sysroot = process::read(Command::new(rustc).args(["--print", "sysroot"]))
            .context("rustc does not say where it is installed: run set-up again")?;
        Ok(Path::new(&sysroot).join("lib").join("rustlib").join("src").join("rust"))
    }
}

/// Some machines say by this variable that rustup reaches no server.
pub fn may_rustup_download() -> bool {
    std::env::var("RUSTUP_AUTO_INSTALL").as_deref() != Ok("0")
}

/// The flags for wasm in `.cargo/config.toml`.
fn configured_flags(config: &str) -> Option<Vec<String>> {
    let (_, section) = config.split_once(&format!("[target.{TARGET}]"))?;
    let flags = section.lines().find_map(|line| line.strip_prefix("rustflags = "))?;
    // TOML writes a list of strings like JSON.
    serde_json::from_str(flags).ok()
}

/// Whether a compiler finds the target's standard library, suitable for link-time optimization, in its own folder or in `sysroot`.
pub fn has_target(rustc: &Path, sysroot: Option<&Path>) -> bool {
    let mut command = Command::new(rustc);
    command.args(["--print", "target-libdir", "--target", TARGET]);
    if let Some(sysroot) = sysroot {
        command.arg("--sysroot").arg(sysroot);
    }
    let Some(folder) = process::read(&mut command) else { return false };
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("libstd-") && name.ends_with(".rlib") && has_bitcode(&entry.path())
    })
}

/// Whether a library has LLVM's bitcode beside the machine code, as rustup's have. A plain build of std has none,
/// and link-time optimization fails with it.
fn has_bitcode(library: &Path) -> bool {
    const SECTION: &[u8] = b".llvmbc";
    std::fs::read(library).is_ok_and(|bytes| bytes.windows(SECTION.len()).any(|window| window == SECTION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configured_flags_are_read() {
        let flags = configured_flags(include_str!("../../.cargo/config.toml")).unwrap();
        assert!(flags.iter().any(|flag| flag.contains("+simd128")), "{flags:?}");
        assert_eq!(configured_flags("[alias]\n"), None);
    }
}
