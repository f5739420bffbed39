//! The compiler for wasm: the one on PATH where it has the target, else rustup's target, else the distribution's Rust.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::places::Places;
use crate::{distribution, process};

pub const TARGET: &str = "wasm32-unknown-unknown";

/// How to call cargo and Trunk so that they can build for wasm.
#[derive(Clone, Debug, Default)]
pub struct Toolchain {
    /// What set-up says of it.
    pub description: String,
    /// Folder of the compiler, where that is not the one on PATH.
    pub bin: Option<PathBuf>,
    /// The linker, where the compiler brings none.
    pub linker: Option<String>,
    /// The folder of our own with the target's standard library, where the compiler brings none.
    pub sysroot: Option<PathBuf>,
}

impl Toolchain {
    /// The one to use, if nothing has to be installed for it.
    pub fn find(places: &Places) -> Option<Self> {
        if has_target(Path::new("rustc"), None) {
            let version = process::read(Command::new("rustc").arg("--version"))?;
            return Some(Self { description: format!("{version}, which has the target"), ..Self::default() });
        }
        distribution::find(places)
    }

    pub fn find_or_install(places: &Places) -> Result<Self> {
        if let Some(found) = Self::find(places) {
            return Ok(found);
        }
        if process::read(Command::new("rustup").arg("--version")).is_none() {
            println!("wasm target: no rustup here, so the distribution's Rust");
        } else if std::env::var("RUSTUP_AUTO_INSTALL").is_ok_and(|value| value == "0") {
            println!("wasm target: rustup may not download here (RUSTUP_AUTO_INSTALL=0), so the distribution's Rust");
        } else {
            println!("wasm target: asking rustup for it");
            let remedy = "the distribution's Rust is tried instead";
            match process::run(Command::new("rustup").args(["target", "add", TARGET]), remedy) {
                Ok(()) if has_target(Path::new("rustc"), None) => {
                    return Ok(Self { description: "rustup's, just added".to_owned(), ..Self::default() });
                }
                Ok(()) => println!("wasm target: rustup added it to another toolchain than the one in use here"),
                Err(error) => println!("wasm target: {error}"),
            }
        }
        distribution::install(places)?;
        match distribution::find(places) {
            Some(found) => Ok(found),
            None => {
                bail!("the distribution's Rust was installed but has no {TARGET}: run `rustup target add {TARGET}`")
            }
        }
    }

    /// A program that builds for wasm: cargo, or Trunk, which calls cargo.
    pub fn command(&self, program: &str, places: &Places) -> Result<Command> {
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
        if let Some(sysroot) = &self.sysroot {
            // Cargo joins this to the flags of .cargo/config.toml.
            let mut flags = OsString::from("--sysroot=");
            flags.push(sysroot);
            command.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags);
        }
        Ok(command)
    }
}

/// Whether a compiler finds the target's standard library, fit for link-time optimization, in its own folder or in `sysroot`.
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

/// Whether a library was built with LLVM's bitcode beside the machine code, as rustup's are. A plain build of std has none,
/// and link-time optimization fails with it.
fn has_bitcode(library: &Path) -> bool {
    const SECTION: &[u8] = b".llvmbc";
    std::fs::read(library).is_ok_and(|bytes| bytes.windows(SECTION.len()).any(|window| window == SECTION))
}
