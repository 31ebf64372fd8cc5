//! Taking words out of every table that they went to. What stays of a message is its place, who said it and
//! when: the log that clients follow and the order of a conversation need them.
//!
//! A table that comes to hold what people say belongs in here; a test looks for a word in every column of the
//! database.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::Result;
use crate::id::{BotId, ConversationId, MessageId, PersonId, TurnId};
use crate::store::messages::Message;
use crate::store::people::Person;
use crate::store::sql::sql;
use crate::store::turns::Turn;
use crate::store::tx::Tenant;
use crate::store::wake::Hint;

/// A turn whose model read certain messages, and the reply that came of it.
#[derive(Debug, Clone, QueryableByName)]
pub struct Heard {
    #[diesel(sql_type = SqlUuid)]
    pub turn_id: TurnId,
    #[diesel(sql_type = SqlUuid)]
    pub conversation_id: ConversationId,
    #[diesel(sql_type = SqlUuid)]
    pub reply_id: MessageId,
    /// The reply's text, and the arguments of the tools that were called for it.
    #[diesel(sql_type = Text)]
    pub words: String,
    /// What the model heard, as ids.
    #[diesel(sql_type = Jsonb)]
    pub report: Value,
}

/// What a message said before it was edited.
#[derive(Debug, Clone, QueryableByName)]
pub struct FormerText {
    #[diesel(sql_type = SqlUuid)]
    pub message_id: MessageId,
    #[diesel(sql_type = Integer)]
    pub version: i32,
    #[diesel(sql_type = Text)]
    pub text: String,
    /// Since when it said that.
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
}

impl FormerText {
    /// Of these messages, in the order of their versions.
    pub async fn list(tx: &mut Tenant, messages: &[MessageId]) -> Result<Vec<Self>> {
        let found = sql("select message_id, version, text, at from message_versions
             where account_id = current_account() and message_id = any(?) order by message_id, version")
        .bind::<Array<SqlUuid>, _>(messages.to_vec())
        .load(tx.conn())
        .await?;
        Ok(found)
    }
}

/// How far the replies may lie that heard a message of a conversation.
#[derive(Debug, Clone, Copy)]
pub struct Earshot {
    pub bot: BotId,
    pub conversation: ConversationId,
    /// Whose other conversations count too.
    pub person: Option<PersonId>,
    /// Whether all of the bot's do.
    pub everywhere: bool,
}

/// The turns that answered or wrote one of the messages `?`, all takes of them.
macro_rules! turns_of {
    ($more:literal) => {
        concat!(
            "(select takes.id from messages
              join turns answering on (answering.account_id, answering.id) = (messages.account_id, messages.turn_id)
              join turns takes on takes.account_id = answering.account_id
                and (takes.id = coalesce(answering.again_of, answering.id)
                  or takes.again_of = coalesce(answering.again_of, answering.id))
              where messages.account_id = current_account() and messages.id = any(?) ",
            $more,
            ")"
        )
    };
}

/// The reports that include one of `$ids`.
const INCLUDES: &str = "$.sections[*].items[*] ? (@.included == true && @.id == $ids[*])";

impl Message {
    /// The bot's replies to the words of `ids`, every take of them.
    pub async fn list_answers_to(tx: &mut Tenant, ids: &[MessageId]) -> Result<Vec<Self>> {
        let found = sql(concat!(
            "select * from messages where account_id = current_account() and role = 'bot'
               and erased_at is null and turn_id in ",
            turns_of!("and messages.role = 'person'")
        ))
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .load(tx.conn())
        .await?;
        Ok(found)
    }

    /// How many messages stand in a conversation, and when the first and the last of them were said.
    pub async fn extent(
        tx: &mut Tenant,
        conversation: ConversationId,
    ) -> Result<(i64, Option<DateTime<Utc>>, Option<DateTime<Utc>>)> {
        #[derive(QueryableByName)]
        struct Extent {
            #[diesel(sql_type = BigInt)]
            count: i64,
            #[diesel(sql_type = Nullable<Timestamptz>)]
            first: Option<DateTime<Utc>>,
            #[diesel(sql_type = Nullable<Timestamptz>)]
            last: Option<DateTime<Utc>>,
        }
        let extent: Extent = sql("select count(*), min(sent_at) as first, max(sent_at) as last from messages
             where account_id = current_account() and conversation_id = ? and role <> 'system'
               and erased_at is null and superseded_by is null")
        .bind::<SqlUuid, _>(conversation)
        .get_result(tx.conn())
        .await?;
        Ok((extent.count, extent.first, extent.last))
    }

    /// What is left of a conversation, or of what `person` said in it: at most `limit` of those after the
    /// ordinal `after`, oldest first.
    pub async fn list_standing(
        tx: &mut Tenant,
        conversation: ConversationId,
        person: Option<PersonId>,
        after: i32,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let found = sql("select * from messages
             where account_id = current_account() and conversation_id = ? and erased_at is null
               and ordinal > ? and (?::uuid is null or (role = 'person' and person_id = ?))
             order by ordinal limit ?")
        .bind::<SqlUuid, _>(conversation)
        .bind::<Integer, _>(after)
        .bind::<Nullable<SqlUuid>, _>(person)
        .bind::<Nullable<SqlUuid>, _>(person)
        .bind::<BigInt, _>(limit)
        .load(tx.conn())
        .await?;
        Ok(found)
    }

    /// Completed turns within earshot whose model read one of `ids` (messages, facts, summaries), from `since`
    /// on, with their replies that still stand.
    pub async fn list_heard(
        tx: &mut Tenant,
        ids: &[Uuid],
        within: Earshot,
        since: DateTime<Utc>,
    ) -> Result<Vec<Heard>> {
        let Earshot { bot, conversation, person, everywhere } = within;
        let named: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let found = sql("select turns.id as turn_id, turns.conversation_id, reply.id as reply_id,
                 concat_ws(' ', reply.text, (
                     select string_agg(body ->> 'arguments', ' ') from turn_events
                     where account_id = current_account() and turn_id = turns.id and kind = 'tool_called')) as words,
                 turns.report
             from turns
             join messages reply on (reply.account_id, reply.id) = (turns.account_id, turns.reply_id)
             where turns.account_id = current_account() and turns.bot_id = ? and turns.finished_at >= ?
               and (turns.conversation_id = ? or turns.conversation_id in (
                     select id from conversations where account_id = current_account() and person_id = ?) or ?)
               and reply.erased_at is null and turns.report is not null
               and jsonb_path_exists(turns.report, ?::jsonpath, ?)")
            .bind::<SqlUuid, _>(bot)
            .bind::<Timestamptz, _>(since)
            .bind::<SqlUuid, _>(conversation)
            .bind::<Nullable<SqlUuid>, _>(person)
            .bind::<Bool, _>(everywhere)
            .bind::<Text, _>(INCLUDES)
            .bind::<Jsonb, _>(json!({ "ids": named }))
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// Takes the words of these out of the database and leaves tombstones; says which they were, with their
    /// ordinals. Those that were erased before are not among them. The conversation must be locked.
    pub async fn erase(
        tx: &mut Tenant,
        ids: &[MessageId],
        now: DateTime<Utc>,
    ) -> Result<Vec<(MessageId, i32)>> {
        #[derive(QueryableByName)]
        struct Gone {
            #[diesel(sql_type = SqlUuid)]
            id: MessageId,
            #[diesel(sql_type = Integer)]
            ordinal: i32,
        }
        let gone: Vec<Gone> = sql("update messages set text = '', erased_at = ?
             where account_id = current_account() and id = any(?) and erased_at is null
             returning id, ordinal")
        .bind::<Timestamptz, _>(now)
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .load(tx.conn())
        .await?;
        for statement in BESIDE {
            sql(statement).bind::<Array<SqlUuid>, _>(ids.to_vec()).execute(tx.conn()).await?;
        }
        let named: Vec<String> = ids.iter().map(ToString::to_string).collect();
        sql("update idempotency_keys set fingerprint = 'erased'
             where account_id = current_account() and result ->> 'message' = any(?)")
        .bind::<Array<Text>, _>(named)
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Feed);
        Ok(gone.into_iter().map(|gone| (gone.id, gone.ordinal)).collect())
    }

    /// Lets turns that run within earshot begin anew, without what was erased: what their runners hold in
    /// hand is void, and others take them over at once.
    pub async fn unhear(tx: &mut Tenant, within: Earshot) -> Result<()> {
        #[derive(QueryableByName)]
        struct Interrupted {
            #[diesel(sql_type = SqlUuid)]
            id: TurnId,
        }
        let Earshot { bot, conversation, person, everywhere } = within;
        let interrupted: Vec<Interrupted> = sql("update turns set attempt = attempt + 1, leased_by = null,
                 lease_until = now() - interval '1 second'
             where account_id = current_account() and state = 'running' and bot_id = ?
               and (conversation_id = ? or person_id = ? or ?) returning id")
        .bind::<SqlUuid, _>(bot)
        .bind::<SqlUuid, _>(conversation)
        .bind::<Nullable<SqlUuid>, _>(person)
        .bind::<Bool, _>(everywhere)
        .load(tx.conn())
        .await?;
        for turn in interrupted {
            tx.wake(Hint::Interrupt(turn.id));
            tx.wake(Hint::Work);
        }
        Ok(())
    }
}

impl Turn {
    /// The open turns of a conversation whose words were erased, all of them.
    pub async fn list_unasked(tx: &mut Tenant, conversation: ConversationId) -> Result<Vec<TurnId>> {
        #[derive(QueryableByName)]
        struct Unasked {
            #[diesel(sql_type = SqlUuid)]
            id: TurnId,
        }
        let found: Vec<Unasked> = sql("select id from turns
             where account_id = current_account() and conversation_id = ? and state in ('queued', 'running')
               and not exists (
                 select from messages where account_id = turns.account_id and turn_id = turns.id
                   and role = 'person' and erased_at is null)")
        .bind::<SqlUuid, _>(conversation)
        .load(tx.conn())
        .await?;
        Ok(found.into_iter().map(|turn| turn.id).collect())
    }
}

/// Where else the words of messages stand, each a statement on their ids.
const BESIDE: [&str; 10] = [
    "delete from message_versions where account_id = current_account() and message_id = any(?)",
    "delete from passages where account_id = current_account() and document_id in (
         select id from documents where account_id = current_account() and message_id = any(?))",
    "delete from documents where account_id = current_account() and message_id = any(?)",
    "update message_ratings set comment = null
     where account_id = current_account() and message_id = any(?) and comment is not null",
    // With their contents, which hang on them.
    "delete from uploads where account_id = current_account() and message_id = any(?)",
    // What was not sent is not sent any more; of what was, the channel's name for it stays.
    "delete from deliveries where account_id = current_account() and message_id = any(?) and state = 'queued'",
    "update deliveries set text = '', error = null where account_id = current_account() and message_id = any(?)",
    // The words of a reply as they came, and what its model asked tools with.
    concat!(
        "delete from turn_events where account_id = current_account() and kind = 'text' and turn_id in ",
        turns_of!("")
    ),
    concat!(
        "update turn_events set body = (body - 'reason') || case kind when 'tool_called'
             then '{\"arguments\": {}}'::jsonb else '{}'::jsonb end
         where account_id = current_account() and kind in ('tool_called', 'failed') and turn_id in ",
        turns_of!("")
    ),
    // A provider may quote what it refused.
    concat!(
        "update turns set failure = failure - 'reason'
         where account_id = current_account() and failure is not null and id in ",
        turns_of!("")
    ),
];

/// How somebody is called whose name was erased.
const NOBODY: &str = "(erased)";

impl Person {
    /// Guests of a bot who said nothing since `before` and of whom something is left, at most `limit`: people
    /// without a token who are not the operator and were not imported.
    pub async fn list_silent_guests(
        tx: &mut Tenant,
        bot: BotId,
        before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<PersonId>> {
        #[derive(QueryableByName)]
        struct Guest {
            #[diesel(sql_type = SqlUuid)]
            person_id: PersonId,
        }
        let found: Vec<Guest> = sql("select person_id from conversations talk
             where account_id = current_account() and bot_id = ? and person_id is not null and channel <> 'import'
               and exists (select from messages where account_id = talk.account_id
                   and conversation_id = talk.id and erased_at is null)
               and not exists (select from api_tokens where account_id = talk.account_id
                   and person_id = talk.person_id and revoked_at is null)
               and not exists (select from identities where account_id = talk.account_id
                   and person_id = talk.person_id and channel in ('operator', 'import'))
             group by person_id having max(updated_at) < ? order by max(updated_at) limit ?")
        .bind::<SqlUuid, _>(bot)
        .bind::<Timestamptz, _>(before)
        .bind::<BigInt, _>(limit)
        .load(tx.conn())
        .await?;
        Ok(found.into_iter().map(|guest| guest.person_id).collect())
    }

    /// Takes the name of a person away, everywhere, with their handles on channels, their tokens and the
    /// files that they sent to no message. The operator's own handle stays: it names nobody.
    pub async fn erase(tx: &mut Tenant, id: PersonId, now: DateTime<Utc>) -> Result<()> {
        let statements = [
            "update people set name = ?, language = null where account_id = current_account() and id = ?",
            "update participants set name = ? where account_id = current_account() and person_id = ?",
            "update messages set author = ? where account_id = current_account() and person_id = ?",
        ];
        for statement in statements {
            sql(statement).bind::<Text, _>(NOBODY).bind::<SqlUuid, _>(id).execute(tx.conn()).await?;
        }
        let handles = [
            "delete from identities where account_id = current_account() and channel <> 'operator' and person_id = ?",
            "delete from uploads where account_id = current_account() and message_id is null and person_id = ?",
        ];
        for statement in handles {
            sql(statement).bind::<SqlUuid, _>(id).execute(tx.conn()).await?;
        }
        sql("update api_tokens set revoked_at = ?
             where account_id = current_account() and person_id = ? and revoked_at is null
               and not exists (select from identities where account_id = current_account()
                   and channel = 'operator' and person_id = api_tokens.person_id)")
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(id)
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Feed);
        Ok(())
    }
}
