//! The durable log of a turn: contiguous from 1, with exactly one terminal event at its end.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Integer, Jsonb, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::error::Result;
use crate::id::{AccountId, TurnId};
use crate::store::columns::words;
use crate::store::schema::turn_events;
use crate::store::sql::sql;
use crate::store::tx::{System, Tenant};
use crate::store::wake::Hint;

words! {
    /// What an event says. The last three are terminal.
    TurnEventKind {
        /// `{text}`: more of the reply.
        Text = "text",
        /// `{name, arguments}`
        ToolCalled = "tool_called",
        /// `{name, isError}`
        ToolReturned = "tool_returned",
        /// `{attempt}`: what was said before is void.
        Restarted = "restarted",
        /// `{messageId}`
        Completed = "completed",
        /// `{code, message, retryable}`
        Failed = "failed",
        /// `{}`
        Cancelled = "cancelled",
    }
}

impl TurnEventKind {
    /// Nothing follows it.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// One event.
#[derive(Debug, Clone, Queryable, Selectable, QueryableByName)]
#[diesel(table_name = turn_events, check_for_backend(diesel::pg::Pg))]
pub struct TurnEvent {
    pub turn_id: TurnId,
    pub seq: i32,
    pub kind: TurnEventKind,
    pub body: Value,
    pub at: DateTime<Utc>,
}

/// What a page of events holds at most: so many of them,
const PAGE_EVENTS: i64 = 500;
/// and so many bytes of text. Whoever follows a turn holds one page at a time, however slowly they read.
const PAGE_BYTES: i64 = 32 * 1024;

/// An event that a runner wants to append.
#[derive(Debug, Clone)]
pub struct Append {
    pub account_id: AccountId,
    pub turn_id: TurnId,
    /// The attempt and the inputs that the runner works from.
    pub attempt: i32,
    pub inputs: i32,
    pub seq: i32,
    pub kind: TurnEventKind,
    pub body: Value,
}

impl TurnEvent {
    /// Appends for many running turns at once and marks them as shown. Returns the turns whose events were
    /// stored: one that is missing was overtaken, joined by a new message, or ended. Repeating a call whose
    /// commit was not confirmed is safe.
    pub async fn append(tx: &mut System, events: &[Append]) -> Result<HashSet<TurnId>> {
        #[derive(QueryableByName)]
        struct Live {
            #[diesel(sql_type = SqlUuid)]
            id: TurnId,
        }
        let live: Vec<Live> = sql("with input as (
                 select * from unnest(?, ?, ?, ?, ?, ?, ?) as u (account_id, turn_id, attempt, inputs, seq, kind, body)),
             live as (
                 select t.account_id, t.id, t.shown from turns t
                 where t.state = 'running' and (t.account_id, t.id, t.attempt, t.inputs)
                     in (select account_id, turn_id, attempt, inputs from input)
                 order by t.account_id, t.id for no key update),
             stored as (
                 insert into turn_events (account_id, turn_id, seq, kind, body)
                 select input.account_id, input.turn_id, input.seq, input.kind, input.body
                 from input join live on (live.account_id, live.id) = (input.account_id, input.turn_id)
                 on conflict do nothing),
             marked as (
                 update turns set shown = true from live
                 where (turns.account_id, turns.id) = (live.account_id, live.id) and not live.shown)
             select id from live")
            .bind::<Array<SqlUuid>, _>(events.iter().map(|event| event.account_id).collect::<Vec<_>>())
            .bind::<Array<SqlUuid>, _>(events.iter().map(|event| event.turn_id).collect::<Vec<_>>())
            .bind::<Array<Integer>, _>(events.iter().map(|event| event.attempt).collect::<Vec<_>>())
            .bind::<Array<Integer>, _>(events.iter().map(|event| event.inputs).collect::<Vec<_>>())
            .bind::<Array<Integer>, _>(events.iter().map(|event| event.seq).collect::<Vec<_>>())
            .bind::<Array<Text>, _>(events.iter().map(|event| event.kind).collect::<Vec<_>>())
            .bind::<Array<Jsonb>, _>(events.iter().map(|event| event.body.clone()).collect::<Vec<_>>())
            .load(tx.conn())
            .await?;
        let live: HashSet<_> = live.into_iter().map(|turn| turn.id).collect();
        for turn in &live {
            tx.wake(Hint::Turn(*turn));
        }
        Ok(live)
    }

    /// Tells that a turn starts anew after its runner died, and says the number of that event. The turn must
    /// be locked, as a claim does.
    pub async fn append_restart(
        tx: &mut System,
        account: AccountId,
        turn: TurnId,
        attempt: i32,
    ) -> Result<i32> {
        #[derive(QueryableByName)]
        struct Seq {
            #[diesel(sql_type = Integer)]
            seq: i32,
        }
        let stored: Seq = sql("insert into turn_events (account_id, turn_id, seq, kind, body)
             select ?, ?, coalesce(max(seq), 0) + 1, 'restarted', jsonb_build_object('attempt', ?)
             from turn_events where account_id = ? and turn_id = ? returning seq")
        .bind::<SqlUuid, _>(account)
        .bind::<SqlUuid, _>(turn)
        .bind::<Integer, _>(attempt)
        .bind::<SqlUuid, _>(account)
        .bind::<SqlUuid, _>(turn)
        .get_result(tx.conn())
        .await?;
        tx.wake(Hint::Turn(turn));
        Ok(stored.seq)
    }

    /// Appends the last events of a turn, in the transaction that ends it.
    pub async fn insert(tx: &Tenant, turn: TurnId, events: &[(i32, TurnEventKind, Value)]) -> Result<()> {
        sql("insert into turn_events (account_id, turn_id, seq, kind, body)
             select current_account(), ?, u.* from unnest(?, ?, ?) as u")
        .bind::<SqlUuid, _>(turn)
        .bind::<Array<Integer>, _>(events.iter().map(|event| event.0).collect::<Vec<_>>())
        .bind::<Array<Text>, _>(events.iter().map(|event| event.1).collect::<Vec<_>>())
        .bind::<Array<Jsonb>, _>(events.iter().map(|event| event.2.clone()).collect::<Vec<_>>())
        .execute(&mut tx.line())
        .await?;
        tx.wake(Hint::Turn(turn));
        Ok(())
    }

    /// The next events after `seq`, as many as a page holds, and whether there may be more.
    pub async fn page_after(tx: &mut Tenant, turn: TurnId, seq: i32) -> Result<(Vec<Self>, bool)> {
        // The page ends with the event that fills it, so it is never empty for want of room.
        let events: Vec<Self> = sql("select turn_id, seq, kind, body, at from (
                 select *, sum(octet_length(body ->> 'text')) over (
                     order by seq rows between unbounded preceding and 1 preceding) as before
                 from (select * from turn_events
                     where account_id = current_account() and turn_id = ? and seq > ?
                     order by seq limit ?) as next) as measured
             where before is null or before < ? order by seq")
        .bind::<SqlUuid, _>(turn)
        .bind::<Integer, _>(seq)
        .bind::<BigInt, _>(PAGE_EVENTS)
        .bind::<BigInt, _>(PAGE_BYTES)
        .load(tx.conn())
        .await?;
        let text = |event: &Self| event.body.get("text").and_then(Value::as_str).map_or(0, str::len);
        let bytes: usize = events.iter().map(text).sum();
        let full = events.len() == PAGE_EVENTS as usize || bytes >= PAGE_BYTES as usize;
        Ok((events, full))
    }

    /// The number of the newest event; 0 when there is none.
    pub async fn last_seq(tx: &mut Tenant, turn: TurnId) -> Result<i32> {
        let last: Option<i32> = turn_events::table
            .filter(turn_events::account_id.eq(tx.account()))
            .filter(turn_events::turn_id.eq(turn))
            .select(diesel::dsl::max(turn_events::seq))
            .first(tx.conn())
            .await?;
        Ok(last.unwrap_or(0))
    }

    /// Forgets the text of turns that ended more than `hours` ago, at most `limit` rows; says how many.
    pub async fn delete_old_deltas(tx: &mut System, hours: i32, limit: i64) -> Result<usize> {
        let count = sql("delete from turn_events where (account_id, turn_id, seq) in (
                 select e.account_id, e.turn_id, e.seq from turn_events e
                 join turns t on (t.account_id, t.id) = (e.account_id, e.turn_id)
                 where e.kind = 'text' and e.at < now() - make_interval(hours => ?)
                   and t.state in ('completed', 'failed', 'cancelled') limit ?)")
        .bind::<Integer, _>(hours)
        .bind::<BigInt, _>(limit)
        .execute(tx.conn())
        .await?;
        Ok(count)
    }
}
