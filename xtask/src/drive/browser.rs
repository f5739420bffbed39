//! A headless Chromium with an empty profile, and the chromedriver that controls it.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use thirtyfour::cdp::Cdp;
use thirtyfour::session::handle::SessionHandle;
use thirtyfour::{CapabilitiesHelper, ChromeCapabilities, ChromiumLikeCapabilities, DesiredCapabilities, WebDriver};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use super::{Page, Result};

/// The visitor's machine and settings.
#[derive(Clone, Debug)]
pub struct BrowserOptions {
    pub webgpu: WebGpu,
    pub camera: Camera,
    /// The browser's language, such as `en-US` or `zh-CN`.
    pub language: String,
    /// Inner size of the window in CSS pixels.
    pub window: (u32, u32),
    pub is_dark: bool,
    /// Whether pages may store nothing: no preferences, no databases, no caches, no service workers.
    pub blocks_storage: bool,
    /// A file for a log of every request of the browser, including those of workers.
    pub net_log: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebGpu {
    /// SwiftShader: a correct but slow adapter that computes in software.
    Software,
    /// `navigator.gpu` returns no adapter.
    Absent,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Camera {
    Missing,
    /// There is a camera, and the visitor denies access.
    Refused,
    /// There is a camera, the visitor allows access, and it shows this Y4M clip in a loop.
    Showing(PathBuf),
}

impl Default for BrowserOptions {
    fn default() -> Self {
        Self {
            webgpu: WebGpu::Software,
            camera: Camera::Missing,
            language: "en-US".into(),
            window: (1440, 900),
            is_dark: false,
            blocks_storage: false,
            net_log: None,
        }
    }
}

impl BrowserOptions {
    fn arguments(&self) -> Vec<String> {
        let mut arguments: Vec<String> = [
            "--headless=new",
            // Containers run as root and have no user namespaces.
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--force-color-profile=srgb",
        ]
        .map(String::from)
        .into();
        arguments.push(format!("--window-size={},{}", self.window.0, self.window.1));
        arguments.push(format!("--lang={}", self.language));
        match self.webgpu {
            WebGpu::Software => {
                arguments.push("--enable-unsafe-webgpu".into());
                arguments.push("--use-webgpu-adapter=swiftshader".into());
            }
            WebGpu::Absent => arguments.push("--disable-gpu".into()),
        }
        match &self.camera {
            Camera::Missing => {}
            Camera::Refused => arguments.push("--use-fake-device-for-media-stream".into()),
            Camera::Showing(clip) => {
                arguments.push("--use-fake-device-for-media-stream".into());
                arguments.push("--use-fake-ui-for-media-stream".into());
                arguments.push(format!("--use-file-for-fake-video-capture={}", clip.display()));
            }
        }
        if self.is_dark {
            arguments.push("--force-dark-mode".into());
        }
        if let Some(path) = &self.net_log {
            arguments.push(format!("--log-net-log={}", path.display()));
        }
        arguments
    }

    fn capabilities(&self) -> Result<ChromeCapabilities> {
        let mut capabilities = DesiredCapabilities::chrome();
        for argument in self.arguments() {
            capabilities.add_arg(&argument)?;
        }
        if let Ok(binary) = std::env::var("KINDLING_CHROMIUM") {
            capabilities.set_binary(&binary)?;
        }
        // 0 asks the visitor, 1 allows, 2 blocks.
        let camera_setting = if self.camera == Camera::Refused { 2 } else { 0 };
        let storage_setting = if self.blocks_storage { 2 } else { 1 };
        capabilities.add_experimental_option(
            "prefs",
            json!({
                "intl.accept_languages": self.language,
                "profile.default_content_setting_values.media_stream_camera": camera_setting,
                "profile.default_content_setting_values.cookies": storage_setting,
            }),
        )?;
        capabilities.set("goog:loggingPrefs", json!({ "browser": "ALL" }))?;
        Ok(capabilities)
    }
}

pub struct Browser {
    /// None once it has quit.
    driver: Option<WebDriver>,
    chromedriver: Child,
}

impl Browser {
    /// Starts chromedriver on a free port and a browser with a new, empty profile.
    pub async fn start(options: &BrowserOptions) -> Result<Self> {
        let program = std::env::var("KINDLING_CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".into());
        let mut chromedriver = Command::new(&program)
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            // A group of its own, so that the browser can be ended together with chromedriver.
            .process_group(0)
            .spawn()
            .map_err(|error| {
                format!("{program} does not start ({error}): install chromedriver, or name it in KINDLING_CHROMEDRIVER")
            })?;
        let stdout = chromedriver.stdout.take().ok_or("chromedriver has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let port = loop {
            let line = lines.next_line().await?.ok_or("chromedriver ended before it named its port")?;
            if let Some((_, port)) = line.rsplit_once("started successfully on port ") {
                break port.trim_end_matches('.').parse::<u16>()?;
            }
        };
        // The pipe must stay open and be read, or chromedriver stops at its next line.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });

        let driver = WebDriver::builder(format!("http://127.0.0.1:{port}"), options.capabilities()?)
            .request_timeout(Duration::from_secs(1_200))
            .connect()
            .await?;
        driver.set_script_timeout(Duration::from_secs(1_200)).await?;
        Ok(Self { driver: Some(driver), chromedriver })
    }

    /// Opens the app.
    pub async fn open(&self, url: &str) -> Result<Page> {
        Page::open(self.session()?, url).await
    }

    /// Runs a script in every page that is opened from now on, before the page's own.
    pub async fn prepare_pages(&self, script: &str) -> Result<()> {
        let cdp = Cdp::new(self.session()?);
        cdp.send_raw("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script })).await?;
        Ok(())
    }

    /// The ancestor of all of the browser's processes; none once it has ended.
    pub fn root_process(&self) -> Option<u32> {
        self.chromedriver.id()
    }

    pub async fn quit(mut self) -> Result<()> {
        match self.driver.take() {
            Some(driver) => Ok(driver.quit().await?),
            None => Ok(()),
        }
    }

    fn session(&self) -> Result<Arc<SessionHandle>> {
        let driver = self.driver.as_ref().ok_or("the browser has quit")?;
        Ok(Arc::clone(driver.handle()))
    }
}

impl Drop for Browser {
    /// Runs after a failed journey. The driver's own `drop` would wait for an answer that this thread, which is unwinding, cannot receive.
    fn drop(&mut self) {
        if let Some(driver) = self.driver.take() {
            // Fails only if it has ended already.
            driver.leak().ok();
        }
        if let Some(id) = self.chromedriver.id() {
            // Without `kill`, the browser keeps running until the machine ends it.
            std::process::Command::new("kill").args(["-KILL", "--", &format!("-{id}")]).status().ok();
        }
    }
}
