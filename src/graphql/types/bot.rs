//! Bots and their revisions.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};

use crate::error::Error;
use crate::graphql::context::loaders;
use crate::graphql::ids;
use crate::graphql::loaders::CompiledBot;
use crate::graphql::scalars::DateTime;
use crate::id::RevisionId;
use crate::store;

/// A configured character.
#[derive(Clone)]
pub(in crate::graphql) struct Bot(pub(in crate::graphql) CompiledBot);

/// A configured character that people talk to.
#[Object]
impl Bot {
    /// Stays as it is when the bot is renamed.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(self.0.row.id)
    }
    /// Unique in its account: what `sendMessage` and `bot(name:)` take.
    async fn name(&self) -> &str {
        &self.0.row.name
    }
    /// The name that people see.
    async fn display_name(&self) -> &str {
        &self.0.live.spec.display_name
    }
    /// What it is for.
    async fn description(&self) -> Option<&str> {
        self.0.live.spec.description.as_deref()
    }
    /// Its first message to somebody new. May hold `{{person.name}}` and `{{bot.name}}`.
    async fn greeting(&self) -> Option<&str> {
        self.0.live.spec.greeting.as_deref()
    }
    /// The state of its configuration that is active now.
    async fn revision(&self, context: &Context<'_>) -> Result<BotRevision> {
        BotRevision::load(context, self.0.row.revision_id).await
    }
    /// Who owns its configuration: `git:<source id>` or `dashboard`.
    async fn source(&self) -> &str {
        &self.0.row.source
    }
    /// When it was taken out of service; null while it is in service.
    async fn archived_at(&self) -> Option<DateTime> {
        self.0.row.archived_at.map(DateTime)
    }
}

/// One immutable state of a bot's configuration.
#[derive(Clone)]
pub(in crate::graphql) struct BotRevision(pub(in crate::graphql) Arc<store::BotRevision>);

impl BotRevision {
    /// The revision of that id, which something that exists refers to.
    pub(in crate::graphql) async fn load(context: &Context<'_>, id: RevisionId) -> Result<Self> {
        let found = loaders(context)?.load_one(id).await?;
        Ok(found.map(Self).ok_or_else(|| Error::internal("a revision vanished"))?)
    }
}

/// One immutable state of a bot's configuration. Every turn keeps the one that it ran on.
#[Object]
impl BotRevision {
    /// Stays as it is for ever.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(self.0.id)
    }
    /// Counts from 1 within the bot.
    async fn number(&self) -> i32 {
        self.0.number
    }
    /// When it was applied.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}
