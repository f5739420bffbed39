//! The page with an engine that leaves every layer to burn's own CPU backend, to compare Kindling's kernels with. It is never shipped.

use std::fs;

use walkdir::WalkDir;

use super::Bench;
use crate::drive::Result;
use crate::engines::{self, CPU, STOCK};
use crate::server::{Isolation, Server, ServerConfig};
use crate::toolchain::Toolchain;

pub struct StockPage {
    server: Server,
    _folder: tempfile::TempDir,
}

impl StockPage {
    /// Builds that engine, and serves it in place of the CPU engine.
    pub fn serve(bench: &Bench<'_>) -> Result<Self> {
        let toolchain = Toolchain::find(bench.places).ok_or("no compiler for wasm: run `cargo xtask setup`")?;
        let folder = tempfile::tempdir()?;
        for entry in WalkDir::new(&bench.places.dist).min_depth(1) {
            let entry = entry?;
            let place = folder.path().join(entry.path().strip_prefix(&bench.places.dist)?);
            if entry.file_type().is_dir() {
                fs::create_dir_all(place)?;
            } else if !entry.file_name().to_string_lossy().starts_with("engine_") {
                fs::copy(entry.path(), place)?;
            }
        }
        STOCK.build_into(folder.path(), bench.places, &toolchain)?;
        for ending in [".js", "_bg.wasm"] {
            let [from, to] = [&STOCK, &CPU].map(|engine| folder.path().join(format!("{}{ending}", engine.name)));
            fs::rename(from, to)?;
        }
        engines::list(folder.path(), &[])?;
        let config = ServerConfig {
            folder: folder.path().to_owned(),
            mount: "/".into(),
            port: 0,
            isolation: Isolation::Headers,
        };
        Ok(Self { server: Server::start(config)?, _folder: folder })
    }

    pub fn url(&self) -> String {
        self.server.url()
    }
}
