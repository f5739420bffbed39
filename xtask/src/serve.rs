//! `cargo xtask serve`: the release app at an address of this machine, as soon as the page and one engine are built.

use std::io::ErrorKind;

use anyhow::{Result, anyhow};
use clap::ValueEnum;

use crate::places::Places;
use crate::server::{Isolation, Server, ServerConfig};
use crate::{build, setup};

/// The engine to do with, where not all are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnlyEngine {
    Cpu,
}

pub fn serve(places: &Places, port: u16, mount: &str, only: Option<OnlyEngine>) -> Result<()> {
    let equipment = setup::for_serving(places)?;
    let coming = match only {
        Some(OnlyEngine::Cpu) => Vec::new(),
        None => equipment.later_engines(),
    };
    build::begin(places, &equipment, &coming)?;

    let config =
        ServerConfig { folder: places.dist.clone(), mount: mount.to_owned(), port, isolation: Isolation::Headers };
    let server = Server::start(config).map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => {
            anyhow!("port {port} is taken: end the program that has it, or choose another with --port")
        }
        _ => anyhow!("port {port} could not be opened ({error}): choose another with --port"),
    })?;
    println!("serve: {}  (Ctrl+C ends it)", server.url());

    if !coming.is_empty() {
        match build::complete(places, &equipment, &coming) {
            Ok(()) => println!("serve: complete, at {}", server.url()),
            Err(error) => eprintln!("serve: the page goes on: {error:#}"),
        }
    }
    Ok(server.wait()?)
}
