//! Saves files that the page makes, and reads the bytes of files that the visitor opens.

use js_sys::{Array, Uint8Array};
use kindling_core::runs::incoming::{FILE_LIMIT_BYTES, Refusal};
use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

pub const BYTES: &str = "application/octet-stream";

/// How long a file's object URL stays valid. The browser has started to read it by then.
const KEPT_MS: u32 = 10_000;

/// Downloads a text as a file with this name.
pub fn save_file(name: &str, mime: &str, text: &str) {
    save(name, mime, &text.into()).ok();
}

/// As [`save_file`], for arbitrary bytes.
pub fn save_bytes(name: &str, bytes: &[u8]) {
    save(name, BYTES, &Uint8Array::from(bytes)).ok();
}

/// As [`save_file`], for a file that the browser holds.
pub fn save_blob(name: &str, blob: &Blob) {
    offer(name, blob).ok();
}

/// Wraps bytes in a blob in the browser's memory.
pub fn blob(mime: &str, bytes: &[u8]) -> Result<Blob, JsValue> {
    new_blob(mime, &Uint8Array::from(bytes))
}

/// Reads a file, unless it is larger than a file of runs may be.
pub async fn bytes(file: &Blob) -> Result<Vec<u8>, Refusal> {
    if file.size() > FILE_LIMIT_BYTES as f64 {
        return Err(Refusal::TooLong { limit_bytes: FILE_LIMIT_BYTES });
    }
    let buffer = JsFuture::from(file.array_buffer()).await.map_err(|_| Refusal::Unreadable)?;
    Ok(Uint8Array::new(&buffer).to_vec())
}

fn new_blob(mime: &str, part: &JsValue) -> Result<Blob, JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(mime);
    // Despite its name, this constructor takes parts of any type: text or bytes.
    Blob::new_with_str_sequence_and_options(&Array::of1(part), &options)
}

/// Offers a blob as a download. Callers ignore failures: a browser that cannot do this has no other way either.
fn save(name: &str, mime: &str, part: &JsValue) -> Result<(), JsValue> {
    offer(name, &new_blob(mime, part)?)
}

fn offer(name: &str, blob: &Blob) -> Result<(), JsValue> {
    let url = Url::create_object_url_with_blob(blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    gloo::timers::callback::Timeout::new(KEPT_MS, move || drop(Url::revoke_object_url(&url))).forget();
    Ok(())
}

/// A file name from a run's label: letters and digits of any language, dots and hyphens.
pub fn file_name(words: &str, ending: &str) -> String {
    const LETTERS_LIMIT: usize = 60;
    let word = |letter: char| if letter.is_alphanumeric() || letter == '.' { letter } else { '-' };
    let name: String = words.chars().take(LETTERS_LIMIT).map(word).collect();
    let name = name.split('-').filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    let name = name.trim_matches(['.', '-']);
    format!("{}.{ending}", if name.is_empty() { "run" } else { name })
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn names_are_fit_for_files() {
        assert_eq!(file_name("Learning rate 0.001 → 0.01", "csv"), "Learning-rate-0.001-0.01.csv");
        assert_eq!(file_name("../../etc/passwd", "csv"), "etc-passwd.csv");
        assert_eq!(file_name("学习率", "csv"), "学习率.csv");
        assert_eq!(file_name("…", "json"), "run.json");
    }
}
