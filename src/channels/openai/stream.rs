//! An answer as server-sent events: the role first, then the words as they come, the reason why they end, and
//! `[DONE]`. An answer that breaks off ends in an error and without `[DONE]`.

use std::convert::Infallible;
use std::time::Duration;

use async_stream::stream;
use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::answer::Chunks;
use super::refusal::Refusal;
use crate::providers::Event;

/// An answer as it comes in, its failure in words for the client.
pub(super) type Events = BoxStream<'static, Result<Event, Refusal>>;

/// How long the head of the answer waits for its first word: a failure until then has a status of its own.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// How often something is sent while the model thinks, so that nobody on the way takes the line for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long an answer may go on once the process is told to end.
const GRACE: Duration = Duration::from_secs(8);

/// Streams `events` to the client. A failure before the first word is an error of its own.
pub(super) async fn respond(
    chunks: Chunks,
    mut events: Events,
    stop: CancellationToken,
) -> Result<Response, Refusal> {
    let first = match timeout(HEAD_WITHIN, events.next()).await {
        Ok(Some(Err(refusal))) => return Err(refusal),
        Ok(first) => first,
        Err(_) => None,
    };
    let mut response = Response::new(Body::from_stream(written(chunks, first, events, stop)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    // Asks nginx not to gather what is meant to be seen at once.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    Ok(response)
}

fn written(
    chunks: Chunks,
    first: Option<Result<Event, Refusal>>,
    mut events: Events,
    stop: CancellationToken,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    stream! {
        yield Ok(data(&chunks.role()));
        let mut next = first;
        let mut calls = 0;
        let ended = async move {
            stop.cancelled().await;
            sleep(GRACE).await;
        };
        tokio::pin!(ended);
        loop {
            let event = match next.take() {
                Some(event) => event,
                None => tokio::select! {
                    event = events.next() => match event {
                        Some(event) => event,
                        // A good stream ends in `Done`, after which nobody asks any more.
                        None => return,
                    },
                    () = sleep(KEEP_ALIVE) => {
                        yield Ok(Bytes::from_static(b": still thinking\n\n"));
                        continue;
                    }
                    () = &mut ended => Err(Refusal::stopping()),
                },
            };
            match event {
                Ok(Event::Text(text)) => yield Ok(data(&chunks.text(&text))),
                Ok(Event::ToolCall(call)) => {
                    yield Ok(data(&chunks.call(calls, &call)));
                    calls += 1;
                }
                Ok(Event::Done { finish, usage, model: _ }) => {
                    yield Ok(data(&chunks.finish(finish, calls > 0)));
                    if let Some(usage) = chunks.usage(&usage) {
                        yield Ok(data(&usage));
                    }
                    yield Ok(Bytes::from_static(b"data: [DONE]\n\n"));
                    return;
                }
                Err(refusal) => {
                    yield Ok(data(refusal.body().to_string().as_bytes()));
                    return;
                }
            }
        }
    }
}

/// One event. JSON holds no line breaks.
fn data(json: &[u8]) -> Bytes {
    [b"data: ", json, b"\n\n"].concat().into()
}
