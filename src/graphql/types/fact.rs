//! Facts: what a bot knows, with where it comes from and what became of it.

use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};

use crate::error;
use crate::graphql::context::{loaders, reader, rooms};
use crate::graphql::ids;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::{Conversation, Message};
use crate::store;

/// How a fact stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::FactState")]
pub(in crate::graphql) enum FactState {
    /// It is remembered.
    Active,
    /// A newer one took its place.
    Superseded,
    /// Somebody took it back in a talk.
    Retracted,
    /// Somebody, or a limit, asked to forget it.
    Forgotten,
}

/// What was done to a fact.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::FactAction")]
pub(in crate::graphql) enum FactAction {
    /// It was learned.
    Added,
    /// It says the same in other words, or more, or matters more.
    Updated,
    /// A newer one took its place.
    Superseded,
    /// Somebody took it back in a talk.
    Retracted,
    /// It is remembered no more.
    Forgotten,
    /// It is remembered again.
    Restored,
}

/// Who changed a fact.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::FactAuthor")]
pub(in crate::graphql) enum FactAuthor {
    /// The model that summarises.
    Summary,
    /// The bot, while it talked.
    Bot,
    /// A person.
    Person,
    /// An import.
    Import,
    /// There were more than the bot's file allows.
    Limit,
}

/// A single sentence that was drawn from what people said.
#[derive(Clone)]
pub(in crate::graphql) struct Fact(pub(in crate::graphql) store::Fact);

/// A single sentence that was drawn from what people said.
#[Object]
impl Fact {
    /// Stays as it is for ever.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(self.0.id)
    }
    /// The sentence.
    async fn text(&self) -> &str {
        &self.0.text
    }
    /// Whom or what it is about, by name.
    async fn about(&self) -> &str {
        &self.0.about
    }
    /// 1 to 10.
    async fn importance(&self) -> i32 {
        self.0.importance
    }
    /// How it stands.
    async fn state(&self) -> FactState {
        self.0.state.into()
    }
    /// Counts what was done to it, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }
    /// When the newest of what it was drawn from was said.
    async fn said_at(&self) -> DateTime {
        self.0.said_at.into()
    }
    /// When it was learned.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
    /// When it was last changed.
    async fn updated_at(&self) -> DateTime {
        self.0.updated_at.into()
    }
    /// In how many prompts it stood.
    async fn use_count(&self) -> i32 {
        self.0.use_count
    }
    /// When it last stood in one; null if it never did.
    async fn last_used_at(&self) -> Option<DateTime> {
        self.0.last_used_at.map(DateTime)
    }
    /// Where it was learned.
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(context)?.load_one(self.0.conversation_id).await?.map(Conversation))
    }
    /// The messages that it was drawn from, as far as the caller may see them, oldest first.
    async fn sources(&self, context: &Context<'_>) -> Result<Vec<Message>> {
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let mut tx = rooms.store.reading(actor.account).await?;
        let sources = store::Fact::list_sources(&mut tx, &[self.0.id]).await?;
        tx.commit().await?;
        let loaders = loaders(context)?;
        let mut messages = Vec::new();
        for source in sources {
            let Some(row) = loaders.load_one(source.message_id).await? else { continue };
            if loaders.load_one(row.conversation_id).await?.is_some() {
                messages.push(row);
            }
        }
        messages.sort_by_key(|row| (row.sent_at, row.ordinal));
        Ok(messages.into_iter().map(Message).collect())
    }
    /// What was done to it, the newest first.
    async fn history(&self, context: &Context<'_>) -> Result<Vec<FactVersion>> {
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let mut tx = rooms.store.reading(actor.account).await?;
        let versions = store::Fact::list_versions(&mut tx, self.0.id).await?;
        tx.commit().await?;
        Ok(versions.into_iter().map(FactVersion::from).collect())
    }
    /// The fact that took its place; null if none did.
    async fn superseded_by(&self, context: &Context<'_>) -> Result<Option<Fact>> {
        let Some(id) = self.0.superseded_by else { return Ok(None) };
        let (actor, rooms) = (reader(context)?, rooms(context)?);
        let mut tx = rooms.store.reading(actor.account).await?;
        let row = store::Fact::find(&mut tx, id).await?;
        tx.commit().await?;
        let Some(row) = row else { return Ok(None) };
        let is_seen = loaders(context)?.load_one(row.conversation_id).await?.is_some();
        Ok(is_seen.then_some(Fact(row)))
    }
}

/// One line of a fact's history: what was done, and how it stood from then on.
#[derive(SimpleObject)]
pub(in crate::graphql) struct FactVersion {
    /// Its number, from 1.
    version: i32,
    /// What was done.
    action: FactAction,
    /// By whom.
    by: FactAuthor,
    /// The sentence from then on.
    text: String,
    /// 1 to 10.
    importance: i32,
    /// How it stood from then on.
    state: FactState,
    /// When it was done.
    at: DateTime,
}

impl From<store::FactVersion> for FactVersion {
    fn from(row: store::FactVersion) -> Self {
        let store::FactVersion {
            account_id: _,
            fact_id: _,
            version,
            action,
            by,
            text,
            importance,
            state,
            at,
        } = row;
        Self {
            version,
            action: action.into(),
            by: by.into(),
            text,
            importance,
            state: state.into(),
            at: at.into(),
        }
    }
}

/// What a summary tells of.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::SummaryKind")]
pub(in crate::graphql) enum SummaryKind {
    /// Its span and, through the one before it, everything earlier.
    Rolling,
    /// One day.
    Day,
    /// A week, from the digests of its days.
    Week,
    /// A month, from the digests of its days.
    Month,
}

/// What was said in a conversation, in fewer words.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(in crate::graphql) struct Summary {
    /// What it tells of.
    kind: SummaryKind,
    /// The words.
    text: String,
    /// The first message that it tells of, by its ordinal.
    from_ordinal: i32,
    /// The last one.
    to_ordinal: i32,
    /// For a digest: the time that it tells of begins then. Null for a rolling one.
    since: Option<DateTime>,
    /// And ends before this. Null for a rolling one.
    until: Option<DateTime>,
    /// What it takes in a prompt, in tokens.
    tokens: i32,
    /// Who wrote it: `provider/model`, or `offline`.
    model: String,
    /// When it was written.
    created_at: DateTime,
    #[graphql(skip)]
    conversation_id: crate::id::ConversationId,
}

#[ComplexObject]
impl Summary {
    /// Of what.
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(context)?.load_one(self.conversation_id).await?.map(Conversation))
    }
}

impl From<store::Summary> for Summary {
    fn from(row: store::Summary) -> Self {
        let store::Summary {
            account_id: _,
            id: _,
            conversation_id,
            from_ordinal,
            to_ordinal,
            text,
            tokens,
            model,
            created_at,
            kind,
            since,
            until,
        } = row;
        Self {
            kind: kind.into(),
            text,
            from_ordinal,
            to_ordinal,
            since: since.map(DateTime),
            until: until.map(DateTime),
            tokens,
            model,
            created_at: created_at.into(),
            conversation_id,
        }
    }
}

/// The newest rolling summary of a conversation and all its digests, the newest first.
pub(in crate::graphql) async fn summaries_of(
    context: &Context<'_>,
    conversation: crate::id::ConversationId,
) -> error::Result<Vec<Summary>> {
    let (actor, rooms) = (reader(context)?, rooms(context)?);
    let mut tx = rooms.store.reading(actor.account).await?;
    let ids = store::Summary::list_since(&mut tx, conversation, 0).await?;
    let mut rows = store::Summary::list_by_ids(&mut tx, &ids).await?;
    tx.commit().await?;
    rows.sort_unstable_by_key(|row| std::cmp::Reverse((row.to_ordinal, row.id)));
    let mut has_rolling = false;
    rows.retain(|row| row.kind != store::SummaryKind::Rolling || !std::mem::replace(&mut has_rolling, true));
    Ok(rows.into_iter().filter(|row| !row.text.is_empty()).map(Summary::from).collect())
}
