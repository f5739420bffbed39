//! The app in a browser window: finds controls by role and name, and calls `window.kindling`.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thirtyfour::cdp::Cdp;
use thirtyfour::{WebElement, session::handle::SessionHandle};

use super::Result;

pub struct Page {
    session: Arc<SessionHandle>,
}

/// The error with which a promise of `window.kindling` was rejected.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
pub struct Rejection {
    pub name: String,
    pub message: String,
}

/// Runs before the app's own scripts: keeps references to its workers, and records errors and long tasks.
const OBSERVER: &str = r"
    window.journey = { workers: [], errors: [], longTasks: [] };
    const NativeWorker = window.Worker;
    window.Worker = class extends NativeWorker {
        constructor(...args) { super(...args); window.journey.workers.push(this); }
    };
    window.addEventListener('error', event => window.journey.errors.push(String(event.message)));
    window.addEventListener('unhandledrejection', event => window.journey.errors.push(String(event.reason)));
    new PerformanceObserver(list => {
        for (const task of list.getEntries())
            window.journey.longTasks.push({ start: task.startTime, duration: task.duration });
    }).observe({ type: 'longtask', buffered: true });
";

/// Finds elements as assistive technology does: by role and accessible name, visible ones only.
const FIND: &str = r#"
    const [role, name] = arguments;
    const selectors = {
        button: 'button, [role=button], summary', link: 'a[href], [role=link]', textbox: 'input:not([type]), input[type=text], input[type=number], textarea, [role=textbox]',
        spinbutton: 'input[type=number], [role=spinbutton]', slider: 'input[type=range]', combobox: 'select, [role=combobox]', checkbox: 'input[type=checkbox], [role=switch]',
        radio: 'input[type=radio], [role=radio]', tab: '[role=tab]', file: 'input[type=file]', img: 'canvas, img, svg[role=img], [role=img]',
        heading: 'h1, h2, h3, h4, [role=heading]', table: 'table, [role=grid]', status: '[role=status], [aria-live], output', alert: '[role=alert]',
        progressbar: 'progress, [role=progressbar]', region: 'section, [role=region]', dialog: 'dialog, [role=dialog]', listitem: 'li, [role=listitem]',
    };
    const text = node => node ? node.textContent.trim().replace(/\s+/g, ' ') : '';
    const nameOf = element => {
        const labelledBy = element.getAttribute('aria-labelledby');
        if (element.getAttribute('aria-label')) return element.getAttribute('aria-label').trim();
        if (labelledBy) return labelledBy.split(/\s+/).map(id => text(document.getElementById(id))).join(' ');
        if (element.labels && element.labels.length) return [...element.labels].map(text).join(' ');
        return text(element) || element.getAttribute('alt') || element.getAttribute('title') || '';
    };
    const matches = found => name.endsWith('*') ? found.startsWith(name.slice(0, -1)) : found === name;
    const visible = element => element.matches('input[type=file], input[type=radio], input[type=checkbox]') || element.getClientRects().length > 0;
    return [...document.querySelectorAll(selectors[role] || `[role=${role}]`)].filter(visible).find(element => matches(nameOf(element))) || null;
"#;

impl Page {
    pub(super) async fn open(session: Arc<SessionHandle>, url: &str) -> Result<Self> {
        let page = Self { session };
        page.cdp().send_raw("Page.addScriptToEvaluateOnNewDocument", json!({ "source": OBSERVER })).await?;
        page.session.goto(url).await?;
        Ok(page)
    }

    pub fn cdp(&self) -> Cdp {
        Cdp::new(Arc::clone(&self.session))
    }

    pub fn session(&self) -> &Arc<SessionHandle> {
        &self.session
    }

    /// Evaluates an async function body with `args` in scope, once the app's script has run; a rejection is returned as the inner `Err`.
    pub async fn call<T: DeserializeOwned>(
        &self,
        body: &str,
        args: Value,
    ) -> Result<std::result::Result<T, Rejection>> {
        let script = format!(
            "const [args, done] = arguments;
             const started = async () => {{
                 const deadline = performance.now() + 20_000;
                 while (!window.kindling && performance.now() < deadline) await new Promise(resolve => setTimeout(resolve, 20));
             }};
             started().then(async () => {{ {body} }}).then(
                 value => done({{ value: value === undefined ? null : value }}),
                 error => done({{ rejection: {{ name: String(error && error.name), message: String(error && error.message || error) }} }}));"
        );
        let answer = self.session.execute_async(script, vec![args]).await?;
        let answer = answer.json();
        if let Some(rejection) = answer.get("rejection") {
            return Ok(Err(serde_json::from_value(rejection.clone())?));
        }
        Ok(Ok(serde_json::from_value(answer.get("value").cloned().unwrap_or(Value::Null))?))
    }

    /// Like [`Page::call`], but a rejection is an error.
    pub async fn run<T: DeserializeOwned>(&self, body: &str, args: Value) -> Result<T> {
        self.call(body, args).await?.map_err(|rejection| format!("{}: {}", rejection.name, rejection.message).into())
    }

    /// Waits until an expression is truthy, and returns it.
    pub async fn wait_for<T: DeserializeOwned>(&self, expression: &str, timeout: Duration) -> Result<T> {
        let body = format!(
            "const deadline = performance.now() + args.timeout_ms;
             for (;;) {{
                 const value = await (async () => ({expression}))();
                 if (value) return value;
                 if (performance.now() > deadline)
                     throw new Error('waited ' + args.timeout_ms + ' ms in vain for: ' + args.expression
                         + '\\nerrors: ' + JSON.stringify(window.journey.errors) + '\\npage: ' + document.body.innerText.slice(0, 1500));
                 await new Promise(resolve => setTimeout(resolve, 50));
             }}"
        );
        self.run(&body, json!({ "timeout_ms": timeout.as_millis() as u64, "expression": expression })).await
    }

    /// Waits for an engine, and returns the result of `kindling.ready()`.
    pub async fn ready(&self) -> Result<Value> {
        self.run("return await kindling.ready()", json!(null)).await
    }

    /// Waits until the visible page contains a text.
    pub async fn wait_for_text(&self, text: &str, timeout: Duration) -> Result<()> {
        let expression = format!("document.body.innerText.includes({})", json!(text));
        self.wait_for::<bool>(&expression, timeout).await.map(drop)
    }

    /// The visible control with this role and accessible name, once it exists; a final `*` matches any ending.
    pub async fn control(&self, role: &str, name: &str) -> Result<WebElement> {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        loop {
            let found = self.session.execute(FIND, vec![json!(role), json!(name)]).await?;
            if !found.json().is_null() {
                return Ok(found.element()?);
            }
            if tokio::time::Instant::now() > deadline {
                let text: String = self.run("return document.body.innerText.slice(0, 2000)", json!(null)).await?;
                return Err(format!("no {role} named {name:?} in the page:\n{text}").into());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks the control with this role and name.
    pub async fn click(&self, role: &str, name: &str) -> Result<()> {
        let control = self.control(role, name).await?;
        control.scroll_into_view().await?;
        Ok(control.click().await?)
    }

    /// Goes to one of the five places by its link.
    pub async fn go_to(&self, place: &str) -> Result<()> {
        self.click("link", place).await
    }

    /// Everything that went wrong in the page so far: uncaught errors, and the console's errors.
    pub async fn errors(&self) -> Result<Vec<String>> {
        let mut errors: Vec<String> = self.run("return window.journey.errors", json!(null)).await?;
        let log = self.session.browser_log().await?;
        errors.extend(log.into_iter().filter(|entry| entry.level == "SEVERE").map(|entry| entry.message));
        Ok(errors)
    }

    pub async fn screenshot(&self, path: &std::path::Path) -> Result<()> {
        Ok(self.session.screenshot(path).await?)
    }
}
