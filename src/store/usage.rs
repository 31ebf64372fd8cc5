//! The usage ledger: what every model call took.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{AccountId, BotId, ConversationId, PersonId, TurnId, UsageId};
use crate::store::schema::usage_events;
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
    pub async fn insert(tx: &mut Tenant, event: &Self) -> Result<()> {
        diesel::insert_into(usage_events::table).values(event).execute(tx.conn()).await?;
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
