//! `cargo xtask serve`: the release app at an address of this machine.

use std::io::ErrorKind;

use anyhow::{Result, anyhow};

use crate::places::Places;
use crate::server::{Server, ServerConfig};

pub fn serve(places: &Places, port: u16, mount: &str) -> Result<()> {
    let config = ServerConfig { folder: places.dist.clone(), mount: mount.to_owned(), port };
    let server = Server::start(config).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("port {port} is taken: end the program that has it, or choose another with --port")
        }
        _ => anyhow!("port {port} could not be opened ({error}): choose another with --port"),
    })?;
    println!("serve: {}  (Ctrl+C ends it)", server.url());
    Ok(server.wait()?)
}
