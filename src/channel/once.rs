//! One question to a worker that is started for it and ends with its answer.
//!
//! The worker says that it is ready, as an engine does, because a browser drops what is sent before that. So it posts `None` first, and then the answer.

#[cfg(feature = "exporter")]
pub use worker_side::answer_once;

#[cfg(feature = "page")]
pub use page_side::ask_once;

#[cfg(feature = "page")]
mod page_side {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use futures_channel::oneshot;
    use gloo::events::EventListener;
    use kindling_core::protocol::{Failure, FailureKind};
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use wasm_bindgen::JsCast;
    use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

    use crate::channel::{Incoming, pack, unpack};

    /// Ends the worker with the question, also where nobody waits for the answer any more.
    struct Running(Worker);

    impl Drop for Running {
        fn drop(&mut self) {
            self.0.terminate();
        }
    }

    /// Starts the module worker at `url`, asks it, and waits for its answer.
    ///
    /// # Errors
    ///
    /// `DownloadFailed` where the worker could not be loaded, as without a connection; `EngineCrashed` where it ends without an answer;
    /// `BuildMismatch` where it is of another build.
    pub async fn ask_once<Q: Serialize, A: DeserializeOwned + 'static>(url: &str, question: &Q) -> Result<A, Failure> {
        let crashed = |detail: String| Failure::new(FailureKind::EngineCrashed, detail);
        // What fails before the worker's first message is its download: it computes nothing until it is asked.
        let is_ready = Rc::new(Cell::new(false));
        let ended_early = {
            let is_ready = is_ready.clone();
            move |detail: String| match is_ready.get() {
                true => Failure::new(FailureKind::EngineCrashed, detail),
                false => Failure::new(FailureKind::DownloadFailed, detail),
            }
        };
        let outgoing = pack(question)?;
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        let worker = Worker::new_with_options(url, &options)
            .map_err(|_| crashed("the browser refused to start a worker".to_owned()))?;
        let worker = Running(worker);
        let (done, answer) = oneshot::channel();
        let done = Rc::new(RefCell::new(Some(done)));
        let end = move |result: Result<A, Failure>| {
            if let Some(done) = done.borrow_mut().take() {
                done.send(result).ok();
            }
        };
        let (asked, ended, ended_in_words) = (worker.0.clone(), end.clone(), ended_early.clone());
        let on_message = EventListener::new(&worker.0, "message", move |event| {
            match unpack::<Option<A>>(&event.unchecked_ref::<MessageEvent>().data()) {
                Ok(Incoming::Message(None)) => {
                    is_ready.set(true);
                    if asked.post_message_with_transfer(&outgoing.message, &outgoing.transfer).is_err() {
                        ended(Err(crashed("the question could not be sent".to_owned())));
                    }
                }
                Ok(Incoming::Message(Some(answer))) => ended(Ok(answer)),
                Ok(Incoming::LastWords(words)) => ended(Err(ended_in_words(words))),
                // Only engines with threads send these.
                Ok(Incoming::Ports(_)) => {}
                Err(failure) => ended(Err(failure)),
            }
        });
        let on_error = EventListener::new(&worker.0, "error", move |event| {
            // A script that could not be fetched reports a plain event without a message.
            let message = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message).filter(|text| !text.is_empty());
            end(Err(ended_early(message.unwrap_or_else(|| "the worker could not be loaded".to_owned()))));
        });
        let answer = answer.await.unwrap_or_else(|_| Err(crashed("the worker gave no answer".to_owned())));
        drop((on_message, on_error));
        answer
    }
}

#[cfg(feature = "exporter")]
mod worker_side {
    use gloo::events::EventListener;
    use serde::Serialize;
    use serde::de::DeserializeOwned;
    use wasm_bindgen::JsCast;
    use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

    use crate::channel::{Incoming, pack, unpack};

    /// Answers the page's question when it comes.
    pub fn answer_once<Q: DeserializeOwned, A: Serialize + 'static>(answer: impl Fn(Q) -> A + 'static) {
        EventListener::once(&scope(), "message", move |event| {
            match unpack(&event.unchecked_ref::<MessageEvent>().data()) {
                Ok(Incoming::Message(question)) => post(&Some(answer(question))),
                // Only an engine sends these.
                Ok(Incoming::LastWords(_) | Incoming::Ports(_)) => {}
                // The page finds the cause in the build of the first message.
                Err(failure) => wasm_bindgen::throw_str(&failure.detail),
            }
        })
        .forget();
        post(&None::<A>);
    }

    fn post<A: Serialize>(message: &Option<A>) {
        let posted = pack(message).map_err(|failure| failure.detail).and_then(|outgoing| {
            let posted = scope().post_message_with_transfer(&outgoing.message, &outgoing.transfer);
            posted.map_err(|_| "the answer could not be sent".to_owned())
        });
        // An uncaught error reaches the page as the worker's `error` event.
        if let Err(reason) = posted {
            wasm_bindgen::throw_str(&reason);
        }
    }

    fn scope() -> DedicatedWorkerGlobalScope {
        js_sys::global().unchecked_into()
    }
}
