//! Texts that are too long to be read at once, cut into passages. Derived: a message or a file of it holds the whole
//! text.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Result;
use crate::id::{AccountId, BotId, ConversationId, DocumentId, MessageId, PassageId, PersonId, UploadId};
use crate::store::messages::Message;
use crate::store::schema::{documents, passages};
use crate::store::sql::sql;
use crate::store::tx::Tenant;
use crate::store::wake::Hint;

/// So many passages are written in one statement.
const AT_ONCE: usize = 1_000;

/// What a message, or a file of it, became whose text is too long to be read at once.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = documents, check_for_backend(diesel::pg::Pg))]
pub struct Document {
    pub account_id: AccountId,
    pub id: DocumentId,
    pub bot_id: BotId,
    pub conversation_id: ConversationId,
    /// Whose private conversation that is; none in a group.
    pub person_id: Option<PersonId>,
    /// Whose text it is, or whose file's.
    pub message_id: MessageId,
    /// The file, if it is one's text.
    pub upload_id: Option<UploadId>,
    pub title: String,
    /// Of the whole text.
    pub bytes: i32,
    pub tokens: i32,
    /// How many there are.
    pub passages: i32,
    pub sent_at: DateTime<Utc>,
}

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = passages, check_for_backend(diesel::pg::Pg))]
pub struct Passage {
    pub account_id: AccountId,
    pub id: PassageId,
    pub document_id: DocumentId,
    /// Its place in the document, from 1.
    pub ordinal: i32,
    /// The path of the headings above it; empty where there are none.
    pub heading: String,
    pub text: String,
    pub tokens: i32,
}

impl Passage {
    /// Its text under its headings.
    pub fn whole(&self) -> String {
        if self.heading.is_empty() { self.text.clone() } else { format!("{}\n{}", self.heading, self.text) }
    }
}

/// A passage with its document.
#[derive(Debug, Clone, PartialEq, QueryableByName)]
pub struct Quoted {
    #[diesel(embed)]
    pub document: Document,
    #[diesel(sql_type = SqlUuid)]
    pub passage_id: PassageId,
    #[diesel(sql_type = Integer)]
    pub place: i32,
    #[diesel(sql_type = Text)]
    pub heading: String,
    #[diesel(sql_type = Text)]
    pub text: String,
}

/// Passages with their documents, as [`Quoted`].
macro_rules! quoted {
    ($rest:literal) => {
        concat!(
            "select documents.*, passages.id as passage_id, passages.ordinal as place, passages.heading, passages.text
             from passages join documents
               on (documents.account_id, documents.id) = (passages.account_id, passages.document_id)
             where passages.account_id = current_account() and ",
            $rest
        )
    };
}

impl Quoted {
    /// The text under its headings.
    pub fn whole(&self) -> String {
        if self.heading.is_empty() { self.text.clone() } else { format!("{}\n{}", self.heading, self.text) }
    }

    /// By the ids of passages, in no particular order.
    pub async fn list_by_ids(tx: &mut Tenant, ids: &[PassageId]) -> Result<Vec<Self>> {
        let found = sql(quoted!("passages.id = any(?)"))
            .bind::<Array<SqlUuid>, _>(ids.to_vec())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// The same, of the given bot, person and conversation, as far as they are given.
    pub async fn list_known(
        tx: &Tenant,
        ids: &[Uuid],
        bot: Option<BotId>,
        person: Option<PersonId>,
        conversation: Option<ConversationId>,
    ) -> Result<Vec<Self>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let found = sql(quoted!(
            "passages.id = any(?) and bot_id = coalesce(?, bot_id)
               and conversation_id = coalesce(?, conversation_id) and (?::uuid is null or person_id = ?)"
        ))
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .bind::<Nullable<SqlUuid>, _>(bot)
        .bind::<Nullable<SqlUuid>, _>(conversation)
        .bind::<Nullable<SqlUuid>, _>(person)
        .bind::<Nullable<SqlUuid>, _>(person)
        .load(&mut tx.line())
        .await?;
        Ok(found)
    }

    /// All of an account by the id of the passage: at most `limit` of those after `after`.
    pub async fn list_all_after(tx: &mut Tenant, after: Option<PassageId>, limit: i64) -> Result<Vec<Self>> {
        let found = sql(quoted!("passages.id > ? order by passages.id limit ?"))
            .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), |id| id.0))
            .bind::<BigInt, _>(limit)
            .load(tx.conn())
            .await?;
        Ok(found)
    }
}

impl Document {
    /// Adds a document with its passages; that of a message in place of what it had become before.
    pub async fn put(tx: &mut Tenant, document: &Self, passages: &[Passage]) -> Result<()> {
        if document.upload_id.is_none() {
            Self::delete_of(tx, document.message_id).await?;
        }
        diesel::insert_into(documents::table).values(document).execute(tx.conn()).await?;
        for some in passages.chunks(AT_ONCE) {
            diesel::insert_into(passages::table).values(some).execute(tx.conn()).await?;
        }
        tx.wake(Hint::Feed);
        Ok(())
    }

    /// Lets a message be no document any more, if it was one. Those of its files stay.
    pub async fn delete_of(tx: &mut Tenant, message: MessageId) -> Result<()> {
        sql("delete from passages where account_id = current_account() and document_id in (
                 select id from documents
                 where account_id = current_account() and message_id = ? and upload_id is null)")
        .bind::<SqlUuid, _>(message)
        .execute(tx.conn())
        .await?;
        let gone = documents::table
            .filter(documents::account_id.eq(tx.account()))
            .filter(documents::message_id.eq(message))
            .filter(documents::upload_id.is_null());
        diesel::delete(gone).execute(tx.conn()).await?;
        tx.wake(Hint::Feed);
        Ok(())
    }

    /// What the texts of these messages became, in no particular order.
    pub async fn list_of_messages(tx: &mut Tenant, messages: &[MessageId]) -> Result<Vec<Self>> {
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let found = documents::table
            .filter(documents::account_id.eq(tx.account()))
            .filter(documents::message_id.eq_any(messages))
            .filter(documents::upload_id.is_null())
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// What files of these messages became, in no particular order.
    pub async fn list_of_files(tx: &mut Tenant, messages: &[MessageId]) -> Result<Vec<Self>> {
        let found = documents::table
            .filter(documents::account_id.eq(tx.account()))
            .filter(documents::message_id.eq_any(messages))
            .filter(documents::upload_id.is_not_null())
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// Its passages, in their order.
    pub async fn list_passages(tx: &mut Tenant, id: DocumentId) -> Result<Vec<Passage>> {
        let found = passages::table
            .filter(passages::account_id.eq(tx.account()))
            .filter(passages::document_id.eq(id))
            .order(passages::ordinal)
            .select(Passage::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }
}

impl Message {
    /// What people said in conversations with a bot in more than `bytes` bytes, or what became a document, by id: at
    /// most `limit` of those after `after`.
    pub async fn list_long(
        tx: &mut Tenant,
        bot: BotId,
        bytes: i32,
        after: Option<MessageId>,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let found = sql("select messages.* from messages
             join conversations on (conversations.account_id, conversations.id)
                                 = (messages.account_id, messages.conversation_id)
             where messages.account_id = current_account() and bot_id = ? and role = 'person'
               and erased_at is null and messages.id > ?
               and (octet_length(text) > ? or exists (select from documents
                   where documents.account_id = messages.account_id and message_id = messages.id
                     and upload_id is null))
             order by messages.id limit ?")
        .bind::<SqlUuid, _>(bot)
        .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), |id| id.0))
        .bind::<Integer, _>(bytes)
        .bind::<BigInt, _>(limit)
        .load(tx.conn())
        .await?;
        Ok(found)
    }
}
