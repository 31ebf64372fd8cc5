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
}
