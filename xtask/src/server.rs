//! A static file server as plain as the hosts that the page must work on, with faults on request for the tests.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::oneshot;
use tower::ServiceExt;
use tower_http::services::ServeDir;

/// How many requests are remembered.
const REQUEST_LIMIT: usize = 100_000;
/// Ample for handing some bytes to the system.
const FLUSH_TIME: Duration = Duration::from_millis(100);
/// The largest file in which text is replaced: those are scripts.
const TEXT_LIMIT_BYTES: usize = 4 << 20;

/// The page's policy as a header, which binds the engines' workers, too: the meta element of index.html cannot.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; connect-src 'self' blob:; \
     img-src 'self' blob: data:; media-src 'self' blob:; style-src 'self' 'unsafe-inline'; object-src 'none'; \
     base-uri 'none'; form-action 'none'";

pub struct ServerConfig {
    pub folder: PathBuf,
    /// Where the folder appears, such as `/` or `/some/sub/path/`.
    pub mount: String,
    /// 0 takes any free port.
    pub port: u16,
    pub isolation: Isolation,
}

/// Whether the server isolates the page from other origins, without which no browser lets threads share memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isolation {
    /// By the two headers.
    Headers,
    /// Not at all, like hosts that send no headers of one's own.
    Absent,
}

/// The headers that isolate a page, its workers included.
const ISOLATING: [(&str, &str); 2] =
    [("cross-origin-opener-policy", "same-origin"), ("cross-origin-embedder-policy", "require-corp")];

/// What goes wrong with a file.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The connection breaks after so many bytes of the file.
    Cut { after_bytes: u64 },
    /// The host answers with this status and no file.
    Status(u16),
    /// The byte at this offset arrives with all its bits turned.
    Corrupt { offset_bytes: u64 },
    /// After so many bytes nothing comes any more, and the connection stays.
    Stall { after_bytes: u64 },
    /// Wherever one text stands in the file, another one arrives. Answered with status 500 where it does not stand.
    Replace { from: String, to: String },
}

/// A running server; it ends when dropped.
pub struct Server {
    address: SocketAddr,
    mount: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

struct Shared {
    files: ServeDir,
    mount: String,
    isolation: Isolation,
    requests: Mutex<Vec<String>>,
    faults: Mutex<Vec<PlannedFault>>,
}

struct PlannedFault {
    path_end: String,
    fault: Fault,
    times_left: Option<u32>,
}

impl Server {
    pub fn start(config: ServerConfig) -> io::Result<Self> {
        let mount = format!("/{}/", config.mount.trim_matches('/')).replace("//", "/");
        let shared = Arc::new(Shared {
            files: ServeDir::new(config.folder),
            mount: mount.clone(),
            isolation: config.isolation,
            requests: Mutex::default(),
            faults: Mutex::default(),
        });
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new().fallback(answer).with_state(shared.clone());

        // A runtime of its own, so that it serves synchronous and asynchronous callers alike.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || {
            let served = runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener)?;
                // Not a graceful end: it would wait for connections that the browser keeps open.
                tokio::select! {
                    served = axum::serve(listener, router) => served,
                    _ = stopped => Ok(()),
                }
            });
            runtime.shutdown_background();
            served
        });
        Ok(Self { address, mount, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The page's address. It says localhost, since browsers offer cameras and WebGPU only to that or to https.
    pub fn url(&self) -> String {
        format!("http://localhost:{}{}", self.address.port(), self.mount)
    }

    /// Path and query of every request so far, in order.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.shared.requests).clone()
    }

    /// Spoils the next answers for paths that end so: `times` of them, or all.
    pub fn spoil(&self, path_end: &str, fault: Fault, times: Option<u32>) {
        lock(&self.shared.faults).push(PlannedFault { path_end: path_end.to_owned(), fault, times_left: times });
    }

    /// From now on all goes well again.
    pub fn heal(&self) {
        lock(&self.shared.faults).clear();
    }

    /// Serves until the program is ended.
    pub fn wait(mut self) -> io::Result<()> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(served)) => served,
            _ => Err(io::Error::other("the server's thread has panicked")),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let (Some(stop), Some(thread)) = (self.stop.take(), self.thread.take()) {
            stop.send(()).ok();
            thread.join().ok();
        }
    }
}

impl Shared {
    /// The fault that is due for a path, which uses up one of its times.
    fn take_fault(&self, path: &str) -> Option<Fault> {
        let mut faults = lock(&self.faults);
        let planned =
            faults.iter_mut().find(|planned| path.ends_with(&planned.path_end) && planned.times_left != Some(0))?;
        if let Some(times_left) = &mut planned.times_left {
            *times_left -= 1;
        }
        Some(planned.fault.clone())
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    {
        let mut requests = lock(&shared.requests);
        if requests.len() < REQUEST_LIMIT {
            requests.push(request.uri().to_string());
        }
    }
    if format!("{path}/") == shared.mount {
        return Redirect::permanent(&shared.mount).into_response();
    }
    let Some(file) = path.strip_prefix(&shared.mount) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let fault = shared.take_fault(&path);
    if let Some(Fault::Status(code)) = fault {
        return StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
    }

    let Ok(file) = format!("/{file}").parse() else { return StatusCode::BAD_REQUEST.into_response() };
    let mut inner = Request::builder().method(request.method()).uri::<axum::http::Uri>(file);
    for (name, value) in request.headers() {
        // A spoiled file has to be sent in full, not confirmed as unchanged.
        if fault.is_none() || !name.as_str().starts_with("if-") {
            inner = inner.header(name, value);
        }
    }
    let Ok(inner) = inner.body(Body::empty()) else { return StatusCode::BAD_REQUEST.into_response() };
    // ServeDir refuses paths that lead out of its folder, and answers what it cannot read with a status.
    let mut response = match shared.files.clone().oneshot(inner).await {
        Ok(response) => response.map(Body::new),
        Err(never) => match never {},
    };
    let headers = response.headers_mut();
    // Asked again each time: a build replaces the files under their names.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY));
    headers.insert(HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff"));
    if shared.isolation == Isolation::Headers {
        headers.extend(ISOLATING.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))));
    }
    match fault {
        Some(Fault::Replace { from, to }) => replace(response, &from, &to).await,
        Some(fault) => response.map(|body| spoil(body, fault)),
        None => response,
    }
}

/// The file with other text, whole; a fault that changes nothing would make its test pass for no reason.
async fn replace(response: Response, from: &str, to: &str) -> Response {
    let (mut head, body) = response.into_parts();
    let text = axum::body::to_bytes(body, TEXT_LIMIT_BYTES).await.ok();
    let text = text.and_then(|bytes| String::from_utf8(bytes.into()).ok()).filter(|text| text.contains(from));
    let Some(text) = text else {
        return (StatusCode::INTERNAL_SERVER_ERROR, format!("the file has no text {from:?}")).into_response();
    };
    head.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(head, text.replace(from, to).into())
}

/// The body as it arrives with a fault.
fn spoil(body: Body, fault: Fault) -> Body {
    let mut sent_bytes = 0;
    let bytes = body.into_data_stream().map_err(io::Error::other);
    match fault {
        Fault::Cut { after_bytes } => {
            let cut = stream::once(async {
                // hyper drops what it has not yet sent; while nothing comes, it sends.
                tokio::time::sleep(FLUSH_TIME).await;
                Err(io::Error::other("cut on request"))
            });
            Body::from_stream(first_bytes(bytes, after_bytes).chain(cut))
        }
        Fault::Stall { after_bytes } => Body::from_stream(first_bytes(bytes, after_bytes).chain(stream::pending())),
        Fault::Corrupt { offset_bytes } => Body::from_stream(bytes.map_ok(move |chunk| {
            let mut chunk = Vec::from(chunk);
            let offset = offset_bytes.checked_sub(sent_bytes).and_then(|offset| usize::try_from(offset).ok());
            if let Some(byte) = offset.and_then(|offset| chunk.get_mut(offset)) {
                *byte = !*byte;
            }
            sent_bytes += chunk.len() as u64;
            chunk
        })),
        Fault::Status(_) | Fault::Replace { .. } => Body::from_stream(bytes),
    }
}

/// As much of a stream as fits into so many bytes.
fn first_bytes(
    bytes: impl stream::Stream<Item = io::Result<axum::body::Bytes>> + Send + 'static,
    limit_bytes: u64,
) -> impl stream::Stream<Item = io::Result<axum::body::Bytes>> + Send + 'static {
    bytes.scan(limit_bytes, |left_bytes, chunk| {
        let chunk = chunk.map(|chunk| {
            let length = chunk.len().min(usize::try_from(*left_bytes).unwrap_or(usize::MAX));
            *left_bytes -= length as u64;
            chunk.slice(..length)
        });
        let ended = matches!(&chunk, Ok(chunk) if chunk.is_empty());
        std::future::ready((!ended).then_some(chunk))
    })
}

/// A panic elsewhere leaves these lists as good as they were.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
