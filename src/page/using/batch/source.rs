//! The images to classify: files, the files of a folder, and those in zip archives, which are unpacked one at a time.

use std::rc::Rc;

use js_sys::Uint8Array;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File};

use crate::page::collect::archive::{self, Entry, Opened};
use crate::page::collect::project::IMAGES_LIMIT;
use crate::page::download;
use crate::page::widgets::image_input::read_photo;
use kindling_core::dataset::image_content::ImageContent;
use kindling_core::dataset::image_folder::packed::FILE_LIMIT_BYTES;
use kindling_core::dataset::image_folder::{LeftOutReason, check_file, is_image_name};
use kindling_core::protocol::ImageInput;

/// Where the bytes of an image are.
#[derive(Clone)]
pub enum Source {
    File(File),
    Packed { archive: Rc<Opened>, entry: Entry },
}

impl Source {
    /// The bytes of the file as they are.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is larger than an image may be.
    pub async fn bytes(&self) -> Result<Vec<u8>, LeftOutReason> {
        match self {
            Self::File(file) if file.size() > FILE_LIMIT_BYTES as f64 => Err(LeftOutReason::TooManyBytes),
            Self::File(file) => {
                let buffer = JsFuture::from(file.array_buffer()).await.map_err(|_| LeftOutReason::Unreadable)?;
                Ok(Uint8Array::new(&buffer).to_vec())
            }
            Self::Packed { archive, entry } => archive.bytes(entry).await.ok_or(LeftOutReason::Damaged),
        }
    }

    /// The pixels, decoded and scaled away from the page's thread.
    ///
    /// # Errors
    ///
    /// If it is no image that the browser opens, or too large.
    pub async fn pixels(&self) -> Result<ImageInput, LeftOutReason> {
        let bytes = self.bytes().await?;
        // Before memory is taken for its pixels.
        check_file(&bytes)?;
        let undecodable = || LeftOutReason::Undecodable(ImageContent::of(&bytes));
        let file = self.blob(&bytes)?;
        let size = imagesize::blob_size(&bytes).ok().map(|size| (size.width as u32, size.height as u32));
        read_photo(&file, size).await.map_err(|_| undecodable())
    }

    /// A blob of the file, whose bytes are known.
    ///
    /// # Errors
    ///
    /// If the browser cannot hold it.
    pub fn blob(&self, bytes: &[u8]) -> Result<Blob, LeftOutReason> {
        match self {
            Self::File(file) => Ok(file.clone().into()),
            Self::Packed { .. } => download::blob(download::BYTES, bytes).map_err(|_| LeftOutReason::Unreadable),
        }
    }
}

/// The images among files, with their paths, and the archives that are refused. Files that are no images by their names count as images if there
/// is nothing else, so that the visitor is told what is wrong with them.
pub async fn found(files: Vec<(String, File)>) -> (Vec<(String, Source)>, Vec<(String, LeftOutReason)>) {
    let (mut images, mut refused) = (Vec::new(), Vec::new());
    let has_image = files.iter().any(|(path, _)| is_image_name(path) || is_archive(path));
    for (path, file) in files {
        if is_archive(&path) {
            match archive::open(&file).await {
                Ok(opened) => {
                    let archive = Rc::new(opened);
                    let packed = archive.images.iter().map(|entry| {
                        let source = Source::Packed { archive: archive.clone(), entry: entry.clone() };
                        (entry.path.clone(), source)
                    });
                    images.extend(packed);
                }
                Err(_) => refused.push((path, LeftOutReason::Damaged)),
            }
        } else if is_image_name(&path) || !has_image {
            images.push((path, Source::File(file)));
        }
    }
    images.truncate(IMAGES_LIMIT);
    (images, refused)
}

fn is_archive(path: &str) -> bool {
    path.to_lowercase().ends_with(".zip")
}
