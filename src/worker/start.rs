//! Starts the engine in its worker: opens the device, sends the first event, and executes commands.

use std::cell::OnceCell;
use std::panic::{self, PanicHookInfo};
use std::rc::Rc;

use kindling_core::protocol::{EngineInfo, EngineKind, Event, Failure, FailureKind};
use kindling_session::{EngineDevice, Session};
use wasm_bindgen_futures::spawn_local;

use super::platform::Browser;
use crate::channel;

#[cfg(target_family = "wasm")]
unsafe extern "C" {
    fn __wasm_call_ctors();
}

/// Starts the engine. The worker's `main` calls this once.
pub fn start(kind: EngineKind) {
    run_constructors();
    panic::set_hook(Box::new(report_panic));
    channel::watch();
    spawn_local(async move {
        let session = Rc::new(OnceCell::<Rc<Session<Browser>>>::new());
        match open(kind, &session).await {
            Ok((device, info)) => {
                let session = session.get_or_init(|| Session::new(Rc::default(), device)).clone();
                channel::serve(move |command| session.act(command));
                channel::post(&Event::Ready(info));
            }
            Err(failure) => channel::post(&Event::Crashed(failure)),
        }
    });
}

/// Runs the module's static constructors. `main` calls this once, before anything else: without a reference to them, the linker takes the
/// module for a command and makes every call from JavaScript run all of them again, half a second per training step on WebGPU.
pub fn run_constructors() {
    #[cfg(target_family = "wasm")]
    // SAFETY: nothing has run before, and nothing runs the constructors again.
    unsafe {
        __wasm_call_ctors();
    }
}

type Opened = Result<(EngineDevice, EngineInfo), Failure>;

async fn open(kind: EngineKind, session: &Rc<OnceCell<Rc<Session<Browser>>>>) -> Opened {
    match kind {
        EngineKind::Cpu => open_cpu().await,
        EngineKind::Webgpu | EngineKind::Gpu => open_gpu(session).await,
    }
}

#[cfg(feature = "cpu")]
async fn open_cpu() -> Opened {
    use kindling_train::device::cpu;

    let threads = start_threads().await;
    let adapter = if threads > 1 { format!("SIMD, {threads} threads") } else { "SIMD".to_owned() };
    Ok((cpu::open(), EngineInfo { kind: EngineKind::Cpu, adapter, is_software: false, threads }))
}

#[cfg(not(feature = "cpu"))]
async fn open_cpu() -> Opened {
    Err(Failure::new(FailureKind::EngineCrashed, "this engine was built without the CPU"))
}

#[cfg(feature = "threads")]
async fn start_threads() -> u32 {
    super::threads::start().await
}

/// The engine computes on its own thread only.
#[cfg(all(feature = "cpu", not(feature = "threads")))]
async fn start_threads() -> u32 {
    1
}

#[cfg(feature = "gpu")]
async fn open_gpu(session: &Rc<OnceCell<Rc<Session<Browser>>>>) -> Opened {
    let session = session.clone();
    super::gpu::open(move |failure| match session.get() {
        Some(session) => session.give_up(failure),
        None => channel::post(&Event::Crashed(failure)),
    })
    .await
}

#[cfg(not(feature = "gpu"))]
async fn open_gpu(_session: &Rc<OnceCell<Rc<Session<Browser>>>>) -> Opened {
    Err(Failure::new(FailureKind::NoWebGpu, "this engine was built without WebGPU"))
}

/// Reports a panic to the page. The engine ends right after it, and the page starts another.
fn report_panic(info: &PanicHookInfo) {
    console_error_panic_hook::hook(info);
    let failure = gpu_failure().unwrap_or_else(|| {
        let message = info.payload_as_str().unwrap_or("a panic without a message");
        let place = info.location().map(|location| format!(" ({}:{})", location.file(), location.line()));
        Failure::new(FailureKind::EngineCrashed, format!("{message}{}", place.unwrap_or_default()))
    });
    #[cfg(feature = "threads")]
    if super::threads::is_thread() {
        // Only the engine's own thread speaks to the page. This ends the present one, and its script passes the words on.
        wasm_bindgen::throw_str(&failure.detail);
    }
    channel::post(&Event::Crashed(failure));
}

/// The first failure that the GPU reported, if any: the panic is only its consequence.
#[cfg(feature = "gpu")]
fn gpu_failure() -> Option<Failure> {
    super::gpu::failure()
}

#[cfg(not(feature = "gpu"))]
fn gpu_failure() -> Option<Failure> {
    None
}
