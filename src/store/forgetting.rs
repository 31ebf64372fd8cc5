//! What somebody was asked whether to erase, and has not answered yet: ids, never words.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Result;
use crate::id::{AccountId, ConversationId, PersonId};
use crate::store::schema::forget_requests;
use crate::store::tx::Tenant;

/// One question that awaits its yes. A newer one of the same person takes its place.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = forget_requests, check_for_backend(diesel::pg::Pg))]
pub struct ForgetRequest {
    pub account_id: AccountId,
    pub conversation_id: ConversationId,
    pub person_id: PersonId,
    pub messages: Vec<Uuid>,
    pub facts: Vec<Uuid>,
    pub created_at: DateTime<Utc>,
}

impl ForgetRequest {
    pub async fn put(tx: &mut Tenant, request: &Self) -> Result<()> {
        diesel::insert_into(forget_requests::table)
            .values(request)
            .on_conflict((
                forget_requests::account_id,
                forget_requests::conversation_id,
                forget_requests::person_id,
            ))
            .do_update()
            .set(request)
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    /// What a person was asked in a conversation, which is answered now.
    pub async fn take(
        tx: &mut Tenant,
        conversation: ConversationId,
        person: PersonId,
    ) -> Result<Option<Self>> {
        let asked = diesel::delete(forget_requests::table.find((tx.account(), conversation, person)))
            .returning(Self::as_returning())
            .get_result(tx.conn())
            .await
            .optional()?;
        Ok(asked)
    }
}
