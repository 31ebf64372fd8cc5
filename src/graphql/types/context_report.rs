//! What a model heard: the report that `chat` stores with a turn.

use async_graphql::{ComplexObject, Context, Result, SimpleObject};
use serde::Deserialize;
use serde_json::Value;

use crate::chat;
use crate::graphql::context::loaders;
use crate::graphql::types::Message;
use crate::id::MessageId;

/// What a model heard, section by section, in the order of the prompt; what was left out, and why. Numbers are
/// in tokens.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ContextReport {
    /// How much the bot's configuration allows.
    budget: i32,
    /// How much the prompt takes.
    total: i32,
    /// What one of the provider's tokens is to one of those counted here, as learned for the model.
    ratio: f64,
    /// Whether recall saw everything; false while the index was behind.
    recall_complete: bool,
    /// The parts of the prompt.
    sections: Vec<ContextSection>,
}

/// One part of a prompt.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ContextSection {
    /// `persona`, `rules`, `recall`, `window`, … Clients must expect others.
    name: String,
    /// Of the items that are included.
    tokens: i32,
    /// What was considered for it.
    items: Vec<ContextItem>,
}

/// One thing that was considered for a prompt.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct ContextItem {
    /// `persona`, `rule`, `source`, `summary`, `message`, `document`, `passage`, `picture`, …
    /// Clients must expect others.
    kind: String,
    /// The name of the source, say, or a number; for a message see `message`.
    label: String,
    /// How much it takes, or would have taken.
    tokens: i32,
    /// Whether the model heard it.
    included: bool,
    /// Why, or why not.
    reason: String,
    /// How well it fits, where it was recalled. Comparable within one report.
    score: Option<f64>,
}

#[ComplexObject]
impl ContextItem {
    /// The message that it is, or that became the `document`; null for anything else, and for a message that the
    /// caller may not see.
    async fn message(&self, context: &Context<'_>) -> Result<Option<Message>> {
        if !matches!(self.kind.as_str(), "message" | "document") {
            return Ok(None);
        }
        let Ok(id) = self.label.parse::<MessageId>() else { return Ok(None) };
        let loaders = loaders(context)?;
        let Some(message) = loaders.load_one(id).await? else { return Ok(None) };
        let seen = loaders.load_one(message.conversation_id).await?.is_some();
        Ok(seen.then_some(Message(message)))
    }
}

impl ContextReport {
    /// Reads what was stored. What an older version stored may not be readable.
    pub(in crate::graphql) fn read(stored: &Value) -> Option<Self> {
        let report = chat::Report::deserialize(stored)
            .inspect_err(|error| tracing::warn!(error = %error, "a stored report cannot be read"))
            .ok()?;
        let chat::Report { budget, total, ratio, recall_complete, sections } = report;
        let sections = sections.into_iter().map(ContextSection::from).collect();
        Some(Self {
            budget: tokens(budget),
            total: tokens(total),
            ratio: f64::from(ratio),
            recall_complete,
            sections,
        })
    }
}

impl From<chat::Section> for ContextSection {
    fn from(section: chat::Section) -> Self {
        let chat::Section { name, tokens: count, items } = section;
        Self { name, tokens: tokens(count), items: items.into_iter().map(ContextItem::from).collect() }
    }
}

impl From<chat::Item> for ContextItem {
    fn from(item: chat::Item) -> Self {
        let chat::Item { kind, id, tokens: count, included, reason, score } = item;
        Self { kind, label: id, tokens: tokens(count), included, reason, score: score.map(f64::from) }
    }
}

fn tokens(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
