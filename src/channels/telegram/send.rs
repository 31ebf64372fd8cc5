//! Sending: every part of a reply once, in order, edited into the message that was begun where there is one.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::api::{Api, Failure, ORDINARY, Refusal};
use super::lines::{Line, Lines};
use super::pace::Pace;
use super::take::access;
use super::{CHANNEL, follow, render, words};
use crate::chat::{Bots, Deliver, Sent, Underway};
use crate::clock::SharedClock;
use crate::error::Result;
use crate::id::{AccountId, ConversationId, TurnId};
use crate::spec::Access;
use crate::store::{Address, BegunReply, Connection, Delivery, Place, Store};

/// A wait that is not worth giving the delivery back for.
const SHORT: Duration = Duration::from_secs(2);
/// How long what is sent while people's messages are taken in waits for its turn: they wait as long.
const PATIENCE: Duration = Duration::from_secs(5);
/// How soon a message that is being begun elsewhere is looked at again, and after how long its fate counts as unknown.
const BEGINNING: Duration = Duration::from_secs(1);
const BEGUN_SECONDS: i64 = 30;

/// Sends for all connections. Cheap to clone.
#[derive(Clone)]
pub struct Sender(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) store: Store,
    pub(super) clock: SharedClock,
    pub(super) api: Api,
    pub(super) lines: Lines,
    pub(super) pace: Pace,
    /// Known once the chat is built, which needs the sender first.
    pub(super) bots: OnceLock<Bots>,
}

impl Sender {
    /// Spends one call of a chat's budget, for which it waits a little; false if that is not enough.
    pub(super) async fn has_turn(&self, line: &Line, chat: &str, is_group: bool) -> bool {
        while let Err(wait) = self.0.pace.spend(line.id, chat, is_group, 0.0) {
            if wait > PATIENCE {
                return false;
            }
            tokio::time::sleep(wait).await;
        }
        true
    }

    /// The live bots.
    pub(super) fn bots(&self) -> Bots {
        self.0.bots.get().cloned().unwrap_or_else(|| Bots::new(self.0.store.clone()))
    }
}

/// What sending one message came to.
pub(super) enum Out {
    /// Under this number.
    Sent(i64),
    Failed(Failure),
}

impl Inner {
    /// Where a conversation is held, as it stands now; whatever silence the service asked for there is kept, whichever
    /// process heard of it.
    pub(super) async fn address(
        &self,
        account: AccountId,
        conversation: ConversationId,
        turn: Option<TurnId>,
    ) -> Result<Option<Address>> {
        let mut tx = self.store.reading(account).await?;
        let found = Address::find(&mut tx, conversation, turn).await?;
        tx.commit().await?;
        if let Some(place) = found.as_ref().map(|found| &found.place)
            && let Some(until) = place.quiet_until
            && let Ok(wait) = (until - self.clock.now()).to_std()
        {
            self.pace.silence(place.connection_id, &place.chat, place.is_group, wait);
        }
        Ok(found)
    }

    /// Sends a text as a new message; without marks where the service does not understand them, without its topic
    /// where that is gone.
    pub(super) async fn post(
        &self,
        line: &Line,
        place: &Place,
        text: &str,
        reply_to: Option<&str>,
        buttons: Option<&Value>,
    ) -> Out {
        let mut body = json!({ "chat_id": chat_id(&place.chat), "text": text, "parse_mode": "HTML" });
        if let Some(thread) = place.thread.as_deref().and_then(|thread| thread.parse::<i64>().ok()) {
            body["message_thread_id"] = json!(thread);
        }
        if let Some(message) = reply_to.and_then(|id| id.parse::<i64>().ok()) {
            body["reply_parameters"] = json!({ "message_id": message, "allow_sending_without_reply": true });
        }
        if let Some(buttons) = buttons {
            body["reply_markup"] = buttons.clone();
        }
        loop {
            let failure = match self.api.call::<Value>(&line.token, "sendMessage", &body, ORDINARY).await {
                Ok(message) => match message.get("message_id").and_then(Value::as_i64) {
                    Some(id) => return Out::Sent(id),
                    None => return Out::Failed(Failure::Unanswered("a message without a number".into())),
                },
                Err(failure) => failure,
            };
            if !eased(&mut body, &failure, text) {
                return Out::Failed(failure);
            }
        }
    }

    /// Changes the text of a message. `Ok` also where it says that already.
    pub(super) async fn edit(
        &self,
        line: &Line,
        place: &Place,
        message: i64,
        text: &str,
        buttons: Option<&Value>,
    ) -> Result<(), Failure> {
        let mut body = json!({
            "chat_id": chat_id(&place.chat), "message_id": message, "text": text, "parse_mode": "HTML",
        });
        if let Some(buttons) = buttons {
            body["reply_markup"] = buttons.clone();
        }
        loop {
            let failure = match self.api.call::<Value>(&line.token, "editMessageText", &body, ORDINARY).await
            {
                Ok(_) => return Ok(()),
                Err(failure) => failure,
            };
            match &failure {
                Failure::Refused(refusal) if refusal.says(&["message is not modified"]) => return Ok(()),
                failure if eased(&mut body, failure, text) => {}
                _ => return Err(failure),
            }
        }
    }

    /// Notes what a refusal says of a place.
    async fn heed(&self, place: &Place, refusal: &Refusal) {
        if let Some(wait) = refusal.retry_after {
            self.quiet(place, wait).await;
        }
        if let Some(to) = refusal.migrated_to {
            self.note(place, async |tx| {
                Place::migrate(tx, place.connection_id, &place.chat, &to.to_string()).await
            })
            .await;
        }
        if is_unreachable(refusal) {
            let now = self.clock.now();
            self.note(place, async |tx| {
                Place::set_reachable(tx, place.connection_id, &place.chat, Some(now)).await
            })
            .await;
        }
    }

    /// Says nothing in a chat for so long, whichever process wants to.
    pub(super) async fn quiet(&self, place: &Place, wait: Duration) {
        self.pace.silence(place.connection_id, &place.chat, place.is_group, wait);
        let until = self.clock.now() + wait;
        self.note(place, async |tx| Place::quiet(tx, place.connection_id, &place.chat, until).await).await;
    }

    async fn note(&self, place: &Place, what: impl AsyncFnOnce(&mut crate::store::Tenant) -> Result<()>) {
        let noted = async {
            let mut tx = self.store.tenant(place.account_id).await?;
            what(&mut tx).await?;
            tx.commit().await
        };
        if let Err(error) = noted.await {
            tracing::warn!(error = error.chain(), "what Telegram said of a chat could not be noted");
        }
    }

    async fn try_send(&self, delivery: &Delivery) -> Result<Sent> {
        let _lane = self.pace.lane(delivery.conversation_id).await;
        let Some(Address { place, answers, begun_state, begun_as }) =
            self.address(delivery.account_id, delivery.conversation_id, delivery.turn_id).await?
        else {
            return Ok(impossible("this conversation is held nowhere on Telegram"));
        };
        if place.unreachable_at.is_some() {
            return Ok(impossible("the bot may not write there: it was blocked or sent away"));
        }
        let Some(line) = self.lines.find(place.account_id, place.connection_id).await? else {
            return self.without_line(&place).await;
        };
        if delivery.message_id.is_some() && !self.may_hear(&line, &place).await? {
            return Ok(impossible("they may not talk with the bot any more"));
        }
        let begins = delivery.part == 1 && delivery.turn_id.is_some();
        if begins && begun_state.as_deref() == Some("sending") {
            // Another process is at it, or died at it; ours would hold the lane.
            let now = self.clock.now();
            if (now - delivery.created_at).num_seconds() < BEGUN_SECONDS {
                return Ok(Sent::Later { after: BEGINNING });
            }
            self.note(&place, async |tx| match delivery.turn_id {
                Some(turn) => BegunReply::lost(tx, turn, CHANNEL, now).await,
                None => Ok(()),
            })
            .await;
        }
        loop {
            match self.pace.spend(place.connection_id, &place.chat, place.is_group, 0.0) {
                Ok(()) => break,
                Err(wait) if wait <= SHORT => tokio::time::sleep(wait).await,
                Err(after) => return Ok(Sent::Later { after }),
            }
        }
        let begun = begun_as.filter(|_| begins).and_then(|id| id.parse::<i64>().ok());
        let reply_to = delivery.reply_to.as_deref().or(answers.as_deref().filter(|_| delivery.part == 1));
        let buttons = delivery.buttons.as_ref();
        if let Some(message) = begun {
            match self.edit(&line, &place, message, &delivery.text, buttons).await {
                Ok(()) => return Ok(Sent::Accepted { external_id: Some(message.to_string()) }),
                Err(Failure::Refused(refusal)) if refusal.retry_after.is_none() => {
                    // It was deleted, most likely: what was said in the end is said all the same.
                    tracing::info!(refused = refusal.description, "a reply is sent anew");
                    self.forget_begun(delivery).await?;
                }
                // An edit may be repeated, whatever became of it.
                Err(failure) => return Ok(self.retried(&place, failure).await),
            }
        }
        match self.post(&line, &place, &delivery.text, reply_to, buttons).await {
            Out::Sent(id) => Ok(Sent::Accepted { external_id: Some(id.to_string()) }),
            Out::Failed(Failure::Unanswered(reason)) => Ok(Sent::Unknown { reason }),
            Out::Failed(failure) => Ok(self.retried(&place, failure).await),
        }
    }

    /// Whether what the bot says may go there, as its file stands now: lists hold on the way out too.
    async fn may_hear(&self, line: &Line, place: &Place) -> Result<bool> {
        let Some(bots) = self.bots.get() else { return Ok(true) };
        let Some(live) = line.live(&self.store, bots).await? else { return Ok(true) };
        let access = live.spec.telegram.as_ref().map_or_else(Access::default, |bot| bot.access.clone());
        if place.is_group && access.groups.is_empty() {
            return Ok(true);
        }
        // A private chat is called as the person in it.
        let handle = format!("{CHANNEL}:{}", place.chat);
        access::may_talk(&self.store, line, &access, &handle, (place.is_group, &place.chat)).await
    }

    async fn forget_begun(&self, delivery: &Delivery) -> Result<()> {
        let Some(turn) = delivery.turn_id else { return Ok(()) };
        let mut tx = self.store.tenant(delivery.account_id).await?;
        BegunReply::forget(&mut tx, turn).await?;
        tx.commit().await
    }

    async fn without_line(&self, place: &Place) -> Result<Sent> {
        let mut tx = self.store.reading(place.account_id).await?;
        let connection = Connection::find(&mut tx, place.connection_id).await?;
        tx.commit().await?;
        Ok(match connection {
            Some(_) => Sent::Refused {
                reason: "the connection has no token now".into(),
                retry_after: Some(Duration::from_secs(30)),
            },
            None => impossible("the connection was removed"),
        })
    }

    /// What is left to do after a failure of which it is known that nothing was sent, or that may be repeated.
    async fn retried(&self, place: &Place, failure: Failure) -> Sent {
        let reason = failure.to_string();
        let Failure::Refused(refusal) = failure else {
            return Sent::Refused { reason, retry_after: None };
        };
        self.heed(place, &refusal).await;
        match refusal.code {
            429 => Sent::Later { after: refusal.retry_after.unwrap_or(Duration::from_secs(5)) },
            // The token is wrong just now: whoever looks after the connection finds out.
            401 | 404 => Sent::Refused { reason, retry_after: Some(Duration::from_secs(30)) },
            _ if refusal.migrated_to.is_some() => Sent::Later { after: Duration::ZERO },
            400..=499 => Sent::Impossible { reason },
            _ => Sent::Refused { reason, retry_after: None },
        }
    }
}

/// Takes out of a message what the service did not like about it; false if there is nothing to take.
fn eased(body: &mut Value, failure: &Failure, text: &str) -> bool {
    let (Failure::Refused(refusal), Some(members)) = (failure, body.as_object_mut()) else { return false };
    if refusal.code != 400 {
        return false;
    }
    if refusal.says(&["can't parse entities", "can't find end", "unsupported start tag", "entity"])
        && members.remove("parse_mode").is_some()
    {
        members.insert("text".into(), words::without_marks(text).into());
        return true;
    }
    refusal.says(&["message thread not found", "topic_closed", "topic_deleted"])
        && members.remove("message_thread_id").is_some()
}

pub(super) fn is_unreachable(refusal: &Refusal) -> bool {
    refusal.code == 403 || refusal.says(&["chat not found", "user is deactivated", "peer_id_invalid"])
}

/// Chats have numbers; those of public groups and channels may be names too.
pub(super) fn chat_id(chat: &str) -> Value {
    chat.parse::<i64>().map_or_else(|_| json!(chat), |id| json!(id))
}

fn impossible(reason: &str) -> Sent {
    Sent::Impossible { reason: reason.into() }
}

#[async_trait]
impl Deliver for Sender {
    fn split(&self, text: &str) -> Vec<String> {
        render::render(text).into_iter().map(|part| part.html).collect()
    }

    fn split_plain(&self, text: &str) -> Vec<String> {
        words::plain_parts(text)
    }

    async fn send(&self, delivery: &Delivery) -> Sent {
        match self.0.try_send(delivery).await {
            Ok(sent) => sent,
            // Nothing was sent: what failed was looking where to.
            Err(error) => Sent::Refused { reason: error.chain(), retry_after: None },
        }
    }

    fn accompany(&self, underway: Underway) {
        let sender = self.0.clone();
        tokio::spawn(async move {
            if let Err(error) = follow::follow(&sender, &underway).await {
                tracing::warn!(error = error.chain(), turn = %underway.turn, "a reply is not shown as it grows");
            }
        });
    }
}
