//! Replies that people saw before they were whole: which message of the channel each was begun with.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{ConversationId, DeliveryId, TurnId};
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// The begun reply of a turn.
#[derive(Debug, Clone, Copy)]
pub struct BegunReply;

impl BegunReply {
    /// Notes that the reply of a turn is about to be begun; false if it was begun before, or if something else
    /// of the conversation is still on its way and would come after it.
    pub async fn begin(
        tx: &mut Tenant,
        turn: TurnId,
        conversation: ConversationId,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let count = sql("insert into begun_replies (account_id, turn_id, conversation_id, state, at)
             select current_account(), ?, ?, 'sending', ?
             where not exists (select from deliveries where account_id = current_account()
                 and conversation_id = ? and state in ('queued', 'sending'))
               and exists (select from turns where account_id = current_account() and id = ? and state = 'running')
             on conflict do nothing")
        .bind::<SqlUuid, _>(turn)
        .bind::<SqlUuid, _>(conversation)
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(conversation)
        .bind::<SqlUuid, _>(turn)
        .execute(tx.conn())
        .await?;
        Ok(count == 1)
    }

    /// Notes that the channel has it, under this name.
    pub async fn sent(tx: &mut Tenant, turn: TurnId, external_id: &str) -> Result<()> {
        Self::settle(tx, turn, "sent", Some(external_id)).await
    }

    /// Notes that nobody knows whether the channel has it, where the ambiguous sends are listed too.
    pub async fn lost(tx: &mut Tenant, turn: TurnId, channel: &str, now: DateTime<Utc>) -> Result<()> {
        sql("insert into deliveries (account_id, id, conversation_id, turn_id, channel, part, text, state, error,
                 attempts, run_at, created_at)
             select account_id, ?, conversation_id, turn_id, ?, 0, '', 'ambiguous',
                 'a reply was begun and the channel did not answer: its beginning may be seen twice', 1, ?, ?
             from begun_replies where account_id = current_account() and turn_id = ? and state = 'sending'")
        .bind::<SqlUuid, _>(DeliveryId::new())
        .bind::<Text, _>(channel.to_owned())
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(turn)
        .execute(tx.conn())
        .await?;
        Self::settle(tx, turn, "unknown", None).await
    }

    async fn settle(tx: &mut Tenant, turn: TurnId, state: &str, external_id: Option<&str>) -> Result<()> {
        sql("update begun_replies set state = ?, external_id = ?
             where account_id = current_account() and turn_id = ?")
        .bind::<Text, _>(state.to_owned())
        .bind::<Nullable<Text>, _>(external_id.map(str::to_owned))
        .bind::<SqlUuid, _>(turn)
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// Forgets it: the channel refused it, or it is of no use any more.
    pub async fn forget(tx: &mut Tenant, turn: TurnId) -> Result<()> {
        sql("delete from begun_replies where account_id = current_account() and turn_id = ?")
            .bind::<SqlUuid, _>(turn)
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    /// The channel's name for what the reply of a turn was begun with.
    pub async fn find(tx: &mut Tenant, turn: TurnId) -> Result<Option<(String, Option<String>)>> {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            state: String,
            #[diesel(sql_type = Nullable<Text>)]
            external_id: Option<String>,
        }
        let found: Vec<Row> = sql("select state, external_id from begun_replies
             where account_id = current_account() and turn_id = ?")
        .bind::<SqlUuid, _>(turn)
        .load(tx.conn())
        .await?;
        Ok(found.into_iter().next().map(|row| (row.state, row.external_id)))
    }
}
