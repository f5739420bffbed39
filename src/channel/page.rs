//! The page's end of the channel: starts an engine's worker, sends commands, and receives events until the engine ends.

use std::cell::RefCell;
use std::rc::{Rc, Weak};

use gloo::events::EventListener;
use gloo::timers::callback::Timeout;
use js_sys::Array;
use wasm_bindgen::prelude::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, MessageEvent, MessagePort, Worker, WorkerOptions, WorkerType};

use super::{Incoming, Outgoing, pack, unpack};
use kindling_core::protocol::{Command, Event, Failure, FailureKind};

/// An engine that sends nothing for this long after its start counts as crashed. Long, because it includes downloading the engine over a
/// slow connection; failures that are detected are reported at once.
const READY_LIMIT_MS: u32 = 180_000;

/// Maximum number of commands queued for an engine that is not ready. Only a bug in the page can exceed it.
const QUEUE_LIMIT: usize = 256;

/// A running engine. Dropping the link terminates it.
pub struct EngineLink {
    state: Rc<State>,
    _listeners: Vec<EventListener>,
}

struct State {
    /// `None` if the browser refused to create the worker.
    worker: Option<Worker>,
    phase: RefCell<Phase>,
    on_event: RefCell<Box<dyn FnMut(Event)>>,
}

enum Phase {
    /// The worker is loading; commands are queued.
    Starting {
        queue: Vec<Outgoing>,
        _limit: Timeout,
    },
    Ready,
    /// Crashed or terminated: nothing is sent and no event is delivered.
    Over,
}

impl EngineLink {
    /// Starts the module worker at `url`. `on_event` receives [`Event::Ready`] first and [`Event::Crashed`], if at all, last; never during
    /// this call or [`EngineLink::send`]. It may send commands, and may drop this link.
    pub fn start(url: &str, on_event: impl FnMut(Event) + 'static) -> Self {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(url, &options);
        let refusal = worker.as_ref().err().map(describe);

        let state = Rc::new_cyclic(|weak: &Weak<State>| {
            let weak = weak.clone();
            let limit = Timeout::new(READY_LIMIT_MS, move || {
                if let Some(state) = weak.upgrade() {
                    state.crash(crashed(format!("the engine did not start within {} s", READY_LIMIT_MS / 1_000)));
                }
            });
            State {
                worker: worker.ok(),
                phase: RefCell::new(Phase::Starting { queue: Vec::new(), _limit: limit }),
                on_event: RefCell::new(Box::new(on_event)),
            }
        });
        if let Some(reason) = refusal {
            state.crash_soon(crashed(format!("the browser refused to start the engine: {reason}")));
        }
        Self { _listeners: state.listen(), state }
    }

    /// Sends a command, or queues it until the engine is ready. Does nothing once the engine has ended.
    pub fn send(&self, command: &Command) {
        let outgoing = match pack(command) {
            Ok(outgoing) => outgoing,
            Err(failure) => return self.state.crash_soon(failure),
        };
        match &mut *self.state.phase.borrow_mut() {
            Phase::Starting { queue, .. } if queue.len() < QUEUE_LIMIT => queue.push(outgoing),
            Phase::Starting { .. } => {
                self.state
                    .crash_soon(crashed(format!("{QUEUE_LIMIT} commands wait for an engine that does not start")));
            }
            Phase::Ready => self.state.post(&outgoing),
            Phase::Over => {}
        }
    }

    /// Terminates the engine at once; no event follows.
    pub fn terminate(&self) {
        self.state.end();
    }
}

impl Drop for EngineLink {
    fn drop(&mut self) {
        self.state.end();
    }
}

impl State {
    fn listen(self: &Rc<Self>) -> Vec<EventListener> {
        let Some(worker) = &self.worker else { return Vec::new() };
        let on = |name: &'static str, handle: fn(&Rc<Self>, &web_sys::Event)| {
            let state = self.clone();
            // The clone keeps the state alive while `on_event` drops the link.
            EventListener::new(worker, name, move |event| handle(&state.clone(), event))
        };
        vec![
            on("message", |state, event| state.receive(&event.unchecked_ref::<MessageEvent>().data())),
            on("messageerror", |state, _| state.crash(crashed("a message of the engine could not be read".into()))),
            on("error", |state, event| {
                // A script that could not be fetched reports a plain event without a message.
                let message = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message).filter(|text| !text.is_empty());
                state.crash(crashed(message.unwrap_or_else(|| "the engine could not be loaded".into())));
            }),
        ]
    }

    fn receive(self: &Rc<Self>, data: &JsValue) {
        if matches!(*self.phase.borrow(), Phase::Over) {
            return;
        }
        match unpack::<Event>(data) {
            Ok(Incoming::Message(Event::Crashed(failure))) | Err(failure) => self.crash(failure),
            Ok(Incoming::LastWords(words)) => self.crash(crashed(words)),
            Ok(Incoming::Ports(ports)) => self.listen_to_threads(&ports),
            Ok(Incoming::Message(event)) => {
                if let Phase::Starting { queue, .. } = &mut *self.phase.borrow_mut() {
                    queue.drain(..).for_each(|outgoing| self.post(&outgoing));
                }
                // Only now, so that commands from `on_event` follow the queued ones.
                self.phase.replace(Phase::Ready);
                self.deliver(event);
            }
        }
    }

    /// An engine that waits for one of its threads cannot report that the thread has ended.
    fn listen_to_threads(self: &Rc<Self>, ports: &Array) {
        for port in ports.iter().filter_map(|port| port.dyn_into::<MessagePort>().ok()) {
            let state = Rc::downgrade(self);
            let receive = Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
                if let Some(state) = state.upgrade() {
                    state.receive(&event.data());
                }
            });
            // The port's own from now on. Setting it also opens the port.
            port.set_onmessage(Some(receive.into_js_value().unchecked_ref()));
        }
    }

    fn post(self: &Rc<Self>, outgoing: &Outgoing) {
        let Some(worker) = &self.worker else { return };
        if let Err(error) = worker.post_message_with_transfer(&outgoing.message, &outgoing.transfer) {
            self.crash_soon(crashed(format!("a command could not be sent: {}", describe(&error))));
        }
    }

    /// Terminates the engine and reports why, once.
    fn crash(&self, failure: Failure) {
        if self.end() {
            self.deliver(Event::Crashed(failure));
        }
    }

    /// Like `crash`, but after the caller has returned.
    fn crash_soon(self: &Rc<Self>, failure: Failure) {
        let state = self.clone();
        wasm_bindgen_futures::spawn_local(async move { state.crash(failure) });
    }

    /// Terminates the engine. Returns false if it had already ended.
    fn end(&self) -> bool {
        if let Some(worker) = &self.worker {
            worker.terminate();
        }
        !matches!(self.phase.replace(Phase::Over), Phase::Over)
    }

    fn deliver(&self, event: Event) {
        (self.on_event.borrow_mut())(event);
    }
}

fn crashed(detail: String) -> Failure {
    Failure::new(FailureKind::EngineCrashed, detail)
}

fn describe(error: &JsValue) -> String {
    error.dyn_ref::<js_sys::Error>().map_or_else(|| format!("{error:?}"), |error| String::from(error.message()))
}
