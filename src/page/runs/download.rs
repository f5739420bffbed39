//! Files on their way: one that the page has made to the visitor, and the bytes of one that came in.

use js_sys::{Array, Uint8Array};
use kindling_core::runs::incoming::{FILE_LIMIT_BYTES, Refusal};
use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

const BYTES: &str = "application/octet-stream";

/// How long a file's address stays valid: the browser has begun to read it by then.
const KEPT_MS: u32 = 10_000;

/// As the browser's own download, under this name.
pub fn save_file(name: &str, mime: &str, text: &str) {
    save(name, mime, &text.into()).ok();
}

/// As [`save_file`], of any bytes.
pub fn save_bytes(name: &str, bytes: &[u8]) {
    save(name, BYTES, &Uint8Array::from(bytes)).ok();
}

/// A file in the browser's memory.
pub fn blob(bytes: &[u8]) -> Result<Blob, JsValue> {
    new_blob(BYTES, &Uint8Array::from(bytes))
}

/// What is in a file, if that is not too much for one of runs.
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
    // Of whatever parts, texts or bytes.
    Blob::new_with_str_sequence_and_options(&Array::of1(part), &options)
}

/// A browser that offers no files offers no other way either.
fn save(name: &str, mime: &str, part: &JsValue) -> Result<(), JsValue> {
    let blob = new_blob(mime, part)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    gloo::timers::callback::Timeout::new(KEPT_MS, move || drop(Url::revoke_object_url(&url))).forget();
    Ok(())
}

/// A file's name out of what a run is called: letters, digits and hyphens of any language.
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
