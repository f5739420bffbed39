//! The built app, served by this machine and opened in a browser of its own.

use std::path::Path;

use super::{Browser, BrowserOptions, Page, Result};
use crate::server::{Isolation, Server, ServerConfig};

pub struct App {
    server: Server,
    browser: Browser,
}

impl App {
    /// Serves `dist` under `mount` and starts a browser.
    pub async fn start(dist: &Path, mount: &str, options: &BrowserOptions) -> Result<Self> {
        if !dist.join("index.html").is_file() {
            return Err(format!("{} has no index.html: run `cargo xtask build`", dist.display()).into());
        }
        let isolation = Isolation::Headers;
        let server =
            Server::start(ServerConfig { folder: dist.to_owned(), mount: mount.to_owned(), port: 0, isolation })?;
        Ok(Self { server, browser: Browser::start(options).await? })
    }

    /// Opens the page; `query` is appended to its address, such as `?engine=cpu`.
    pub async fn open(&self, query: &str) -> Result<Page> {
        self.browser.open(&format!("{}{query}", self.server.url())).await
    }

    pub fn server(&self) -> &Server {
        &self.server
    }

    pub fn browser(&self) -> &Browser {
        &self.browser
    }

    pub async fn quit(self) -> Result<()> {
        self.browser.quit().await
    }
}
