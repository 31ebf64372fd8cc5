//! Conversations whose memory wants looking after, by id, a page at a time.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Result;
use crate::id::{BotId, ConversationId};
use crate::store::conversations::Conversation;
use crate::store::sql::sql;
use crate::store::tx::Tenant;

impl Conversation {
    /// Conversations of a bot, by id, that changed since their last digest: at most `limit` of those after `after`.
    pub async fn list_undigested(
        tx: &mut Tenant,
        bot: BotId,
        after: Option<ConversationId>,
        limit: i64,
    ) -> Result<Vec<ConversationId>> {
        let found: Vec<Named> =
            sql("select id from conversations where account_id = current_account() and bot_id = ?
               and id > ? and last_ordinal > 0 and updated_at >= coalesce((
                   select max(until) from summaries where account_id = current_account()
                     and conversation_id = conversations.id and kind = 'day'), '-infinity')
             order by id limit ?")
            .bind::<SqlUuid, _>(bot)
            .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), |id| id.0))
            .bind::<BigInt, _>(limit)
            .load(tx.conn())
            .await?;
        Ok(found.into_iter().map(|found| found.id).collect())
    }

    /// Conversations, by id, in which people said something since the last summary: at most `limit` of those after
    /// `after`.
    pub async fn list_unsummarised(
        tx: &mut Tenant,
        after: Option<ConversationId>,
        limit: i64,
    ) -> Result<Vec<ConversationId>> {
        let found: Vec<Named> =
            sql("select id from conversations where account_id = current_account() and id > ?
               and exists (select from messages where account_id = current_account()
                   and conversation_id = conversations.id and role = 'person' and erased_at is null
                   and ordinal >= window_from and ordinal > coalesce((
                       select max(to_ordinal) from summaries where account_id = current_account()
                         and conversation_id = conversations.id and kind = 'rolling'), 0))
             order by id limit ?")
            .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), |id| id.0))
            .bind::<BigInt, _>(limit)
            .load(tx.conn())
            .await?;
        Ok(found.into_iter().map(|found| found.id).collect())
    }

    /// All conversations of a bot by id: at most `limit` of those after `after`.
    pub async fn list_of_bot(
        tx: &mut Tenant,
        bot: BotId,
        after: Option<ConversationId>,
        limit: i64,
    ) -> Result<Vec<ConversationId>> {
        let found: Vec<Named> =
            sql("select id from conversations where account_id = current_account() and bot_id = ?
               and id > ? order by id limit ?")
            .bind::<SqlUuid, _>(bot)
            .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), |id| id.0))
            .bind::<BigInt, _>(limit)
            .load(tx.conn())
            .await?;
        Ok(found.into_iter().map(|found| found.id).collect())
    }
}

#[derive(QueryableByName)]
struct Named {
    #[diesel(sql_type = SqlUuid)]
    id: ConversationId,
}
