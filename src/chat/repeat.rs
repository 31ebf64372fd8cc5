//! Repetitions: the same request with the same key has the first one's effect and answer.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::accounts::Actor;
use crate::chat::{Accepted, Inbound, Target};
use crate::error::{Error, Result};
use crate::id::{ConversationId, MessageId, TurnId};
use crate::store::{Conversation, Idempotency, KEY_REUSED, Message, Questions, Remembered, Tenant, Turn};

/// What an idempotency key remembers.
#[derive(PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipt {
    pub(super) conversation: ConversationId,
    pub(super) message: Option<MessageId>,
    pub(super) turn: Option<TurnId>,
}

pub(super) fn idempotency(
    actor: &Actor,
    operation: &str,
    key: &str,
    content: &[&str],
    now: DateTime<Utc>,
) -> Idempotency {
    let mut hasher = blake3::Hasher::new();
    for part in content {
        hasher.update(&(part.len() as u64).to_le_bytes()).update(part.as_bytes());
    }
    Idempotency {
        account_id: actor.account,
        // Tokens of one person are one caller: a renewed token may repeat what the old one began.
        principal: actor.person.to_string(),
        operation: operation.into(),
        key: key.replace('\0', "\u{fffd}"),
        fingerprint: hasher.finalize().to_hex().to_string(),
        result: Value::Null,
        created_at: now,
    }
}

/// A message as its key remembers it; none without a key. `expected` is what it most likely comes to.
pub(super) fn of_message(
    actor: &Actor,
    inbound: &Inbound,
    wishes: Option<&(Value, String)>,
    expected: Option<&Receipt>,
    now: DateTime<Utc>,
) -> Result<Option<Idempotency>> {
    let Some(key) = &inbound.idempotency_key else { return Ok(None) };
    let target = match &inbound.target {
        Target::Bot(name) => format!("bot:{name}"),
        Target::Conversation(id) => format!("conversation:{id}"),
    };
    let files: Vec<String> = inbound.uploads.iter().map(ToString::to_string).collect();
    let mut content = vec![inbound.channel, &target, &inbound.text];
    content.extend(wishes.map(|(_, written)| written.as_str()));
    content.extend(files.iter().map(String::as_str));
    let result = serde_json::to_value(expected).map_err(Error::internal)?;
    Ok(Some(Idempotency { result, ..idempotency(actor, "sendMessage", key, &content, now) }))
}

/// Claims the key of a request, if it has one, as the first of its transaction: see [`claim_key`].
pub(super) struct Claim<'a>(pub(super) Option<&'a Idempotency>);

impl Questions for Claim<'_> {
    type Answers = Option<Receipt>;
    async fn ask(&self, tx: &Tenant) -> Result<Option<Receipt>> {
        claim_key(tx, self.0).await
    }
}

pub(super) async fn claim_key(tx: &Tenant, request: Option<&Idempotency>) -> Result<Option<Receipt>> {
    let Some(request) = request else { return Ok(None) };
    let answer = claim(tx, request).await?;
    answer.map(serde_json::from_value).transpose().map_err(Error::internal)
}

/// What the key remembers; `None` where it is new, and belongs to this transaction from now on.
pub(super) async fn claim(tx: &Tenant, request: &Idempotency) -> Result<Option<Value>> {
    if request.key.is_empty() || request.key.len() > 255 {
        return Err(Error::invalid("an idempotency key has 1 to 255 bytes"));
    }
    match Idempotency::claim(tx, request).await? {
        Remembered::New => Ok(None),
        Remembered::Same(result) => Ok(Some(result)),
        Remembered::Other => Err(Error::conflict(KEY_REUSED)),
    }
}

/// What the key stands for already, if it was used; it stays free otherwise.
pub(super) async fn recall_key(tx: &Tenant, request: Option<&Idempotency>) -> Result<Option<Receipt>> {
    let Some(request) = request else { return Ok(None) };
    match Idempotency::look_up(tx, request).await? {
        Remembered::New => Ok(None),
        Remembered::Same(result) => Ok(Some(serde_json::from_value(result).map_err(Error::internal)?)),
        Remembered::Other => Err(Error::conflict(KEY_REUSED)),
    }
}

pub(super) async fn replay(tx: &mut Tenant, receipt: &Receipt) -> Result<Accepted> {
    let vanished = || Error::internal("a remembered message vanished");
    let (Some(message), Some(turn)) = (receipt.message, receipt.turn) else { return Err(vanished()) };
    Ok(Accepted {
        conversation: Conversation::find(tx, receipt.conversation).await?.ok_or_else(vanished)?,
        message: Message::find(tx, message).await?.ok_or_else(vanished)?,
        turn: Turn::find(tx, turn).await?.ok_or_else(vanished)?,
        replayed: true,
    })
}
