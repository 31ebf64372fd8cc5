//! How facts go: erased with what they were drawn from, or to be drawn anew.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, Integer, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{ConversationId, FactId};
use crate::store::facts::{Fact, FactAction, FactAuthor, FactState, note};
use crate::store::schema::facts;
use crate::store::sql::sql;
use crate::store::tx::Tenant;
use crate::store::wake::Hint;

impl Fact {
    /// The facts that a model drew from a conversation, from the message `since` on, and that nobody else ever
    /// touched.
    pub async fn list_derived(
        tx: &mut Tenant,
        conversation: ConversationId,
        since: i32,
    ) -> Result<Vec<FactId>> {
        #[derive(QueryableByName)]
        struct Derived {
            #[diesel(sql_type = SqlUuid)]
            id: FactId,
        }
        let derived: Vec<Derived> = sql("select id from facts where account_id = current_account() and conversation_id = ?
               and not exists (select from fact_versions where fact_versions.account_id = facts.account_id
                   and fact_id = facts.id and by in ('bot', 'person', 'import'))
               and not exists (select from fact_sources join messages
                       on (messages.account_id, messages.id) = (fact_sources.account_id, fact_sources.message_id)
                   where fact_sources.account_id = facts.account_id and fact_id = facts.id and ordinal < ?)")
        .bind::<SqlUuid, _>(conversation)
        .bind::<Integer, _>(since)
        .load(tx.conn())
        .await?;
        Ok(derived.into_iter().map(|derived| derived.id).collect())
    }

    /// Erases facts with their sources and versions. Those whose place they took do not stand up again: they are
    /// forgotten. Says how many were erased.
    pub async fn erase(tx: &mut Tenant, ids: &[FactId], now: DateTime<Utc>) -> Result<usize> {
        Self::release(tx, ids, FactState::Forgotten, now).await?;
        delete(tx, ids).await
    }

    /// Erases facts that are to be drawn anew. Those whose place they took stand again until then.
    pub async fn underive(tx: &mut Tenant, ids: &[FactId], now: DateTime<Utc>) -> Result<usize> {
        Self::release(tx, ids, FactState::Active, now).await?;
        delete(tx, ids).await
    }

    /// Lets the facts whose place any of `ids` took, and that are not among them, stand as `state`.
    async fn release(tx: &mut Tenant, ids: &[FactId], state: FactState, now: DateTime<Utc>) -> Result<()> {
        let released: Vec<Self> = sql(
            "update facts set state = ?, superseded_by = null, version = version + 1, updated_at = ?
             where account_id = current_account() and superseded_by = any(?) and not id = any(?) returning *",
        )
        .bind::<Text, _>(state)
        .bind::<Timestamptz, _>(now)
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .load(tx.conn())
        .await?;
        let action = if state == FactState::Active { FactAction::Restored } else { FactAction::Forgotten };
        for fact in &released {
            note(tx, fact, action, FactAuthor::Summary).await?;
        }
        Ok(())
    }
}

async fn delete(tx: &mut Tenant, ids: &[FactId]) -> Result<usize> {
    let gone = facts::table.filter(facts::account_id.eq(tx.account())).filter(facts::id.eq_any(ids));
    let count = diesel::delete(gone).execute(tx.conn()).await?;
    tx.wake(Hint::Feed);
    Ok(count)
}
