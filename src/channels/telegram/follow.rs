//! A reply that people see coming: *typing…* at once and again every four seconds, then a message that grows.
//!
//! Nothing here is needed for the reply to arrive: whatever fails is left to its delivery.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use super::CHANNEL;
use super::api::Failure;
use super::lines::Line;
use super::render;
use super::send::{Inner, Out, chat_id};
use crate::chat::Underway;
use crate::error::Result;
use crate::spec::Streaming;
use crate::store::{Address, BegunReply, Place};

/// The service shows it for five seconds.
const TYPING: Duration = Duration::from_secs(4);
/// A reply that comes sooner is not begun before it is whole.
const FIRST: Duration = Duration::from_millis(800);
/// How often a message grows: with one person, and in a group, where twenty calls a minute are all there are.
const GROWS: Duration = Duration::from_millis(1_300);
const GROWS_IN_GROUP: Duration = Duration::from_secs(4);
/// Fewer characters are not worth a message yet.
const LEAST: usize = 12;
/// Calls that a growing message leaves for others.
const BESIDE: f64 = 1.0;

/// A reply that grows.
struct Growing<'a> {
    sender: &'a Inner,
    underway: &'a Underway,
    line: &'a Line,
    address: Address,
    /// The message that grows, once there is one.
    message: Option<i64>,
    shown: String,
}

/// Shows that a turn runs, until it does not any more.
pub(super) async fn follow(sender: &Inner, underway: &Underway) -> Result<()> {
    let address = sender.address(underway.account, underway.conversation, Some(underway.turn)).await?;
    let Some(address) = address.filter(|address| address.place.unreachable_at.is_none()) else {
        return Ok(());
    };
    let Some(line) = sender.lines.find(underway.account, address.place.connection_id).await? else {
        return Ok(());
    };
    let streaming = match sender.bots.get() {
        Some(bots) => line
            .live(&sender.store, bots)
            .await?
            .and_then(|live| live.spec.telegram.as_ref().map(|telegram| telegram.streaming)),
        None => None,
    };
    let mut grows = streaming.unwrap_or_default() == Streaming::Edit;
    let pause = if address.place.is_group { GROWS_IN_GROUP } else { GROWS };
    let message = address.begun_as.as_deref().and_then(|id| id.parse().ok());
    let mut growing = Growing { sender, underway, line: &line, address, message, shown: String::new() };
    let begun = Instant::now();
    let (mut typing, mut look) = (begun, begun + FIRST);
    loop {
        let next = if grows { typing.min(look) } else { typing };
        tokio::select! {
            () = sleep_until(next) => {}
            () = underway.ended.cancelled() => return Ok(()),
        }
        if next == typing {
            growing.show_typing().await;
            typing = Instant::now() + TYPING;
        } else {
            grows = growing.grow().await?;
            look = Instant::now() + pause;
        }
    }
}

impl Growing<'_> {
    fn place(&self) -> &Place {
        &self.address.place
    }

    fn may_speak(&self) -> bool {
        let place = self.place();
        !self.underway.ended.is_cancelled()
            && self.sender.pace.spend(place.connection_id, &place.chat, place.is_group, BESIDE).is_ok()
    }

    async fn show_typing(&self) {
        if !self.may_speak() {
            return;
        }
        let mut body = json!({ "chat_id": chat_id(&self.place().chat), "action": "typing" });
        if let Some(thread) = self.place().thread.as_deref().and_then(|thread| thread.parse::<i64>().ok()) {
            body["message_thread_id"] = json!(thread);
        }
        let call = self.sender.api.call::<Value>(&self.line.token, "sendChatAction", &body, TYPING);
        let outcome = tokio::select! {
            outcome = call => outcome.map(drop),
            () = self.underway.ended.cancelled() => return,
        };
        if let Err(failure) = outcome {
            self.heed(&failure).await;
        }
    }

    /// Shows what was said since; false if there is no more to be shown before the end.
    async fn grow(&mut self) -> Result<bool> {
        let Some(text) = self.underway.text().await? else { return Ok(false) };
        let mut parts = render::render_unfinished(&text);
        // What does not fit into the first message waits for the end.
        let more = parts.len() <= 1;
        let Some(part) = (!parts.is_empty()).then(|| parts.swap_remove(0).html) else { return Ok(true) };
        if part == self.shown || (self.message.is_none() && text.chars().count() < LEAST) {
            return Ok(more);
        }
        let _lane = self.sender.pace.lane(self.underway.conversation).await;
        if !self.may_speak() {
            return Ok(true);
        }
        let going = match self.message {
            Some(message) => self.edit(message, &part).await,
            None => self.begin(&part).await?,
        };
        self.shown = part;
        Ok(going && more)
    }

    async fn edit(&self, message: i64, part: &str) -> bool {
        match self.sender.edit(self.line, self.place(), message, part, None).await {
            Ok(()) => true,
            Err(failure) => {
                self.heed(&failure).await;
                !matches!(&failure, Failure::Refused(refusal) if refusal.retry_after.is_none())
            }
        }
    }

    /// Sends what there is as a new message, which is noted before and after: whoever takes the turn over, and
    /// the delivery in the end, go on with it.
    async fn begin(&mut self, part: &str) -> Result<bool> {
        let Underway { account, conversation, turn, .. } = self.underway.clone();
        let store = &self.sender.store;
        let mut tx = store.tenant(account).await?;
        let ours = BegunReply::begin(&mut tx, turn, conversation, self.sender.clock.now()).await?;
        let before = if ours { None } else { BegunReply::find(&mut tx, turn).await? };
        tx.commit().await?;
        if !ours {
            // Begun by whoever had the turn before; or something else must arrive first.
            self.message = before.as_ref().and_then(|(_, id)| id.as_deref()?.parse().ok());
            return Ok(self.message.is_some() || before.is_none());
        }
        let answers = self.address.answers.clone();
        let out = self.sender.post(self.line, self.place(), part, answers.as_deref(), None).await;
        // Before the transaction: what it notes takes one of its own.
        if let Out::Failed(failure) = &out {
            self.heed(failure).await;
        }
        let mut tx = store.tenant(account).await?;
        let going = match out {
            Out::Sent(id) => {
                BegunReply::sent(&mut tx, turn, &id.to_string()).await?;
                self.message = Some(id);
                true
            }
            Out::Failed(Failure::Unanswered(_)) => {
                BegunReply::lost(&mut tx, turn, CHANNEL, self.sender.clock.now()).await?;
                false
            }
            Out::Failed(failure) => {
                BegunReply::forget(&mut tx, turn).await?;
                !matches!(&failure, Failure::Refused(refusal) if refusal.retry_after.is_none())
            }
        };
        tx.commit().await?;
        Ok(going)
    }

    async fn heed(&self, failure: &Failure) {
        if let Failure::Refused(refusal) = failure
            && let Some(wait) = refusal.retry_after
        {
            self.sender.quiet(self.place(), wait).await;
        }
    }
}
