//! Which tabs of this browser are open, by a lock that each of them holds: what an open tab trains is not offered in another.

use js_sys::{Array, Function, Promise};
use wasm_bindgen::JsCast;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use crate::page::property::property;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = request, catch)]
    fn request_lock(name: &str, held: &Function) -> Result<Promise, JsValue>;

    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = query, catch)]
    fn query_locks() -> Result<Promise, JsValue>;
}

fn name(tab: &str) -> String {
    format!("kindling.tab.{tab}")
}

/// Holds the tab's lock as long as the page lives. Without secure origin there are no locks, and time alone tells.
pub fn hold(tab: &str) {
    let for_ever = Closure::once_into_js(|| Promise::new(&mut |_, _| {}));
    request_lock(&name(tab), for_ever.unchecked_ref()).ok();
}

/// The open tabs; None if the browser does not tell.
pub async fn open_tabs() -> Option<OpenTabs> {
    let state = JsFuture::from(query_locks().ok()?).await.ok()?;
    let held: Array = property(&state, "held").dyn_into().ok()?;
    Some(OpenTabs(held.iter().filter_map(|lock| property(&lock, "name").as_string()).collect()))
}

/// The names of the locks that are held.
#[derive(Clone, Debug, Default)]
pub struct OpenTabs(Vec<String>);

impl OpenTabs {
    pub fn has(&self, tab: &str) -> bool {
        self.0.contains(&name(tab))
    }

    #[cfg(test)]
    pub fn of(tabs: &[&str]) -> Self {
        Self(tabs.iter().map(|tab| name(tab)).collect())
    }
}
