//! Where things are: the clone, the cache outside it, and the build outputs.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, anyhow};

use crate::process;

pub struct Places {
    /// The clone.
    pub root: PathBuf,
    /// Tools and everything else that outlives a clone: `KINDLING_CACHE`, or `kindling` in the user's cache folder.
    pub cache: PathBuf,
    /// Where cargo builds for the host.
    pub host_target: PathBuf,
    /// Where cargo builds for wasm: separate, so that it never waits for the host's lock and may use another compiler.
    pub wasm_target: PathBuf,
    /// The page, ready for any static host.
    pub dist: PathBuf,
}

impl Places {
    pub fn find() -> Result<Self> {
        // Cargo sets the variable for everything that it runs; the compiled-in value would be wrong in a clone that was moved.
        let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = PathBuf::from(manifest_dir)
            .ancestors()
            .find(|folder| folder.join("Trunk.toml").is_file())
            .ok_or_else(|| anyhow!("the clone was not found: run `cargo xtask` inside it"))?
            .to_owned();

        let cache = match std::env::var_os("KINDLING_CACHE") {
            Some(folder) => std::path::absolute(folder)?,
            None => dirs::cache_dir()
                .ok_or_else(|| anyhow!("this user has no cache folder: set KINDLING_CACHE to one"))?
                .join("kindling"),
        };

        let metadata = process::read(
            Command::new("cargo").args(["metadata", "--no-deps", "--format-version=1"]).current_dir(&root),
        )
        .context("`cargo metadata` failed: run it to see why")?;
        let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
        let host_target = metadata["target_directory"].as_str().context("cargo metadata names no target folder")?;
        let host_target = PathBuf::from(host_target);

        Ok(Self { wasm_target: host_target.join("wasm"), dist: root.join("dist"), root, cache, host_target })
    }

    /// Programs that set-up installed.
    pub fn tools_bin(&self) -> PathBuf {
        self.cache.join("tools").join("bin")
    }

    /// PATH with those programs first.
    pub fn path(&self) -> Result<OsString> {
        process::path_with(&[self.tools_bin()], &std::env::var_os("PATH").unwrap_or_default())
    }
}
