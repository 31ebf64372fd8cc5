//! The rows of the job queue and of its schedules.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Bool, Double, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use serde_json::Value;

use crate::error::Result;
use crate::id::{AccountId, JobId, ReplicaId, ScheduleId};
use crate::store::columns::words;
use crate::store::schema::{jobs, schedules};
use crate::store::sql::sql;
use crate::store::tx::{System, Tenant};
use crate::store::wake::Hint;

words! {
    /// Where a job stands.
    JobState { Waiting = "waiting", Running = "running", Done = "done", Failed = "failed" }
}

/// One piece of background work.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = jobs, check_for_backend(diesel::pg::Pg))]
pub struct Job {
    pub account_id: AccountId,
    pub id: JobId,
    pub kind: String,
    pub payload: Value,
    /// Two waiting jobs of one kind and key are one job.
    pub key: String,
    pub state: JobState,
    pub attempts: i32,
    /// Not before then.
    pub run_at: DateTime<Utc>,
    pub leased_by: Option<ReplicaId>,
    pub lease_until: Option<DateTime<Utc>>,
    pub error: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

impl Job {
    /// How long a lease lasts; its runner renews it.
    pub const LEASE: Duration = Duration::from_secs(30);

    /// Puts a job in the queue; whether it was added.
    ///
    /// If one of its kind and key waits already, that one takes over the payload and the earlier time, and
    /// stays locked until this transaction ends: whoever runs it sees what is written here.
    pub async fn enqueue(
        tx: &mut Tenant,
        kind: &str,
        key: &str,
        payload: Value,
        run_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        #[derive(QueryableByName)]
        struct Stored {
            #[diesel(sql_type = Bool)]
            added: bool,
        }
        let stored: Stored =
            sql("insert into jobs (account_id, id, kind, payload, key, state, run_at, created_at)
             values (current_account(), ?, ?, ?, ?, 'waiting', ?, ?)
             on conflict (account_id, kind, key) where state = 'waiting' do update
                 set payload = excluded.payload, run_at = least(jobs.run_at, excluded.run_at)
             returning xmax = 0 as added")
            .bind::<SqlUuid, _>(JobId::new())
            .bind::<Text, _>(kind.to_owned())
            .bind::<Jsonb, _>(payload)
            .bind::<Text, _>(key.to_owned())
            .bind::<Timestamptz, _>(run_at)
            .bind::<Timestamptz, _>(now)
            .get_result(tx.conn())
            .await?;
        tx.wake(Hint::Jobs);
        Ok(stored.added)
    }

    /// Claims up to `limit` jobs of these kinds that are due at `now`, those whose runner died included.
    pub async fn claim(
        tx: &mut System,
        replica: ReplicaId,
        kinds: &[&'static str],
        limit: i64,
        now: DateTime<Utc>,
    ) -> Result<Vec<Self>> {
        let claimed = sql("with due as materialized (
                 select account_id, id from jobs
                 where kind = any(?) and ((state = 'waiting' and run_at <= ?)
                                       or (state = 'running' and lease_until < now()))
                 order by run_at limit ? for update skip locked)
             update jobs set state = 'running', attempts = attempts + 1, leased_by = ?,
                 lease_until = now() + make_interval(secs => ?)
             from due where (jobs.account_id, jobs.id) = (due.account_id, due.id)
             returning jobs.*")
        .bind::<Array<Text>, _>(kinds.to_vec())
        .bind::<Timestamptz, _>(now)
        .bind::<BigInt, _>(limit)
        .bind::<SqlUuid, _>(replica)
        .bind::<Double, _>(Self::LEASE.as_secs_f64())
        .load(tx.conn())
        .await?;
        Ok(claimed)
    }

    /// Keeps a running job's lease; false if it was taken over.
    pub async fn renew(tx: &mut System, job: &Self) -> Result<bool> {
        let count = sql("update jobs set lease_until = now() + make_interval(secs => ?)
             where account_id = ? and id = ? and state = 'running' and leased_by is not distinct from ?
               and attempts = ?")
        .bind::<Double, _>(Self::LEASE.as_secs_f64())
        .bind::<SqlUuid, _>(job.account_id)
        .bind::<SqlUuid, _>(job.id)
        .bind::<Nullable<SqlUuid>, _>(job.leased_by)
        .bind::<diesel::sql_types::Integer, _>(job.attempts)
        .execute(tx.conn())
        .await?;
        Ok(count == 1)
    }

    /// Notes how a run ended: `Done`, `Failed` for good, or `Waiting` to be tried again at `retry_at`. A
    /// retry gives way to a newer waiting job of the same kind and key.
    pub async fn settle(
        tx: &mut System,
        job: &Self,
        state: JobState,
        error: Option<String>,
        retry_at: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        sql("update jobs set error = ?, run_at = coalesce(?, run_at), leased_by = null, lease_until = null,
                 finished_at = case when ? = 'waiting' then null else ? end,
                 state = case when ? = 'waiting' and exists (
                         select from jobs newer where newer.account_id = jobs.account_id and newer.kind = jobs.kind
                           and newer.key = jobs.key and newer.state = 'waiting')
                     then 'failed' else ? end
             where account_id = ? and id = ? and state = 'running' and attempts = ?")
            .bind::<Nullable<Text>, _>(error)
            .bind::<Nullable<Timestamptz>, _>(retry_at)
            .bind::<Text, _>(state)
            .bind::<Timestamptz, _>(now)
            .bind::<Text, _>(state)
            .bind::<Text, _>(state)
            .bind::<SqlUuid, _>(job.account_id)
            .bind::<SqlUuid, _>(job.id)
            .bind::<diesel::sql_types::Integer, _>(job.attempts)
            .execute(tx.conn())
            .await?;
        if state == JobState::Waiting {
            tx.wake(Hint::Jobs);
        }
        Ok(())
    }

    /// Lets go of a running job that was not finished: it waits again, and this attempt never was. It gives
    /// way to a newer waiting job of the same kind and key.
    pub async fn give_back(tx: &mut System, job: &Self) -> Result<()> {
        sql("with newer as (
                 select from jobs where account_id = ? and kind = ? and key = ? and state = 'waiting')
             update jobs set leased_by = null, lease_until = null,
                 attempts = case when exists (select from newer) then attempts else attempts - 1 end,
                 state = case when exists (select from newer) then 'failed' else 'waiting' end,
                 finished_at = case when exists (select from newer) then now() end
             where account_id = ? and id = ? and state = 'running' and attempts = ?")
        .bind::<SqlUuid, _>(job.account_id)
        .bind::<Text, _>(job.kind.clone())
        .bind::<Text, _>(job.key.clone())
        .bind::<SqlUuid, _>(job.account_id)
        .bind::<SqlUuid, _>(job.id)
        .bind::<diesel::sql_types::Integer, _>(job.attempts)
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Jobs);
        Ok(())
    }

    /// When the next waiting job of these kinds, or the next schedule, is due.
    pub async fn next_due(tx: &mut System, kinds: &[&'static str]) -> Result<Option<DateTime<Utc>>> {
        #[derive(QueryableByName)]
        struct Due {
            #[diesel(sql_type = Nullable<Timestamptz>)]
            at: Option<DateTime<Utc>>,
        }
        let due: Due = sql("select least(
                 (select min(run_at) from jobs where state = 'waiting' and kind = any(?)),
                 (select min(next_at) from schedules)) as at")
        .bind::<Array<Text>, _>(kinds.to_vec())
        .get_result(tx.conn())
        .await?;
        Ok(due.at)
    }

    /// How many wait or run.
    pub async fn count_open(tx: &mut System) -> Result<i64> {
        let count = jobs::table
            .filter(jobs::state.eq_any([JobState::Waiting, JobState::Running]))
            .count()
            .get_result(tx.conn())
            .await?;
        Ok(count)
    }

    /// Forgets jobs that ended before `before`; says how many.
    pub async fn delete_finished_before(tx: &mut System, before: DateTime<Utc>) -> Result<usize> {
        Ok(diesel::delete(jobs::table.filter(jobs::finished_at.lt(before))).execute(tx.conn()).await?)
    }
}

/// A cron line that enqueues jobs.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = schedules, check_for_backend(diesel::pg::Pg))]
pub struct Schedule {
    pub account_id: AccountId,
    pub id: ScheduleId,
    /// The kind of the jobs that it makes.
    pub kind: String,
    /// Names it within its kind, and is the key of its jobs.
    pub key: String,
    pub payload: Value,
    /// Five fields.
    pub cron: String,
    /// An IANA name.
    pub timezone: String,
    pub next_at: DateTime<Utc>,
}

impl Schedule {
    /// Sets the schedule of that kind and key.
    pub async fn put(tx: &mut Tenant, schedule: &Self) -> Result<()> {
        sql("insert into schedules (account_id, id, kind, key, payload, cron, timezone, next_at)
             values (current_account(), ?, ?, ?, ?, ?, ?, ?)
             on conflict on constraint schedules_key_key do update set payload = excluded.payload,
                 next_at = case when (schedules.cron, schedules.timezone) = (excluded.cron, excluded.timezone)
                     then schedules.next_at else excluded.next_at end,
                 cron = excluded.cron, timezone = excluded.timezone")
        .bind::<SqlUuid, _>(schedule.id)
        .bind::<Text, _>(schedule.kind.clone())
        .bind::<Text, _>(schedule.key.clone())
        .bind::<Jsonb, _>(schedule.payload.clone())
        .bind::<Text, _>(schedule.cron.clone())
        .bind::<Text, _>(schedule.timezone.clone())
        .bind::<Timestamptz, _>(schedule.next_at)
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Jobs);
        Ok(())
    }

    /// Removes it; whether there was one.
    pub async fn delete(tx: &mut Tenant, kind: &str, key: &str) -> Result<bool> {
        let count = diesel::delete(
            schedules::table
                .filter(schedules::account_id.eq(tx.account()))
                .filter(schedules::kind.eq(kind))
                .filter(schedules::key.eq(key)),
        )
        .execute(tx.conn())
        .await?;
        Ok(count > 0)
    }

    /// Removes those of that kind and these keys.
    pub async fn delete_all(tx: &mut Tenant, kind: &str, keys: &[String]) -> Result<()> {
        diesel::delete(
            schedules::table
                .filter(schedules::account_id.eq(tx.account()))
                .filter(schedules::kind.eq(kind))
                .filter(schedules::key.eq_any(keys)),
        )
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// Those that are due, locked until the transaction ends; others skip them.
    pub async fn list_due_locked(tx: &mut System, now: DateTime<Utc>, limit: i64) -> Result<Vec<Self>> {
        let due =
            sql("select * from schedules where next_at <= ? order by next_at limit ? for update skip locked")
                .bind::<Timestamptz, _>(now)
                .bind::<BigInt, _>(limit)
                .load(tx.conn())
                .await?;
        Ok(due)
    }

    /// Enqueues the job of a due schedule and sets when it is due again, in one transaction.
    pub async fn fire(
        tx: &mut System,
        schedule: &Self,
        next_at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        sql("insert into jobs (account_id, id, kind, payload, key, state, run_at, created_at)
             values (?, ?, ?, ?, ?, 'waiting', ?, ?) on conflict do nothing")
        .bind::<SqlUuid, _>(schedule.account_id)
        .bind::<SqlUuid, _>(JobId::new())
        .bind::<Text, _>(schedule.kind.clone())
        .bind::<Jsonb, _>(schedule.payload.clone())
        .bind::<Text, _>(schedule.key.clone())
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(now)
        .execute(tx.conn())
        .await?;
        sql("update schedules set next_at = ? where account_id = ? and id = ?")
            .bind::<Timestamptz, _>(next_at)
            .bind::<SqlUuid, _>(schedule.account_id)
            .bind::<SqlUuid, _>(schedule.id)
            .execute(tx.conn())
            .await?;
        tx.wake(Hint::Jobs);
        Ok(())
    }
}
