//! Sealed secrets. This room stores what it cannot read.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{AccountId, SecretId};
use crate::store::schema::secrets;
use crate::store::tx::Tenant;

/// One sealed value and the name by which bot files refer to it.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = secrets, check_for_backend(diesel::pg::Pg))]
pub struct Secret {
    pub account_id: AccountId,
    pub id: SecretId,
    pub name: String,
    /// Nonce and ciphertext, bound to the account and the name.
    pub sealed: Vec<u8>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Secret {
    /// Sets the secret of that name, replacing an older value.
    pub async fn put(tx: &mut Tenant, name: &str, sealed: Vec<u8>, now: DateTime<Utc>) -> Result<()> {
        let secret = Self {
            account_id: tx.account(),
            id: SecretId::new(),
            name: name.into(),
            sealed,
            created_at: now,
            updated_at: now,
        };
        diesel::insert_into(secrets::table)
            .values(&secret)
            .on_conflict((secrets::account_id, secrets::name))
            .do_update()
            .set((secrets::sealed.eq(&secret.sealed), secrets::updated_at.eq(now)))
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    pub async fn find(tx: &mut Tenant, name: &str) -> Result<Option<Self>> {
        let secret = secrets::table
            .filter(secrets::account_id.eq(tx.account()))
            .filter(secrets::name.eq(name))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(secret)
    }

    /// All of them, by name.
    pub async fn list(tx: &mut Tenant) -> Result<Vec<Self>> {
        let secrets = secrets::table
            .filter(secrets::account_id.eq(tx.account()))
            .order(secrets::name)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(secrets)
    }

    /// Whether there was one.
    pub async fn delete(tx: &mut Tenant, name: &str) -> Result<bool> {
        let count = diesel::delete(
            secrets::table.filter(secrets::account_id.eq(tx.account())).filter(secrets::name.eq(name)),
        )
        .execute(tx.conn())
        .await?;
        Ok(count > 0)
    }
}
