//! Accounts and the tokens that open them.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types;
use diesel_async::RunQueryDsl;

use crate::error::{Error, Result};
use crate::id::{AccountId, PersonId, TokenId};
use crate::store::schema::{accounts, api_tokens};
use crate::store::sql::sql;
use crate::store::tx::{System, Tenant};

/// A tenant.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = accounts, check_for_backend(diesel::pg::Pg))]
pub struct Account {
    pub id: AccountId,
    /// A DNS label, unique on this server.
    pub name: String,
    pub created_at: DateTime<Utc>,
}

impl Account {
    /// The account of that name, made if there is none.
    pub async fn find_or_create(tx: &mut System, name: &str, now: DateTime<Utc>) -> Result<Self> {
        if let Some(account) = Self::find_by_name(tx, name).await? {
            return Ok(account);
        }
        let new = Self { id: AccountId::new(), name: name.into(), created_at: now };
        diesel::insert_into(accounts::table)
            .values(&new)
            .on_conflict_do_nothing()
            .execute(tx.conn())
            .await
            .map_err(|error| match error {
            diesel::result::Error::DatabaseError(diesel::result::DatabaseErrorKind::CheckViolation, _) => {
                Error::invalid(format!(
                    "`{name}` is no account name: lower-case letters, digits and inner hyphens, at most 63"
                ))
            }
            error => error.into(),
        })?;
        Self::find_by_name(tx, name).await?.ok_or_else(|| Error::internal("an account vanished"))
    }

    pub async fn find_by_name(tx: &mut System, name: &str) -> Result<Option<Self>> {
        let account = accounts::table
            .filter(accounts::name.eq(name))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(account)
    }

    pub async fn list(tx: &mut System) -> Result<Vec<Self>> {
        Ok(accounts::table.order(accounts::name).select(Self::as_select()).load(tx.conn()).await?)
    }

    /// The account of this transaction.
    pub async fn current(tx: &mut Tenant) -> Result<Self> {
        Ok(accounts::table.find(tx.account()).select(Self::as_select()).first(tx.conn()).await?)
    }
}

/// A bearer token; only its hash is kept.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = api_tokens, check_for_backend(diesel::pg::Pg))]
pub struct ApiToken {
    pub account_id: AccountId,
    pub id: TokenId,
    pub name: String,
    /// SHA-256 of the token.
    pub hash: Vec<u8>,
    pub scopes: Vec<String>,
    /// As whom it acts.
    pub person_id: PersonId,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    pub revoked_at: Option<DateTime<Utc>>,
}

impl ApiToken {
    pub async fn insert(tx: &mut Tenant, token: &Self) -> Result<()> {
        diesel::insert_into(api_tokens::table).values(token).execute(tx.conn()).await?;
        Ok(())
    }

    /// Before the account is known: the token of that hash, revoked and expired ones too.
    pub async fn find_by_hash(tx: &mut System, hash: &[u8]) -> Result<Option<Self>> {
        let token = api_tokens::table
            .filter(api_tokens::hash.eq(hash))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(token)
    }

    pub async fn list(tx: &mut Tenant) -> Result<Vec<Self>> {
        let tokens = api_tokens::table
            .filter(api_tokens::account_id.eq(tx.account()))
            .order(api_tokens::created_at)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(tokens)
    }

    /// Ends the live tokens of that name, or the one of that id; returns them.
    pub async fn revoke(tx: &mut Tenant, name_or_id: &str, now: DateTime<Utc>) -> Result<Vec<Self>> {
        let revoked = sql("update api_tokens set revoked_at = ?
             where account_id = current_account() and (name = ? or id::text = ?) and revoked_at is null
             returning *")
        .bind::<sql_types::Timestamptz, _>(now)
        .bind::<sql_types::Text, _>(name_or_id.to_owned())
        .bind::<sql_types::Text, _>(name_or_id.to_owned())
        .load(tx.conn())
        .await?;
        Ok(revoked)
    }
}
