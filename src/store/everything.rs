//! Everything that somebody may see, in orders in which a reader can stop and go on: for a client that begins
//! from nothing. What is gone (archived, erased) is left out.

use diesel::sql_types::{BigInt, Integer, Nullable, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Result;
use crate::id::{BotId, ConversationId, PersonId, TurnId};
use crate::store::bots::Bot;
use crate::store::conversations::Conversation;
use crate::store::messages::Message;
use crate::store::sql::sql;
use crate::store::turns::{Turn, brief_turns};
use crate::store::tx::Tenant;

impl Bot {
    /// Bots in service by id: at most `limit` of those after `after`.
    pub async fn list_all_after(tx: &mut Tenant, after: Option<BotId>, limit: i64) -> Result<Vec<Self>> {
        let found = sql("select * from bots where account_id = current_account() and archived_at is null
               and id > ? order by id limit ?")
        .bind::<SqlUuid, _>(after.map_or(Uuid::nil(), |id| id.0))
        .bind::<BigInt, _>(limit)
        .load(tx.conn())
        .await?;
        Ok(found)
    }
}

impl Conversation {
    /// Conversations of `person`, or (`None`) of everybody, by id: at most `limit` of those after `after`.
    pub async fn list_all_after(
        tx: &mut Tenant,
        person: Option<PersonId>,
        after: Option<ConversationId>,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let after = after.map_or(Uuid::nil(), |id| id.0);
        let found = match person {
            None => sql("select * from conversations where account_id = current_account()
                   and id > ? order by id limit ?"),
            Some(person) => sql("select * from conversations where account_id = current_account()
                   and person_id = ? and id > ? order by id limit ?")
            .bind::<SqlUuid, _>(person),
        };
        let found = found.bind::<SqlUuid, _>(after).bind::<BigInt, _>(limit).load(tx.conn()).await?;
        Ok(found)
    }
}

impl Message {
    /// Messages of the conversations of `person`, or (`None`) of everybody, by conversation and ordinal: at most
    /// `limit` of those after `after`.
    pub async fn list_all_after(
        tx: &mut Tenant,
        person: Option<PersonId>,
        after: Option<(ConversationId, i32)>,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let (conversation, ordinal) = after.map_or((Uuid::nil(), 0), |(id, ordinal)| (id.0, ordinal));
        let found = match person {
            None => sql("select there.* from (
                     select id from conversations where account_id = current_account() and id >= ? order by id) here
                 cross join lateral (
                     select * from messages where account_id = current_account() and conversation_id = here.id
                       and ordinal > case when here.id = ? then ? else 0 end and erased_at is null
                     order by ordinal limit ?) there
                 order by here.id, there.ordinal limit ?"),
            Some(person) => sql("select there.* from (
                     select id from conversations where account_id = current_account() and person_id = ?
                       and id >= ? order by id) here
                 cross join lateral (
                     select * from messages where account_id = current_account() and conversation_id = here.id
                       and ordinal > case when here.id = ? then ? else 0 end and erased_at is null
                     order by ordinal limit ?) there
                 order by here.id, there.ordinal limit ?")
            .bind::<SqlUuid, _>(person),
        };
        let found = found
            .bind::<SqlUuid, _>(conversation)
            .bind::<SqlUuid, _>(conversation)
            .bind::<Integer, _>(ordinal)
            .bind::<BigInt, _>(limit)
            .bind::<BigInt, _>(limit)
            .load(tx.conn())
            .await?;
        Ok(found)
    }
}

impl Turn {
    /// Turns of the conversations of `person`, or (`None`) of everybody, by conversation, first ordinal and id,
    /// without their reports: at most `limit` of those after `after`.
    pub async fn list_all_after(
        tx: &mut Tenant,
        person: Option<PersonId>,
        after: Option<(ConversationId, i32, TurnId)>,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let (conversation, ordinal, turn) =
            after.map_or((Uuid::nil(), 0, Uuid::nil()), |(id, ordinal, turn)| (id.0, ordinal, turn.0));
        let found = match person {
            None => sql(brief_turns!(
                "select there.* from (
                     select id from conversations where account_id = current_account() and id >= ? order by id) here
                 cross join lateral (",
                "from turns where account_id = current_account() and conversation_id = here.id
                       and (?::uuid is distinct from here.id or (first_ordinal, id) > (?, ?))
                     order by first_ordinal, id limit ?) there
                 order by here.id, there.first_ordinal, there.id limit ?"
            )),
            Some(person) => sql(brief_turns!(
                "select there.* from (
                     select id from conversations where account_id = current_account() and person_id = ?
                       and id >= ? order by id) here
                 cross join lateral (",
                "from turns where account_id = current_account() and conversation_id = here.id
                       and (?::uuid is distinct from here.id or (first_ordinal, id) > (?, ?))
                     order by first_ordinal, id limit ?) there
                 order by here.id, there.first_ordinal, there.id limit ?"
            ))
            .bind::<SqlUuid, _>(person),
        };
        let found = found
            .bind::<SqlUuid, _>(conversation)
            .bind::<Nullable<SqlUuid>, _>(after.map(|after| after.0))
            .bind::<Integer, _>(ordinal)
            .bind::<SqlUuid, _>(turn)
            .bind::<BigInt, _>(limit)
            .bind::<BigInt, _>(limit)
            .load(tx.conn())
            .await?;
        Ok(found)
    }
}
