//! The audit log: who changed what.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::error::Result;
use crate::id::{AccountId, AuditId};
use crate::store::schema::audit_log;
use crate::store::tx::Tenant;

/// One line. Never holds a secret.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = audit_log, check_for_backend(diesel::pg::Pg))]
pub struct Audit {
    pub account_id: AccountId,
    pub id: AuditId,
    pub at: DateTime<Utc>,
    /// Who did it, e.g. `operator` or `token:ci`.
    pub actor: String,
    /// What was done, e.g. `config.apply`.
    pub action: String,
    /// To what.
    pub subject: String,
    pub detail: Value,
}

impl Audit {
    /// Writes a line, in the transaction of the change itself.
    pub async fn record(
        tx: &mut Tenant,
        at: DateTime<Utc>,
        actor: &str,
        action: &str,
        subject: &str,
        detail: Value,
    ) -> Result<()> {
        let line = Self {
            account_id: tx.account(),
            id: AuditId::new(),
            at,
            actor: actor.into(),
            action: action.into(),
            subject: subject.into(),
            detail,
        };
        diesel::insert_into(audit_log::table).values(&line).execute(tx.conn()).await?;
        Ok(())
    }

    /// The newest lines first, of those before the place `(at, id)`, of one action or all; at most `limit`.
    pub async fn list(
        tx: &mut Tenant,
        action: Option<&str>,
        before: Option<(DateTime<Utc>, AuditId)>,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let mut query = audit_log::table
            .filter(audit_log::account_id.eq(tx.account()))
            .order((audit_log::at.desc(), audit_log::id.desc()))
            .limit(limit)
            .select(Self::as_select())
            .into_boxed();
        if let Some(action) = action {
            query = query.filter(audit_log::action.eq(action.to_owned()));
        }
        if let Some((at, id)) = before {
            let earlier = audit_log::at.lt(at).or(audit_log::at.eq(at).and(audit_log::id.lt(id)));
            query = query.filter(audit_log::at.le(at)).filter(earlier);
        }
        Ok(query.load(tx.conn()).await?)
    }
}
