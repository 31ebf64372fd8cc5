//! What was active when, by whom, and which words a bot spoke by.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Result};
use crate::id::{AccountId, MessageId};
use crate::store::{Bot, BotRevision, Generation, Hold, Message, Store, Tenant, Turn};
use crate::sync::apply::current;
use crate::sync::past::Past;
use crate::sync::plan::{Change, Held, Missing, Plan, Policy, plan};

/// One generation in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    pub source: String,
    /// Counts from 1 within the source.
    pub number: i32,
    pub at: DateTime<Utc>,
    pub is_active: bool,
    /// Who, how, from which commit.
    pub provenance: Value,
    /// `[{"address": "bot/support", "action": "update"}]`
    pub changes: Value,
}

/// A generation with what it changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    #[serde(flatten)]
    pub entry: Entry,
    pub hash: String,
    pub held: Option<Held>,
    pub bots: Vec<ShownBot>,
    /// Compared with the generation before it.
    pub diff: Vec<Change>,
}

/// A bot of a generation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShownBot {
    pub name: String,
    /// Counts from 1 within the bot.
    pub revision: i32,
    pub hash: String,
}

/// By which words somebody spoke.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Spoken {
    pub bot: String,
    pub source: String,
    pub revision: i32,
    pub revision_at: DateTime<Utc>,
    /// The first generation with that revision; none for a revision that history no longer knows.
    pub generation: Option<Entry>,
    /// What was written: the revision's content.
    pub authored: Value,
    /// What the dashboard held then.
    pub overlay: Value,
}

/// A bot as it is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exported {
    pub name: String,
    pub source: String,
    pub authored: Value,
    /// Whether its source's active generation protects it.
    #[serde(default)]
    pub protected: bool,
}

/// Newest first, at most `limit`.
pub async fn history(
    store: &Store,
    account: AccountId,
    source: Option<&str>,
    limit: i64,
) -> Result<Vec<Entry>> {
    let mut tx = store.reading(account).await?;
    let generations = Generation::list(&mut tx, source, None, limit).await?;
    let mut active = BTreeMap::new();
    for source in Generation::list_sources(&mut tx).await? {
        let number = Generation::find_active(&mut tx, &source).await?.map(|generation| generation.number);
        active.insert(source, number);
    }
    tx.commit().await?;
    let entries = generations.into_iter().map(|generation| {
        let is_active = active.get(&generation.source).copied().flatten() == Some(generation.number);
        entry(generation, is_active)
    });
    Ok(entries.collect())
}

/// A generation as a line of the history.
pub fn entry(generation: Generation, is_active: bool) -> Entry {
    let Generation {
        account_id: _,
        id: _,
        source,
        number,
        hash: _,
        project: _,
        manifest: _,
        provenance,
        created_at,
        changes,
    } = generation;
    Entry { source, number, at: created_at, is_active, provenance, changes }
}

/// The source that is meant where nobody says which: the only one of files, or the only one.
pub async fn only_source(store: &Store, account: AccountId) -> Result<String> {
    let mut tx = store.reading(account).await?;
    let sources = Generation::list_sources(&mut tx).await?;
    tx.commit().await?;
    only_one(&sources)
}

/// The one of `sources` that is meant where nobody says which.
pub fn only_one(sources: &[String]) -> Result<String> {
    let of_files: Vec<&String> = sources.iter().filter(|source| source.starts_with("git:")).collect();
    match (of_files.as_slice(), sources) {
        ([only], _) => Ok((*only).clone()),
        ([], [only]) => Ok(only.clone()),
        (_, []) => Err(Error::not_found("nothing was ever applied")),
        _ => Err(Error::invalid(format!(
            "there are several sources, so say which with --source: {}",
            sources.iter().map(|source| format!("`{source}`")).collect::<Vec<_>>().join(", ")
        ))),
    }
}

/// One generation, and what it changed.
pub async fn show(store: &Store, account: AccountId, source: &str, number: i32) -> Result<Shown> {
    let mut tx = store.reading(account).await?;
    let past = Past::load(&mut tx, source, number).await?;
    let before = if number > 1 { Past::load(&mut tx, source, number - 1).await.ok() } else { None };
    let active = Generation::find_active(&mut tx, source).await?;
    let held = Hold::find(&mut tx, source).await?;
    tx.commit().await?;
    let before = before.map(|before| before.current()).unwrap_or_default();
    let diff = plan(
        &past.desired(),
        &before,
        Policy { missing: Missing::Prune, rewinds: true, ..Policy::default() },
    );
    let bots = past.bots.iter().map(|(name, revision, _)| ShownBot {
        name: name.clone(),
        revision: revision.number,
        hash: revision.hash.clone(),
    });
    let is_active = active.is_some_and(|active| active.number == number);
    Ok(Shown {
        bots: bots.collect(),
        hash: past.generation.hash.clone(),
        held: held.map(Held::from).filter(|_| is_active),
        diff: diff.changes,
        entry: entry(past.generation.clone(), is_active),
    })
}

/// By which revision a message was spoken.
pub async fn spoken(store: &Store, account: AccountId, message: MessageId) -> Result<Spoken> {
    let mut tx = store.reading(account).await?;
    let unknown = || Error::not_found("there is no such message");
    let message = Message::find(&mut tx, message).await?.ok_or_else(unknown)?;
    let turn = message.turn_id.ok_or_else(|| Error::not_found("no bot spoke by that message"))?;
    let turn = Turn::find(&mut tx, turn).await?.ok_or_else(unknown)?;
    let bot = Bot::find(&mut tx, turn.bot_id).await?.ok_or_else(unknown)?;
    let revision = BotRevision::find(&mut tx, turn.revision_id).await?.ok_or_else(unknown)?;
    let spoken = written(&mut tx, bot, revision).await?;
    tx.commit().await?;
    Ok(spoken)
}

/// A bot at a revision; the active one if none is named.
pub async fn show_bot(
    store: &Store,
    account: AccountId,
    name: &str,
    revision: Option<i32>,
) -> Result<Spoken> {
    let mut tx = store.reading(account).await?;
    let unknown = || Error::not_found(format!("there is no bot called `{name}`"));
    let bot = Bot::find_by_name(&tx, name).await?.ok_or_else(unknown)?;
    let found = match revision {
        None => BotRevision::find(&mut tx, bot.revision_id).await?,
        Some(number) => BotRevision::list(&mut tx, bot.id, number.checked_add(1), 1)
            .await?
            .into_iter()
            .find(|revision| revision.number == number),
    };
    let found = found.ok_or_else(|| Error::not_found(format!("`{name}` has no such revision")))?;
    let spoken = written(&mut tx, bot, found).await?;
    tx.commit().await?;
    Ok(spoken)
}

async fn written(tx: &mut Tenant, bot: Bot, revision: BotRevision) -> Result<Spoken> {
    let generation = Generation::find_first_with(tx, revision.id).await?;
    Ok(Spoken {
        bot: bot.name,
        source: bot.source,
        revision: revision.number,
        revision_at: revision.created_at,
        generation: generation.map(|generation| entry(generation, false)),
        authored: revision.content,
        overlay: revision.overlay,
    })
}

/// What is live otherwise than the source's active generation says; and what the dashboard holds.
pub async fn drift(store: &Store, account: AccountId, source: &str) -> Result<Plan> {
    let mut tx = store.reading(account).await?;
    let active = Generation::find_active(&mut tx, source).await?;
    let number = active.ok_or_else(|| Error::not_found(format!("`{source}` was never applied")))?.number;
    let past = Past::load(&mut tx, source, number).await?;
    let desired = past.desired();
    let current = current(&mut tx, &desired).await?;
    tx.commit().await?;
    Ok(plan(&desired, &current, Policy { missing: Missing::Prune, rewinds: true, ..Policy::default() }))
}

/// Bots as they are written down, by name: those named, or all of a source that are live.
pub async fn export(
    store: &Store,
    account: AccountId,
    source: Option<&str>,
    names: &[String],
) -> Result<Vec<Exported>> {
    let mut tx = store.reading(account).await?;
    let bots = Bot::list(&mut tx).await?;
    if let Some(unknown) =
        names.iter().find(|name| !bots.iter().any(|bot| bot.name == **name && bot.archived_at.is_none()))
    {
        return Err(Error::not_found(format!("there is no bot called `{unknown}`")));
    }
    let wanted = |bot: &Bot| {
        bot.archived_at.is_none()
            && source.is_none_or(|source| bot.source == source)
            && (names.is_empty() || names.contains(&bot.name))
    };
    let bots: Vec<Bot> = bots.into_iter().filter(wanted).collect();
    let mut protected = BTreeSet::new();
    for source in bots.iter().map(|bot| &bot.source).collect::<BTreeSet<_>>() {
        let active = Generation::find_active(&mut tx, source).await?;
        protected.extend(active.as_ref().map(Generation::protected).unwrap_or_default());
    }
    let ids: Vec<_> = bots.iter().map(|bot| bot.revision_id).collect();
    let mut contents: HashMap<_, _> = BotRevision::list_by_ids(&mut tx, &ids)
        .await?
        .into_iter()
        .map(|revision| (revision.id, revision.content))
        .collect();
    tx.commit().await?;
    let exported = bots.into_iter().filter_map(|bot| {
        let authored = contents.remove(&bot.revision_id)?;
        let is_protected = protected.contains(&bot.name);
        Some(Exported { name: bot.name, source: bot.source, authored, protected: is_protected })
    });
    Ok(exported.collect())
}
