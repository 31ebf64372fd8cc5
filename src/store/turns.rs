//! Turns: the queue of answers to be given. At most one is queued and one is running per conversation.
//!
//! A running turn is leased. Whoever finishes or writes for it names the attempt and the inputs that it
//! worked from; a runner that was overtaken finds no row and stops.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{
    Array, BigInt, Bool, Double, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid,
};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::error::Result;
use crate::id::{AccountId, BotId, ConversationId, MessageId, ReplicaId, RevisionId, TurnId};
use crate::store::columns::words;
use crate::store::schema::turns;
use crate::store::sql::sql;
use crate::store::takes::Take;
use crate::store::tx::{System, Tenant};
use crate::store::wake::Hint;

words! {
    /// Where a turn stands. The last three are final.
    TurnState {
        Queued = "queued",
        Running = "running",
        Completed = "completed",
        Failed = "failed",
        Cancelled = "cancelled",
    }
}

impl TurnState {
    /// Nothing follows it.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// How long a lease lasts, in seconds. A runner renews it four times in that span.
const LEASE_SECONDS: i32 = 8;

/// The work of answering one or more messages.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = turns, check_for_backend(diesel::pg::Pg))]
pub struct Turn {
    pub account_id: AccountId,
    pub id: TurnId,
    pub conversation_id: ConversationId,
    pub bot_id: BotId,
    /// The state of the bot that it runs on.
    pub revision_id: RevisionId,
    pub state: TurnState,
    /// How often it was claimed; from 1 once it ran.
    pub attempt: i32,
    /// Grows with every message or edit that joins.
    pub inputs: i32,
    /// Whether something of it was seen outside.
    pub shown: bool,
    pub cancel_requested: bool,
    pub leased_by: Option<ReplicaId>,
    pub lease_until: Option<DateTime<Utc>>,
    /// The ordinal of the first message that it answers.
    pub first_ordinal: i32,
    /// Of its terminal event; 0 while there is none.
    pub last_seq: i32,
    pub reply_id: Option<MessageId>,
    /// `provider/model` that answered.
    pub model: Option<String>,
    pub usage: Option<Value>,
    /// `{code, message, retryable}`.
    pub failure: Option<Value>,
    /// What the model heard, as ids, tokens and reasons.
    pub report: Option<Value>,
    pub created_at: DateTime<Utc>,
    pub started_at: Option<DateTime<Utc>>,
    pub finished_at: Option<DateTime<Utc>>,
    /// Counts the answers to the same words, from 1.
    pub take: i32,
    /// The first turn that answered the same words; none for that one itself.
    pub again_of: Option<TurnId>,
    /// How a client wants it to be answered; forgotten once it is over.
    pub wishes: Option<Value>,
}

/// A statement that selects turns without their reports, which are long: every other column, so that a row is a
/// [`Turn`].
macro_rules! brief_turns {
    ($before:literal, $from:literal) => {
        concat!(
            $before,
            "select account_id, id, conversation_id, bot_id, revision_id, state, attempt, inputs, shown,
                 cancel_requested, leased_by, lease_until, first_ordinal, last_seq, reply_id, model, usage,
                 failure, null::jsonb as report, created_at, started_at, finished_at, take, again_of, wishes ",
            $from
        )
    };
}
pub(super) use brief_turns;

/// What a new turn is about.
#[derive(Debug, Clone)]
pub struct NewTurn {
    pub id: TurnId,
    pub conversation_id: ConversationId,
    pub bot_id: BotId,
    pub revision_id: RevisionId,
    pub first_ordinal: i32,
    /// The turn that it follows, if it is to answer the same words again.
    pub after: Option<Take>,
    pub created_at: DateTime<Utc>,
}

/// A turn that this replica may run now.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub turn: Turn,
    /// It was taken over from a runner that died.
    pub taken_over: bool,
}

/// What a turn ended with.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub state: TurnState,
    pub reply_id: Option<MessageId>,
    pub model: Option<String>,
    pub usage: Option<Value>,
    pub failure: Option<Value>,
    pub report: Option<Value>,
    /// The number of its terminal event.
    pub last_seq: i32,
}

impl Turn {
    /// Begins a turn for a new message: running at once where `claim_as` names a runner that has room for it and
    /// no other turn of the conversation is open, queued otherwise. The conversation must be locked and have no
    /// queued turn.
    pub async fn insert(tx: &mut Tenant, new: NewTurn, claim_as: Option<ReplicaId>) -> Result<Self> {
        // Materialized: a `claim` that is merged into what uses it is planned and looked up once for each use.
        let turn: Self = sql("with claim as materialized (
                 select case when not exists (
                     select from turns where account_id = current_account() and conversation_id = ?
                       and state = 'running') then ?::uuid end as replica)
             insert into turns (account_id, id, conversation_id, bot_id, revision_id, first_ordinal, created_at,
                 person_id, take, again_of, state, attempt, leased_by, started_at, lease_until)
             select current_account(), ?, ?, ?, ?, ?, ?,
                 (select person_id from conversations where account_id = current_account() and id = ?),
                 ?, ?,
                 case when replica is null then 'queued' else 'running' end,
                 case when replica is null then 0 else 1 end,
                 replica,
                 case when replica is not null then ?::timestamptz end,
                 case when replica is not null then now() + make_interval(secs => ?) end
             from claim
             returning *")
            .bind::<SqlUuid, _>(new.conversation_id)
            .bind::<Nullable<SqlUuid>, _>(claim_as)
            .bind::<SqlUuid, _>(new.id)
            .bind::<SqlUuid, _>(new.conversation_id)
            .bind::<SqlUuid, _>(new.bot_id)
            .bind::<SqlUuid, _>(new.revision_id)
            .bind::<Integer, _>(new.first_ordinal)
            .bind::<Timestamptz, _>(new.created_at)
            .bind::<SqlUuid, _>(new.conversation_id)
            .bind::<Integer, _>(new.after.map_or(1, |last| last.number + 1))
            .bind::<Nullable<SqlUuid>, _>(new.after.map(|last| last.first))
            .bind::<Timestamptz, _>(new.created_at)
            .bind::<Double, _>(f64::from(LEASE_SECONDS))
            .get_result(tx.conn())
            .await?;
        if turn.state == TurnState::Queued {
            tx.wake(Hint::Work);
        }
        Ok(turn)
    }

    pub async fn find(tx: &mut Tenant, id: TurnId) -> Result<Option<Self>> {
        let turn = turns::table
            .find((tx.account(), id))
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(turn)
    }

    /// By their ids, in no particular order, without their reports, which are long.
    pub async fn list_by_ids(tx: &mut Tenant, ids: &[TurnId]) -> Result<Vec<Self>> {
        let found = sql(brief_turns!("", "from turns where account_id = current_account() and id = any(?)"))
            .bind::<Array<SqlUuid>, _>(ids.to_vec())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// The reports of turns, by their ids.
    pub async fn list_reports(tx: &mut Tenant, ids: &[TurnId]) -> Result<Vec<(TurnId, Option<Value>)>> {
        let found = turns::table
            .filter(turns::account_id.eq(tx.account()))
            .filter(turns::id.eq_any(ids))
            .select((turns::id, turns::report))
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// Lets a new message or edit join: the queued turn always, the running one while nothing of it was
    /// seen and fewer than three have restarted it. The conversation must be locked. `None`: no turn is open
    /// to it.
    pub async fn join(tx: &Tenant, conversation: ConversationId) -> Result<Option<Self>> {
        let joined: Option<Self> = sql("update turns set inputs = inputs + 1
             where account_id = current_account()
               and id = coalesce(
                   (select id from turns where account_id = current_account() and conversation_id = ? and state = 'queued'),
                   (select id from turns where account_id = current_account() and conversation_id = ? and state = 'running'))
               and (state = 'queued' or (state = 'running' and not shown and not cancel_requested and inputs < 4))
             returning *")
            .bind::<SqlUuid, _>(conversation)
            .bind::<SqlUuid, _>(conversation)
            .get_result(&mut tx.line())
            .await
            .optional()?;
        if let Some(turn) = &joined {
            tx.wake(Hint::Interrupt(turn.id));
        }
        Ok(joined)
    }

    /// Tells the open turn of an edited message that its words have changed. One that was seen already goes on
    /// as it is. The conversation must be locked.
    pub async fn join_this(tx: &mut Tenant, id: TurnId) -> Result<()> {
        let count = sql("update turns set inputs = inputs + 1 where account_id = current_account() and id = ?
               and (state = 'queued' or (state = 'running' and not shown and not cancel_requested and inputs < 4))")
            .bind::<SqlUuid, _>(id)
            .execute(tx.conn())
            .await?;
        if count > 0 {
            tx.wake(Hint::Interrupt(id));
        }
        Ok(())
    }

    /// Cancels a turn that has not begun. `None` if it is not queued. The conversation must be locked.
    pub async fn cancel_queued(tx: &mut Tenant, id: TurnId, now: DateTime<Utc>) -> Result<Option<Self>> {
        let turn = sql("update turns set state = 'cancelled', last_seq = 1, finished_at = ?, wishes = null
             where account_id = current_account() and id = ? and state = 'queued' returning *")
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(id)
        .get_result(tx.conn())
        .await
        .optional()?;
        Ok(turn)
    }

    /// Claims up to `limit` turns for `replica`: those whose lease ran out first, then the oldest queued ones
    /// of conversations where none is running.
    pub async fn claim(
        tx: &mut System,
        replica: ReplicaId,
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<Claimed>> {
        let mut claimed = Vec::new();
        let expired: Vec<Self> = sql("update turns set attempt = attempt + 1, leased_by = ?,
                 lease_until = now() + make_interval(secs => ?)
             where (account_id, id) in (
                 select account_id, id from turns where state = 'running' and lease_until < now()
                 order by lease_until limit ? for update skip locked)
             returning *")
        .bind::<SqlUuid, _>(replica)
        .bind::<Double, _>(f64::from(LEASE_SECONDS))
        .bind::<BigInt, _>(limit)
        .load(tx.conn())
        .await?;
        claimed.extend(expired.into_iter().map(|turn| Claimed { turn, taken_over: true }));
        let room = limit - i64::try_from(claimed.len()).unwrap_or(limit);
        let queued: Vec<Self> =
            sql("update turns set state = 'running', attempt = attempt + 1, leased_by = ?,
                 started_at = coalesce(started_at, ?), lease_until = now() + make_interval(secs => ?)
             where (account_id, id) in (
                 select account_id, id from turns waiting where state = 'queued'
                   and (waits_until is null or waits_until <= now()) and not exists (
                     select from turns busy where busy.account_id = waiting.account_id
                       and busy.conversation_id = waiting.conversation_id and busy.state = 'running')
                 order by created_at limit ? for update skip locked)
               and state = 'queued'
             returning *")
            .bind::<SqlUuid, _>(replica)
            .bind::<Timestamptz, _>(now)
            .bind::<Double, _>(f64::from(LEASE_SECONDS))
            .bind::<BigInt, _>(room)
            .load(tx.conn())
            .await?;
        claimed.extend(queued.into_iter().map(|turn| Claimed { turn, taken_over: false }));
        Ok(claimed)
    }

    /// Renews the leases of `replica` on `ids`; returns the turns that are still its own, as they stand now.
    pub async fn renew(tx: &mut System, replica: ReplicaId, ids: &[TurnId]) -> Result<Vec<Self>> {
        let own = sql("update turns set lease_until = now() + make_interval(secs => ?)
             where id = any(?) and state = 'running' and leased_by = ? returning *")
        .bind::<Double, _>(f64::from(LEASE_SECONDS))
        .bind::<Array<SqlUuid>, _>(ids.to_vec())
        .bind::<SqlUuid, _>(replica)
        .load(tx.conn())
        .await?;
        Ok(own)
    }

    /// Gives up the leases of `replica`, so that others take its turns over at once.
    pub async fn hand_back(tx: &mut System, replica: ReplicaId) -> Result<usize> {
        let count = sql("update turns set lease_until = now() - interval '1 second'
             where state = 'running' and leased_by = ?")
        .bind::<SqlUuid, _>(replica)
        .execute(tx.conn())
        .await?;
        if count > 0 {
            tx.wake(Hint::Work);
        }
        Ok(count)
    }

    /// The turn, locked, if `attempt` is still the one that runs it. The conversation must be locked.
    pub async fn find_running_locked(tx: &Tenant, id: TurnId, attempt: i32) -> Result<Option<Self>> {
        let turn = sql("select * from turns where account_id = current_account() and id = ?
             and state = 'running' and attempt = ? for no key update")
        .bind::<SqlUuid, _>(id)
        .bind::<Integer, _>(attempt)
        .get_result(&mut tx.line())
        .await
        .optional()?;
        Ok(turn)
    }

    /// Ends it. The conversation and the turn must be locked.
    pub async fn finish(tx: &Tenant, id: TurnId, outcome: Outcome, now: DateTime<Utc>) -> Result<()> {
        let Outcome { state, reply_id, model, usage, failure, report, last_seq } = outcome;
        #[derive(QueryableByName)]
        struct Next {
            #[diesel(sql_type = Bool)]
            waits: bool,
        }
        let next: Next =
            sql("update turns set state = ?, reply_id = ?, model = ?, usage = ?, failure = ?, report = ?,
                 last_seq = ?, finished_at = ?, leased_by = null, lease_until = null, wishes = null
             where account_id = current_account() and id = ?
             returning exists (select from turns q where q.account_id = turns.account_id
                 and q.conversation_id = turns.conversation_id and q.state = 'queued') as waits")
            .bind::<Text, _>(state)
            .bind::<Nullable<SqlUuid>, _>(reply_id)
            .bind::<Nullable<Text>, _>(model)
            .bind::<Nullable<Jsonb>, _>(usage)
            .bind::<Nullable<Jsonb>, _>(failure)
            .bind::<Nullable<Jsonb>, _>(report)
            .bind::<Integer, _>(last_seq)
            .bind::<Timestamptz, _>(now)
            .bind::<SqlUuid, _>(id)
            .get_result(&mut tx.line())
            .await?;
        tx.wake(Hint::Turn(id));
        if next.waits {
            // The queued turn of the same conversation may run now.
            tx.wake(Hint::Work);
        }
        Ok(())
    }

    /// Asks a running turn to stop. The conversation must be locked.
    pub async fn request_cancel(tx: &mut Tenant, id: TurnId) -> Result<()> {
        sql("update turns set cancel_requested = true
             where account_id = current_account() and id = ? and state = 'running'")
        .bind::<SqlUuid, _>(id)
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Interrupt(id));
        Ok(())
    }

    /// Begins a running turn anew after its answer broke off in the open: the next attempt, with the same
    /// runner. `None` if `attempt` no longer runs it.
    pub async fn begin_again(
        tx: &mut System,
        account: AccountId,
        id: TurnId,
        attempt: i32,
    ) -> Result<Option<Self>> {
        let turn = sql("update turns set attempt = attempt + 1
             where account_id = ? and id = ? and state = 'running' and attempt = ? returning *")
        .bind::<SqlUuid, _>(account)
        .bind::<SqlUuid, _>(id)
        .bind::<Integer, _>(attempt)
        .get_result(tx.conn())
        .await
        .optional()?;
        Ok(turn)
    }
}
