//! The page's service worker, which keeps the page for visits without a connection and knows of new versions (static/offline.js).

use leptos::task::spawn_local;

mod script {
    use wasm_bindgen::JsValue;
    use wasm_bindgen::prelude::wasm_bindgen;

    // Each fails where the browser allows the page no service worker, as in some private windows.
    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(catch, js_namespace = kindlingOffline)]
        pub async fn keep(engine: &str) -> Result<JsValue, JsValue>;

        #[wasm_bindgen(catch, js_namespace = kindlingOffline)]
        pub async fn updated() -> Result<JsValue, JsValue>;

        #[wasm_bindgen(catch, js_namespace = kindlingOffline)]
        pub async fn take() -> Result<JsValue, JsValue>;
    }
}

/// Has the page kept together with this engine, given by the address of its worker.
pub fn keep(engine: String) {
    spawn_local(async move {
        // Where nothing is kept, the next visit needs a connection.
        script::keep(&engine).await.ok();
    });
}

/// Waits for a new version of the page. Returns false at once if there can be none.
pub async fn updated() -> bool {
    script::updated().await.is_ok()
}

/// Loads the page again, in its new version. Returns false if other windows with the page prevent that.
pub async fn take_new_version() -> bool {
    script::take().await.is_ok_and(|is_taken| is_taken.is_truthy())
}
