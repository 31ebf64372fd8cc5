//! Who changed what.

use async_graphql::{ID, SimpleObject};

use crate::graphql::ids;
use crate::graphql::scalars::{DateTime, Json};
use crate::store::Audit;

/// A line of the audit log. Never holds a secret.
#[derive(SimpleObject)]
pub(in crate::graphql) struct AuditEntry {
    /// Stays as it is for ever.
    id: ID,
    /// When it was done.
    at: DateTime,
    /// Who did it: `operator`, or `token:` and the token's id.
    actor: String,
    /// What was done: `config.apply`, `secret.set`, `token.create`, … Clients must expect others.
    action: String,
    /// To what.
    subject: String,
    /// More about it. Its shape depends on `action` and may grow.
    detail: Json,
}

impl From<Audit> for AuditEntry {
    fn from(row: Audit) -> Self {
        let Audit { account_id: _, id, at, actor, action, subject, detail } = row;
        Self { id: ids::write(id), at: DateTime(at), actor, action, subject, detail: Json(detail) }
    }
}
