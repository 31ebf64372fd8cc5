//! Taking in what arrived: in the order of each chat, durably, once. What can never be taken in is put aside with
//! its reason; it never holds up the rest.

pub(super) mod access;
mod address;
mod attached;
mod command;
mod file;
mod guard;
mod message;
mod others;
mod place;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use serde_json::Value;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::Door;
use super::api::update::Update;
use super::lines::Line;
use crate::error::{Error, Kind, Result};
use crate::id::QuarantineId;
use crate::store::Quarantined;
pub(super) use guard::Guard;

/// Chats of one batch that are taken in at once.
const AT_ONCE: usize = 16;
/// How long a database that is away is left alone.
const AWAY: Duration = Duration::from_millis(500);
/// So much of an update is kept, in characters.
const KEPT: usize = 20_000;

/// Takes in a batch, each chat in its order. False if it was broken off: then it is not to be acknowledged. What is
/// being taken in at that moment is finished first.
pub(super) async fn all(
    door: &Arc<Door>,
    line: &Arc<Line>,
    updates: Vec<Value>,
    stop: &CancellationToken,
) -> bool {
    let mut chats: HashMap<Option<i64>, Vec<Value>> = HashMap::new();
    for update in updates {
        chats.entry(chat_of(&update)).or_default().push(update);
    }
    let taken = stream::iter(chats.into_values())
        .map(async |updates| {
            for update in updates {
                loop {
                    if stop.is_cancelled() {
                        return false;
                    }
                    let Err(error) = one(door, line, &update).await else { break };
                    tracing::warn!(error = error.chain(), "what people wrote waits: it cannot be stored");
                    tokio::select! {
                        () = sleep(AWAY) => {}
                        () = stop.cancelled() => {}
                    }
                }
            }
            true
        })
        .buffer_unordered(AT_ONCE);
    // All of them are waited for, whatever one says.
    taken.fold(true, async |all, one| all && one).await
}

/// Takes in one update.
///
/// # Errors
/// `Unavailable`, and only that: it is to be tried again.
pub(super) async fn one(door: &Arc<Door>, line: &Arc<Line>, raw: &Value) -> Result<()> {
    let taken = AssertUnwindSafe(understood(door, line, raw)).catch_unwind().await;
    let error = match taken {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        // The panic itself was printed where it happened.
        Err(_) => Error::internal("taking it in panicked"),
    };
    if error.kind() == Kind::Unavailable {
        return Err(error);
    }
    tracing::error!(error = error.chain(), connection = %line.id, "an update was put aside");
    put_aside(door, line, raw, &error).await
}

async fn understood(door: &Arc<Door>, line: &Arc<Line>, raw: &Value) -> Result<()> {
    let mut raw = raw.clone();
    without_nul(&mut raw);
    let update: Update = serde_json::from_value(raw)
        .map_err(|error| Error::invalid(format!("an update that makes no sense: {error}")))?;
    let Update { message, edited_message, callback_query, my_chat_member } = update;
    if let Some(message) = message {
        return message::take(door, line, *message).await;
    }
    if let Some(message) = edited_message {
        return message::correct(door, line, *message).await;
    }
    if let Some(query) = callback_query {
        return others::press(door, line, *query).await;
    }
    if let Some(change) = my_chat_member {
        return others::membership(door, line, *change).await;
    }
    // A kind that we did not ask for.
    Ok(())
}

/// Postgres holds no NUL in text, wherever it stands: in words, names, titles.
fn without_nul(value: &mut Value) {
    match value {
        Value::String(text) if text.contains('\0') => *text = text.replace('\0', "\u{fffd}"),
        Value::Array(items) => items.iter_mut().for_each(without_nul),
        Value::Object(members) => members.values_mut().for_each(without_nul),
        _ => {}
    }
}

async fn put_aside(door: &Door, line: &Line, raw: &Value, error: &Error) -> Result<()> {
    // Postgres holds no NUL in text.
    let body: String = raw.to_string().replace("\\u0000", "\u{fffd}").chars().take(KEPT).collect();
    let quarantined = Quarantined {
        account_id: line.account,
        id: QuarantineId::new(),
        connection_id: line.id,
        reason: error.chain().replace('\0', "\u{fffd}"),
        body,
        at: door.clock().now(),
    };
    let mut tx = door.store().tenant(line.account).await?;
    Quarantined::insert(&mut tx, &quarantined).await?;
    tx.commit().await
}

/// Which chat an update belongs to: updates of one are taken in one after the other.
fn chat_of(update: &Value) -> Option<i64> {
    let paths = [
        "/message/chat/id",
        "/edited_message/chat/id",
        "/callback_query/message/chat/id",
        "/my_chat_member/chat/id",
    ];
    paths.iter().find_map(|path| update.pointer(path).and_then(Value::as_i64))
}
