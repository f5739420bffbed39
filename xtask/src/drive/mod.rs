//! Drives the built app in Chromium, as a visitor would: for the journeys, the benchmarks and the screenshots.

mod app;
mod browser;
mod engine_worker;
mod page;

pub use app::App;
pub use browser::{Browser, BrowserOptions, Camera, WebGpu};
pub use engine_worker::EngineWorker;
pub use page::{Page, Rejection};

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
