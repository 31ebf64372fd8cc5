//! Conversations, and the log that a client of a whole conversation follows.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::{Error, Result};
use crate::id::{AccountId, BotId, ConversationId, MessageId, PersonId, TurnId};
use crate::store::schema::{conversation_events, conversations};
use crate::store::sql::sql;
use crate::store::turns::TurnState;
use crate::store::tx::Tenant;
use crate::store::wake::Hint;

/// One thread of messages.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = conversations, check_for_backend(diesel::pg::Pg))]
pub struct Conversation {
    pub account_id: AccountId,
    pub id: ConversationId,
    pub bot_id: BotId,
    /// `graphql`, `terminal`, … : the door it came in by.
    pub channel: String,
    /// What names it on its channel; unique per bot and channel.
    pub key: String,
    /// Whose it is; none for a group.
    pub person_id: Option<PersonId>,
    pub title: Option<String>,
    /// Of the newest message; ordinals count from 1.
    pub last_ordinal: i32,
    /// Of the newest line of its log; they count from 1.
    pub last_event: i32,
    /// The first ordinal that may stand in the window.
    pub window_from: i32,
    pub created_at: DateTime<Utc>,
    /// When something was last said.
    pub updated_at: DateTime<Utc>,
    /// Grows with every change that a person makes to it (its title); not with what is said in it.
    pub version: i32,
    /// How far back it is heard word for word, in hours; none: as the bot's file says.
    pub session_hours: Option<i32>,
}

impl Conversation {
    /// How far back it is heard word for word, in hours, where the bot's file says `hours`.
    pub fn window_hours(&self, hours: u32) -> u32 {
        self.session_hours.and_then(|hours| u32::try_from(hours).ok()).unwrap_or(hours)
    }

    /// The conversation with that key, made from `new` if there is none; locked until the transaction ends.
    pub async fn find_or_insert_locked(tx: &mut Tenant, new: &Self) -> Result<Self> {
        if let Some(found) = Self::find_by_key_locked(tx, new).await? {
            return Ok(found);
        }
        diesel::insert_into(conversations::table)
            .values(new)
            .on_conflict_do_nothing()
            .execute(tx.conn())
            .await?;
        Self::find_by_key_locked(tx, new).await?.ok_or_else(|| {
            Error::conflict(format!("a conversation with the key `{}` exists already", new.key))
        })
    }

    async fn find_by_key_locked(tx: &mut Tenant, like: &Self) -> Result<Option<Self>> {
        let found = sql("select * from conversations
             where account_id = current_account() and bot_id = ? and channel = ? and key = ? for no key update")
            .bind::<SqlUuid, _>(like.bot_id)
            .bind::<Text, _>(like.channel.clone())
            .bind::<Text, _>(like.key.clone())
            .get_result(tx.conn())
            .await
            .optional()?;
        Ok(found)
    }

    /// The conversation with that key.
    pub async fn find_by_key(tx: &mut Tenant, bot: BotId, channel: &str, key: &str) -> Result<Option<Self>> {
        let found = conversations::table
            .filter(conversations::account_id.eq(tx.account()))
            .filter(conversations::bot_id.eq(bot))
            .filter(conversations::channel.eq(channel))
            .filter(conversations::key.eq(key))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(found)
    }

    /// Locks it until the transaction ends. Whoever changes a conversation and its turns locks it first.
    pub async fn find_locked(tx: &Tenant, id: ConversationId) -> Result<Option<Self>> {
        let found = sql("select * from conversations
             where account_id = current_account() and id = ? for no key update")
        .bind::<SqlUuid, _>(id)
        .get_result(&mut tx.line())
        .await
        .optional()?;
        Ok(found)
    }

    pub async fn find(tx: &Tenant, id: ConversationId) -> Result<Option<Self>> {
        let found = conversations::table
            .find((tx.account(), id))
            .select(Self::as_select())
            .first(&mut tx.line())
            .await
            .optional()?;
        Ok(found)
    }

    /// By their ids, in no particular order.
    pub async fn list_by_ids(tx: &mut Tenant, ids: &[ConversationId]) -> Result<Vec<Self>> {
        let found = conversations::table
            .filter(conversations::account_id.eq(tx.account()))
            .filter(conversations::id.eq_any(ids))
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// A person's conversations, most recent first: at most `limit` of those after the place `(updated_at, id)`.
    pub async fn list_recent(
        tx: &mut Tenant,
        person: PersonId,
        bot: Option<BotId>,
        after: Option<(DateTime<Utc>, ConversationId)>,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let (at, id) = after.unzip();
        let found = sql("select * from conversations
             where account_id = current_account() and person_id = ? and (?::uuid is null or bot_id = ?)
               and (?::timestamptz is null or (updated_at, id) < (?, ?))
             order by updated_at desc, id desc limit ?")
        .bind::<SqlUuid, _>(person)
        .bind::<Nullable<SqlUuid>, _>(bot)
        .bind::<Nullable<SqlUuid>, _>(bot)
        .bind::<Nullable<Timestamptz>, _>(at)
        .bind::<Nullable<Timestamptz>, _>(at)
        .bind::<Nullable<SqlUuid>, _>(id)
        .bind::<BigInt, _>(limit)
        .load(tx.conn())
        .await?;
        Ok(found)
    }

    /// Where a person's words stand, with one bot or all: their own conversations, and those of others in
    /// which they spoke. By id.
    pub async fn list_with(tx: &mut Tenant, person: PersonId, bot: Option<BotId>) -> Result<Vec<Self>> {
        let found = sql("select * from conversations
             where account_id = current_account() and (?::uuid is null or bot_id = ?)
               and (person_id = ? or id in (
                 select conversation_id from messages where account_id = current_account() and person_id = ?))
             order by id")
        .bind::<Nullable<SqlUuid>, _>(bot)
        .bind::<Nullable<SqlUuid>, _>(bot)
        .bind::<SqlUuid, _>(person)
        .bind::<SqlUuid, _>(person)
        .load(tx.conn())
        .await?;
        Ok(found)
    }

    /// Takes the next ordinal, and room for `events` lines of the log; says the ordinal and the first line's
    /// number. The conversation must be locked.
    pub async fn advance(
        tx: &Tenant,
        id: ConversationId,
        messages: i32,
        events: i32,
        now: DateTime<Utc>,
    ) -> Result<(i32, i32)> {
        let now: Advanced = sql("update conversations
             set last_ordinal = last_ordinal + ?, last_event = last_event + ?, updated_at = greatest(updated_at, ?)
             where account_id = current_account() and id = ? returning last_ordinal, last_event")
            .bind::<Integer, _>(messages)
            .bind::<Integer, _>(events)
            .bind::<Timestamptz, _>(now)
            .bind::<SqlUuid, _>(id)
            .get_result(&mut tx.line())
            .await?;
        Ok((now.last_ordinal, now.last_event - events + 1))
    }

    /// Gives it another title, or none, and says its new version. It must be locked.
    pub async fn set_title(tx: &mut Tenant, id: ConversationId, title: Option<&str>) -> Result<i32> {
        let version = diesel::update(conversations::table.find((tx.account(), id)))
            .set((conversations::title.eq(title), conversations::version.eq(conversations::version + 1)))
            .returning(conversations::version)
            .get_result(tx.conn())
            .await?;
        Ok(version)
    }

    /// Chooses how far back it is heard word for word, and says its new version. It must be locked.
    pub async fn set_session(tx: &mut Tenant, id: ConversationId, hours: Option<i32>) -> Result<i32> {
        let version = diesel::update(conversations::table.find((tx.account(), id)))
            .set((
                conversations::session_hours.eq(hours),
                conversations::version.eq(conversations::version + 1),
            ))
            .returning(conversations::version)
            .get_result(tx.conn())
            .await?;
        Ok(version)
    }

    /// Messages before `ordinal` leave the window; nothing is erased.
    pub async fn start_window_at(tx: &mut Tenant, id: ConversationId, ordinal: i32) -> Result<()> {
        diesel::update(conversations::table.find((tx.account(), id)))
            .set(conversations::window_from.eq(ordinal))
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Advanced {
    #[diesel(sql_type = Integer)]
    last_ordinal: i32,
    #[diesel(sql_type = Integer)]
    last_event: i32,
}

/// One line of a conversation's log.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = conversation_events, check_for_backend(diesel::pg::Pg))]
pub struct ConversationEvent {
    pub account_id: AccountId,
    pub conversation_id: ConversationId,
    /// Contiguous from 1 within the conversation.
    pub seq: i32,
    /// `message`, `edit`, `superseded`, `erased`, `turn` or `changed`.
    pub kind: String,
    pub message_id: Option<MessageId>,
    pub turn_id: Option<TurnId>,
    /// Of the turn, when this is about one.
    pub state: Option<String>,
    pub at: DateTime<Utc>,
}

impl ConversationEvent {
    /// A message was added (`message`), edited (`edit`) or erased (`erased`), or gave its place to another
    /// (`superseded`).
    pub fn about_message(
        kind: &str,
        conversation: (AccountId, ConversationId),
        seq: i32,
        message: MessageId,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            account_id: conversation.0,
            conversation_id: conversation.1,
            seq,
            kind: kind.into(),
            message_id: Some(message),
            turn_id: None,
            state: None,
            at,
        }
    }

    /// The conversation itself was changed: its title, its session, its window.
    pub fn about_itself(conversation: (AccountId, ConversationId), seq: i32, at: DateTime<Utc>) -> Self {
        Self {
            account_id: conversation.0,
            conversation_id: conversation.1,
            seq,
            kind: "changed".into(),
            message_id: None,
            turn_id: None,
            state: None,
            at,
        }
    }

    /// A turn came into a state.
    pub fn about_turn(
        conversation: (AccountId, ConversationId),
        seq: i32,
        turn: TurnId,
        state: TurnState,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            account_id: conversation.0,
            conversation_id: conversation.1,
            seq,
            kind: "turn".into(),
            message_id: None,
            turn_id: Some(turn),
            state: Some(state.as_str().into()),
            at,
        }
    }

    /// Appends lines whose numbers came from [`Conversation::advance`].
    pub async fn insert(tx: &Tenant, events: &[Self]) -> Result<()> {
        fn all<T>(events: &[ConversationEvent], column: impl Fn(&ConversationEvent) -> T) -> Vec<T> {
            events.iter().map(column).collect()
        }
        sql("insert into conversation_events (account_id, conversation_id, seq, kind, message_id, turn_id, state, at)
             select * from unnest(?, ?, ?, ?, ?, ?, ?, ?)")
        .bind::<Array<SqlUuid>, _>(all(events, |event| event.account_id))
        .bind::<Array<SqlUuid>, _>(all(events, |event| event.conversation_id))
        .bind::<Array<Integer>, _>(all(events, |event| event.seq))
        .bind::<Array<Text>, _>(all(events, |event| event.kind.clone()))
        .bind::<Array<Nullable<SqlUuid>>, _>(all(events, |event| event.message_id))
        .bind::<Array<Nullable<SqlUuid>>, _>(all(events, |event| event.turn_id))
        .bind::<Array<Nullable<Text>>, _>(all(events, |event| event.state.clone()))
        .bind::<Array<Timestamptz>, _>(all(events, |event| event.at))
        .execute(&mut tx.line())
        .await?;
        for event in events {
            tx.wake(Hint::Conversation(event.conversation_id));
        }
        Ok(())
    }

    /// The next lines after `seq`, at most `limit`.
    pub async fn list_after(
        tx: &mut Tenant,
        conversation: ConversationId,
        seq: i32,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let events = conversation_events::table
            .filter(conversation_events::account_id.eq(tx.account()))
            .filter(conversation_events::conversation_id.eq(conversation))
            .filter(conversation_events::seq.gt(seq))
            .order(conversation_events::seq)
            .limit(limit)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(events)
    }
}
