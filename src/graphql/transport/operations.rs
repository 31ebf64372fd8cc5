//! The operations of one client, each of which gets its turn.

use std::any::Any;
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};

use async_graphql::parser::types::OperationType;
use async_graphql::{Executor, Response, ServerError, Value};
use futures_util::stream::{self, BoxStream};
use futures_util::{FutureExt, StreamExt};
use tokio::time::timeout;

use crate::graphql::transport::Transport;
use crate::graphql::transport::faults::{Code, coded, mend};
use crate::graphql::transport::phase::Started;
use crate::graphql::transport::run::{Prepared, too_slow};
use crate::http::RequestName;

/// One operation that is under way.
pub(super) struct Operation {
    /// What the client calls it.
    id: String,
    /// What the log and its errors call it.
    name: RequestName,
    started: Started,
    events: BoxStream<'static, Result<Response, Box<dyn Any + Send>>>,
    _counted: Counted,
}

impl<E: Executor> Transport<E> {
    /// Begins an operation of any kind. A query or mutation has one event.
    pub(super) fn begin(&self, id: String, name: RequestName, prepared: Prepared) -> Operation {
        let Prepared { request, kind, started } = prepared;
        let events = match kind {
            OperationType::Subscription => self.executor.execute_stream(request, None),
            OperationType::Query | OperationType::Mutation => {
                let (executor, deadline) = (self.executor.clone(), self.settings.deadline);
                let execution = async move { timeout(deadline, executor.execute(request)).await };
                stream::once(execution).map(|response| response.unwrap_or_else(|_| timed_out())).boxed()
            }
        };
        // A resolver that panics ends its operation, not the connection.
        let events = AssertUnwindSafe(events).catch_unwind().boxed();
        Operation { id, name, started, events, _counted: Counted::new() }
    }
}

impl Operation {
    /// What an event of it says to the client; `None` at its end.
    pub(super) fn told(&self, event: Event) -> Option<Box<Response>> {
        let mut response = match event {
            Event::Ended => return None,
            Event::Panicked => {
                tracing::error!(request = self.name.as_str(), "an operation panicked");
                let failed = coded(ServerError::new("internal error", None), Code::Internal);
                Box::new(Response::from_errors(vec![failed]))
            }
            Event::Said(response) => response,
        };
        let otherwise = if self.started.get() { Code::BadUserInput } else { Code::ValidationFailed };
        mend(&mut response.errors, otherwise, &self.name);
        Some(response)
    }

    /// Its next event. Cancel-safe.
    pub(super) async fn next(&mut self) -> Event {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        self.events.poll_next_unpin(context).map(|event| match event {
            Some(Ok(response)) => Event::Said(Box::new(response)),
            Some(Err(_)) => Event::Panicked,
            None => Event::Ended,
        })
    }
}

/// Whether an operation that says this is over: nothing was executed, a subscription's source failed, or a
/// failure left nothing.
pub(super) fn is_over(response: &Response) -> bool {
    !response.errors.is_empty() && response.data == Value::Null
}

fn timed_out() -> Response {
    let error = too_slow();
    let mut failed = ServerError::new(error.message(), None);
    failed.source = Some(Arc::new(error));
    Response::from_errors(vec![failed])
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
            let Poll::Ready(event) = operation.poll(context) else { continue };
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
