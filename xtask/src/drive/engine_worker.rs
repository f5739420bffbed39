//! Inspects the engine's worker with the browser's developer tools: values of its global scope, and the size of its wasm memory.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::{Page, Result};

/// Ample for a worker between two steps on SwiftShader.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);

/// The page's newest engine. While this is attached, the browser may compute slightly slower.
pub struct EngineWorker {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    session: String,
    n_sent: u32,
}

impl EngineWorker {
    /// Finds the worker by its address, `load.js?js=engine_…`.
    pub async fn attach(page: &Page) -> Result<Self> {
        let capabilities = serde_json::to_value(page.session().capabilities())?;
        let address = capabilities["goog:chromeOptions"]["debuggerAddress"]
            .as_str()
            .ok_or("the browser names no address of its developer tools: use Chromium with chromedriver")?;
        // chromedriver's window handles are the target ids of the developer tools.
        let target = page.session().window().await?;
        let (socket, _) = connect_async(format!("ws://{address}/devtools/page/{target}")).await?;
        let mut worker = Self { socket, session: String::new(), n_sent: 0 };
        let options = json!({ "autoAttach": true, "waitForDebuggerOnStart": false, "flatten": true });
        worker.post("Target.setAutoAttach", options).await?;
        let is_engine = |event: &Value| {
            let target = &event["params"]["targetInfo"];
            event["method"] == "Target.attachedToTarget"
                && target["type"] == "worker"
                && target["url"].as_str().is_some_and(|url| url.contains("engine_"))
        };
        let attached = worker.read_until(is_engine).await?;
        worker.session = attached["params"]["sessionId"].as_str().unwrap_or_default().to_owned();
        Ok(worker)
    }

    /// The value of an expression in the worker's global scope.
    pub async fn evaluate<T: DeserializeOwned>(&mut self, expression: &str) -> Result<T> {
        let answer = self.ask("Runtime.evaluate", json!({ "expression": expression, "returnByValue": true })).await?;
        Ok(serde_json::from_value(answer["result"]["value"].clone())
            .map_err(|error| format!("the worker's `{expression}` is not what it should be: {error}"))?)
    }

    /// The size of the engine's wasm memory, which only ever grows.
    pub async fn wasm_heap_bytes(&mut self) -> Result<u64> {
        let kind = self.ask("Runtime.evaluate", json!({ "expression": "WebAssembly.Memory.prototype" })).await?;
        let all = self.ask("Runtime.queryObjects", json!({ "prototypeObjectId": kind["result"]["objectId"] })).await?;
        let sum = "function() { return this.reduce((sum, memory) => sum + memory.buffer.byteLength, 0) }";
        let arguments = json!({
            "objectId": all["objects"]["objectId"], "functionDeclaration": sum, "returnByValue": true,
        });
        let answer = self.ask("Runtime.callFunctionOn", arguments).await?;
        Ok(answer["result"]["value"].as_u64().ok_or("the worker has no wasm memory")?)
    }

    async fn ask(&mut self, method: &str, params: Value) -> Result<Value> {
        let id = self.post(method, params).await?;
        let answer = self.read_until(|message| message["id"] == id).await?;
        let trouble = [&answer["error"]["message"], &answer["result"]["exceptionDetails"]["text"]];
        match trouble.into_iter().find_map(Value::as_str) {
            Some(trouble) => Err(format!("the worker refuses {method}: {trouble}").into()),
            None => Ok(answer["result"].clone()),
        }
    }

    async fn post(&mut self, method: &str, params: Value) -> Result<u32> {
        self.n_sent += 1;
        let mut message = json!({ "id": self.n_sent, "method": method, "params": params });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.socket.send(Message::text(message.to_string())).await?;
        Ok(self.n_sent)
    }

    /// Skips events and the answers to other requests.
    async fn read_until(&mut self, is_wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let read = async {
            while let Some(message) = self.socket.next().await {
                let message = serde_json::from_str::<Value>(message?.to_text()?).unwrap_or_default();
                if is_wanted(&message) {
                    return Ok(message);
                }
            }
            Err("the developer tools closed the connection".into())
        };
        tokio::time::timeout(ANSWER_LIMIT, read)
            .await
            .map_err(|_| "the engine's worker does not answer the developer tools: is an engine running?")?
    }
}
