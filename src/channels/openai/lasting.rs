//! With `user`: a conversation that lasts. The last words of the history are the person's, everything before
//! them is known here already.
//!
//! Without tools of the client's the words become a durable turn, which is followed to its end. Whoever hangs
//! up cancels it, unless they sent an `Idempotency-Key`: then they can come back for the answer.

use std::sync::Arc;

use async_stream::stream;
use axum::http::HeaderMap;
use futures_util::{Stream, StreamExt};

use super::Parts;
use super::refusal::Refusal;
use super::stream::Events;
use crate::accounts::Actor;
use crate::chat::{Asked, AskedIn, Chat, Inbound, LiveBot, Target, TurnUpdate, Update};
use crate::dialog::{Message, Part, Picture, Role, Usage};
use crate::error::{Error, Result};
use crate::id::{TurnId, UploadId};
use crate::providers::Event;

const CHANNEL: &str = "openai";
/// The longest idempotency key, in bytes.
const LONGEST_KEY: usize = 255;

/// The answer to the last words of `user`, a person of the caller's.
pub(super) async fn answer(
    door: &Arc<Parts>,
    caller: &Actor,
    live: &Arc<LiveBot>,
    user: &str,
    asked: Asked,
    headers: &HeaderMap,
) -> Result<Events, Refusal> {
    let key = key_of(headers)?;
    let person = door.accounts.on_behalf(caller, CHANNEL, user).await?;
    let Asked { mut messages, tools, wishes } = asked;
    let (text, pictures, following) = last_words(&mut messages);
    if text.trim().is_empty() && pictures.is_empty() {
        return Err(Refusal::invalid("messages", "the last message of the role `user` is empty"));
    }
    if !tools.is_empty() || !following.is_empty() {
        let asked =
            AskedIn { channel: CHANNEL, text, pictures, following, tools, wishes, idempotency_key: key };
        let answering = door.chat.ask_in(&person, live, asked).await.map_err(refused)?;
        return Ok(answering.map(|event| event.map_err(Refusal::from)).boxed());
    }
    let uploads = kept(door, &person, pictures, key.as_deref()).await?;
    let inbound = Inbound {
        target: Target::Bot(live.bot.name.clone()),
        text,
        idempotency_key: key.clone(),
        channel: CHANNEL,
        wishes: Some(wishes),
        uploads,
    };
    let accepted = door.chat.send(&person, inbound).await.map_err(Refusal::of_words)?;
    let turn = accepted.turn.id;
    // A repetition did not begin the turn, and whoever has a key may come back.
    let hang_up = HangUp { is_armed: key.is_none() && !accepted.replayed, door: door.clone(), person, turn };
    let updates = door.chat.turn_events(&hang_up.person, turn, 0).await?;
    Ok(followed(updates, hang_up).boxed())
}

fn refused(unanswered: crate::chat::Unanswered) -> Refusal {
    match unanswered {
        crate::chat::Unanswered::Other(error) => Refusal::of_words(error),
        other => other.into(),
    }
}

fn key_of(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let Some(key) = headers.get("idempotency-key") else { return Ok(None) };
    let key = key.to_str().ok().filter(|key| (1..=LONGEST_KEY).contains(&key.len()));
    let message = format!("the header `Idempotency-Key` must hold 1 to {LONGEST_KEY} visible characters");
    key.map(|key| Some(key.to_owned())).ok_or_else(|| Refusal::malformed(message))
}

/// Keeps pictures for the message to come. The same request again, with its key, finds those of the first.
async fn kept(
    door: &Parts,
    person: &Actor,
    pictures: Vec<Picture>,
    key: Option<&str>,
) -> Result<Vec<UploadId>, Refusal> {
    let of = key.map_or_else(|| UploadId::new().to_string(), str::to_owned);
    let mut uploads = Vec::with_capacity(pictures.len());
    for (number, Picture { kind, content }) in pictures.into_iter().enumerate() {
        let what = (kind.default_name().to_owned(), kind.media_type());
        let key = format!("{CHANNEL}:{number}:{of}");
        uploads.push(door.chat.keep_file(person, what, content.into(), &key).await?);
    }
    Ok(uploads)
}

/// The last words of a person with their pictures, and what followed them.
fn last_words(messages: &mut Vec<Message>) -> (String, Vec<Picture>, Vec<Message>) {
    let last = messages.iter().rposition(|message| message.role == Role::Person).unwrap_or(0);
    let following = messages.split_off((last + 1).min(messages.len()));
    let parts = messages.pop().map(|message| message.parts).unwrap_or_default();
    let (mut texts, mut pictures) = (Vec::new(), Vec::new());
    for part in parts {
        match part {
            Part::Text(text) => texts.push(text),
            Part::Picture(picture) => pictures.push(picture),
            Part::Call(_) | Part::Returned(_) => {}
        }
    }
    (texts.join("\n"), pictures, following)
}

/// Cancels the turn when the client is gone before its end.
struct HangUp {
    is_armed: bool,
    door: Arc<Parts>,
    person: Actor,
    turn: TurnId,
}

impl Drop for HangUp {
    fn drop(&mut self) {
        // When this process ends, others go on with the turn.
        if !self.is_armed || self.door.drain.stop().is_cancelled() {
            return;
        }
        let (chat, person, turn) = (self.door.chat.clone(), self.person.clone(), self.turn);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = chat.withdraw(&person, turn).await {
                tracing::warn!(error = error.chain(), %turn, "nobody waits for this turn, and it goes on");
            }
        });
    }
}

/// What of an answer was sent, which cannot be taken back, and what it says now.
#[derive(Default)]
struct Shown {
    sent: String,
    now: String,
}

impl Shown {
    /// What is to be sent next; an error once the answer has become another.
    fn more(&mut self, text: &str) -> Result<Option<String>, Refusal> {
        self.now.push_str(text);
        if self.sent.starts_with(&self.now) {
            return Ok(None);
        }
        let more = self.now.strip_prefix(self.sent.as_str()).ok_or_else(Refusal::restarted)?.to_owned();
        self.sent.clone_from(&self.now);
        Ok(Some(more))
    }
}

/// The events of a turn as this protocol tells them. It cannot take words back: an answer that begins anew is
/// followed in silence as long as it repeats what was sent, and ends in an error where it differs.
fn followed(
    updates: impl Stream<Item = Result<TurnUpdate>> + Send + 'static,
    mut hang_up: HangUp,
) -> impl Stream<Item = Result<Event, Refusal>> + Send {
    stream! {
        let mut updates = std::pin::pin!(updates);
        let mut shown = Shown::default();
        while let Some(update) = updates.next().await {
            let told = match update {
                Ok(TurnUpdate { what: Update::Text(text), .. }) => {
                    shown.more(&text).map(|more| more.map(Event::Text))
                }
                Ok(TurnUpdate { what: Update::Restarted { .. }, .. }) => {
                    shown.now.clear();
                    Ok(None)
                }
                Ok(TurnUpdate { what: Update::ToolCalled { .. } | Update::ToolReturned { .. }, .. }) => Ok(None),
                Ok(TurnUpdate { what: Update::Completed { message: _, finish }, .. }) => {
                    if shown.now == shown.sent {
                        let used = used(&hang_up.door.chat, &hang_up.person, hang_up.turn).await;
                        used.map(|(usage, model)| Some(Event::Done { finish, usage, model })).map_err(Refusal::from)
                    } else {
                        Err(Refusal::restarted())
                    }
                }
                Ok(TurnUpdate { what: Update::Failed { code, message, retryable: _ }, .. }) => {
                    Err(Refusal::of_turn(&code, message))
                }
                Ok(TurnUpdate { what: Update::Cancelled, .. }) => Err(Refusal::cancelled()),
                Err(error) => Err(error.into()),
            };
            let is_end = !matches!(told, Ok(None | Some(Event::Text(_) | Event::ToolCall(_))));
            // Ended, or to be followed by others: in either case nobody's hanging up ends it now.
            hang_up.is_armed &= !is_end;
            match told {
                Ok(Some(event)) => yield Ok(event),
                Ok(None) => {}
                Err(refusal) => yield Err(refusal),
            }
            if is_end {
                return;
            }
        }
    }
}

/// What the turn took, and which model answered.
async fn used(chat: &Chat, person: &Actor, turn: TurnId) -> Result<(Usage, String)> {
    let turn = chat.turn(person, turn).await?;
    let usage = turn.usage.map(serde_json::from_value).transpose().map_err(Error::internal)?;
    Ok((usage.unwrap_or_default(), turn.model.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_begins_anew_goes_on_where_it_stopped_if_it_says_the_same() {
        let mut shown = Shown::default();
        assert_eq!(shown.more("One two").unwrap().as_deref(), Some("One two"));
        shown.now.clear();
        assert_eq!(shown.more("One ").unwrap(), None);
        assert_eq!(shown.more("two three").unwrap().as_deref(), Some(" three"));
        shown.now.clear();
        assert_eq!(shown.more("One ").unwrap(), None);
        assert!(shown.more("four").is_err());
    }
}
