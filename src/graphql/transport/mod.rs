//! How GraphQL travels: POST and GET over HTTP, `graphql-transport-ws` over a WebSocket, server-sent events.
//!
//! One place for what a schema need not know: what is taken and refused on the wire, how much work a request
//! may ask for, who is asking, and how failures are told. Every transport goes the same way: read
//! ([`params`]), recognise the caller ([`Gate`]), weigh the document ([`guard`]), execute, mend the errors
//! ([`faults`]).
//!
//! Knows: an executor. Never: a type of the schema, but for the names of the fields that anybody may read.

mod accept;
mod admitted;
mod events;
mod faults;
mod guard;
mod http;
mod operations;
mod params;
mod phase;
mod run;
mod shape;
mod slot;
mod socket;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use async_graphql::{Executor, Request};
use async_trait::async_trait;
use axum::Router;
use axum::routing::{get, post};
use secrecy::SecretString;

use crate::config::Introspection;
use crate::error::Result;
use crate::http::Drain;

pub use guard::Limits;
pub(super) use phase::Phases;

/// Recognises whoever is asking.
#[async_trait]
pub(super) trait Gate: Send + Sync + 'static {
    /// Whoever holds the token. `Unauthenticated` if nobody does.
    async fn admit(&self, bearer: &SecretString) -> Result<Visitor>;
}

/// Somebody who was recognised.
#[derive(Clone)]
pub(super) struct Visitor {
    /// After how long they must be turned away.
    pub(super) ends_in: Option<Duration>,
    introduce: Arc<dyn Fn(Request) -> Request + Send + Sync>,
    count: Arc<dyn Fn() -> Result<()> + Send + Sync>,
}

impl Visitor {
    /// A caller whom resolvers will find in their context as a `T`.
    pub(super) fn new<T: Clone + Send + Sync + 'static>(caller: T, ends_in: Option<Duration>) -> Self {
        let introduce = Arc::new(move |request: Request| request.data(caller.clone()));
        Self { ends_in, introduce, count: Arc::new(|| Ok(())) }
    }
    /// The same, with each operation counted by `count`, which may refuse it.
    pub(super) fn counted(mut self, count: impl Fn() -> Result<()> + Send + Sync + 'static) -> Self {
        self.count = Arc::new(count);
        self
    }
    fn introduce(&self, request: Request) -> Request {
        (self.introduce)(request)
    }
}

/// What is taken, and how much of it.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Root fields that need no token, beside introspection.
    pub public: &'static [&'static str],
    /// Origins, beside the server's own, whose pages may open a socket: `https://app.example`.
    pub origins: Vec<String>,
    /// Where people reach this server from outside, without a slash at the end, if that is known.
    pub public_url: Option<String>,
    pub limits: Limits,
    /// How long a query or mutation may take.
    pub deadline: Duration,
    /// Who may ask what the schema is.
    pub introspection: Introspection,
    /// The most sockets and streams at once.
    pub sockets: usize,
    /// The most operations at once on a socket.
    pub operations: usize,
    /// The most that a message to a socket may hold, in bytes.
    pub message_bytes: usize,
    /// How long a socket may take to introduce itself.
    pub introduction: Duration,
    /// How often a socket is asked for a sign of life, two missed ones of which close it, and a stream gives one.
    pub heartbeat: Duration,
    /// How long a socket or stream may take to accept a message.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public: &[],
            origins: Vec::new(),
            public_url: None,
            limits: Limits::default(),
            // A caller whose database is away hears so after ten seconds, from the store.
            deadline: Duration::from_secs(15),
            introspection: Introspection::Open,
            sockets: 20_000,
            operations: 20,
            message_bytes: 256 * 1024,
            introduction: Duration::from_secs(5),
            heartbeat: Duration::from_secs(20),
            patience: Duration::from_secs(10),
        }
    }
}

struct Transport<E> {
    executor: E,
    gate: Arc<dyn Gate>,
    settings: Settings,
    drain: Drain,
    /// What browsers are shown on GET.
    explorer: &'static str,
    open_sockets: AtomicUsize,
}

/// Serves `executor` at `/graphql`, `/graphql/ws` and `/graphql/stream`. Its schema must have the extension [`Phases`].
/// `explorer` is the page that browsers are shown.
pub(super) fn router<E: Executor>(
    executor: E,
    gate: Arc<dyn Gate>,
    settings: Settings,
    drain: Drain,
    explorer: &'static str,
) -> Router {
    let transport =
        Transport { executor, gate, settings, drain, explorer, open_sockets: AtomicUsize::default() };
    Router::new()
        .route("/graphql", post(http::post::<E>).get(http::get::<E>))
        .route("/graphql/stream", post(events::post::<E>).get(events::get::<E>))
        .route("/graphql/ws", get(socket::upgrade::<E>))
        .with_state(Arc::new(transport))
}

#[cfg(test)]
mod tests;
