//! Chromium and chromedriver, for the journeys and the benchmarks.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::places::Places;
use crate::{distribution, process};

pub struct BrowserPrograms {
    pub chromium: PathBuf,
    pub chromedriver: PathBuf,
}

const CHROMIUM_NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const CHROMIUM_PLACES: &[&str] = &[
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];
const CHROMEDRIVER_PLACES: &[&str] = &["/usr/lib/chromium/chromedriver", "/usr/lib/chromium-browser/chromedriver"];

/// Finds both, or installs them if the machine allows it. `KINDLING_CHROMIUM` and `KINDLING_CHROMEDRIVER` override them.
pub fn find_or_install(places: &Places) -> Result<BrowserPrograms> {
    if let Some(found) = find(places)? {
        println!("browser: {} and {} are there", found.chromium.display(), found.chromedriver.display());
        return Ok(found);
    }
    distribution::apt_install(
        &["chromium", "chromium-driver"],
        "or name your own with KINDLING_CHROMIUM and KINDLING_CHROMEDRIVER",
    )?;
    find(places)?
        .context("Chromium was installed but not found: name it with KINDLING_CHROMIUM and KINDLING_CHROMEDRIVER")
}

fn find(places: &Places) -> Result<Option<BrowserPrograms>> {
    let path = places.path()?;
    let named = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let chromium = named("KINDLING_CHROMIUM")
        .or_else(|| CHROMIUM_NAMES.iter().find_map(|name| process::find(name, &path, &[])))
        .or_else(|| process::find("chromium", &path, CHROMIUM_PLACES));
    let chromedriver =
        named("KINDLING_CHROMEDRIVER").or_else(|| process::find("chromedriver", &path, CHROMEDRIVER_PLACES));
    Ok(chromium.zip(chromedriver).map(|(chromium, chromedriver)| BrowserPrograms { chromium, chromedriver }))
}
