//! How an account's queues stand, and what went wrong lately.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use crate::error::Result;
use crate::store::sql::sql;
use crate::store::tx::Tenant;

/// How much waits and runs.
#[derive(Debug, Clone, QueryableByName)]
pub struct QueueCounts {
    #[diesel(sql_type = BigInt)]
    pub queued_turns: i64,
    #[diesel(sql_type = BigInt)]
    pub running_turns: i64,
    /// Since when the turn waits that waits longest.
    #[diesel(sql_type = Nullable<Timestamptz>)]
    pub oldest_turn: Option<DateTime<Utc>>,
    /// Those that are due.
    #[diesel(sql_type = BigInt)]
    pub waiting_jobs: i64,
    #[diesel(sql_type = BigInt)]
    pub running_jobs: i64,
    #[diesel(sql_type = BigInt)]
    pub waiting_deliveries: i64,
}

impl QueueCounts {
    /// As the account's queues stand now.
    pub async fn find(tx: &mut Tenant, now: DateTime<Utc>) -> Result<Self> {
        // One question for each state: each has an index of its own.
        let found =
            sql("select q.queued_turns, q.oldest_turn, r.running_turns, w.waiting_jobs, j.running_jobs,
                 d.waiting_deliveries
             from (select count(*) as queued_turns, min(created_at) as oldest_turn from turns
                   where account_id = current_account() and state = 'queued') q,
                  (select count(*) as running_turns from turns
                   where account_id = current_account() and state = 'running') r,
                  (select count(*) as waiting_jobs from jobs
                   where account_id = current_account() and state = 'waiting' and run_at <= ?) w,
                  (select count(*) as running_jobs from jobs
                   where account_id = current_account() and state = 'running') j,
                  (select count(*) as waiting_deliveries from deliveries
                   where account_id = current_account() and state in ('queued', 'sending')) d")
            .bind::<Timestamptz, _>(now)
            .get_result(tx.conn())
            .await?;
        Ok(found)
    }
}

/// Something that went wrong.
#[derive(Debug, Clone, QueryableByName)]
pub struct Trouble {
    /// `turn`, `job` or `delivery`.
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = SqlUuid)]
    pub id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    pub at: DateTime<Utc>,
    /// For programs: the code of a turn's failure, the kind of a job, the state of a delivery.
    #[diesel(sql_type = Text)]
    pub code: String,
    /// In words. That of a job is for whoever runs the server.
    #[diesel(sql_type = Text)]
    pub message: String,
}

impl Trouble {
    /// The newest first, since `since`, at most `limit`.
    pub async fn list(tx: &mut Tenant, since: DateTime<Utc>, limit: i64) -> Result<Vec<Self>> {
        let found = sql("select * from (
                 (select 'turn' as kind, id, finished_at as at, coalesce(failure->>'code', 'failed') as code,
                      coalesce(failure->>'message', '') as message
                  from turns where account_id = current_account() and state = 'failed' and finished_at >= ?
                  order by finished_at desc limit ?)
                 union all
                 (select 'job', id, finished_at, kind, coalesce(error, '')
                  from jobs where account_id = current_account() and state = 'failed' and finished_at >= ?
                  order by finished_at desc limit ?)
                 union all
                 (select 'delivery', id, created_at, state, coalesce(error, '')
                  from deliveries where account_id = current_account() and state in ('failed', 'ambiguous')
                    and created_at >= ?
                  order by created_at desc limit ?)) all_of_them
             order by at desc limit ?")
        .bind::<Timestamptz, _>(since)
        .bind::<BigInt, _>(limit)
        .bind::<Timestamptz, _>(since)
        .bind::<BigInt, _>(limit)
        .bind::<Timestamptz, _>(since)
        .bind::<BigInt, _>(limit)
        .bind::<BigInt, _>(limit)
        .load(tx.conn())
        .await?;
        Ok(found)
    }
}
