//! Addresses of files, by which the engine reads them.

use web_sys::{Blob, Url};

use super::at_once::sleep;

/// Addresses in a row: each takes the page's thread a fifth of a millisecond.
const BATCH: usize = 100;

/// An object URL for each file, or none where the browser refuses one. The page has its turns in between.
pub async fn create(files: impl Iterator<Item = &Blob>) -> Vec<Option<String>> {
    let mut urls = Vec::new();
    for file in files {
        if !urls.is_empty() && urls.len() % BATCH == 0 {
            sleep(0).await;
        }
        urls.push(Url::create_object_url_with_blob(file).ok());
    }
    urls
}

/// Forgets object URLs.
pub async fn revoke(urls: Vec<String>) {
    for batch in urls.chunks(10 * BATCH) {
        for url in batch {
            Url::revoke_object_url(url).ok();
        }
        sleep(0).await;
    }
}
