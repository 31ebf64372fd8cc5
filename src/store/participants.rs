//! Who speaks in conversations, and what may be recalled there.

use diesel::prelude::*;
use diesel::sql_types::{Array, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::Result;
use crate::id::{AccountId, BotId, ConversationId, PersonId};
use crate::store::schema::participants;
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// Somebody who speaks in a conversation.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = participants, check_for_backend(diesel::pg::Pg))]
pub struct Participant {
    pub account_id: AccountId,
    pub conversation_id: ConversationId,
    pub person_id: PersonId,
    /// As they are called there.
    pub name: String,
}

impl Participant {
    /// Notes that somebody speaks here under this name.
    pub async fn put(tx: &mut Tenant, participant: &Self) -> Result<()> {
        sql("insert into participants (account_id, conversation_id, person_id, name)
             values (?, ?, ?, ?)
             on conflict (account_id, conversation_id, person_id) do update set name = excluded.name")
        .bind::<SqlUuid, _>(participant.account_id)
        .bind::<SqlUuid, _>(participant.conversation_id)
        .bind::<SqlUuid, _>(participant.person_id)
        .bind::<Text, _>(participant.name.clone())
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    pub async fn list(tx: &mut Tenant, conversation: ConversationId) -> Result<Vec<Self>> {
        let found = participants::table
            .filter(participants::account_id.eq(tx.account()))
            .filter(participants::conversation_id.eq(conversation))
            .order(participants::person_id)
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }
}

/// Where a memory is asked, and who speaks in what may be recalled there.
#[derive(Debug, Clone, QueryableByName)]
pub struct Setting {
    #[diesel(sql_type = SqlUuid)]
    pub bot_id: BotId,
    /// Whose private conversation it is; none for a group.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub person_id: Option<PersonId>,
    /// The names of the people who speak here and in the person's other private conversations with this bot.
    /// Not the bot's: a bot that is called Lawyer would take the word away from every question.
    #[diesel(sql_type = Array<Text>)]
    pub names: Vec<String>,
}

impl Setting {
    pub async fn find(tx: &Tenant, conversation: ConversationId) -> Result<Option<Self>> {
        let found = sql("select here.bot_id, here.person_id, array(
                     select participants.name from participants
                     where participants.account_id = current_account() and participants.conversation_id = here.id
                     union select participants.name from conversations there
                     join participants on (participants.account_id, participants.conversation_id)
                                        = (there.account_id, there.id)
                     where there.account_id = current_account() and there.bot_id = here.bot_id
                       and there.person_id = here.person_id) as names
             from conversations here where here.account_id = current_account() and here.id = ?")
        .bind::<SqlUuid, _>(conversation)
        .get_result(&mut tx.line())
        .await
        .optional()?;
        Ok(found)
    }
}
