//! Loads the weights of a published network: from the cache of an earlier visit, or from the page's server.

use std::cell::RefCell;

use kindling_core::config::Pretrained;
use kindling_core::network::pretrained::file;
use kindling_core::protocol::event::Preparation;
use kindling_core::protocol::{Event, Failure, RunId, RunUpdate};

use crate::cache;
use crate::download::{self, Expected, Wanted, Watcher};
use crate::platform::Platform;
use crate::rate::RateWindow;

/// The file of a published network, for a run, which reports the progress of its download.
///
/// # Errors
///
/// If the file cannot be downloaded, or is another one.
pub async fn load(platform: &impl Platform, run: RunId, pretrained: Pretrained) -> Result<Vec<u8>, Failure> {
    let file = file(pretrained);
    if let Some(bytes) = cache::get(platform.store(), &file).await {
        return Ok(bytes);
    }
    let total_bytes = file.bytes;
    let wanted = Wanted {
        name: file.name.clone(),
        url: platform.served_url(&format!("pretrained/{}", file.name)),
        expected: Expected::Served(file.clone()),
    };
    let progress = Progress { platform, run, total_bytes, rate: RefCell::default() };
    let bytes = download::download(platform, &wanted, &progress).await?;
    // Caching is best effort: without space or permission, the next run downloads the file again.
    cache::keep(platform.store(), &file, &bytes).await.ok();
    Ok(bytes)
}

struct Progress<'a, P> {
    platform: &'a P,
    run: RunId,
    total_bytes: u64,
    rate: RefCell<RateWindow>,
}

impl<P: Platform> Watcher for Progress<'_, P> {
    fn received(&self, bytes: u64) {
        let received_bytes = bytes.min(self.total_bytes);
        if self.rate.borrow_mut().report(self.platform.now_ms(), received_bytes).is_some() {
            let update = Preparation::LoadingWeights { received_bytes, total_bytes: self.total_bytes };
            self.platform.emit(Event::Run { run: self.run, update: RunUpdate::Preparing(update) });
        }
    }

    fn retrying(&self, _attempt: u32, failure: Failure) {
        self.platform.emit(Event::Warning(failure));
    }
}
