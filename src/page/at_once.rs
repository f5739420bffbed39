//! Futures of the page's one thread: a few that run by turns, and one that lets everything else have its turn.

use std::task::Poll;

use futures_channel::oneshot;
use gloo::timers::callback::Timeout;

/// Waits for all of a few futures. Their outputs are in their order.
pub async fn join<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|context| {
        for (future, output) in running.iter_mut().filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(ready) = future.as_mut().poll(context) {
                *output = Some(ready);
            }
        }
        if running.iter().all(|(_, output)| output.is_some()) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}

/// Waits, even for 0 ms until the page has seen to all else.
pub async fn sleep(duration_ms: u32) {
    let (over, waiting) = oneshot::channel();
    Timeout::new(duration_ms, move || over.send(()).unwrap_or_default()).forget();
    waiting.await.ok();
}
