//! Caches downloaded dataset files for the next visit, by SHA-256.

use kindling_core::dataset::served::ServedFile;

use crate::platform::{Store, StoreError};

/// Maximum number of cached files; at the limit, all are dropped first. The page serves fewer than half as many.
const FILE_LIMIT: usize = 32;

/// The cached file, if there is one and its hash is right.
pub async fn get(store: &impl Store, file: &ServedFile) -> Option<Vec<u8>> {
    // An unreadable store counts as empty: the file is downloaded.
    let bytes = store.read(&file.sha256).await.ok()??;
    if file.verify(&bytes).is_ok() {
        return Some(bytes);
    }
    // A damaged copy would never become valid. If it cannot be removed, the download replaces it.
    store.remove(&file.sha256).await.ok();
    None
}

/// Caches a file whose hash was verified.
///
/// # Errors
///
/// If the store fails, for example for lack of space or permission.
pub async fn keep(store: &impl Store, file: &ServedFile, bytes: &[u8]) -> Result<(), StoreError> {
    let names = store.names().await?;
    if names.len() >= FILE_LIMIT {
        for name in names {
            store.remove(&name).await?;
        }
    }
    store.write(&file.sha256, bytes).await
}
