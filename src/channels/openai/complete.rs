//! `POST /v1/chat/completions`.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use futures_util::StreamExt;

use super::Parts;
use super::answer::{Chunks, Head, whole};
use super::lasting;
use super::refusal::Refusal;
use super::request::{self, Wanted};
use super::stream::{Events, respond};
use crate::accounts::{Actor, Scope};
use crate::chat::LiveBot;
use crate::http::{authenticate, read_body};
use crate::providers::{Event, Finish};

/// The most that a request may hold: budgets go up to two million tokens.
const MOST_BYTES: usize = 8 * 1024 * 1024;

pub(super) async fn complete(
    State(door): State<Arc<Parts>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let actor = authenticate(&headers, &door.accounts).await?;
    actor.require(Scope::Chat)?;
    let body = read_body(&headers, body, MOST_BYTES).await?;
    let body = serde_json::from_slice(&body)
        .map_err(|error| Refusal::malformed(format!("the body is no JSON: {error}")))?;
    let wanted = request::read(&body)?;
    drop(body);
    let live = door.chat.bots().current(actor.account, &wanted.model).await?;
    let live = live.ok_or_else(|| Refusal::no_such_model(&wanted.model))?;
    let Wanted { model: _, is_streamed, with_usage, user, pictured, asked } = wanted;
    if let Some(place) = pictured
        && !door.chat.sees(actor.account, &live).await?
    {
        return Err(Refusal::sees_nothing(place, &live.bot.name));
    }
    let head = Head::new(&live, door.clock.now().timestamp());
    let events = match user {
        None => direct(&door, &actor, &live, asked).await?,
        Some(user) => lasting::answer(&door, &actor, &live, &user, asked, &headers).await?,
    };
    if is_streamed {
        let chunks = Chunks { head: head.of_chunks(), with_usage };
        return respond(chunks, events, door.drain.stop().clone()).await;
    }
    gathered(&head, events).await
}

/// The answer to a request that nobody remembers.
async fn direct(
    door: &Parts,
    actor: &Actor,
    live: &Arc<LiveBot>,
    asked: crate::chat::Asked,
) -> Result<Events, Refusal> {
    let answering = door.chat.ask(actor, live, asked).await?;
    Ok(answering.map(|event| event.map_err(Refusal::from)).boxed())
}

/// The whole answer at once. Whoever hangs up meanwhile stops it.
async fn gathered(head: &Head, mut events: Events) -> Result<Response, Refusal> {
    let mut text = String::new();
    let mut calls = Vec::new();
    let (mut finish, mut usage) = (Finish::Stop, Default::default());
    while let Some(event) = events.next().await {
        match event? {
            Event::Text(more) => text.push_str(&more),
            Event::ToolCall(call) => calls.push(call),
            Event::Done { finish: why, usage: used, model: _ } => {
                (finish, usage) = (why, used);
                break;
            }
        }
    }
    let mut response = Response::new(Body::from(whole(head, &text, &calls, finish, &usage)));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
