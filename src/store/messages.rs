//! Messages: what was said. Immutable but for edits, which keep what stood before.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Result;
use crate::id::{AccountId, BotId, ConversationId, MessageId, PersonId, TurnId};
use crate::store::columns::words;
use crate::store::schema::messages;
use crate::store::sql::sql;
use crate::store::tx::Tenant;
use crate::store::wake::Hint;

words! {
    /// Who said it.
    MessageRole {
        Person = "person",
        Bot = "bot",
        /// Botwright itself, to the person: never shown to the model.
        System = "system",
    }
}

/// One message.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = messages, check_for_backend(diesel::pg::Pg))]
pub struct Message {
    pub account_id: AccountId,
    pub id: MessageId,
    pub conversation_id: ConversationId,
    /// Its place in the conversation, from 1.
    pub ordinal: i32,
    pub role: MessageRole,
    pub person_id: Option<PersonId>,
    /// The name of who said it, as it was then.
    pub author: String,
    pub text: String,
    /// Grows with every edit.
    pub version: i32,
    /// The turn that answers it, or that wrote it.
    pub turn_id: Option<TurnId>,
    pub sent_at: DateTime<Utc>,
    pub edited_at: Option<DateTime<Utc>>,
    pub erased_at: Option<DateTime<Utc>>,
    /// The reply that took its place, when the same words were answered again. It is kept, and neither
    /// heard nor recalled any more.
    pub superseded_by: Option<MessageId>,
}

impl Message {
    pub async fn insert(tx: &Tenant, messages: &[Self]) -> Result<()> {
        fn all<T>(messages: &[Message], column: impl Fn(&Message) -> T) -> Vec<T> {
            messages.iter().map(column).collect()
        }
        for some in messages.chunks(2_000) {
            sql("insert into messages (account_id, id, conversation_id, ordinal, role, person_id, author, text, version,
                     turn_id, sent_at, edited_at, erased_at, superseded_by)
                 select * from unnest(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
                .bind::<Array<SqlUuid>, _>(all(some, |message| message.account_id))
                .bind::<Array<SqlUuid>, _>(all(some, |message| message.id))
                .bind::<Array<SqlUuid>, _>(all(some, |message| message.conversation_id))
                .bind::<Array<Integer>, _>(all(some, |message| message.ordinal))
                .bind::<Array<Text>, _>(all(some, |message| message.role))
                .bind::<Array<Nullable<SqlUuid>>, _>(all(some, |message| message.person_id))
                .bind::<Array<Text>, _>(all(some, |message| message.author.clone()))
                .bind::<Array<Text>, _>(all(some, |message| message.text.clone()))
                .bind::<Array<Integer>, _>(all(some, |message| message.version))
                .bind::<Array<Nullable<SqlUuid>>, _>(all(some, |message| message.turn_id))
                .bind::<Array<Timestamptz>, _>(all(some, |message| message.sent_at))
                .bind::<Array<Nullable<Timestamptz>>, _>(all(some, |message| message.edited_at))
                .bind::<Array<Nullable<Timestamptz>>, _>(all(some, |message| message.erased_at))
                .bind::<Array<Nullable<SqlUuid>>, _>(all(some, |message| message.superseded_by))
                .execute(&mut tx.line())
                .await?;
        }
        tx.wake(Hint::Feed);
        Ok(())
    }

    pub async fn find(tx: &mut Tenant, id: MessageId) -> Result<Option<Self>> {
        let found = messages::table
            .find((tx.account(), id))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(found)
    }

    /// By their ids, in no particular order.
    pub async fn list_by_ids(tx: &mut Tenant, ids: &[MessageId]) -> Result<Vec<Self>> {
        let found = messages::table
            .filter(messages::account_id.eq(tx.account()))
            .filter(messages::id.eq_any(ids))
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// What a turn answers, oldest first, without what was erased.
    pub async fn list_inbound_of(tx: &Tenant, turn: TurnId) -> Result<Vec<Self>> {
        let found = messages::table
            .filter(messages::account_id.eq(tx.account()))
            .filter(messages::turn_id.eq(turn))
            .filter(messages::role.eq(MessageRole::Person))
            .filter(messages::erased_at.is_null())
            .order(messages::ordinal)
            .select(Self::as_select())
            .load(&mut tx.line())
            .await?;
        Ok(found)
    }

    /// The newest messages with ordinals in `from..=to`, at most `limit`, oldest first; without those whose
    /// place another took.
    pub async fn list_newest(
        tx: &Tenant,
        conversation: ConversationId,
        from: i32,
        to: i32,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let mut found: Vec<Self> = messages::table
            .filter(messages::account_id.eq(tx.account()))
            .filter(messages::conversation_id.eq(conversation))
            .filter(messages::ordinal.between(from, to))
            .filter(messages::superseded_by.is_null())
            .order(messages::ordinal.desc())
            .limit(limit)
            .select(Self::as_select())
            .load(&mut tx.line())
            .await?;
        found.reverse();
        Ok(found)
    }

    /// The first that was said in a conversation from `since` on and that no digest of a day tells of, without what
    /// was erased and without the system's own.
    pub async fn first_undigested(
        tx: &mut Tenant,
        conversation: ConversationId,
        since: DateTime<Utc>,
    ) -> Result<Option<Self>> {
        let found = sql("select * from messages
             where account_id = current_account() and conversation_id = ? and sent_at >= ?
               and role <> 'system' and erased_at is null
               and not exists (select from summaries
                   where account_id = current_account() and conversation_id = messages.conversation_id
                     and kind = 'day' and ordinal between from_ordinal and to_ordinal)
             order by ordinal limit 1")
        .bind::<SqlUuid, _>(conversation)
        .bind::<Timestamptz, _>(since)
        .get_result(tx.conn())
        .await
        .optional()?;
        Ok(found)
    }

    /// What was said in a conversation from `since` on and before `until`, oldest first, without what was erased
    /// and without the system's own.
    pub async fn list_said_between(
        tx: &mut Tenant,
        conversation: ConversationId,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Self>> {
        let found = messages::table
            .filter(messages::account_id.eq(tx.account()))
            .filter(messages::conversation_id.eq(conversation))
            .filter(messages::sent_at.ge(since))
            .filter(messages::sent_at.lt(until))
            .filter(messages::role.ne(MessageRole::System))
            .filter(messages::erased_at.is_null())
            .order(messages::ordinal)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// The oldest messages with ordinals in `from..=to`, at most `limit`, oldest first.
    pub async fn list_oldest(
        tx: &mut Tenant,
        conversation: ConversationId,
        from: i32,
        to: i32,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let found = messages::table
            .filter(messages::account_id.eq(tx.account()))
            .filter(messages::conversation_id.eq(conversation))
            .filter(messages::ordinal.between(from, to))
            .order(messages::ordinal)
            .limit(limit)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// Replaces the text, keeps the old one as a version, and says the new version; `None` if there is no
    /// such message.
    pub async fn edit(tx: &mut Tenant, id: MessageId, text: &str, now: DateTime<Utc>) -> Result<Option<i32>> {
        #[derive(QueryableByName)]
        struct Edited {
            #[diesel(sql_type = Integer)]
            version: i32,
        }
        let edited: Option<Edited> = sql("with old as (
                 insert into message_versions (account_id, message_id, version, text, at)
                 select account_id, id, version, text, coalesce(edited_at, sent_at) from messages
                 where account_id = current_account() and id = ? and erased_at is null returning message_id)
             update messages set text = ?, version = version + 1, edited_at = ?
             where account_id = current_account() and id in (select message_id from old) returning version")
        .bind::<SqlUuid, _>(id)
        .bind::<Text, _>(text.to_owned())
        .bind::<Timestamptz, _>(now)
        .get_result(tx.conn())
        .await
        .optional()?;
        tx.wake(Hint::Feed);
        Ok(edited.map(|edited| edited.version))
    }

    /// Hands what `from` answered over to `to`, which answers it again.
    pub async fn pass_on(tx: &mut Tenant, from: TurnId, to: TurnId) -> Result<()> {
        diesel::update(
            messages::table
                .filter(messages::account_id.eq(tx.account()))
                .filter(messages::turn_id.eq(from))
                .filter(messages::role.eq(MessageRole::Person)),
        )
        .set(messages::turn_id.eq(to))
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Feed);
        Ok(())
    }

    /// What earlier turns said to the words whose first turn was `first`, oldest first: replies and notices
    /// whose place no other took yet.
    pub async fn list_said_to(tx: &mut Tenant, first: TurnId) -> Result<Vec<Self>> {
        let found = sql("select messages.* from turns
             join messages on (messages.account_id, messages.turn_id) = (turns.account_id, turns.id)
             where turns.account_id = current_account() and (turns.id = ? or turns.again_of = ?)
               and messages.role <> 'person' and messages.superseded_by is null
             order by messages.ordinal")
        .bind::<SqlUuid, _>(first)
        .bind::<SqlUuid, _>(first)
        .load(tx.conn())
        .await?;
        Ok(found)
    }

    /// Lets `by` take the place of `ids`.
    pub async fn supersede(tx: &mut Tenant, ids: &[MessageId], by: MessageId) -> Result<()> {
        diesel::update(
            messages::table.filter(messages::account_id.eq(tx.account())).filter(messages::id.eq_any(ids)),
        )
        .set(messages::superseded_by.eq(by))
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Feed);
        Ok(())
    }

    /// For each of the turns `first`, the replies to the words that it was the first to answer, in the order
    /// of their takes; those whose place another took among them.
    pub async fn list_replies_to(tx: &mut Tenant, first: &[TurnId]) -> Result<Vec<(TurnId, Self)>> {
        #[derive(QueryableByName)]
        struct Reply {
            #[diesel(sql_type = SqlUuid)]
            first_id: TurnId,
            #[diesel(embed)]
            message: Message,
        }
        let found: Vec<Reply> =
            sql("select coalesce(turns.again_of, turns.id) as first_id, messages.* from turns
             join messages on (messages.account_id, messages.id) = (turns.account_id, turns.reply_id)
             where turns.account_id = current_account() and (turns.id = any(?) or turns.again_of = any(?))
             order by turns.take")
            .bind::<Array<SqlUuid>, _>(first.to_vec())
            .bind::<Array<SqlUuid>, _>(first.to_vec())
            .load(tx.conn())
            .await?;
        Ok(found.into_iter().map(|reply| (reply.first_id, reply.message)).collect())
    }

    /// Messages of many conversations: for each `(conversation, from, to)` those with ordinals in that range.
    /// Ordered by conversation and ordinal. Ranges that overlap give their messages twice.
    pub async fn list_ranges(tx: &mut Tenant, ranges: &[(ConversationId, i32, i32)]) -> Result<Vec<Self>> {
        let ids: Vec<_> = ranges.iter().map(|range| range.0).collect();
        let from: Vec<_> = ranges.iter().map(|range| range.1).collect();
        let to: Vec<_> = ranges.iter().map(|range| range.2).collect();
        let found = sql("select messages.* from unnest(?, ?, ?) as wanted (conversation_id, low, high)
             join messages on messages.account_id = current_account()
               and messages.conversation_id = wanted.conversation_id
               and messages.ordinal between wanted.low and wanted.high
             order by conversation_id, ordinal")
        .bind::<Array<SqlUuid>, _>(ids)
        .bind::<Array<Integer>, _>(from)
        .bind::<Array<Integer>, _>(to)
        .load(tx.conn())
        .await?;
        Ok(found)
    }

    /// Newest first (by id) over the whole account, for rebuilding an index: at most `limit` of those before
    /// `before`.
    pub async fn list_backwards(tx: &mut Tenant, before: Option<MessageId>, limit: i64) -> Result<Vec<Self>> {
        let found = sql(
            "select * from messages where account_id = current_account() and id < ? order by id desc limit ?",
        )
        // A bound that is always there lets Postgres start at the right place of the primary key.
        .bind::<SqlUuid, _>(before.map_or(Uuid::max(), |id| id.0))
        .bind::<BigInt, _>(limit)
        .load(tx.conn())
        .await?;
        Ok(found)
    }

    /// By their ids, in no particular order: those of the given bot, person and conversation, as far as they
    /// are given, and without what was erased or superseded.
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
        // Materialized: the other way around, all messages of all conversations would be gone through.
        let found = sql("with found as materialized (
                 select * from messages
                 where account_id = current_account() and id = any(?)
                   and erased_at is null and superseded_by is null and role <> 'system'
                   and conversation_id = coalesce(?, conversation_id))
             select found.* from found
             join conversations on (conversations.account_id, conversations.id)
                                 = (found.account_id, found.conversation_id)
             where bot_id = coalesce(?, bot_id) and (?::uuid is null or conversations.person_id = ?)")
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .bind::<Nullable<SqlUuid>, _>(conversation)
        .bind::<Nullable<SqlUuid>, _>(bot)
        .bind::<Nullable<SqlUuid>, _>(person)
        .bind::<Nullable<SqlUuid>, _>(person)
        .load(&mut tx.line())
        .await?;
        Ok(found)
    }
}
