//! The live bots: what the database says, compiled once and swapped whole when a new generation is applied.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::chat::context::Fixed;
use crate::error::{Error, Result};
use crate::id::{AccountId, BotId, RevisionId};
use crate::spec;
use crate::store::{self, Store};

/// A bot as it runs: one revision, compiled.
#[derive(Debug)]
pub struct LiveBot {
    pub bot: store::Bot,
    pub revision: RevisionId,
    /// Counts from 1 within the bot.
    pub number: i32,
    pub spec: spec::Bot,
    fixed: OnceLock<Fixed>,
}

impl LiveBot {
    /// Its words before a history that a client brings along, put together once.
    pub(super) fn fixed(&self) -> &Fixed {
        self.fixed.get_or_init(|| Fixed::of(&self.spec))
    }
}

/// The bots of every account that was asked for. Cheap to clone.
#[derive(Clone)]
pub struct Bots {
    store: Store,
    /// Revisions never change, so a compiled one stays true.
    compiled: Arc<Mutex<HashMap<RevisionId, Arc<LiveBot>>>>,
    /// Who has which name, as it stood a moment ago.
    named: Arc<Mutex<HashMap<AccountId, Names>>>,
}

type Names = HashMap<String, (Arc<LiveBot>, Instant)>;

/// How many compiled revisions are kept; more than that and all are dropped, which only costs time.
const KEPT: usize = 4_096;
/// For how long a name counts as looked up.
const FRESH: Duration = Duration::from_secs(2);

impl Bots {
    pub fn new(store: Store) -> Self {
        Self { store, compiled: Arc::default(), named: Arc::default() }
    }

    /// The bot of that name as it stands now. Archived bots are not found.
    pub async fn find(&self, account: AccountId, name: &str) -> Result<Option<Arc<LiveBot>>> {
        let mut tx = self.store.reading(account).await?;
        let live = self.find_in(&mut tx, name).await?;
        tx.commit().await?;
        Ok(live)
    }

    /// The bot of that name, for whoever asks too often to ask the database each time: as it stood up to two
    /// seconds ago, and never older than the config that this replica says it runs.
    pub async fn current(&self, account: AccountId, name: &str) -> Result<Option<Arc<LiveBot>>> {
        let since = Instant::now();
        let kept = self.names().get(&account).and_then(|names| names.get(name)).cloned();
        if let Some((live, seen)) = kept
            && seen.elapsed() < FRESH
        {
            return Ok(Some(live));
        }
        let found = self.find(account, name).await?;
        let mut named = self.names();
        let names = named.entry(account).or_default();
        match &found {
            Some(live) => drop(names.insert(name.to_owned(), (live.clone(), since))),
            None => drop(names.remove(name)),
        }
        Ok(found)
    }

    fn names(&self) -> std::sync::MutexGuard<'_, HashMap<AccountId, Names>> {
        self.named.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same, inside a transaction of the caller.
    pub(super) async fn find_in(&self, tx: &mut store::Tenant, name: &str) -> Result<Option<Arc<LiveBot>>> {
        let row = store::Bot::find_by_name(tx, name).await?;
        self.of_row(tx, row).await
    }

    /// The bot of that row as it stands now, unless it is archived.
    pub(super) async fn of_row(
        &self,
        tx: &mut store::Tenant,
        row: Option<store::Bot>,
    ) -> Result<Option<Arc<LiveBot>>> {
        match row.filter(|bot| bot.archived_at.is_none()) {
            Some(bot) => self.compile(tx, bot).await.map(Some),
            None => Ok(None),
        }
    }

    /// The bot of that id as it stands now, archived or not.
    pub async fn find_by_id(&self, tx: &mut store::Tenant, id: BotId) -> Result<Option<Arc<LiveBot>>> {
        match store::Bot::find(tx, id).await? {
            Some(bot) => self.compile(tx, bot).await.map(Some),
            None => Ok(None),
        }
    }

    /// A bot at a revision that may be an old one: running turns finish on what they started with.
    pub async fn at_revision(
        &self,
        tx: &mut store::Tenant,
        id: BotId,
        revision: RevisionId,
    ) -> Result<Arc<LiveBot>> {
        if let Some(live) = self.kept(revision) {
            return Ok(live);
        }
        let mut bot =
            store::Bot::find(tx, id).await?.ok_or_else(|| Error::internal("a turn without its bot"))?;
        bot.revision_id = revision;
        self.compile(tx, bot).await
    }

    /// All bots of an account that are not archived, by name.
    pub async fn list(&self, account: AccountId) -> Result<Vec<Arc<LiveBot>>> {
        let since = Instant::now();
        let mut tx = self.store.reading(account).await?;
        let mut bots = store::Bot::list(&mut tx).await?;
        bots.retain(|bot| bot.archived_at.is_none());
        self.compile_all(&mut tx, &bots).await?;
        let mut live = Vec::with_capacity(bots.len());
        for bot in bots {
            live.push(self.compile(&mut tx, bot).await?);
        }
        tx.commit().await?;
        let names = live.iter().map(|live| (live.bot.name.clone(), (live.clone(), since)));
        self.names().insert(account, names.collect());
        Ok(live)
    }

    /// Rows of bots with what they are compiled to, in their order; what was compiled before may know the bot by
    /// an older name. Takes one question to the database at most.
    pub async fn of_rows(
        &self,
        tx: &mut store::Tenant,
        rows: Vec<store::Bot>,
    ) -> Result<Vec<(store::Bot, Arc<LiveBot>)>> {
        self.compile_all(tx, &rows).await?;
        let mut bots = Vec::with_capacity(rows.len());
        for row in rows {
            let live = match self.kept(row.revision_id) {
                Some(live) => live,
                None => self.compile(tx, row.clone()).await?,
            };
            bots.push((row, live));
        }
        Ok(bots)
    }

    /// Compiles what was not compiled yet, with one question to the database.
    async fn compile_all(&self, tx: &mut store::Tenant, bots: &[store::Bot]) -> Result<()> {
        let new: HashMap<RevisionId, &store::Bot> = bots
            .iter()
            .filter(|bot| self.kept(bot.revision_id).is_none())
            .map(|bot| (bot.revision_id, bot))
            .collect();
        if new.is_empty() {
            return Ok(());
        }
        let ids: Vec<RevisionId> = new.keys().copied().collect();
        for revision in store::BotRevision::list_by_ids(tx, &ids).await? {
            if let Some(bot) = new.get(&revision.id) {
                self.keep((*bot).clone(), &revision)?;
            }
        }
        Ok(())
    }

    /// What the bot calls itself at that revision.
    pub(super) fn name_of(&self, revision: RevisionId) -> String {
        self.kept(revision).map_or_else(|| "bot".into(), |live| live.spec.display_name.clone())
    }

    async fn compile(&self, tx: &mut store::Tenant, bot: store::Bot) -> Result<Arc<LiveBot>> {
        if let Some(live) = self.kept(bot.revision_id)
            && live.bot.name == bot.name
        {
            return Ok(live);
        }
        let revision = store::BotRevision::find(tx, bot.revision_id)
            .await?
            .ok_or_else(|| Error::internal("a bot without its revision"))?;
        self.keep(bot, &revision)
    }

    fn keep(&self, bot: store::Bot, revision: &store::BotRevision) -> Result<Arc<LiveBot>> {
        let overlay = revision.overlay.as_object().cloned().unwrap_or_default();
        let spec = spec::Bot::from_revision(&revision.content, &overlay)?;
        let live = Arc::new(LiveBot {
            revision: revision.id,
            number: revision.number,
            spec,
            bot,
            fixed: OnceLock::new(),
        });
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if compiled.len() >= KEPT {
            compiled.clear();
        }
        compiled.insert(live.revision, live.clone());
        Ok(live)
    }

    fn kept(&self, revision: RevisionId) -> Option<Arc<LiveBot>> {
        self.compiled.lock().unwrap_or_else(PoisonError::into_inner).get(&revision).cloned()
    }
}
