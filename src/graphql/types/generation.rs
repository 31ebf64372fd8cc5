//! What was active when, and whether it runs everywhere.

use async_graphql::{Object, SimpleObject};

use crate::error::Error;
use crate::graphql::scalars::{DateTime, Json};
use crate::graphql::types::{ChangeAction, ConfigHold, PlannedChange};
use crate::sync::{self, Action, Entry, Readiness, Shown, Spoken};

/// One applied state of a source's bots.
pub(in crate::graphql) struct Generation(pub(in crate::graphql) Entry);

/// One applied state of a source's bots. It never changes; going back makes a new one.
#[Object]
impl Generation {
    /// Whose bots: `git:<source id>` or `dashboard`.
    async fn source(&self) -> &str {
        &self.0.source
    }
    /// Counts from 1 within the source.
    async fn number(&self) -> i32 {
        self.0.number
    }
    /// When it was applied.
    async fn at(&self) -> DateTime {
        self.0.at.into()
    }
    /// Whether it is what runs now.
    async fn is_active(&self) -> bool {
        self.0.is_active
    }
    /// Who applied it, how, from which commit.
    async fn provenance(&self) -> Json {
        Json(self.0.provenance.clone())
    }
    /// What it did, bot by bot.
    async fn changes(&self) -> Vec<GenerationChange> {
        let changes = self.0.changes.as_array().map(Vec::as_slice).unwrap_or_default();
        changes.iter().filter_map(GenerationChange::read).collect()
    }
    /// The same as `botwright history --output json` writes it.
    async fn document(&self) -> Result<Json, Error> {
        serde_json::to_value(&self.0).map(Json).map_err(Error::internal)
    }
}

/// What a generation did with a bot.
#[derive(SimpleObject)]
pub(in crate::graphql) struct GenerationChange {
    /// `bot/NAME`
    address: String,
    /// What happened with it.
    action: ChangeAction,
}

impl GenerationChange {
    /// What another version wrote and this one does not know is left out.
    fn read(change: &serde_json::Value) -> Option<Self> {
        let address = change.get("address")?.as_str()?.to_owned();
        let action: Action = serde_json::from_value(change.get("action")?.clone()).ok()?;
        Some(Self { address, action: action.into() })
    }
}

/// A generation with its bots and what it changed.
pub(in crate::graphql) struct GenerationDetails {
    pub(in crate::graphql) shown: Shown,
    /// Of what is active; none for a generation that is not.
    pub(in crate::graphql) readiness: Option<Readiness>,
}

/// A generation with its bots and what it changed.
#[Object]
impl GenerationDetails {
    /// Its line in the history.
    async fn generation(&self) -> Generation {
        Generation(self.shown.entry.clone())
    }
    /// Of everything that was applied.
    async fn hash(&self) -> &str {
        &self.shown.hash
    }
    /// Who holds the source back; null if nobody does, or if it is not the active one.
    async fn held(&self) -> Option<ConfigHold> {
        self.shown.held.clone().map(ConfigHold::from)
    }
    /// Its bots, by name.
    async fn bots(&self) -> Vec<GenerationBot> {
        self.shown.bots.iter().cloned().map(GenerationBot::from).collect()
    }
    /// What changed since the generation before it.
    async fn diff(&self) -> Vec<PlannedChange> {
        self.shown.diff.iter().cloned().map(PlannedChange::from).collect()
    }
    /// Whether every replica runs it; null if it is not the active one.
    async fn readiness(&self) -> Option<ConfigReadiness> {
        self.readiness.as_ref().map(ConfigReadiness::from)
    }
    /// The same as `botwright show --output json` writes it, without the readiness.
    async fn document(&self) -> Result<Json, Error> {
        serde_json::to_value(&self.shown).map(Json).map_err(Error::internal)
    }
}

/// A bot of a generation.
#[derive(SimpleObject)]
pub(in crate::graphql) struct GenerationBot {
    /// As it was called then.
    name: String,
    /// Counts from 1 within the bot.
    revision: i32,
    /// Of what was written.
    hash: String,
}

impl From<sync::ShownBot> for GenerationBot {
    fn from(bot: sync::ShownBot) -> Self {
        let sync::ShownBot { name, revision, hash } = bot;
        Self { name, revision, hash }
    }
}

/// Whether every replica runs what was applied.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ConfigReadiness {
    /// Whether every replica that lives runs it.
    is_ready: bool,
    /// How many replicas run it.
    ready: usize,
    /// The replicas that do not yet; null for one that has not said its name.
    waiting: Vec<Option<String>>,
    /// What replicas could not load of it.
    problems: Vec<String>,
}

impl From<&Readiness> for ConfigReadiness {
    fn from(readiness: &Readiness) -> Self {
        let Readiness { ready, waiting, problems } = readiness;
        let waiting = waiting.iter().map(|replica| replica.map(|replica| replica.to_string())).collect();
        Self { is_ready: readiness.is_ready(), ready: *ready, waiting, problems: problems.clone() }
    }
}

/// Whose bots there are.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ConfigSource {
    /// `git:<source id>`, or `dashboard` for bots that no files own.
    pub(in crate::graphql) source: String,
    /// The generation that runs now.
    pub(in crate::graphql) active: Option<Generation>,
    /// Who holds it back after a rollback; null if nobody does.
    pub(in crate::graphql) held: Option<ConfigHold>,
}

/// A bot as it is written down.
#[derive(SimpleObject)]
pub(in crate::graphql) struct ExportedBot {
    /// Its name.
    name: String,
    /// Who owns it.
    source: String,
    /// What its files say, prose included, defaults left out.
    authored: Json,
    /// Whether its source protects it from being archived.
    protected: bool,
}

impl From<sync::Exported> for ExportedBot {
    fn from(bot: sync::Exported) -> Self {
        let sync::Exported { name, source, authored, protected } = bot;
        Self { name, source, authored: Json(authored), protected }
    }
}

/// By which words a bot speaks or spoke.
pub(in crate::graphql) struct WrittenRevision(pub(in crate::graphql) Spoken);

/// By which words a bot speaks or spoke: one revision, as it was written.
#[Object]
impl WrittenRevision {
    /// The bot's name today.
    async fn bot(&self) -> &str {
        &self.0.bot
    }
    /// Who owns it: `git:<source id>` or `dashboard`.
    async fn source(&self) -> &str {
        &self.0.source
    }
    /// Counts from 1 within the bot.
    async fn number(&self) -> i32 {
        self.0.revision
    }
    /// When it was applied.
    async fn created_at(&self) -> DateTime {
        self.0.revision_at.into()
    }
    /// The first generation with it; null if the history no longer knows it.
    async fn generation(&self) -> Option<Generation> {
        self.0.generation.clone().map(Generation)
    }
    /// What the files said, prose included, defaults left out.
    async fn authored(&self) -> Json {
        Json(self.0.authored.clone())
    }
    /// What the dashboard held then of the delegated fields, by JSON pointer.
    async fn overlay(&self) -> Json {
        Json(self.0.overlay.clone())
    }
    /// The same as `botwright show --output json` writes it.
    async fn document(&self) -> Result<Json, Error> {
        serde_json::to_value(&self.0).map(Json).map_err(Error::internal)
    }
}
