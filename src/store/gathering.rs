//! Turns that wait for the rest of an album: its parts come one by one, and are answered together.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::{Double, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{BotId, ConversationId, TurnId};
use crate::store::sql::sql;
use crate::store::turns::Turn;
use crate::store::tx::Tenant;

impl Turn {
    /// Lets a new message join the queued turn, and no running one. The conversation must be locked.
    pub async fn join_queued(tx: &Tenant, conversation: ConversationId) -> Result<Option<Self>> {
        let joined = sql("update turns set inputs = inputs + 1
             where account_id = current_account() and conversation_id = ? and state = 'queued' returning *")
        .bind::<SqlUuid, _>(conversation)
        .get_result(&mut tx.line())
        .await
        .optional()?;
        Ok(joined)
    }

    /// Lets a queued turn wait so long from now on, however long it was to wait.
    pub async fn wait(tx: &mut Tenant, id: TurnId, so_long: Duration) -> Result<()> {
        sql("update turns set waits_until = now() + make_interval(secs => ?)
             where account_id = current_account() and id = ? and state = 'queued'")
        .bind::<Double, _>(so_long.as_secs_f64())
        .bind::<SqlUuid, _>(id)
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// The same for the turn of a conversation, by its name, if it waits for something.
    pub async fn wait_on(
        tx: &mut Tenant,
        (bot, channel, key): (BotId, &str, &str),
        so_long: Duration,
    ) -> Result<()> {
        sql("update turns set waits_until = now() + make_interval(secs => ?)
             where account_id = current_account() and state = 'queued' and waits_until is not null
               and conversation_id = (select id from conversations
                   where account_id = current_account() and bot_id = ? and channel = ? and key = ?)")
        .bind::<Double, _>(so_long.as_secs_f64())
        .bind::<SqlUuid, _>(bot)
        .bind::<Text, _>(channel.to_owned())
        .bind::<Text, _>(key.to_owned())
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}
