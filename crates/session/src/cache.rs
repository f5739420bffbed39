//! Keeps downloaded files of datasets for the next visit, by their SHA-256.

use kindling_core::dataset::served::ServedFile;

use crate::platform::{Store, StoreError};

/// Files kept at most; when there would be more, all are dropped first. The page serves fewer than a third of it.
const FILE_LIMIT: usize = 32;

/// The file of an earlier visit, if it is there and whole.
pub async fn get(store: &impl Store, file: &ServedFile) -> Option<Vec<u8>> {
    // A store that cannot be read has nothing: the file is downloaded.
    let bytes = store.read(&file.sha256).await.ok()??;
    if file.verify(&bytes).is_ok() {
        return Some(bytes);
    }
    // A damaged copy would be found damaged for ever; if it cannot be removed, the download replaces it.
    store.remove(&file.sha256).await.ok();
    None
}

/// Keeps a file whose hash was checked.
pub async fn keep(store: &impl Store, file: &ServedFile, bytes: &[u8]) -> Result<(), StoreError> {
    let names = store.names().await?;
    if names.len() >= FILE_LIMIT {
        for name in names {
            store.remove(&name).await?;
        }
    }
    store.write(&file.sha256, bytes).await
}
