//! Facts: single sentences that were drawn from what people said, with their sources and their history.
//!
//! Every change of what a fact says or how it stands is a version of it; how it is used is not. Nothing is lost
//! but by an erase.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Result;
use crate::id::{AccountId, BotId, ConversationId, FactId, MessageId, PersonId};
use crate::store::columns::words;
use crate::store::schema::{fact_sources, fact_versions, facts};
use crate::store::sql::sql;
use crate::store::tx::Tenant;
use crate::store::wake::Hint;

words! {
    /// How a fact stands. Only active ones are remembered.
    FactState {
        Active = "active",
        /// A newer one took its place.
        Superseded = "superseded",
        /// Somebody took it back.
        Retracted = "retracted",
        /// Somebody, or a limit, asked to forget it.
        Forgotten = "forgotten",
    }
}

words! {
    /// What was done to a fact.
    FactAction {
        Added = "added",
        /// It says the same in other words, or more, or matters more.
        Updated = "updated",
        Superseded = "superseded",
        Retracted = "retracted",
        Forgotten = "forgotten",
        Restored = "restored",
    }
}

words! {
    /// Who changed a fact.
    FactAuthor {
        /// The model that summarises.
        Summary = "summary",
        /// The bot, by a tool, while it talked.
        Bot = "bot",
        Person = "person",
        Import = "import",
        /// There were more than a bot's file allows.
        Limit = "limit",
    }
}

/// A single sentence that was drawn from what people said.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = facts, check_for_backend(diesel::pg::Pg))]
pub struct Fact {
    pub account_id: AccountId,
    pub id: FactId,
    pub bot_id: BotId,
    /// Where it was learned.
    pub conversation_id: ConversationId,
    /// Whose private conversation that is; none in a group.
    pub person_id: Option<PersonId>,
    /// Whom or what it is about, by name.
    pub about: String,
    pub text: String,
    /// 1 to 10.
    pub importance: i32,
    pub state: FactState,
    /// The fact that took its place.
    pub superseded_by: Option<FactId>,
    /// When the newest of its sources was said.
    pub said_at: DateTime<Utc>,
    /// In how many prompts it stood, and where last.
    pub use_count: i32,
    pub last_used_at: Option<DateTime<Utc>>,
    pub last_used_in: Option<ConversationId>,
    pub last_used_ordinal: Option<i32>,
    /// Counts what was done to it, from 1.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// One message that a fact was drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = fact_sources, check_for_backend(diesel::pg::Pg))]
pub struct FactSource {
    pub account_id: AccountId,
    pub fact_id: FactId,
    pub message_id: MessageId,
}

/// One line of a fact's history: what was done, and how it stood from then on.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = fact_versions, check_for_backend(diesel::pg::Pg))]
pub struct FactVersion {
    pub account_id: AccountId,
    pub fact_id: FactId,
    pub version: i32,
    pub action: FactAction,
    pub by: FactAuthor,
    pub text: String,
    pub importance: i32,
    pub state: FactState,
    pub at: DateTime<Utc>,
}

impl Fact {
    /// Adds a fact with the messages that it was drawn from, as its first version.
    pub async fn insert(tx: &mut Tenant, fact: &Self, sources: &[MessageId], by: FactAuthor) -> Result<()> {
        diesel::insert_into(facts::table).values(fact).execute(tx.conn()).await?;
        note(tx, fact, FactAction::Added, by).await?;
        Self::add_sources(tx, fact.id, sources).await?;
        tx.wake(Hint::Feed);
        Ok(())
    }

    /// Writes down what a fact says and how it stands now, as a version of its own; `fact.version` is the one
    /// that was read. Returns how it is stored, or none if somebody changed it meanwhile.
    pub async fn revise(
        tx: &mut Tenant,
        fact: &Self,
        action: FactAction,
        by: FactAuthor,
        now: DateTime<Utc>,
    ) -> Result<Option<Self>> {
        let revised: Option<Self> =
            sql("update facts set about = ?, text = ?, importance = ?, state = ?, superseded_by = ?,
                 said_at = ?, version = version + 1, updated_at = ?
             where account_id = current_account() and id = ? and version = ? returning *")
            .bind::<Text, _>(fact.about.clone())
            .bind::<Text, _>(fact.text.clone())
            .bind::<Integer, _>(fact.importance)
            .bind::<Text, _>(fact.state)
            .bind::<Nullable<SqlUuid>, _>(fact.superseded_by)
            .bind::<Timestamptz, _>(fact.said_at)
            .bind::<Timestamptz, _>(now)
            .bind::<SqlUuid, _>(fact.id)
            .bind::<Integer, _>(fact.version)
            .get_result(tx.conn())
            .await
            .optional()?;
        if let Some(revised) = &revised {
            note(tx, revised, action, by).await?;
            tx.wake(Hint::Feed);
        }
        Ok(revised)
    }

    /// Adds messages that say the same; those that are known stay.
    pub async fn add_sources(tx: &mut Tenant, fact: FactId, messages: &[MessageId]) -> Result<()> {
        let account_id = tx.account();
        let sources: Vec<_> = messages
            .iter()
            .map(|message_id| FactSource { account_id, fact_id: fact, message_id: *message_id })
            .collect();
        diesel::insert_into(fact_sources::table)
            .values(sources)
            .on_conflict_do_nothing()
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    pub async fn find(tx: &mut Tenant, id: FactId) -> Result<Option<Self>> {
        let fact = facts::table
            .find((tx.account(), id))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(fact)
    }

    /// By their ids, in no particular order, however they stand.
    pub async fn list_by_ids(tx: &mut Tenant, ids: &[FactId]) -> Result<Vec<Self>> {
        let found = facts::table
            .filter(facts::account_id.eq(tx.account()))
            .filter(facts::id.eq_any(ids))
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// By their ids, in no particular order: active ones of the given bot, person and conversation, as far as they
    /// are given.
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
        let found = sql(
            "select * from facts where account_id = current_account() and id = any(?) and state = 'active'
               and bot_id = coalesce(?, bot_id) and conversation_id = coalesce(?, conversation_id)
               and (?::uuid is null or person_id = ?)",
        )
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .bind::<Nullable<SqlUuid>, _>(bot)
        .bind::<Nullable<SqlUuid>, _>(conversation)
        .bind::<Nullable<SqlUuid>, _>(person)
        .bind::<Nullable<SqlUuid>, _>(person)
        .load(&mut tx.line())
        .await?;
        Ok(found)
    }

    /// Active facts of a bot, those of a person's private conversations or of one conversation where these are
    /// given; the most important first, then the newest, at most `limit`.
    pub async fn list_active(
        tx: &Tenant,
        bot: BotId,
        person: Option<PersonId>,
        conversation: Option<ConversationId>,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let found = match (person, conversation) {
            (_, Some(conversation)) => sql("select * from facts where account_id = current_account() and state = 'active'
                   and bot_id = ? and conversation_id = ? order by importance desc, said_at desc, id desc limit ?")
            .bind::<SqlUuid, _>(bot)
            .bind::<SqlUuid, _>(conversation),
            (Some(person), None) => sql("select * from facts where account_id = current_account() and state = 'active'
                   and bot_id = ? and person_id = ? order by importance desc, said_at desc, id desc limit ?")
            .bind::<SqlUuid, _>(bot)
            .bind::<SqlUuid, _>(person),
            (None, None) => sql("select * from facts where account_id = current_account() and state = 'active'
                   and bot_id = ? order by importance desc, said_at desc, id desc limit ?")
            .bind::<SqlUuid, _>(bot),
        };
        Ok(found.bind::<BigInt, _>(limit).load(&mut tx.line()).await?)
    }

    /// All of a bot, those of a person's private conversations or of one conversation where these are given, in
    /// the order in which they were learned, however they stand.
    pub async fn list_of(
        tx: &Tenant,
        bot: BotId,
        person: Option<PersonId>,
        conversation: Option<ConversationId>,
    ) -> Result<Vec<Self>> {
        let found = sql("select * from facts where account_id = current_account() and bot_id = ?
               and (?::uuid is null or person_id = ?) and (?::uuid is null or conversation_id = ?) order by id")
        .bind::<SqlUuid, _>(bot)
        .bind::<Nullable<SqlUuid>, _>(person)
        .bind::<Nullable<SqlUuid>, _>(person)
        .bind::<Nullable<SqlUuid>, _>(conversation)
        .bind::<Nullable<SqlUuid>, _>(conversation)
        .load(&mut tx.line())
        .await?;
        Ok(found)
    }

    /// All of an account by id, however they stand: at most `limit` of those after `after`.
    pub async fn list_all_after(tx: &mut Tenant, after: Option<FactId>, limit: i64) -> Result<Vec<Self>> {
        let found = facts::table
            .filter(facts::account_id.eq(tx.account()))
            .filter(facts::id.gt(after.map_or(Uuid::nil(), |id| id.0)))
            .order(facts::id)
            .limit(limit)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// Notes that these stood in the prompt of an answer to the message `ordinal` of a conversation.
    pub async fn note_use(
        tx: &mut Tenant,
        ids: &[FactId],
        conversation: ConversationId,
        ordinal: i32,
        now: DateTime<Utc>,
    ) -> Result<()> {
        diesel::update(facts::table.filter(facts::account_id.eq(tx.account())).filter(facts::id.eq_any(ids)))
            .set((
                facts::use_count.eq(facts::use_count + 1),
                facts::last_used_at.eq(now),
                facts::last_used_in.eq(conversation),
                facts::last_used_ordinal.eq(ordinal),
            ))
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    /// The messages that these were drawn from.
    pub async fn list_sources(tx: &mut Tenant, ids: &[FactId]) -> Result<Vec<FactSource>> {
        let found = fact_sources::table
            .filter(fact_sources::account_id.eq(tx.account()))
            .filter(fact_sources::fact_id.eq_any(ids))
            .order((fact_sources::fact_id, fact_sources::message_id))
            .select(FactSource::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// A fact's history, newest first.
    pub async fn list_versions(tx: &mut Tenant, id: FactId) -> Result<Vec<FactVersion>> {
        let found = fact_versions::table
            .filter(fact_versions::account_id.eq(tx.account()))
            .filter(fact_versions::fact_id.eq(id))
            .order(fact_versions::version.desc())
            .select(FactVersion::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// The facts that were drawn from any of these messages, however they stand.
    pub async fn list_drawn_from(tx: &mut Tenant, messages: &[MessageId]) -> Result<Vec<FactId>> {
        let drawn = fact_sources::table
            .filter(fact_sources::account_id.eq(tx.account()))
            .filter(fact_sources::message_id.eq_any(messages))
            .select(fact_sources::fact_id)
            .distinct()
            .load(tx.conn())
            .await?;
        Ok(drawn)
    }

    /// All facts that were learned in a conversation, however they stand.
    pub async fn list_learned_in(tx: &mut Tenant, conversation: ConversationId) -> Result<Vec<FactId>> {
        let learned = facts::table
            .filter(facts::account_id.eq(tx.account()))
            .filter(facts::conversation_id.eq(conversation))
            .select(facts::id)
            .load(tx.conn())
            .await?;
        Ok(learned)
    }
}

pub(super) async fn note(tx: &mut Tenant, fact: &Fact, action: FactAction, by: FactAuthor) -> Result<()> {
    let version = FactVersion {
        account_id: fact.account_id,
        fact_id: fact.id,
        version: fact.version,
        action,
        by,
        text: fact.text.clone(),
        importance: fact.importance,
        state: fact.state,
        at: fact.updated_at,
    };
    diesel::insert_into(fact_versions::table).values(version).execute(tx.conn()).await?;
    Ok(())
}
