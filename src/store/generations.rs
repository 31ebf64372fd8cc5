//! Generations: each one an immutable applied state of one source's bots.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::error::Result;
use crate::id::{AccountId, GenerationId, RevisionId};
use crate::store::schema::{config_bundles, config_commits, config_generations, config_holds};
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// One applied state. The one with the highest number is active.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
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
    /// What it changed: `[{"address": "bot/support", "action": "update"}]`.
    pub changes: Value,
}

impl Generation {
    /// Names of the bots that it protects.
    pub fn protected(&self) -> Vec<String> {
        let names = self.project.get("protect").and_then(Value::as_array);
        let names = names.map(|names| names.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        names.unwrap_or_default()
    }

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

    /// The one of `source` with that number.
    pub async fn find(tx: &mut Tenant, source: &str, number: i32) -> Result<Option<Self>> {
        let generation = config_generations::table
            .filter(config_generations::account_id.eq(tx.account()))
            .filter(config_generations::source.eq(source))
            .filter(config_generations::number.eq(number))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(generation)
    }

    /// Newest first, of one source or of all, those before `before` (creation time and id), at most `limit`.
    pub async fn list(
        tx: &mut Tenant,
        source: Option<&str>,
        before: Option<(DateTime<Utc>, GenerationId)>,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let mut query = config_generations::table
            .filter(config_generations::account_id.eq(tx.account()))
            .order((config_generations::created_at.desc(), config_generations::id.desc()))
            .limit(limit)
            .select(Self::as_select())
            .into_boxed();
        if let Some(source) = source {
            query = query.filter(config_generations::source.eq(source.to_owned()));
        }
        if let Some((at, id)) = before {
            query = query.filter(
                config_generations::created_at
                    .lt(at)
                    .or(config_generations::created_at.eq(at).and(config_generations::id.lt(id))),
            );
        }
        Ok(query.load(tx.conn()).await?)
    }

    /// Those of `source` after `number`, oldest first: what intervened.
    pub async fn list_after(tx: &mut Tenant, source: &str, number: i32, limit: i64) -> Result<Vec<Self>> {
        let generations = config_generations::table
            .filter(config_generations::account_id.eq(tx.account()))
            .filter(config_generations::source.eq(source))
            .filter(config_generations::number.gt(number))
            .order(config_generations::number)
            .limit(limit)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(generations)
    }

    /// The first one in which a bot ran that revision.
    pub async fn find_first_with(tx: &mut Tenant, revision: RevisionId) -> Result<Option<Self>> {
        let found = sql("select * from config_generations where account_id = current_account()
             and exists (select from jsonb_each_text(manifest) bot where bot.value = ?)
             order by created_at limit 1")
        .bind::<Text, _>(revision.to_string())
        .load(tx.conn())
        .await?;
        Ok(found.into_iter().next())
    }

    /// The sources that ever had one, by name.
    pub async fn list_sources(tx: &mut Tenant) -> Result<Vec<String>> {
        let sources = config_generations::table
            .filter(config_generations::account_id.eq(tx.account()))
            .select(config_generations::source)
            .distinct()
            .order(config_generations::source)
            .load(tx.conn())
            .await?;
        Ok(sources)
    }
}

/// A source that was rolled back: it takes nothing that was there before until somebody resumes it.
#[derive(Debug, Clone, PartialEq, Queryable, Selectable, Insertable)]
#[diesel(table_name = config_holds, check_for_backend(diesel::pg::Pg))]
pub struct Hold {
    pub account_id: AccountId,
    pub source: String,
    /// The generation that the rollback made.
    pub generation: i32,
    /// The commit that was turned away from, where it is known.
    pub commit: Option<String>,
    pub reason: String,
    pub actor: String,
    pub created_at: DateTime<Utc>,
}

impl Hold {
    /// Holds the source; an older hold is replaced.
    pub async fn put(tx: &mut Tenant, hold: &Self) -> Result<()> {
        Self::delete(tx, &hold.source).await?;
        diesel::insert_into(config_holds::table).values(hold).execute(tx.conn()).await?;
        Ok(())
    }

    pub async fn find(tx: &mut Tenant, source: &str) -> Result<Option<Self>> {
        let hold = config_holds::table
            .find((tx.account(), source))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(hold)
    }

    /// Lets go; `true` if the source was held.
    pub async fn delete(tx: &mut Tenant, source: &str) -> Result<bool> {
        let deleted =
            diesel::delete(config_holds::table.find((tx.account(), source))).execute(tx.conn()).await?;
        Ok(deleted > 0)
    }
}

/// The commit that a source was last applied from, also where that changed nothing.
#[derive(Debug)]
pub struct AppliedCommit;

impl AppliedCommit {
    pub async fn put(tx: &mut Tenant, source: &str, commit: &str, now: DateTime<Utc>) -> Result<()> {
        diesel::insert_into(config_commits::table)
            .values((
                config_commits::account_id.eq(tx.account()),
                config_commits::source.eq(source),
                config_commits::commit.eq(commit),
                config_commits::at.eq(now),
            ))
            .on_conflict((config_commits::account_id, config_commits::source))
            .do_update()
            .set((config_commits::commit.eq(commit), config_commits::at.eq(now)))
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    pub async fn find(tx: &mut Tenant, source: &str) -> Result<Option<String>> {
        let commit = config_commits::table
            .find((tx.account(), source))
            .select(config_commits::commit)
            .first(tx.conn())
            .await
            .optional()?;
        Ok(commit)
    }
}

/// Projects that were uploaded to be planned, by the hash of their content.
#[derive(Debug)]
pub struct StoredBundle;

impl StoredBundle {
    /// Keeps `body`; the same hash again renews it.
    pub async fn put(tx: &mut Tenant, hash: &str, body: &Value, now: DateTime<Utc>) -> Result<()> {
        diesel::insert_into(config_bundles::table)
            .values((
                config_bundles::account_id.eq(tx.account()),
                config_bundles::hash.eq(hash),
                config_bundles::body.eq(body),
                config_bundles::created_at.eq(now),
            ))
            .on_conflict((config_bundles::account_id, config_bundles::hash))
            .do_update()
            .set(config_bundles::created_at.eq(now))
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    pub async fn find(tx: &mut Tenant, hash: &str) -> Result<Option<Value>> {
        let body = config_bundles::table
            .find((tx.account(), hash))
            .select(config_bundles::body)
            .first(tx.conn())
            .await
            .optional()?;
        Ok(body)
    }

    /// Forgets those that were uploaded before `before`.
    pub async fn prune(tx: &mut Tenant, before: DateTime<Utc>) -> Result<usize> {
        let stale = config_bundles::table
            .filter(config_bundles::account_id.eq(tx.account()))
            .filter(config_bundles::created_at.lt(before));
        Ok(diesel::delete(stale).execute(tx.conn()).await?)
    }
}
