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
    /// `turn` or `summary`.
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
}
