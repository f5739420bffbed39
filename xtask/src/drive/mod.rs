//! Drives the built app in Chromium, as a visitor would: for the journeys, the benchmarks and the screenshots.

mod browser;
mod page;

pub use browser::{Browser, BrowserOptions, Camera, WebGpu};
pub use page::{Page, Rejection};

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;
