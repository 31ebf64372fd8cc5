//! The operations of one socket, each of which gets its turn.

use std::any::Any;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};

use async_graphql::Response;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};

use crate::graphql::transport::phase::Started;
use crate::http::RequestName;

/// One operation that is under way.
pub(super) struct Operation {
    /// What the client calls it.
    pub(super) id: String,
    /// What the log and its errors call it.
    pub(super) name: RequestName,
    pub(super) started: Started,
    events: BoxStream<'static, Result<Response, Box<dyn Any + Send>>>,
    _counted: Counted,
}

impl Operation {
    pub(super) fn new(
        id: String,
        name: RequestName,
        started: Started,
        events: BoxStream<'static, Response>,
    ) -> Self {
        // A resolver that panics ends its operation, not the socket.
        let events = AssertUnwindSafe(events).catch_unwind().boxed();
        Self { id, name, started, events, _counted: Counted::new() }
    }
}

/// What an operation did.
pub(super) enum Event {
    Said(Box<Response>),
    Panicked,
    Ended,
}

/// The operations under way. Dropping one stops its work.
#[derive(Default)]
pub(super) struct Operations {
    live: Vec<Operation>,
    /// Who is asked first: the one after whoever spoke last.
    next: usize,
}

impl Operations {
    pub(super) fn len(&self) -> usize {
        self.live.len()
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.live.iter().any(|operation| operation.id == id)
    }

    pub(super) fn insert(&mut self, operation: Operation) {
        self.live.push(operation);
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Operation> {
        let index = self.live.iter().position(|operation| operation.id == id)?;
        if index < self.next {
            self.next -= 1;
        }
        Some(self.live.remove(index))
    }

    /// The next event of any operation, in fair turn. Waits for ever while there is none. Cancel-safe.
    pub(super) async fn next(&mut self) -> (String, Event) {
        poll_fn(|context| self.poll(context)).await
    }

    /// The next event, if there is one already.
    pub(super) fn next_now(&mut self) -> Option<(String, Event)> {
        self.next().now_or_never()
    }

    /// The operation of that name, if it is under way.
    pub(super) fn get(&self, id: &str) -> Option<&Operation> {
        self.live.iter().find(|operation| operation.id == id)
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<(String, Event)> {
        for step in 0..self.live.len() {
            let index = (self.next + step) % self.live.len();
            let operation = &mut self.live[index];
            let event = match operation.events.poll_next_unpin(context) {
                Poll::Ready(Some(Ok(response))) => Event::Said(Box::new(response)),
                Poll::Ready(Some(Err(_))) => Event::Panicked,
                Poll::Ready(None) => Event::Ended,
                Poll::Pending => continue,
            };
            self.next = index + 1;
            return Poll::Ready((operation.id.clone(), event));
        }
        Poll::Pending
    }
}

/// Counts live operations of the whole process, however they end.
struct Counted;

impl Counted {
    fn new() -> Self {
        metrics::gauge!("botwright_operations_open").increment(1.0);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        metrics::gauge!("botwright_operations_open").decrement(1.0);
    }
}
