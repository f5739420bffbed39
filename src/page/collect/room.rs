//! How much the browser lets the page store, and the request to keep it.

use js_sys::Promise;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::page::property::property;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["navigator", "storage"], js_name = estimate, catch)]
    fn estimate() -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["navigator", "storage"], js_name = persist, catch)]
    fn persist() -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["navigator", "storage"], js_name = persisted, catch)]
    fn persisted() -> Result<Promise, JsValue>;
}

/// Storage of this page's origin, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    pub used: u64,
    pub quota: u64,
    /// Whether the browser deletes it only when the visitor asks for that, and not when its disk runs full.
    pub is_persistent: bool,
}

impl Room {
    /// None where the browser does not tell.
    pub async fn now() -> Option<Self> {
        let estimate = JsFuture::from(estimate().ok()?).await.ok()?;
        let figure = |name: &str| property(&estimate, name).as_f64().map(|bytes| bytes as u64);
        let (used, quota) = (figure("usage")?, figure("quota")?);
        Some(Self { used, quota, is_persistent: is_persistent().await })
    }

    pub fn left(self) -> u64 {
        self.quota.saturating_sub(self.used)
    }
}

async fn is_persistent() -> bool {
    let Ok(answer) = persisted() else { return false };
    JsFuture::from(answer).await.is_ok_and(|is| is.is_truthy())
}

/// Asks the browser to keep what is stored. Some ask the visitor in turn, others decide by how much the page is used.
pub async fn ask_to_keep() {
    if let Ok(answer) = persist() {
        JsFuture::from(answer).await.ok();
    }
}
