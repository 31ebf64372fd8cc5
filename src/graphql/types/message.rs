//! Messages and who wrote them.

use async_graphql::parser::types::SelectionSet;
use async_graphql::resolver_utils::enum_value;
use async_graphql::{Context, Enum, ID, Object, Result, ScalarType as _, SimpleObject, Value};

use crate::graphql::at_once::{Asked, AtOnce};
use crate::graphql::context::loaders;
use crate::graphql::ids;
use crate::graphql::loaders::{DocumentOf, FilesOf, RatingOf, RepliesTo};
use crate::graphql::scalars::DateTime;
use crate::graphql::types::{Attachment, Bot, Conversation, Person, Turn};
use crate::store;

/// Who said it.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::MessageRole")]
pub(in crate::graphql) enum MessageRole {
    /// Somebody who talks to the bot.
    Person,
    /// The bot.
    Bot,
    /// Botwright itself, to the person; the model never hears it.
    System,
}

/// What somebody thinks of a message.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
#[graphql(remote = "store::Opinion", name = "Rating")]
pub(in crate::graphql) enum Opinion {
    /// It is good.
    Up,
    /// It is not.
    Down,
    /// Nothing: an earlier rating was taken back.
    None,
}

/// One person's rating of a message.
#[derive(SimpleObject)]
pub(in crate::graphql) struct MessageRating {
    /// What they think of it.
    rating: Opinion,
    /// Why, if they said so.
    comment: Option<String>,
    /// Counts how often it was given or changed, from 1.
    version: i32,
    /// When they last said so.
    rated_at: DateTime,
}

impl From<store::Rating> for MessageRating {
    fn from(row: store::Rating) -> Self {
        let store::Rating { account_id: _, message_id: _, person_id: _, rating, comment, version, rated_at } =
            row;
        Self { rating: rating.into(), comment, version, rated_at: rated_at.into() }
    }
}

/// What a message, or a file of one, became that is too long to be read at once.
#[derive(SimpleObject)]
pub(in crate::graphql) struct Document {
    /// What it is called: how it begins, or the name of the file.
    title: String,
    /// How many passages it was cut into.
    passages: i32,
    /// What the whole text takes.
    tokens: i32,
}

impl From<store::Document> for Document {
    fn from(row: store::Document) -> Self {
        let store::Document {
            account_id: _,
            id: _,
            bot_id: _,
            conversation_id: _,
            person_id: _,
            message_id: _,
            upload_id: _,
            title,
            bytes: _,
            tokens,
            passages,
            sent_at: _,
        } = row;
        Self { title, passages, tokens }
    }
}

/// What was said.
#[derive(Clone)]
pub(in crate::graphql) struct Message(pub(in crate::graphql) store::Message);

/// What was said. It stays as it is but for edits, which raise `version`.
#[Object]
impl Message {
    /// Stays as it is for ever.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(self.0.id)
    }
    /// Its place in the conversation, from 1.
    async fn ordinal(&self) -> i32 {
        self.0.ordinal
    }
    /// Who said it.
    async fn role(&self) -> MessageRole {
        self.0.role.into()
    }
    /// Who said it, by name. Null for a message of Botwright itself.
    async fn author(&self) -> Option<Participant> {
        (self.0.role != store::MessageRole::System).then(|| Participant(self.0.clone()))
    }
    /// The words. Empty once it was erased.
    async fn text(&self) -> &str {
        &self.0.text
    }
    /// When it was said.
    async fn sent_at(&self) -> DateTime {
        self.0.sent_at.into()
    }
    /// When it was last edited; null if it never was.
    async fn edited_at(&self) -> Option<DateTime> {
        self.0.edited_at.map(DateTime)
    }
    /// When it was erased; null if it was not.
    async fn erased_at(&self) -> Option<DateTime> {
        self.0.erased_at.map(DateTime)
    }
    /// Counts its edits, from 1.
    async fn version(&self) -> i32 {
        self.0.version
    }
    /// The files that were sent with it, in their order.
    async fn attachments(&self, context: &Context<'_>) -> Result<Vec<Attachment>> {
        let rows = loaders(context)?.load_one(FilesOf(self.0.id)).await?.unwrap_or_default();
        Ok(rows.into_iter().map(Attachment).collect())
    }
    /// What it became if it was too long to be read at once: a document that the bot reads by passages, while `text`
    /// stays whole. Null for most.
    async fn document(&self, context: &Context<'_>) -> Result<Option<Document>> {
        if self.0.role != store::MessageRole::Person || self.0.erased_at.is_some() {
            return Ok(None);
        }
        Ok(loaders(context)?.load_one(DocumentOf(self.0.id)).await?.map(Document::from))
    }
    /// The reply that took its place, where the same words were answered again: show that one, and this one
    /// only on request. Null while it stands.
    async fn superseded_by(&self, context: &Context<'_>) -> Result<Option<Message>> {
        let Some(id) = self.0.superseded_by else { return Ok(None) };
        Ok(loaders(context)?.load_one(id).await?.map(Message))
    }
    /// Every reply to the same words in the order of their turns, this one among them; the last one stands.
    /// Empty for what is no reply.
    async fn alternatives(&self, context: &Context<'_>) -> Result<Vec<Message>> {
        let Some(id) = self.0.turn_id.filter(|_| self.0.role == store::MessageRole::Bot) else {
            return Ok(Vec::new());
        };
        let loaders = loaders(context)?;
        let Some(turn) = loaders.load_one(id).await? else { return Ok(Vec::new()) };
        let replies = loaders.load_one(RepliesTo(turn.as_take().first)).await?.unwrap_or_default();
        Ok(replies.into_iter().map(Message).collect())
    }
    /// What the caller thinks of it; null if they never said. Nobody sees another's rating.
    async fn rating(&self, context: &Context<'_>) -> Result<Option<MessageRating>> {
        if self.0.role != store::MessageRole::Bot {
            return Ok(None);
        }
        Ok(loaders(context)?.load_one(RatingOf(self.0.id)).await?.map(MessageRating::from))
    }
    /// The turn that answers it (the newest, where several did), or that wrote it. Null for a greeting, say.
    async fn turn(&self, context: &Context<'_>) -> Result<Option<Turn>> {
        let Some(id) = self.0.turn_id else { return Ok(None) };
        Ok(loaders(context)?.load_one(id).await?.map(Turn))
    }
    /// Where it was said.
    async fn conversation(&self, context: &Context<'_>) -> Result<Option<Conversation>> {
        Ok(loaders(context)?.load_one(self.0.conversation_id).await?.map(Conversation))
    }
}

/// Without what others have to be asked for.
impl AtOnce for Message {
    fn at_once(&self, asked: &Asked<'_>, set: &SelectionSet) -> Option<Value> {
        let row = &self.0;
        let moment = |at: Option<_>| at.map_or(Value::Null, |at| DateTime(at).to_value());
        asked.object("Message", set, |field| {
            let within = &field.selection_set.node;
            Some(match field.name.node.as_str() {
                "id" => Value::String(ids::write(row.id).0),
                "ordinal" => row.ordinal.into(),
                "role" => enum_value(MessageRole::from(row.role)),
                "author" if row.role == store::MessageRole::System => Value::Null,
                "author" => asked.object("Participant", within, |field| {
                    (field.name.node == "name").then(|| Value::String(row.author.clone()))
                })?,
                "text" => Value::String(row.text.clone()),
                "sentAt" => moment(Some(row.sent_at)),
                "editedAt" => moment(row.edited_at),
                "erasedAt" => moment(row.erased_at),
                "version" => row.version.into(),
                "supersededBy" if row.superseded_by.is_none() => Value::Null,
                "rating" if row.role != store::MessageRole::Bot => Value::Null,
                "document" if row.role != store::MessageRole::Person => Value::Null,
                "turn" => match row.turn_id {
                    Some(turn) => asked.only_id("Turn", within, turn)?,
                    None => Value::Null,
                },
                // Whoever may see what was said may see where.
                "conversation" => asked.only_id("Conversation", within, row.conversation_id)?,
                _ => return None,
            })
        })
    }
}

/// The author of a message.
pub(in crate::graphql) struct Participant(store::Message);

/// Somebody who speaks in a conversation: a person or the bot.
#[Object]
impl Participant {
    /// As they were called when they said it.
    async fn name(&self) -> &str {
        &self.0.author
    }
    /// Who it is, if it is a person.
    async fn person(&self, context: &Context<'_>) -> Result<Option<Person>> {
        let Some(id) = self.0.person_id.filter(|_| self.0.role == store::MessageRole::Person) else {
            return Ok(None);
        };
        Ok(loaders(context)?.load_one(id).await?.map(Person::from))
    }
    /// Who it is, if it is the bot.
    async fn bot(&self, context: &Context<'_>) -> Result<Option<Bot>> {
        if self.0.role != store::MessageRole::Bot {
            return Ok(None);
        }
        let loaders = loaders(context)?;
        let Some(conversation) = loaders.load_one(self.0.conversation_id).await? else { return Ok(None) };
        Ok(loaders.load_one(conversation.bot_id).await?.map(Bot))
    }
}
