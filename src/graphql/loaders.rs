//! Loading by id, gathered: whatever the fields of one execution ask for at the same time is one query. Made
//! anew for every execution (of a subscription: for every event), so nothing is read from yesterday.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::dataloader::{DataLoader, HashMapCache, Loader};
use async_graphql::extensions::{Extension, ExtensionContext, ExtensionFactory, NextExecute};
use async_graphql::{Data, Response};
use async_trait::async_trait;
use serde_json::Value;

use crate::accounts::Actor;
use crate::chat::{Chat, LiveBot, may_see};
use crate::error::{Error, Result};
use crate::graphql::batches::Batches;
use crate::graphql::context::Rooms;
use crate::id::{BotId, ConversationId, MessageId, PersonId, RevisionId, TurnId, UploadId};
use crate::store::{self, Store};

/// The loaders of one execution.
pub(super) type Loaders = DataLoader<Rows, HashMapCache>;

/// What rows are loaded with.
pub(super) struct Rows {
    store: Store,
    chat: Chat,
    actor: Actor,
}

/// Gives every execution its loaders.
pub(super) struct PerExecution;

impl ExtensionFactory for PerExecution {
    fn create(&self) -> Arc<dyn Extension> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Extension for PerExecution {
    async fn execute(
        &self,
        context: &ExtensionContext<'_>,
        operation: Option<&str>,
        next: NextExecute<'_>,
    ) -> Response {
        let (Some(rooms), Some(actor)) = (context.data_opt::<Rooms>(), context.data_opt::<Actor>()) else {
            return next.run(context, operation).await;
        };
        let rows = Rows { store: rooms.store.clone(), chat: rooms.chat.clone(), actor: actor.clone() };
        let batches = Batches::default();
        let queue = batches.clone();
        let loaders: Loaders =
            DataLoader::with_cache(rows, move |batch| queue.add(batch), HashMapCache::default())
                .delay(Duration::ZERO);
        let mut data = Data::default();
        data.insert(loaders);
        batches.run(next.run_with_data(context, operation, data)).await
    }
}

/// Several callers wait for one query, so its failure is shared.
type Shared<T> = Result<T, Arc<Error>>;

/// A range of a conversation: from this ordinal to that one, both within.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Span(pub(super) ConversationId, pub(super) i32, pub(super) i32);

/// What a turn has said so far, and the number of its newest event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct SaidBy(pub(super) TurnId);

/// What the model heard in a turn. Long, so it is loaded where it is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ReportOf(pub(super) TurnId);

/// The files of a message, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FilesOf(pub(super) MessageId);

/// What a file became that was too long to be read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct DocumentOfFile(pub(super) MessageId, pub(super) UploadId);

/// What a message became that was too long to be read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct DocumentOf(pub(super) MessageId);

/// What the actor thinks of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RatingOf(pub(super) MessageId);

/// The replies to the words that this turn was the first to answer, in the order of their turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct RepliesTo(pub(super) TurnId);

/// A bot's row as it stands, and what it was compiled to.
#[derive(Debug, Clone)]
pub(super) struct CompiledBot {
    pub(super) row: store::Bot,
    pub(super) live: Arc<LiveBot>,
}

impl Rows {
    async fn begin(&self) -> Shared<store::Tenant> {
        Ok(self.store.reading(self.actor.account).await?)
    }
}

fn by<K: Eq + Hash, V>(rows: Vec<V>, key: impl Fn(&V) -> K) -> HashMap<K, V> {
    rows.into_iter().map(|row| (key(&row), row)).collect()
}

impl Loader<ConversationId> for Rows {
    type Value = store::Conversation;
    type Error = Arc<Error>;

    /// Only those that the actor may know of.
    async fn load(&self, ids: &[ConversationId]) -> Shared<HashMap<ConversationId, Self::Value>> {
        let mut tx = self.begin().await?;
        let mut rows = store::Conversation::list_by_ids(&mut tx, ids).await?;
        tx.commit().await?;
        rows.retain(|row| may_see(&self.actor, row));
        Ok(by(rows, |row| row.id))
    }
}

impl Loader<MessageId> for Rows {
    type Value = store::Message;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[MessageId]) -> Shared<HashMap<MessageId, Self::Value>> {
        let mut tx = self.begin().await?;
        let rows = store::Message::list_by_ids(&mut tx, ids).await?;
        tx.commit().await?;
        Ok(by(rows, |row| row.id))
    }
}

impl Loader<TurnId> for Rows {
    type Value = store::Turn;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[TurnId]) -> Shared<HashMap<TurnId, Self::Value>> {
        let mut tx = self.begin().await?;
        let rows = store::Turn::list_by_ids(&mut tx, ids).await?;
        tx.commit().await?;
        Ok(by(rows, |row| row.id))
    }
}

impl Loader<ReportOf> for Rows {
    type Value = Value;
    type Error = Arc<Error>;

    async fn load(&self, turns: &[ReportOf]) -> Shared<HashMap<ReportOf, Self::Value>> {
        let ids: Vec<_> = turns.iter().map(|turn| turn.0).collect();
        let mut tx = self.begin().await?;
        let reports = store::Turn::list_reports(&mut tx, &ids).await?;
        tx.commit().await?;
        Ok(reports.into_iter().filter_map(|(id, report)| Some((ReportOf(id), report?))).collect())
    }
}

impl Loader<PersonId> for Rows {
    type Value = store::Person;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[PersonId]) -> Shared<HashMap<PersonId, Self::Value>> {
        let mut tx = self.begin().await?;
        let rows = store::Person::list_by_ids(&mut tx, ids).await?;
        tx.commit().await?;
        Ok(by(rows, |row| row.id))
    }
}

impl Loader<RevisionId> for Rows {
    type Value = Arc<store::BotRevision>;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[RevisionId]) -> Shared<HashMap<RevisionId, Self::Value>> {
        let mut tx = self.begin().await?;
        let rows = store::BotRevision::list_by_ids(&mut tx, ids).await?;
        tx.commit().await?;
        Ok(by(rows.into_iter().map(Arc::new).collect(), |row: &Self::Value| row.id))
    }
}

impl Loader<BotId> for Rows {
    type Value = CompiledBot;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[BotId]) -> Shared<HashMap<BotId, Self::Value>> {
        let mut tx = self.begin().await?;
        let rows = store::Bot::list_by_ids(&mut tx, ids).await?;
        let bots = self.chat.bots().of_rows(&mut tx, rows).await?;
        tx.commit().await?;
        Ok(bots.into_iter().map(|(row, live)| (row.id, CompiledBot { row, live })).collect())
    }
}

impl Loader<Span> for Rows {
    type Value = Vec<store::Message>;
    type Error = Arc<Error>;

    async fn load(&self, spans: &[Span]) -> Shared<HashMap<Span, Self::Value>> {
        let ranges: Vec<_> = spans.iter().map(|span| (span.0, span.1, span.2)).collect();
        let mut tx = self.begin().await?;
        let rows = store::Message::list_ranges(&mut tx, &ranges).await?;
        tx.commit().await?;
        let within = |span: &Span, row: &store::Message| {
            row.conversation_id == span.0 && (span.1..=span.2).contains(&row.ordinal)
        };
        let of = |span: &Span| rows.iter().filter(|row| within(span, row)).cloned().collect();
        Ok(spans.iter().map(|span| (*span, of(span))).collect())
    }
}

impl Loader<UploadId> for Rows {
    type Value = store::Upload;
    type Error = Arc<Error>;

    async fn load(&self, ids: &[UploadId]) -> Shared<HashMap<UploadId, Self::Value>> {
        let mut tx = self.begin().await?;
        let rows = store::Upload::list_by_ids(&mut tx, ids).await?;
        tx.commit().await?;
        Ok(by(rows, |row| row.id))
    }
}

impl Loader<FilesOf> for Rows {
    type Value = Vec<store::Upload>;
    type Error = Arc<Error>;

    async fn load(&self, messages: &[FilesOf]) -> Shared<HashMap<FilesOf, Self::Value>> {
        let ids: Vec<_> = messages.iter().map(|message| message.0).collect();
        let mut tx = self.begin().await?;
        let rows = store::Upload::list_of_messages(&mut tx, &ids).await?;
        tx.commit().await?;
        let mut files: HashMap<FilesOf, Self::Value> = HashMap::new();
        for row in rows {
            if let Some(message) = row.message_id {
                files.entry(FilesOf(message)).or_default().push(row);
            }
        }
        Ok(files)
    }
}

impl Loader<DocumentOf> for Rows {
    type Value = store::Document;
    type Error = Arc<Error>;

    async fn load(&self, messages: &[DocumentOf]) -> Shared<HashMap<DocumentOf, Self::Value>> {
        let ids: Vec<_> = messages.iter().map(|message| message.0).collect();
        let mut tx = self.begin().await?;
        let rows = store::Document::list_of_messages(&mut tx, &ids).await?;
        tx.commit().await?;
        Ok(by(rows, |row| DocumentOf(row.message_id)))
    }
}

impl Loader<DocumentOfFile> for Rows {
    type Value = store::Document;
    type Error = Arc<Error>;

    async fn load(&self, files: &[DocumentOfFile]) -> Shared<HashMap<DocumentOfFile, Self::Value>> {
        let of: Vec<_> = files.iter().map(|file| file.0).collect();
        let mut tx = self.begin().await?;
        let rows = store::Document::list_of_files(&mut tx, &of).await?;
        tx.commit().await?;
        let keyed = |row: store::Document| Some((DocumentOfFile(row.message_id, row.upload_id?), row));
        Ok(rows.into_iter().filter_map(keyed).collect())
    }
}

impl Loader<RatingOf> for Rows {
    type Value = store::Rating;
    type Error = Arc<Error>;

    async fn load(&self, of: &[RatingOf]) -> Shared<HashMap<RatingOf, Self::Value>> {
        let ids: Vec<_> = of.iter().map(|of| of.0).collect();
        let mut tx = self.begin().await?;
        let rows = store::Rating::list(&mut tx, &ids, self.actor.person).await?;
        tx.commit().await?;
        Ok(by(rows, |row| RatingOf(row.message_id)))
    }
}

impl Loader<RepliesTo> for Rows {
    type Value = Vec<store::Message>;
    type Error = Arc<Error>;

    async fn load(&self, turns: &[RepliesTo]) -> Shared<HashMap<RepliesTo, Self::Value>> {
        let first: Vec<_> = turns.iter().map(|turn| turn.0).collect();
        let mut tx = self.begin().await?;
        let rows = store::Message::list_replies_to(&mut tx, &first).await?;
        tx.commit().await?;
        let mut replies: HashMap<RepliesTo, Self::Value> = HashMap::with_capacity(turns.len());
        for (turn, reply) in rows {
            replies.entry(RepliesTo(turn)).or_default().push(reply);
        }
        Ok(replies)
    }
}

impl Loader<SaidBy> for Rows {
    type Value = (String, i32);
    type Error = Arc<Error>;

    /// At most two turns of a conversation are unfinished, so few are ever asked for at once.
    async fn load(&self, turns: &[SaidBy]) -> Shared<HashMap<SaidBy, Self::Value>> {
        let ids: Vec<_> = turns.iter().map(|turn| turn.0).collect();
        let mut said = HashMap::with_capacity(ids.len());
        for (id, turn) in Loader::<TurnId>::load(self, &ids).await? {
            said.insert(SaidBy(id), self.chat.turn_text(&self.actor, &turn).await?);
        }
        Ok(said)
    }
}
