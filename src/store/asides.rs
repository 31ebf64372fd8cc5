//! Turns beside the queue: those that were thought elsewhere and are stored when they are over, and how clients
//! wish to be answered.

use chrono::{DateTime, Utc};
use diesel::sql_types::{Integer, Jsonb, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::error::Result;
use crate::id::{BotId, ConversationId, RevisionId, TurnId};
use crate::store::sql::sql;
use crate::store::turns::Turn;
use crate::store::tx::Tenant;

/// A turn that was thought elsewhere and is stored when it is over.
#[derive(Debug, Clone)]
pub struct EndedTurn {
    pub id: TurnId,
    pub conversation_id: ConversationId,
    pub bot_id: BotId,
    pub revision_id: RevisionId,
    pub first_ordinal: i32,
    pub at: DateTime<Utc>,
}

impl Turn {
    /// Adds a turn that is over; [`Turn::finish`] says how it ended. The conversation must be locked.
    pub async fn insert_ended(tx: &mut Tenant, ended: EndedTurn) -> Result<()> {
        let EndedTurn { id, conversation_id, bot_id, revision_id, first_ordinal, at } = ended;
        sql("insert into turns (account_id, id, conversation_id, bot_id, revision_id, first_ordinal, created_at,
                 started_at, person_id, state, attempt, shown)
             select current_account(), ?, ?, ?, ?, ?, ?, ?,
                 (select person_id from conversations where account_id = current_account() and id = ?),
                 'completed', 1, true")
            .bind::<SqlUuid, _>(id)
            .bind::<SqlUuid, _>(conversation_id)
            .bind::<SqlUuid, _>(bot_id)
            .bind::<SqlUuid, _>(revision_id)
            .bind::<Integer, _>(first_ordinal)
            .bind::<Timestamptz, _>(at)
            .bind::<Timestamptz, _>(at)
            .bind::<SqlUuid, _>(conversation_id)
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    /// The turn of a conversation that runs, else the one that waits.
    pub async fn find_open(tx: &mut Tenant, conversation: ConversationId) -> Result<Option<TurnId>> {
        #[derive(diesel::QueryableByName)]
        struct Open {
            #[diesel(sql_type = SqlUuid)]
            id: TurnId,
        }
        let found: Vec<Open> = sql("select id from turns
             where account_id = current_account() and conversation_id = ? and state in ('queued', 'running')
             order by state desc limit 1")
        .bind::<SqlUuid, _>(conversation)
        .load(tx.conn())
        .await?;
        Ok(found.into_iter().next().map(|open| open.id))
    }

    /// Says how the turn is to be answered, in place of what was said before. The conversation must be locked.
    pub async fn wish(tx: &mut Tenant, id: TurnId, wishes: &Value) -> Result<()> {
        sql("update turns set wishes = ? where account_id = current_account() and id = ?")
            .bind::<Jsonb, _>(wishes.clone())
            .bind::<SqlUuid, _>(id)
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}
