//! The built app, served and opened in a browser, for one journey.

use std::path::{Path, PathBuf};
use std::time::Duration;

use xtask::drive::{Browser, BrowserOptions, Page};
use xtask::server::{Fault, Isolation, Server, ServerConfig};

/// How long a journey waits for slow operations on a machine with two cores.
pub const LONG: Duration = Duration::from_secs(240);

/// How long a journey waits for what should be there at once.
pub const SHORT: Duration = Duration::from_secs(20);

pub struct App {
    /// None once it was stopped.
    server: Option<Server>,
    browser: Browser,
    /// Pictures and logs of the journey; removed at its end.
    folder: tempfile::TempDir,
}

impl App {
    pub async fn start() -> Self {
        Self::start_with(BrowserOptions::default(), "/").await
    }

    /// Serves the built app under `mount` and starts a browser.
    pub async fn start_with(options: BrowserOptions, mount: &str) -> Self {
        Self::start_on(Isolation::Headers, options, mount, dist()).await
    }

    /// On a host that sends no headers of the page's own.
    pub async fn start_on_plain_host(mount: &str) -> Self {
        Self::start_on(Isolation::Absent, BrowserOptions::default(), mount, dist()).await
    }

    /// Serves a build from another folder.
    pub async fn start_in(folder: &Path) -> Self {
        Self::start_on(Isolation::Headers, BrowserOptions::default(), "/", folder.to_owned()).await
    }

    async fn start_on(isolation: Isolation, options: BrowserOptions, mount: &str, folder: PathBuf) -> Self {
        assert!(folder.join("index.html").exists(), "{} has no index.html: run `cargo xtask build`", folder.display());
        let server = Server::start(ServerConfig { folder, mount: mount.into(), port: 0, isolation }).unwrap();
        let browser = Browser::start(&options).await.unwrap();
        Self { server: Some(server), browser, folder: tempfile::tempdir().unwrap() }
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("the server was stopped")
    }

    /// From now on nothing answers at the app's address.
    pub fn stop_server(&mut self) {
        self.server = None;
    }

    /// Whether the build has a file of this name.
    pub fn has_file(name: &str) -> bool {
        dist().join(name).exists()
    }

    /// Opens the page; `query` is appended to its address, such as `?engine=cpu`.
    pub async fn open(&self, query: &str) -> Page {
        self.browser.open(&format!("{}{query}", self.url())).await.unwrap()
    }

    /// Opens a file of this machine, or another address than the app's.
    pub async fn open_address(&self, address: &str) -> Page {
        self.browser.open(address).await.unwrap()
    }

    /// Runs a script in every page that is opened from now on, before the app's own: what another browser would be like.
    pub async fn prepare_pages(&self, script: &str) {
        self.browser.prepare_pages(script).await.unwrap();
    }

    /// The app's own origin and path.
    pub fn url(&self) -> String {
        self.server().url()
    }

    /// Path and query of every request so far.
    pub fn requests(&self) -> Vec<String> {
        self.server().requests()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Spoils the next responses for paths with this ending.
    pub fn spoil(&self, path_end: &str, fault: Fault, times: Option<u32>) {
        self.server().spoil(path_end, fault, times);
    }

    pub fn heal(&self) {
        self.server().heal();
    }

    /// Ends the journey. Fails if the page reported an error.
    pub async fn finish(self, page: Page) {
        let errors = page.errors().await.unwrap();
        assert!(errors.is_empty(), "the page reported errors: {errors:#?}");
        self.browser.quit().await.unwrap();
    }

    /// Ends a journey in which the browser itself reports the errors that were provoked.
    pub async fn finish_after_faults(self) {
        self.browser.quit().await.unwrap();
    }
}

/// The folder with the built app.
pub fn dist() -> PathBuf {
    PathBuf::from(std::env::var("KINDLING_DIST").unwrap_or_else(|_| "dist".into()))
}
