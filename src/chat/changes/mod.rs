//! What changed since a client last asked, for one that keeps a copy of what it may see.
//!
//! A client begins from nothing (everything comes, page by page) or from now (it loads what it wants by other
//! ways, afterwards), and then follows the change feed. A line of the feed only says that something changed:
//! what comes is the thing as it stands, so a client that has read to the end has what the server has.

mod begin;
mod herald;
mod token;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::accounts::{Actor, Scope};
use crate::chat::{Chat, LiveBot, may_see};
use crate::error::Result;
use crate::id::{ConversationId, PersonId};
use crate::store::{self, Bot, Conversation, Cursor, Horizon, Message, Tenant, Turn};

pub(super) use herald::Herald;
pub use herald::News;
pub use token::{Kinds, SyncToken};

/// At least so many lines of the feed are read at once.
const FEWEST_LINES: usize = 200;
/// A page ends after so many reads, however little they gave: who asks for few kinds shall not wait for long.
const MOST_READS: usize = 10;

/// A kind of thing that a client may keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntityKind {
    Bot,
    Conversation,
    Turn,
    Message,
}

impl EntityKind {
    /// All of them; what others refer to stands before them.
    pub const ALL: [Self; 4] = [Self::Bot, Self::Conversation, Self::Turn, Self::Message];

    /// As the feed calls it.
    fn word(self) -> &'static str {
        match self {
            Self::Bot => "bot",
            Self::Conversation => "conversation",
            Self::Turn => "turn",
            Self::Message => "message",
        }
    }
}

/// A thing as it stands.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "a page of them lives for the length of one answer")]
pub enum Entity {
    Bot(Bot, Arc<LiveBot>),
    Conversation(Conversation),
    /// Without its report.
    Turn(Turn),
    Message(Message),
}

impl Entity {
    pub fn kind(&self) -> EntityKind {
        match self {
            Self::Bot(..) => EntityKind::Bot,
            Self::Conversation(_) => EntityKind::Conversation,
            Self::Turn(_) => EntityKind::Turn,
            Self::Message(_) => EntityKind::Message,
        }
    }

    fn id(&self) -> Uuid {
        match self {
            Self::Bot(bot, _) => bot.id.0,
            Self::Conversation(conversation) => conversation.id.0,
            Self::Turn(turn) => turn.id.0,
            Self::Message(message) => message.id.0,
        }
    }

    /// When it was taken away, if it was: an archived bot, an erased message.
    fn gone_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Bot(bot, _) => bot.archived_at,
            Self::Message(message) => message.erased_at,
            Self::Conversation(_) | Self::Turn(_) => None,
        }
    }
}

/// What became of a thing.
#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "most are of the large variant")]
pub enum Changed {
    /// There it is.
    Upsert(Entity),
    /// It is gone: deleted, erased, archived, or no longer the caller's to see.
    Delete { kind: EntityKind, id: Uuid, at: DateTime<Utc> },
}

/// Where a client stands.
#[derive(Debug, Clone, PartialEq)]
pub enum Since {
    /// It has nothing.
    Beginning,
    /// It will load everything that it wants, from now on, by other ways.
    Now,
    /// After the page that gave it this.
    Token(SyncToken),
}

/// What changed.
#[derive(Debug, Clone)]
pub struct Changes {
    /// Everything at most once.
    pub changed: Vec<Changed>,
    /// Where to go on from.
    pub token: SyncToken,
    /// Whether there is more already.
    pub has_next: bool,
    /// What the client knows cannot be brought up to date: it must forget all and go on from `token`, which
    /// begins from nothing.
    pub reset_required: bool,
}

impl Chat {
    /// At most `first` things of the given kinds that changed since, as the actor may see them.
    pub async fn changes(&self, actor: &Actor, since: Since, kinds: Kinds, first: usize) -> Result<Changes> {
        let mut tx = self.engine.store.reading(actor.account).await?;
        let horizon = Horizon::find(&mut tx).await?;
        let fresh = SyncToken::now(actor, kinds, &horizon);
        let end = |token, is_reset| Changes {
            changed: Vec::new(),
            token,
            has_next: is_reset,
            reset_required: is_reset,
        };
        let page = match since {
            Since::Now => end(fresh, false),
            Since::Beginning => self.begin(&mut tx, actor, fresh.at_the_beginning(), first).await?,
            Since::Token(token) => match token.renewed(&fresh, &horizon) {
                None => end(fresh.at_the_beginning(), true),
                Some(token) if token.is_beginning() => self.begin(&mut tx, actor, token, first).await?,
                Some(token) => self.go_on(&mut tx, actor, token, &horizon, first).await?,
            },
        };
        tx.commit().await?;
        Ok(page)
    }

    /// Follows the feed.
    async fn go_on(
        &self,
        tx: &mut Tenant,
        actor: &Actor,
        mut token: SyncToken,
        horizon: &Horizon,
        first: usize,
    ) -> Result<Changes> {
        let walk = walk(tx, sees_only(actor), &token, horizon, first).await?;
        token.cursor = walk.cursor;
        let changed = self.as_they_stand(tx, actor, walk.touched).await?;
        Ok(Changes { changed, token, has_next: walk.has_next, reset_required: false })
    }

    /// What became of things, in their order.
    async fn as_they_stand(
        &self,
        tx: &mut Tenant,
        actor: &Actor,
        touched: Vec<Touched>,
    ) -> Result<Vec<Changed>> {
        let mut there: HashMap<(EntityKind, Uuid), Entity> = HashMap::with_capacity(touched.len());
        for kind in EntityKind::ALL {
            let ids: Vec<Uuid> =
                touched.iter().filter(|touched| touched.kind == kind).map(|touched| touched.id).collect();
            if !ids.is_empty() {
                let found = self.load_entities(tx, kind, &ids).await?;
                there.extend(found.into_iter().map(|entity| ((kind, entity.id()), entity)));
            }
        }
        let seen = visible(tx, actor, &there).await?;
        let became = |Touched { kind, id, at }| match there.remove(&(kind, id)) {
            Some(entity) if entity.gone_at().is_none() && seen.holds(&entity) => Changed::Upsert(entity),
            Some(entity) => Changed::Delete { kind, id, at: entity.gone_at().unwrap_or(at) },
            None => Changed::Delete { kind, id, at },
        };
        Ok(touched.into_iter().map(became).collect())
    }

    async fn load_entities(&self, tx: &mut Tenant, kind: EntityKind, ids: &[Uuid]) -> Result<Vec<Entity>> {
        Ok(match kind {
            EntityKind::Bot => {
                let rows = Bot::list_by_ids(tx, &of(ids)).await?;
                let bots = self.bots().of_rows(tx, rows).await?;
                bots.into_iter().map(|(row, live)| Entity::Bot(row, live)).collect()
            }
            EntityKind::Conversation => {
                let rows = Conversation::list_by_ids(tx, &of(ids)).await?;
                rows.into_iter().map(Entity::Conversation).collect()
            }
            EntityKind::Turn => {
                let rows = Turn::list_by_ids(tx, &of(ids)).await?;
                rows.into_iter().map(Entity::Turn).collect()
            }
            EntityKind::Message => {
                let rows = Message::list_by_ids(tx, &of(ids)).await?;
                rows.into_iter().map(Entity::Message).collect()
            }
        })
    }
}

fn of<T: From<Uuid>>(ids: &[Uuid]) -> Vec<T> {
    ids.iter().copied().map(T::from).collect()
}

/// Whose things alone the actor sees; `None` if they see everybody's.
fn sees_only(actor: &Actor) -> Option<PersonId> {
    (!actor.scopes.allow(Scope::Admin)).then_some(actor.person)
}

/// A thing that the feed names, and when.
struct Touched {
    kind: EntityKind,
    id: Uuid,
    at: DateTime<Utc>,
}

/// A stretch of the feed.
struct Walk {
    /// Each thing once, where it was named first.
    touched: Vec<Touched>,
    cursor: Cursor,
    has_next: bool,
}

/// Reads on from `token` until `most` things were named or there is nothing more.
async fn walk(
    tx: &mut Tenant,
    person: Option<PersonId>,
    token: &SyncToken,
    horizon: &Horizon,
    most: usize,
) -> Result<Walk> {
    // One line for each thing at first: where things have several, the next reads are larger.
    let mut size = most.saturating_add(1).max(FEWEST_LINES);
    let mut walk = Walk { touched: Vec::with_capacity(most), cursor: token.cursor, has_next: true };
    let mut named: HashSet<(EntityKind, Uuid)> = HashSet::with_capacity(most);
    for _ in 0..MOST_READS {
        let limit = i64::try_from(size).unwrap_or(i64::MAX);
        let lines = store::Change::list_for(tx, person, walk.cursor, horizon.below, limit).await?;
        let is_last = lines.len() < size;
        for line in lines {
            let cursor = line.cursor();
            if let Some(kind) = token.kinds.iter().find(|kind| kind.word() == line.kind)
                && !named.contains(&(kind, line.entity_id))
            {
                if walk.touched.len() == most {
                    return Ok(walk);
                }
                named.insert((kind, line.entity_id));
                walk.touched.push(Touched { kind, id: line.entity_id, at: line.at });
            }
            walk.cursor = cursor;
        }
        if is_last {
            return Ok(Walk { cursor: horizon.head(), has_next: false, ..walk });
        }
        size = most.saturating_mul(2).max(FEWEST_LINES);
    }
    Ok(walk)
}

/// Which conversations the actor may see of those that some things belong to.
enum Visible {
    All,
    Only(HashSet<ConversationId>),
}

impl Visible {
    fn holds(&self, entity: &Entity) -> bool {
        match (self, entity) {
            (Self::All, _) | (_, Entity::Bot(..)) => true,
            (Self::Only(ids), entity) => conversation_of(entity).is_some_and(|id| ids.contains(&id)),
        }
    }
}

/// The feed's lines are for whom they were written for; whose a conversation is now is asked again.
async fn visible(
    tx: &mut Tenant,
    actor: &Actor,
    there: &HashMap<(EntityKind, Uuid), Entity>,
) -> Result<Visible> {
    if sees_only(actor).is_none() {
        return Ok(Visible::All);
    }
    let ids: HashSet<ConversationId> = there.values().filter_map(conversation_of).collect();
    if ids.is_empty() {
        return Ok(Visible::Only(ids));
    }
    let rows = Conversation::list_by_ids(tx, &ids.into_iter().collect::<Vec<_>>()).await?;
    Ok(Visible::Only(rows.iter().filter(|row| may_see(actor, row)).map(|row| row.id).collect()))
}

fn conversation_of(entity: &Entity) -> Option<ConversationId> {
    match entity {
        Entity::Bot(..) => None,
        Entity::Conversation(conversation) => Some(conversation.id),
        Entity::Turn(turn) => Some(turn.conversation_id),
        Entity::Message(message) => Some(message.conversation_id),
    }
}
