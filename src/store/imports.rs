//! What was brought along from elsewhere, by what it was known there.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use diesel::sql_types::{Bool, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{AccountId, ConversationId, MessageId};
use crate::store::schema::imports;
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// One message that came from elsewhere.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = imports, check_for_backend(diesel::pg::Pg))]
pub struct Import {
    pub account_id: AccountId,
    pub conversation_id: ConversationId,
    /// What it is known by; unique in its conversation.
    pub external_id: String,
    pub message_id: MessageId,
}

impl Import {
    /// Notes that these came in. The conversation must be locked.
    pub async fn insert(tx: &mut Tenant, imported: &[Self]) -> Result<()> {
        diesel::insert_into(imports::table).values(imported).execute(tx.conn()).await?;
        Ok(())
    }

    /// Which of `external_ids` came into the conversation before.
    pub async fn list_known(
        tx: &mut Tenant,
        conversation: ConversationId,
        external_ids: &[&str],
    ) -> Result<HashSet<String>> {
        let known = imports::table
            .filter(imports::account_id.eq(tx.account()))
            .filter(imports::conversation_id.eq(conversation))
            .filter(imports::external_id.eq_any(external_ids))
            .select(imports::external_id)
            .load(tx.conn())
            .await?;
        Ok(known.into_iter().collect())
    }

    /// What these messages were known by; those that were said here are missing.
    pub async fn list_of(tx: &mut Tenant, messages: &[MessageId]) -> Result<HashMap<MessageId, String>> {
        let known = imports::table
            .filter(imports::account_id.eq(tx.account()))
            .filter(imports::message_id.eq_any(messages))
            .select((imports::message_id, imports::external_id))
            .load(tx.conn())
            .await?;
        Ok(known.into_iter().collect())
    }

    /// Whether somebody talked with the bot in the conversation: then nothing may come before that any more.
    pub async fn is_too_late(tx: &mut Tenant, conversation: ConversationId) -> Result<bool> {
        #[derive(QueryableByName)]
        struct Found {
            #[diesel(sql_type = Bool)]
            found: bool,
        }
        let answer: Found = sql("select exists (select from turns
                 where account_id = current_account() and conversation_id = ?) as found")
        .bind::<SqlUuid, _>(conversation)
        .get_result(tx.conn())
        .await?;
        Ok(answer.found)
    }
}
