//! Server-sent events: one operation a request, as the protocol of `graphql-sse` says for distinct connections.
//!
//! Results are `event: next`, the end is `event: complete`; what is wrong with a document is a result too. A
//! stream that breaks off without `complete`, because the server restarts or the token ended, is asked for
//! again by the client, with `after` where it had come to.

use std::convert::Infallible;
use std::sync::Arc;

use async_graphql::Executor;
use async_graphql::parser::types::OperationType;
use axum::body::{Body as HttpBody, Bytes};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::graphql::transport::Transport;
use crate::graphql::transport::accept::{Media, accepts_events};
use crate::graphql::transport::admitted::{Admitted, ended, heartbeat, spread};
use crate::graphql::transport::faults::{Code, Refusal, mend};
use crate::graphql::transport::http::{no_mutation, read_params, read_url, refused};
use crate::graphql::transport::operations::{Operation, is_over};
use crate::graphql::transport::params::{Params, UrlParams};
use crate::graphql::transport::run::Body;
use crate::graphql::transport::slot::{self, Slot};
use crate::http::{RequestName, bearer};

/// What keeps a quiet stream alive through proxies.
const SIGN_OF_LIFE: &str = ":\n\n";
const COMPLETE: &str = "event: complete\ndata: \n\n";

/// Any operation.
pub(super) async fn post<E: Executor>(
    State(transport): State<Arc<Transport<E>>>,
    name: RequestName,
    headers: HeaderMap,
    body: HttpBody,
) -> Response {
    let params = read_params(&headers, body).await;
    answer(transport, &Method::POST, &headers, name, params).await
}

/// Subscriptions and queries.
pub(super) async fn get<E: Executor>(
    State(transport): State<Arc<Transport<E>>>,
    name: RequestName,
    headers: HeaderMap,
    url: Result<Query<UrlParams>, QueryRejection>,
) -> Response {
    answer(transport, &Method::GET, &headers, name, read_url(url)).await
}

async fn answer<E: Executor>(
    transport: Arc<Transport<E>>,
    method: &Method,
    headers: &HeaderMap,
    name: RequestName,
    params: Result<Params, Refusal>,
) -> Response {
    match open(transport, method, headers, &name, params).await {
        Ok(stream) => told(stream),
        // The request is in order, its document is not: that is told in the stream.
        Err(mut refusal) if refusal.of_document => {
            mend(&mut refusal.errors, Code::ValidationFailed, &name);
            let events = next(&Body::refused(&refusal.errors)) + COMPLETE;
            told(HttpBody::from(events))
        }
        Err(refusal) => refused(refusal, Media::Json, &name),
    }
}

/// Begins the operation; what it says is the body of the answer.
async fn open<E: Executor>(
    transport: Arc<Transport<E>>,
    method: &Method,
    headers: &HeaderMap,
    name: &RequestName,
    params: Result<Params, Refusal>,
) -> Result<HttpBody, Refusal> {
    if !accepts_events(headers) {
        let message = "the answer is a stream of events: accept `text/event-stream`";
        return Err(Refusal::new(StatusCode::NOT_ACCEPTABLE, Code::BadUserInput, message));
    }
    let params = params?;
    let checked = transport.check(&params)?;
    if checked.kind == OperationType::Mutation && method == Method::GET {
        return Err(no_mutation());
    }
    let admitted = match bearer(headers)? {
        Some(bearer) => {
            let visitor = transport.gate.admit(&bearer).await?;
            Some(Admitted::new(bearer, visitor))
        }
        None => None,
    };
    let prepared = transport.prepare(params, checked, admitted.as_ref().map(|admitted| &admitted.visitor))?;
    let slot = Slot::take(&transport).ok_or_else(slot::full)?;
    let operation = transport.begin(String::new(), name.clone(), prepared);
    // Room for one event: what a client does not read is not made.
    let (frames, received) = mpsc::channel(1);
    let hold = transport.drain.hold();
    tokio::spawn(async move {
        Telling { transport: &transport, frames, number: slot.number }.run(operation, admitted).await;
        drop((slot, hold));
    });
    let frames = stream::unfold(received, |mut received| async {
        let frame: Bytes = received.recv().await?;
        Some((Ok::<_, Infallible>(frame), received))
    });
    Ok(HttpBody::from_stream(frames))
}

/// One stream, from its first event to its last.
struct Telling<'a, E> {
    transport: &'a Transport<E>,
    frames: mpsc::Sender<Bytes>,
    number: usize,
}

impl<E: Executor> Telling<'_, E> {
    async fn run(self, mut operation: Operation, mut admitted: Option<Admitted>) {
        let settings = &self.transport.settings;
        let mut heartbeat = heartbeat(settings.heartbeat);
        let stop = self.transport.drain.stop();
        loop {
            let until = admitted.as_ref().and_then(|admitted| admitted.until);
            let (frame, goes_on) = tokio::select! {
                event = operation.next() => match operation.told(event) {
                    None => (COMPLETE.to_owned(), false),
                    Some(response) if is_over(&response) => {
                        (next(&Body::refused(&response.errors)) + COMPLETE, false)
                    }
                    Some(response) => (next(&Body::of(&response)), true),
                },
                _ = heartbeat.tick() => match &mut admitted {
                    Some(admitted) => match admitted.look_again(self.transport.gate.as_ref()).await {
                        Ok(()) => (SIGN_OF_LIFE.to_owned(), true),
                        Err(_) => (": the token is no longer good\n\n".to_owned(), false),
                    },
                    None => (SIGN_OF_LIFE.to_owned(), true),
                },
                () = ended(until) => (": the token expired\n\n".to_owned(), false),
                () = stop.cancelled() => {
                    spread(self.number).await;
                    (": the server is restarting\n\n".to_owned(), false)
                }
                () = self.frames.closed() => return,
            };
            // A client that does not read is dropped.
            let sent = timeout(settings.patience, self.frames.send(Bytes::from(frame))).await;
            if !goes_on || !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    }
}

/// JSON holds no bare line break, so one line of data is enough.
fn next(body: &Body<'_>) -> String {
    // Everything in it is plain data, so it can be written.
    format!("event: next\ndata: {}\n\n", serde_json::to_string(body).unwrap_or_default())
}

fn told(body: HttpBody) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/event-stream; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        // Proxies that gather answers would hold the events back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, body).into_response()
}
