//! Summaries of spans of a conversation. Derived: they can be rebuilt from the messages.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Result;
use crate::id::{AccountId, BotId, ConversationId, PersonId, SummaryId};
use crate::store::columns::words;
use crate::store::schema::summaries;
use crate::store::sql::sql;
use crate::store::tx::Tenant;
use crate::store::wake::Hint;

words! {
    /// What a summary tells of.
    SummaryKind {
        /// Its span and, through the one before it, everything earlier.
        Rolling = "rolling",
        /// One day of a conversation.
        Day = "day",
        /// A week, from the digests of its days.
        Week = "week",
        /// A month, from the digests of its days.
        Month = "month",
    }
}

/// What was said, in fewer words.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = summaries, check_for_backend(diesel::pg::Pg))]
pub struct Summary {
    pub account_id: AccountId,
    pub id: SummaryId,
    pub conversation_id: ConversationId,
    /// First and last ordinal of the span.
    pub from_ordinal: i32,
    pub to_ordinal: i32,
    pub text: String,
    pub tokens: i32,
    /// `provider/model` that wrote it.
    pub model: String,
    pub created_at: DateTime<Utc>,
    pub kind: SummaryKind,
    /// The time that a digest tells of: from here (included) until there; none for a rolling summary.
    pub since: Option<DateTime<Utc>>,
    pub until: Option<DateTime<Utc>>,
}

impl Summary {
    /// Adds it, unless that span was summarised meanwhile; says whether it was added.
    pub async fn insert(tx: &mut Tenant, summary: &Self) -> Result<bool> {
        let count = diesel::insert_into(summaries::table)
            .values(summary)
            .on_conflict_do_nothing()
            .execute(tx.conn())
            .await?;
        tx.wake(Hint::Feed);
        Ok(count == 1)
    }

    /// The newest rolling one of a conversation.
    pub async fn find_latest(tx: &mut Tenant, conversation: ConversationId) -> Result<Option<Self>> {
        Self::find_latest_before(tx, conversation, i32::MAX).await
    }

    /// The newest rolling one of a conversation that covers nothing from the message `ordinal` on.
    pub async fn find_latest_before(
        tx: &Tenant,
        conversation: ConversationId,
        ordinal: i32,
    ) -> Result<Option<Self>> {
        let summary = summaries::table
            .filter(summaries::account_id.eq(tx.account()))
            .filter(summaries::conversation_id.eq(conversation))
            .filter(summaries::kind.eq(SummaryKind::Rolling))
            .filter(summaries::to_ordinal.lt(ordinal))
            .order(summaries::to_ordinal.desc())
            .select(Self::as_select())
            .first(&mut tx.line())
            .await
            .optional()?;
        Ok(summary)
    }

    /// Forgets the rolling ones of a conversation that cover the message `ordinal`, or what came after it; says how
    /// many.
    pub async fn delete_rolling_since(
        tx: &mut Tenant,
        conversation: ConversationId,
        ordinal: i32,
    ) -> Result<usize> {
        let count = diesel::delete(
            summaries::table
                .filter(summaries::account_id.eq(tx.account()))
                .filter(summaries::conversation_id.eq(conversation))
                .filter(summaries::kind.eq(SummaryKind::Rolling))
                .filter(summaries::to_ordinal.ge(ordinal)),
        )
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Feed);
        Ok(count)
    }

    /// Forgets the digests of a conversation that tell of one of the messages `from` to `to`.
    pub async fn delete_digests_of(
        tx: &mut Tenant,
        conversation: ConversationId,
        from: i32,
        to: i32,
    ) -> Result<()> {
        diesel::delete(
            summaries::table
                .filter(summaries::account_id.eq(tx.account()))
                .filter(summaries::conversation_id.eq(conversation))
                .filter(summaries::kind.ne(SummaryKind::Rolling))
                .filter(summaries::from_ordinal.le(to))
                .filter(summaries::to_ordinal.ge(from)),
        )
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Feed);
        Ok(())
    }

    /// Those of a conversation that cover the message `ordinal`, or what came after it, of every kind.
    pub async fn list_since(
        tx: &mut Tenant,
        conversation: ConversationId,
        ordinal: i32,
    ) -> Result<Vec<SummaryId>> {
        let found = summaries::table
            .filter(summaries::account_id.eq(tx.account()))
            .filter(summaries::conversation_id.eq(conversation))
            .filter(summaries::to_ordinal.ge(ordinal))
            .select(summaries::id)
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// The digests of days that no digest of the longer `kind` tells of yet, oldest first.
    pub async fn list_days_outside(
        tx: &mut Tenant,
        conversation: ConversationId,
        kind: SummaryKind,
    ) -> Result<Vec<Self>> {
        let found = sql("select * from summaries days
             where account_id = current_account() and conversation_id = ? and kind = 'day'
               and not exists (select from summaries longer
                   where longer.account_id = days.account_id and longer.conversation_id = days.conversation_id
                     and longer.kind = ? and longer.from_ordinal <= days.from_ordinal
                     and longer.to_ordinal >= days.to_ordinal)
             order by since")
        .bind::<SqlUuid, _>(conversation)
        .bind::<Text, _>(kind)
        .load(tx.conn())
        .await?;
        Ok(found)
    }

    /// The digests of all conversations, by id: at most `limit` of those after `after`.
    pub async fn list_digests_after(
        tx: &mut Tenant,
        after: Option<SummaryId>,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let found = summaries::table
            .filter(summaries::account_id.eq(tx.account()))
            .filter(summaries::kind.ne(SummaryKind::Rolling))
            .filter(summaries::id.gt(after.map_or(Uuid::nil(), |id| id.0)))
            .order(summaries::id)
            .limit(limit)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    pub async fn list_by_ids(tx: &mut Tenant, ids: &[SummaryId]) -> Result<Vec<Self>> {
        let summaries = summaries::table
            .filter(summaries::account_id.eq(tx.account()))
            .filter(summaries::id.eq_any(ids))
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(summaries)
    }

    /// By their ids, in no particular order: those of the given bot, person and conversation, as far as they
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
        // Materialized for the reason of `Message::list_known`.
        let found = sql("with found as materialized (
                 select * from summaries
                 where account_id = current_account() and id = any(?)
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

    /// The newest rolling one of each conversation, by conversation: at most `limit` of the conversations after
    /// `after`.
    pub async fn list_latest(
        tx: &mut Tenant,
        after: Option<ConversationId>,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let found = sql("select distinct on (conversation_id) * from summaries
             where account_id = current_account() and kind = 'rolling' and conversation_id > ?
             order by conversation_id, to_ordinal desc limit ?")
        .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), |id| id.0))
        .bind::<BigInt, _>(limit)
        .load(tx.conn())
        .await?;
        Ok(found)
    }

    /// Which rolling summaries of these conversations gave way to a newer one.
    pub async fn list_outdated(tx: &mut Tenant, conversations: &[ConversationId]) -> Result<Vec<SummaryId>> {
        let ids = summaries::table
            .filter(summaries::account_id.eq(tx.account()))
            .filter(summaries::conversation_id.eq_any(conversations))
            .filter(summaries::kind.eq(SummaryKind::Rolling))
            .order((summaries::conversation_id, summaries::to_ordinal.desc()))
            .select((summaries::conversation_id, summaries::id))
            .load::<(ConversationId, SummaryId)>(tx.conn())
            .await?;
        let outdated = ids.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| pair[1].1);
        Ok(outdated.collect())
    }

    /// How many messages of people, from the ordinal `from` on, came after the newest summary; stops counting
    /// at `at_most`.
    pub async fn count_waiting(
        tx: &mut Tenant,
        conversation: ConversationId,
        from: i32,
        at_most: i64,
    ) -> Result<i64> {
        #[derive(QueryableByName)]
        struct Waiting {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let waiting: Waiting = sql("select count(*) from (
                 select from messages
                 where account_id = current_account() and conversation_id = ? and role = 'person'
                   and erased_at is null and ordinal >= ?
                   and ordinal > (select coalesce(max(to_ordinal), 0) from summaries
                       where account_id = current_account() and conversation_id = ? and kind = 'rolling')
                 limit ?) waiting")
        .bind::<SqlUuid, _>(conversation)
        .bind::<Integer, _>(from)
        .bind::<SqlUuid, _>(conversation)
        .bind::<BigInt, _>(at_most)
        .get_result(tx.conn())
        .await?;
        Ok(waiting.count)
    }
}
