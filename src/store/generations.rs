//! Generations: each one an immutable applied state of one source's bots.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::error::Result;
use crate::id::{AccountId, GenerationId};
use crate::store::schema::config_generations;
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// One applied state. The one with the highest number is active.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = config_generations, check_for_backend(diesel::pg::Pg))]
pub struct Generation {
    pub account_id: AccountId,
    pub id: GenerationId,
    pub source: String,
    /// Counts from 1 within the source.
    pub number: i32,
    /// Of everything that was applied.
    pub hash: String,
    /// What `botwright.yaml` said.
    pub project: Value,
    /// Bot name → revision id.
    pub manifest: Value,
    /// Who applied it, from where, with what.
    pub provenance: Value,
    pub created_at: DateTime<Utc>,
}

impl Generation {
    /// Waits for its turn to change the config of this account; the lock ends with the transaction.
    pub async fn lock(tx: &mut Tenant) -> Result<()> {
        sql("select pg_advisory_xact_lock(hashtextextended(?, 7241003))")
            .bind::<Text, _>(tx.account().to_string())
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    pub async fn insert(tx: &mut Tenant, generation: &Self) -> Result<()> {
        diesel::insert_into(config_generations::table).values(generation).execute(tx.conn()).await?;
        Ok(())
    }

    /// The active one of `source`.
    pub async fn find_active(tx: &mut Tenant, source: &str) -> Result<Option<Self>> {
        let generation = config_generations::table
            .filter(config_generations::account_id.eq(tx.account()))
            .filter(config_generations::source.eq(source))
            .order(config_generations::number.desc())
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(generation)
    }
}
