//! Where conversations are held on their channels, and what arrived from there.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{AccountId, ConnectionId, ConversationId, MessageId, TurnId};
use crate::store::schema::{arrivals, places};
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// Where a conversation is held.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = places, check_for_backend(diesel::pg::Pg))]
pub struct Place {
    pub account_id: AccountId,
    pub conversation_id: ConversationId,
    pub connection_id: ConnectionId,
    /// The channel's name for the chat.
    pub chat: String,
    /// A topic within it.
    pub thread: Option<String>,
    pub is_group: bool,
    /// Since when the bot may not write there.
    pub unreachable_at: Option<DateTime<Utc>>,
    /// Until when the channel asked for silence there.
    pub quiet_until: Option<DateTime<Utc>>,
}

impl Place {
    /// Notes where a conversation is held; somebody who writes from there can be reached.
    pub async fn put(tx: &Tenant, place: &Self) -> Result<()> {
        sql("insert into places (account_id, conversation_id, connection_id, chat, thread, is_group)
             values (?, ?, ?, ?, ?, ?)
             on conflict (account_id, conversation_id) do update
                 set connection_id = excluded.connection_id, chat = excluded.chat, unreachable_at = null
             where (places.connection_id, places.chat) <> (excluded.connection_id, excluded.chat)
                or places.unreachable_at is not null")
        .bind::<SqlUuid, _>(place.account_id)
        .bind::<SqlUuid, _>(place.conversation_id)
        .bind::<SqlUuid, _>(place.connection_id)
        .bind::<Text, _>(place.chat.clone())
        .bind::<Nullable<Text>, _>(place.thread.clone())
        .bind::<Bool, _>(place.is_group)
        .execute(&mut tx.line())
        .await?;
        Ok(())
    }

    pub async fn find(tx: &Tenant, conversation: ConversationId) -> Result<Option<Self>> {
        let found = places::table
            .find((tx.account(), conversation))
            .select(Self::as_select())
            .first(&mut tx.line())
            .await
            .optional()?;
        Ok(found)
    }

    /// Notes that the bot may not write to a chat any more, or may again.
    pub async fn set_reachable(
        tx: &mut Tenant,
        connection: ConnectionId,
        chat: &str,
        since: Option<DateTime<Utc>>,
    ) -> Result<()> {
        sql("update places set unreachable_at = ?
             where account_id = current_account() and connection_id = ? and chat = ?")
        .bind::<Nullable<Timestamptz>, _>(since)
        .bind::<SqlUuid, _>(connection)
        .bind::<Text, _>(chat.to_owned())
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// Notes until when the channel asked for silence in a chat.
    pub async fn quiet(
        tx: &mut Tenant,
        connection: ConnectionId,
        chat: &str,
        until: DateTime<Utc>,
    ) -> Result<()> {
        sql("update places set quiet_until = ?
             where account_id = current_account() and connection_id = ? and chat = ?")
        .bind::<Timestamptz, _>(until)
        .bind::<SqlUuid, _>(connection)
        .bind::<Text, _>(chat.to_owned())
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// Follows a chat that has another name on its channel now, with everything that arrived from it. A
    /// conversation that was begun under the new name meanwhile keeps it.
    pub async fn migrate(tx: &mut Tenant, connection: ConnectionId, from: &str, to: &str) -> Result<()> {
        sql("update conversations c set key = replace(c.key, ':' || ?, ':' || ?)
             from places p
             where p.account_id = current_account() and p.connection_id = ? and p.chat = ?
               and (c.account_id, c.id) = (p.account_id, p.conversation_id)
               and not exists (select from conversations other
                   where (other.account_id, other.bot_id, other.channel) = (c.account_id, c.bot_id, c.channel)
                     and other.key = replace(c.key, ':' || ?, ':' || ?))")
        .bind::<Text, _>(from.to_owned())
        .bind::<Text, _>(to.to_owned())
        .bind::<SqlUuid, _>(connection)
        .bind::<Text, _>(from.to_owned())
        .bind::<Text, _>(from.to_owned())
        .bind::<Text, _>(to.to_owned())
        .execute(tx.conn())
        .await?;
        sql("update places set chat = ? where account_id = current_account() and connection_id = ? and chat = ?")
            .bind::<Text, _>(to.to_owned())
            .bind::<SqlUuid, _>(connection)
            .bind::<Text, _>(from.to_owned())
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}

/// Something that arrived from a channel.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = arrivals, check_for_backend(diesel::pg::Pg))]
pub struct Arrival {
    pub account_id: AccountId,
    pub connection_id: ConnectionId,
    pub chat: String,
    /// The channel's name for it, within the chat.
    pub external_id: String,
    /// When it was last edited, by the channel's clock; 0 if never.
    pub edited: i64,
    /// The message that it became, if it became one.
    pub message_id: Option<MessageId>,
    /// What it arrived together with.
    pub album: Option<String>,
    pub at: DateTime<Utc>,
}

impl Arrival {
    /// Notes that it arrived; false if it did before.
    pub async fn claim(tx: &Tenant, new: &Self) -> Result<bool> {
        let count = diesel::insert_into(arrivals::table)
            .values(new)
            .on_conflict_do_nothing()
            .execute(&mut tx.line())
            .await?;
        Ok(count == 1)
    }

    pub async fn find(
        tx: &mut Tenant,
        connection: ConnectionId,
        chat: &str,
        external_id: &str,
    ) -> Result<Option<Self>> {
        let found = arrivals::table
            .find((tx.account(), connection, chat, external_id))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(found)
    }

    /// Whether others of the same album arrived before.
    pub async fn has_album(
        tx: &mut Tenant,
        connection: ConnectionId,
        chat: &str,
        album: &str,
    ) -> Result<bool> {
        let found = arrivals::table
            .filter(arrivals::account_id.eq(tx.account()))
            .filter(arrivals::connection_id.eq(connection))
            .filter(arrivals::chat.eq(chat))
            .filter(arrivals::album.eq(album))
            .count()
            .get_result::<i64>(tx.conn())
            .await?;
        Ok(found > 0)
    }

    /// Whether others of the same album arrived before and are answered.
    pub async fn is_album_answered(
        tx: &mut Tenant,
        connection: ConnectionId,
        chat: &str,
        album: &str,
    ) -> Result<bool> {
        #[derive(QueryableByName)]
        struct Row {
            #[diesel(sql_type = Bool)]
            answered: bool,
        }
        let row: Row = sql("select exists (select from arrivals
                 join messages on messages.account_id = arrivals.account_id and messages.id = arrivals.message_id
                 where arrivals.account_id = current_account() and arrivals.connection_id = ?
                   and arrivals.chat = ? and arrivals.album = ? and messages.turn_id is not null) as answered")
        .bind::<SqlUuid, _>(connection)
        .bind::<Text, _>(chat.to_owned())
        .bind::<Text, _>(album.to_owned())
        .get_result(tx.conn())
        .await?;
        Ok(row.answered)
    }

    /// Notes an edit of it.
    pub async fn note_edit(tx: &mut Tenant, arrival: &Self, edited: i64) -> Result<()> {
        sql("update arrivals set edited = greatest(edited, ?)
             where account_id = current_account() and connection_id = ? and chat = ? and external_id = ?")
        .bind::<BigInt, _>(edited)
        .bind::<SqlUuid, _>(arrival.connection_id)
        .bind::<Text, _>(arrival.chat.clone())
        .bind::<Text, _>(arrival.external_id.clone())
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// Forgets what became no message, once the channel does not repeat it any more.
    pub async fn delete_before(tx: &mut Tenant, before: DateTime<Utc>) -> Result<usize> {
        let count = sql("delete from arrivals
             where account_id = current_account() and message_id is null and at < ?")
        .bind::<Timestamptz, _>(before)
        .execute(tx.conn())
        .await?;
        Ok(count)
    }
}

/// Everything that sending one part of a reply needs to know.
#[derive(Debug, Clone, QueryableByName)]
pub struct Address {
    #[diesel(embed)]
    pub place: Place,
    /// The channel's name for the message that a turn answers last.
    #[diesel(sql_type = Nullable<Text>)]
    pub answers: Option<String>,
    /// How the reply was begun, if people saw it before it was whole.
    #[diesel(sql_type = Nullable<Text>)]
    pub begun_state: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub begun_as: Option<String>,
}

impl Address {
    /// Where the conversation is held, and what `turn` answers there.
    pub async fn find(
        tx: &mut Tenant,
        conversation: ConversationId,
        turn: Option<TurnId>,
    ) -> Result<Option<Self>> {
        let found = sql("select places.*,
                 case when places.is_group then (
                     select a.external_id from messages m
                     join arrivals a on (a.account_id, a.message_id) = (m.account_id, m.id)
                     where m.account_id = current_account() and m.turn_id = ? and m.role = 'person'
                     order by m.ordinal desc limit 1) end as answers,
                 b.state as begun_state, b.external_id as begun_as
             from places
             left join begun_replies b on b.account_id = places.account_id and b.turn_id = ?
             where places.account_id = current_account() and places.conversation_id = ?")
        .bind::<Nullable<SqlUuid>, _>(turn)
        .bind::<Nullable<SqlUuid>, _>(turn)
        .bind::<SqlUuid, _>(conversation)
        .get_result(tx.conn())
        .await
        .optional()?;
        Ok(found)
    }
}

/// Something that could not be taken in.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = crate::store::schema::quarantine, check_for_backend(diesel::pg::Pg))]
pub struct Quarantined {
    pub account_id: AccountId,
    pub id: crate::id::QuarantineId,
    pub connection_id: ConnectionId,
    pub reason: String,
    pub body: String,
    pub at: DateTime<Utc>,
}

impl Quarantined {
    pub async fn insert(tx: &mut Tenant, new: &Self) -> Result<()> {
        diesel::insert_into(crate::store::schema::quarantine::table).values(new).execute(tx.conn()).await?;
        Ok(())
    }

    /// Forgets what is older.
    pub async fn delete_before(tx: &mut Tenant, before: DateTime<Utc>) -> Result<usize> {
        let count = sql("delete from quarantine where account_id = current_account() and at < ?")
            .bind::<Timestamptz, _>(before)
            .execute(tx.conn())
            .await?;
        Ok(count)
    }

    /// The newest first, at most `limit`.
    pub async fn list(tx: &mut Tenant, limit: i64) -> Result<Vec<Self>> {
        use crate::store::schema::quarantine;
        let found = quarantine::table
            .filter(quarantine::account_id.eq(tx.account()))
            .order(quarantine::at.desc())
            .limit(limit)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }
}
