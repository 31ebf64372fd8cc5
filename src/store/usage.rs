//! The usage ledger: what every model call took.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Double, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{AccountId, BotId, ConversationId, PersonId, TurnId, UsageId};
use crate::store::schema::usage_events;
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// One model call, or all calls of one turn.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = usage_events, check_for_backend(diesel::pg::Pg))]
pub struct UsageEvent {
    pub account_id: AccountId,
    pub id: UsageId,
    pub bot_id: BotId,
    pub conversation_id: Option<ConversationId>,
    pub turn_id: Option<TurnId>,
    pub person_id: Option<PersonId>,
    /// `turn`, `summary`, or `request` for one that belongs to no turn.
    pub purpose: String,
    /// `provider/model`.
    pub model: String,
    pub input_tokens: i32,
    pub cached_tokens: i32,
    pub output_tokens: i32,
    pub cost_usd: Option<f64>,
    pub at: DateTime<Utc>,
}

impl UsageEvent {
    pub async fn insert(tx: &Tenant, event: &Self) -> Result<()> {
        sql("insert into usage_events (account_id, id, bot_id, conversation_id, turn_id, person_id, purpose, model,
                 input_tokens, cached_tokens, output_tokens, cost_usd, at)
             values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind::<SqlUuid, _>(event.account_id)
        .bind::<SqlUuid, _>(event.id)
        .bind::<SqlUuid, _>(event.bot_id)
        .bind::<Nullable<SqlUuid>, _>(event.conversation_id)
        .bind::<Nullable<SqlUuid>, _>(event.turn_id)
        .bind::<Nullable<SqlUuid>, _>(event.person_id)
        .bind::<Text, _>(event.purpose.clone())
        .bind::<Text, _>(event.model.clone())
        .bind::<Integer, _>(event.input_tokens)
        .bind::<Integer, _>(event.cached_tokens)
        .bind::<Integer, _>(event.output_tokens)
        .bind::<Nullable<Double>, _>(event.cost_usd)
        .bind::<Timestamptz, _>(event.at)
        .execute(&mut tx.line())
        .await?;
        Ok(())
    }

    /// Every line of the account, oldest first.
    pub async fn list_all(tx: &mut Tenant) -> Result<Vec<Self>> {
        let events = usage_events::table
            .filter(usage_events::account_id.eq(tx.account()))
            .order(usage_events::at)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(events)
    }

    /// Several at once.
    pub async fn insert_all(tx: &mut Tenant, events: &[Self]) -> Result<()> {
        // A statement takes 65,535 values.
        for events in events.chunks(4_000) {
            diesel::insert_into(usage_events::table).values(events).execute(tx.conn()).await?;
        }
        Ok(())
    }
}

/// By what usage is added up.
#[derive(Debug, Clone, Copy, Default)]
pub struct UsageGroups {
    pub bot: bool,
    pub model: bool,
    pub purpose: bool,
    /// Days of UTC.
    pub day: bool,
}

/// Whose usage, of when.
#[derive(Debug, Clone, Copy)]
pub struct UsageRange {
    /// Only what this person caused; `None` for all of the account.
    pub person: Option<PersonId>,
    pub bot: Option<BotId>,
    /// From this moment, and before that one.
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
}

/// Usage added up. What it was not grouped by is none.
#[derive(Debug, Clone, QueryableByName)]
pub struct UsageSum {
    /// When the day begins.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub day: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub bot_id: Option<BotId>,
    #[diesel(sql_type = Nullable<Text>)]
    pub model: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    pub purpose: Option<String>,
    #[diesel(sql_type = BigInt)]
    pub calls: i64,
    #[diesel(sql_type = BigInt)]
    pub input_tokens: i64,
    #[diesel(sql_type = BigInt)]
    pub cached_tokens: i64,
    #[diesel(sql_type = BigInt)]
    pub output_tokens: i64,
    /// Of the calls whose price is known; none where none is.
    #[diesel(sql_type = Nullable<Double>)]
    pub cost_usd: Option<f64>,
}

impl UsageSum {
    /// The sums of a range, by day, bot, model and purpose; at most `limit`.
    pub async fn list(
        tx: &mut Tenant,
        range: UsageRange,
        groups: UsageGroups,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let UsageRange { person, bot, from, to } = range;
        let sums = sql("select day, bot_id, model, purpose, count(*) as calls, sum(input_tokens) as input_tokens,
                 sum(cached_tokens) as cached_tokens, sum(output_tokens) as output_tokens, sum(cost_usd) as cost_usd
             from (select case when ? then date_trunc('day', at, 'UTC') end as day, case when ? then bot_id end as bot_id,
                       case when ? then model end as model, case when ? then purpose end as purpose,
                       input_tokens, cached_tokens, output_tokens, cost_usd
                   from usage_events where account_id = current_account() and at >= ? and at < ?
                     and (?::uuid is null or person_id = ?) and (?::uuid is null or bot_id = ?)) one
             group by day, bot_id, model, purpose order by day, bot_id, model, purpose limit ?")
            .bind::<Bool, _>(groups.day)
            .bind::<Bool, _>(groups.bot)
            .bind::<Bool, _>(groups.model)
            .bind::<Bool, _>(groups.purpose)
            .bind::<Timestamptz, _>(from)
            .bind::<Timestamptz, _>(to)
            .bind::<Nullable<SqlUuid>, _>(person)
            .bind::<Nullable<SqlUuid>, _>(person)
            .bind::<Nullable<SqlUuid>, _>(bot)
            .bind::<Nullable<SqlUuid>, _>(bot)
            .bind::<BigInt, _>(limit)
            .load(tx.conn())
            .await?;
        Ok(sums)
    }
}
