//! Turns: the work of answering, and what is known of it.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};
use serde::Deserialize;
use serde_json::Value;

use crate::graphql::context::loaders;
use crate::graphql::ids;
use crate::graphql::loaders::{ReportOf, SaidBy};
use crate::graphql::scalars::DateTime;
use crate::graphql::types::context_report::ContextReport;
use crate::graphql::types::{BotRevision, Conversation, Message};
use crate::store;

/// Where a turn stands. Clients must expect values that they do not know; `isTerminal` says whether it ended.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::TurnState")]
pub(in crate::graphql) enum TurnState {
    /// It waits for its place.
    Queued,
    /// It is being answered.
    Running,
    /// There is a reply.
    Completed,
    /// There will be no reply, and `failure` says why.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

/// The work of answering one or more messages.
#[derive(Clone)]
pub(in crate::graphql) struct Turn(pub(in crate::graphql) store::Turn);

impl Turn {
    /// Its words and the number of its newest event, read together.
    async fn said(&self, context: &Context<'_>) -> Result<(String, i32)> {
        let loaders = loaders(context)?;
        if !self.0.state.is_terminal() {
            return Ok(loaders.load_one(SaidBy(self.0.id)).await?.unwrap_or_default());
        }
        let reply = match self.0.reply_id {
            Some(id) => loaders.load_one(id).await?,
            None => None,
        };
        Ok((reply.map(|message| message.text).unwrap_or_default(), self.0.last_seq))
    }
}

/// The work of answering one or more messages. Follow it with `turnEvents`; read it here at any time.
#[Object]
impl Turn {
    /// Stays as it is for ever.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(self.0.id)
    }
    /// Where it stands.
    async fn state(&self) -> TurnState {
        self.0.state.into()
    }
    /// Whether it ended: nothing of it will change any more.
    async fn is_terminal(&self) -> bool {
        self.0.state.is_terminal()
    }
    /// How often it was begun, from 1 once it ran.
    async fn attempt(&self) -> i32 {
        self.0.attempt
    }
    /// Which answer to the same words it is, from 1: more than that where somebody asked for another.
    async fn take(&self) -> i32 {
        self.0.take
    }
    /// The first turn that answered the same words; null for that one itself.
    async fn again_of(&self, context: &Context<'_>) -> Result<Option<Turn>> {
        let Some(id) = self.0.again_of else { return Ok(None) };
        Ok(loaders(context)?.load_one(id).await?.map(Turn))
    }
    /// The number of its newest event; `turnEvents(after:)` goes on from here with what follows `text`.
    async fn last_seq(&self, context: &Context<'_>) -> Result<i32> {
        if self.0.state.is_terminal() {
            return Ok(self.0.last_seq);
        }
        Ok(self.said(context).await?.1)
    }
    /// The reply, as far as it was said.
    async fn text(&self, context: &Context<'_>) -> Result<String> {
        Ok(self.said(context).await?.0)
    }
    /// The message that it ended with; null until it is completed.
    async fn reply(&self, context: &Context<'_>) -> Result<Option<Message>> {
        let Some(id) = self.0.reply_id else { return Ok(None) };
        Ok(loaders(context)?.load_one(id).await?.map(Message))
    }
    /// The state of the bot that it runs on.
    async fn revision(&self, context: &Context<'_>) -> Result<BotRevision> {
        BotRevision::load(context, self.0.revision_id).await
    }
    /// Where it takes place.
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(context)?.load_one(self.0.conversation_id).await?.map(Conversation))
    }
    /// What it took; null until it is completed.
    async fn usage(&self) -> Option<Usage> {
        let usage = self.0.usage.as_ref()?;
        Some(Usage { model: self.0.model.clone(), ..read(usage)? })
    }
    /// What the model heard, what was left out, and why; null until that is known.
    async fn context(&self, context: &Context<'_>) -> Result<Option<ContextReport>> {
        let report = loaders(context)?.load_one(ReportOf(self.0.id)).await?;
        Ok(report.as_ref().and_then(ContextReport::read))
    }
    /// Why it failed; null unless it did.
    async fn failure(&self) -> Option<TurnFailure> {
        read(self.0.failure.as_ref()?)
    }
    /// When its first message was accepted.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
    /// When it was first begun.
    async fn started_at(&self) -> Option<DateTime> {
        self.0.started_at.map(DateTime)
    }
    /// When it ended.
    async fn finished_at(&self) -> Option<DateTime> {
        self.0.finished_at.map(DateTime)
    }
}

/// Reads what `chat` stored. What an older version stored may lack something.
fn read<T: for<'de> Deserialize<'de>>(stored: &Value) -> Option<T> {
    T::deserialize(stored)
        .inspect_err(|error| tracing::warn!(error = %error, "a stored turn cannot be read"))
        .ok()
}

/// What a turn took, all its calls of models together.
#[derive(SimpleObject, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::graphql) struct Usage {
    /// The model that answered: `provider/model`.
    #[serde(default)]
    model: Option<String>,
    /// What was sent, in tokens.
    #[serde(default)]
    input_tokens: i32,
    /// The part of it that came from the provider's cache.
    #[serde(default)]
    cached_tokens: i32,
    /// What came back, in tokens, with the model's reasoning.
    #[serde(default)]
    output_tokens: i32,
    /// In US dollars; null where the model's price is not known.
    #[serde(default)]
    cost_usd: Option<f64>,
}

/// Why a turn failed.
#[derive(SimpleObject, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::graphql) struct TurnFailure {
    /// For programs. Clients must expect codes that they do not know.
    #[serde(default)]
    code: String,
    /// For the person.
    #[serde(default)]
    message: String,
    /// Whether asking again may help.
    #[serde(default)]
    retryable: bool,
}
