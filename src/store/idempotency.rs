//! Idempotency: a repeated request has the first one's effect and answer.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Jsonb, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::error::{Error, Result};
use crate::id::AccountId;
use crate::store::schema::idempotency_keys;
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// The words of the `Conflict` when an idempotency key comes with another request than before.
pub const KEY_REUSED: &str = "the idempotency key was used for a different request: make a new one";

/// One remembered request.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = idempotency_keys, check_for_backend(diesel::pg::Pg))]
pub struct Idempotency {
    pub account_id: AccountId,
    /// Who asked: keys of different callers never meet.
    pub principal: String,
    pub operation: String,
    pub key: String,
    /// Of the request's content.
    pub fingerprint: String,
    /// The answer; for one that is about to be claimed, what it will most likely be.
    pub result: Value,
    pub created_at: DateTime<Utc>,
}

/// What claiming a key found.
#[derive(Debug)]
pub enum Remembered {
    /// The key is new and belongs to this transaction now.
    New,
    /// The same request was answered before.
    Same(Value),
    /// The key was used for a different request.
    Other,
}

impl Idempotency {
    /// Claims the key within the transaction of the effect. Of several at once the first goes on; the others
    /// wait until it has committed, and then read its result (or go on, if it failed).
    pub async fn claim(tx: &Tenant, request: &Self) -> Result<Remembered> {
        let claimed = sql(
            "insert into idempotency_keys (account_id, principal, operation, key, fingerprint, result, created_at)
             values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
        )
        .bind::<SqlUuid, _>(request.account_id)
        .bind::<Text, _>(request.principal.clone())
        .bind::<Text, _>(request.operation.clone())
        .bind::<Text, _>(request.key.clone())
        .bind::<Text, _>(request.fingerprint.clone())
        .bind::<Jsonb, _>(request.result.clone())
        .bind::<Timestamptz, _>(request.created_at)
        .execute(&mut tx.line())
        .await?;
        if claimed == 1 {
            return Ok(Remembered::New);
        }
        Self::look_up(tx, request).await
    }

    /// What the key stands for, without claiming it.
    pub async fn look_up(tx: &Tenant, request: &Self) -> Result<Remembered> {
        let earlier: Option<Self> = idempotency_keys::table
            .find((tx.account(), &request.principal, &request.operation, &request.key))
            .select(Self::as_select())
            .first(&mut tx.line())
            .await
            .optional()?;
        Ok(match earlier {
            None => Remembered::New,
            Some(earlier) if earlier.fingerprint == request.fingerprint => Remembered::Same(earlier.result),
            Some(_) => Remembered::Other,
        })
    }

    /// Sets the answer of a claimed key, before the commit, where the claim did not know it yet.
    pub async fn answer(tx: &mut Tenant, request: &Self, result: &Value) -> Result<()> {
        let count = sql("update idempotency_keys set result = ?
             where account_id = current_account() and principal = ? and operation = ? and key = ?")
        .bind::<Jsonb, _>(result.clone())
        .bind::<Text, _>(request.principal.clone())
        .bind::<Text, _>(request.operation.clone())
        .bind::<Text, _>(request.key.clone())
        .execute(tx.conn())
        .await?;
        if count == 1 { Ok(()) } else { Err(Error::internal("an idempotency key vanished")) }
    }

    /// Forgets keys made before `before`; says how many.
    pub async fn delete_before(tx: &mut Tenant, before: DateTime<Utc>) -> Result<usize> {
        let count = diesel::delete(
            idempotency_keys::table
                .filter(idempotency_keys::account_id.eq(tx.account()))
                .filter(idempotency_keys::created_at.lt(before)),
        )
        .execute(tx.conn())
        .await?;
        Ok(count)
    }
}
