//! The end of a turn: reply, last events, deliveries, usage and the conversation's log, in one transaction.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::future::{try_join, try_join5};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::chat::Report;
use crate::chat::arrive::deliveries;
use crate::chat::engine::Engine;
use crate::chat::events::completed;
use crate::chat::log::TurnLog;
use crate::chat::think::Thought;
use crate::error::{Error, Kind, Result};
use crate::id::{MessageId, UsageId};
use crate::store::{
    Conversation, ConversationEvent, Delivery, Fact, Message, MessageRole, Outcome, Questions, Tenant, Turn,
    TurnEvent, TurnEventKind, TurnState, UsageEvent,
};

/// How a turn ends.
pub(super) enum Ending {
    Completed {
        thought: Thought,
        report: Report,
        /// Whether something was left out of the prompt that no summary tells of.
        forgets: bool,
    },
    /// `failure` is `{code, message, retryable}`; the message is for the person.
    Failed {
        failure: Value,
        report: Option<Report>,
    },
    Cancelled,
}

impl Ending {
    pub(super) fn failed(code: &str, message: impl Into<String>, retryable: bool) -> Self {
        let failure = json!({ "code": code, "message": message.into(), "retryable": retryable });
        Self::Failed { failure, report: None }
    }

    fn state(&self) -> TurnState {
        match self {
            Self::Completed { .. } => TurnState::Completed,
            Self::Failed { .. } => TurnState::Failed,
            Self::Cancelled => TurnState::Cancelled,
        }
    }
}

/// What finishing found.
pub(super) enum Finished {
    /// It is ended, by this call or before.
    Done,
    /// Somebody joined before anything was seen.
    Joined,
}

/// The numbered last events of a turn, and the number of the terminal one.
struct LastWords {
    events: Vec<(i32, TurnEventKind, Value)>,
    terminal: i32,
}

impl Engine {
    /// Ends the turn. An answer that was thought is not thrown away because the database is away for a
    /// moment: it is tried again while the lease may hold.
    pub(super) async fn finish(&self, turn: &Turn, log: &TurnLog, ending: Ending) -> Result<Finished> {
        let Some((events, terminal)) = log.close().await else { return Ok(Finished::Joined) };
        let words = LastWords { events, terminal };
        let reply = MessageId::new();
        let mut pauses = [50, 200, 500, 1_000, 2_000, 4_000, 8_000, 15_000].into_iter();
        loop {
            match self.finish_once(turn, &words, &ending, reply).await {
                Err(error) if error.kind() == Kind::Unavailable => match pauses.next() {
                    Some(pause) => sleep(Duration::from_millis(pause)).await,
                    None => return Err(error),
                },
                finished => return finished,
            }
        }
    }

    async fn finish_once(
        &self,
        turn: &Turn,
        words: &LastWords,
        ending: &Ending,
        reply: MessageId,
    ) -> Result<Finished> {
        let now = self.clock.now();
        let (mut tx, (conversation, current)) =
            self.store.tenant_asking(turn.account_id, &Running(turn)).await?;
        let conversation = conversation.ok_or_else(|| Error::internal("a turn without its conversation"))?;
        // Not running under this attempt any more: taken over, or ended by an earlier try of this very call
        // whose confirmation was lost. Either way it is not ours to end.
        let Some(current) = current else { return Ok(Finished::Done) };
        if current.inputs != turn.inputs && !current.shown && !matches!(ending, Ending::Cancelled) {
            return Ok(Finished::Joined);
        }
        let said = self.said(turn, ending, &conversation, reply, now);
        // A reply takes the place of what earlier turns said to the same words; nothing less does.
        let replaced = match &said {
            Some(message) if message.role == MessageRole::Bot => earlier_answers(&mut tx, turn).await?,
            _ => Vec::new(),
        };
        let log = lines(turn, &conversation, said.as_ref(), &replaced, ending.state(), now);
        let mut events = words.events.clone();
        events.push((words.terminal, terminal_kind(ending), terminal_body(ending, reply)));
        let outcome = outcome(ending, reply, words.terminal)?;
        let messages = i32::from(said.is_some());
        let log_lines = i32::try_from(log.len()).map_err(Error::internal)?;
        try_join5(
            Conversation::advance(&tx, conversation.id, messages, log_lines, now),
            Message::insert(&tx, said.as_slice()),
            ConversationEvent::insert(&tx, &log),
            TurnEvent::insert(&tx, turn.id, &events),
            try_join(
                Turn::finish(&tx, turn.id, outcome, now),
                Self::note_usage(&tx, turn, &conversation, ending, now),
            ),
        )
        .await?;
        if let Some(message) = &said {
            self.publish(&mut tx, &conversation, message, &replaced, now).await?;
        }
        if let Ending::Completed { report, forgets, .. } = ending {
            let facts = report.facts();
            if !facts.is_empty() {
                Fact::note_use(&mut tx, &facts, conversation.id, turn.first_ordinal, now).await?;
            }
            let live = self.bots.at_revision(&mut tx, turn.bot_id, turn.revision_id).await?;
            self.memory.after_turn(&mut tx, &live.spec, &conversation, *forgets, now).await?;
        }
        tx.commit().await?;
        Ok(Finished::Done)
    }

    /// Adds what is said to the outbox, and takes back what it replaces.
    async fn publish(
        &self,
        tx: &mut Tenant,
        conversation: &Conversation,
        message: &Message,
        replaced: &[Message],
        now: DateTime<Utc>,
    ) -> Result<()> {
        Delivery::insert(tx, &self.deliveries(conversation, message, now)).await?;
        if let (Some(first), Some(last)) = (replaced.first(), replaced.last()) {
            let ids: Vec<MessageId> = replaced.iter().map(|message| message.id).collect();
            Message::supersede(tx, &ids, message.id).await?;
            self.memory.unsay(tx, conversation.id, (first.ordinal, last.ordinal), now).await?;
        }
        Ok(())
    }

    /// The message that the person gets: the reply, or a sentence that says why there is none.
    fn said(
        &self,
        turn: &Turn,
        ending: &Ending,
        conversation: &Conversation,
        id: MessageId,
        now: DateTime<Utc>,
    ) -> Option<Message> {
        let (role, text) = match ending {
            Ending::Completed { thought, .. } => {
                (MessageRole::Bot, thought.text.trim_end().replace('\0', "\u{fffd}"))
            }
            Ending::Failed { failure, .. } => (
                MessageRole::System,
                failure.get("message").and_then(Value::as_str).unwrap_or_default().to_owned(),
            ),
            Ending::Cancelled => return None,
        };
        Some(Message {
            account_id: turn.account_id,
            id,
            conversation_id: conversation.id,
            // Nobody else takes the next place: the conversation is locked.
            ordinal: conversation.last_ordinal + 1,
            role,
            person_id: None,
            author: self.bots.name_of(turn.revision_id),
            text,
            version: 1,
            turn_id: Some(turn.id),
            sent_at: now,
            edited_at: None,
            erased_at: None,
            superseded_by: None,
        })
    }

    fn deliveries(
        &self,
        conversation: &Conversation,
        message: &Message,
        now: DateTime<Utc>,
    ) -> Vec<Delivery> {
        let Some(channel) = self.channels.get(conversation.channel.as_str()) else { return Vec::new() };
        deliveries(conversation, Some(message.id), message.turn_id, channel.split(&message.text), now)
    }

    async fn note_usage(
        tx: &Tenant,
        turn: &Turn,
        conversation: &Conversation,
        ending: &Ending,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let Ending::Completed { thought, .. } = ending else { return Ok(()) };
        let tokens = |count: u32| i32::try_from(count).unwrap_or(i32::MAX);
        let event = UsageEvent {
            account_id: turn.account_id,
            id: UsageId::new(),
            bot_id: turn.bot_id,
            conversation_id: Some(conversation.id),
            turn_id: Some(turn.id),
            person_id: conversation.person_id,
            purpose: "turn".into(),
            model: thought.model.clone(),
            input_tokens: tokens(thought.usage.input_tokens),
            cached_tokens: tokens(thought.usage.cached_tokens),
            output_tokens: tokens(thought.usage.output_tokens),
            cost_usd: None,
            at: now,
        };
        UsageEvent::insert(tx, &event).await
    }
}

/// A turn's conversation, and the turn while it runs under its attempt; both locked.
struct Running<'a>(&'a Turn);

impl Questions for Running<'_> {
    type Answers = (Option<Conversation>, Option<Turn>);
    async fn ask(&self, tx: &Tenant) -> Result<Self::Answers> {
        let turn = self.0;
        // In this order: whoever locks a turn has locked its conversation.
        let conversation = Conversation::find_locked(tx, turn.conversation_id);
        try_join(conversation, Turn::find_running_locked(tx, turn.id, turn.attempt)).await
    }
}

/// What the log of a locked conversation is told: of the message, of those that it replaces, of the turn's end.
fn lines(
    turn: &Turn,
    conversation: &Conversation,
    said: Option<&Message>,
    replaced: &[Message],
    state: TurnState,
    now: DateTime<Utc>,
) -> Vec<ConversationEvent> {
    let place = (turn.account_id, conversation.id);
    let message = said.map(|message| ("message", message.id));
    let superseded = replaced.iter().map(|message| ("superseded", message.id));
    let mut events = conversation.last_event + 1..;
    let told = message.into_iter().chain(superseded).zip(events.by_ref());
    let line = |((kind, id), event)| ConversationEvent::about_message(kind, place, event, id, now);
    let mut lines: Vec<_> = told.map(line).collect();
    lines.extend(events.next().map(|event| ConversationEvent::about_turn(place, event, turn.id, state, now)));
    lines
}

/// What earlier turns said to the words of `turn`, oldest first.
pub(super) async fn earlier_answers(tx: &mut Tenant, turn: &Turn) -> Result<Vec<Message>> {
    match turn.again_of {
        Some(first) => Message::list_said_to(tx, first).await,
        None => Ok(Vec::new()),
    }
}

fn terminal_kind(ending: &Ending) -> TurnEventKind {
    match ending {
        Ending::Completed { .. } => TurnEventKind::Completed,
        Ending::Failed { .. } => TurnEventKind::Failed,
        Ending::Cancelled => TurnEventKind::Cancelled,
    }
}

fn terminal_body(ending: &Ending, reply: MessageId) -> Value {
    match ending {
        Ending::Completed { thought, .. } => completed(reply, thought.finish),
        Ending::Failed { failure, .. } => failure.clone(),
        Ending::Cancelled => json!({}),
    }
}

fn outcome(ending: &Ending, reply: MessageId, last_seq: i32) -> Result<Outcome> {
    let state = ending.state();
    let none =
        Outcome { state, reply_id: None, model: None, usage: None, failure: None, report: None, last_seq };
    Ok(match ending {
        Ending::Completed { thought, report, .. } => Outcome {
            reply_id: Some(reply),
            model: Some(thought.model.clone()),
            usage: Some(serde_json::to_value(&thought.usage).map_err(Error::internal)?),
            report: Some(serde_json::to_value(report).map_err(Error::internal)?),
            ..none
        },
        Ending::Failed { failure, report } => Outcome {
            failure: Some(failure.clone()),
            report: report.as_ref().map(serde_json::to_value).transpose().map_err(Error::internal)?,
            ..none
        },
        Ending::Cancelled => none,
    })
}
