//! Which replicas live, and which config each of them runs.
//!
//! A replica lives as long as the connection does on which it holds its advisory lock: one that was killed is
//! gone at once, one that was only stopped still counts.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::id::{AccountId, ReplicaId};
use crate::store::connect::Store;
use crate::store::sql::sql;
use crate::store::tx::{System, Tenant};

/// The advisory locks `(CLASS, key)` are replicas that live; the key is the last 32 bits of the id.
pub(super) const CLASS: i32 = 7_241_005;
/// How often a replica looks whether its connection still stands.
const LOOK: Duration = Duration::from_secs(2);
const AGAIN: Duration = Duration::from_secs(1);

/// What tells replicas apart in a lock: the last bits of the id, which are random.
fn key(replica: ReplicaId) -> i32 {
    let [.., a, b, c, d] = *replica.0.as_bytes();
    i32::from_be_bytes([a, b, c, d])
}

impl Store {
    /// Shows that `replica` lives, until `stop`. Reconnects by itself.
    pub async fn live(&self, replica: ReplicaId, stop: CancellationToken) {
        let alive = async {
            loop {
                if let Err(error) = hold(self.url(), replica).await {
                    tracing::warn!(error = error.chain(), "the sign of life broke; reconnecting");
                }
                sleep(AGAIN).await;
            }
        };
        tokio::select! {
            () = alive => {}
            () = stop.cancelled() => {}
        }
    }
}

async fn hold(url: &str, replica: ReplicaId) -> Result<()> {
    let mut conn = AsyncPgConnection::establish(url).await?;
    sql("select pg_advisory_lock(?, ?)")
        .bind::<Integer, _>(CLASS)
        .bind::<Integer, _>(key(replica))
        .execute(&mut conn)
        .await?;
    loop {
        sleep(LOOK).await;
        sql("select 1").execute(&mut conn).await?;
    }
}

/// Which config one replica runs.
#[derive(Debug, Clone, QueryableByName)]
pub struct ReplicaConfig {
    /// Its name, where it said it; a replica that has not looked yet is only counted.
    #[diesel(sql_type = Nullable<SqlUuid>)]
    pub replica_id: Option<ReplicaId>,
    /// Which version it runs; 0 where it has not looked yet.
    #[diesel(sql_type = BigInt)]
    pub version: i64,
    /// What it could not load.
    #[diesel(sql_type = Nullable<Text>)]
    pub problem: Option<String>,
}

impl ReplicaConfig {
    /// Every replica that lives, and what it runs of this account.
    pub async fn list(tx: &mut Tenant) -> Result<Vec<Self>> {
        let found = sql("select r.replica_id, coalesce(r.version, 0) as version, r.problem
             from pg_locks l
             left join config_replicas r on r.account_id = current_account() and r.key = l.objid::bigint::bit(32)::int
             where l.locktype = 'advisory' and l.classid = ? and l.objsubid = 2 and l.granted
               and l.database = (select oid from pg_database where datname = current_database())
             order by r.replica_id")
            .bind::<Integer, _>(CLASS)
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// The accounts whose config `replica` has not seen yet, and the version that it should.
    pub async fn behind(tx: &mut System, replica: ReplicaId) -> Result<Vec<(AccountId, i64)>> {
        #[derive(QueryableByName)]
        struct Behind {
            #[diesel(sql_type = SqlUuid)]
            account_id: AccountId,
            #[diesel(sql_type = BigInt)]
            version: i64,
        }
        let found: Vec<Behind> = sql("select v.account_id, v.version from config_versions v
             left join config_replicas r on r.account_id = v.account_id and r.replica_id = ?
             where r.version is distinct from v.version limit 1000")
        .bind::<SqlUuid, _>(replica)
        .load(tx.conn())
        .await?;
        Ok(found.into_iter().map(|behind| (behind.account_id, behind.version)).collect())
    }

    /// Says that `replica` runs `version`, or what it could not load of it.
    pub async fn record(
        tx: &mut System,
        account: AccountId,
        replica: ReplicaId,
        version: i64,
        problem: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        sql("insert into config_replicas (account_id, replica_id, key, version, problem, at) values (?, ?, ?, ?, ?, ?)
             on conflict (account_id, replica_id)
             do update set version = excluded.version, problem = excluded.problem, at = excluded.at")
            .bind::<SqlUuid, _>(account)
            .bind::<SqlUuid, _>(replica)
            .bind::<Integer, _>(key(replica))
            .bind::<BigInt, _>(version)
            .bind::<Nullable<Text>, _>(problem.map(str::to_owned))
            .bind::<Timestamptz, _>(now)
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    /// Says that `replica`, which just started, runs what is active everywhere: it has kept nothing older.
    pub async fn record_all(tx: &mut System, replica: ReplicaId, now: DateTime<Utc>) -> Result<()> {
        sql("insert into config_replicas (account_id, replica_id, key, version, at)
             select account_id, ?, ?, version, ? from config_versions on conflict do nothing")
        .bind::<SqlUuid, _>(replica)
        .bind::<Integer, _>(key(replica))
        .bind::<Timestamptz, _>(now)
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// Forgets replicas that ended and said nothing since `before`.
    pub async fn prune(tx: &mut System, before: DateTime<Utc>) -> Result<usize> {
        let deleted = sql("delete from config_replicas r where at < ? and not exists (
                 select from pg_locks l where l.locktype = 'advisory' and l.classid = ? and l.objsubid = 2
                   and l.objid::bigint::bit(32)::int = r.key
                   and l.database = (select oid from pg_database where datname = current_database()))")
        .bind::<Timestamptz, _>(before)
        .bind::<Integer, _>(CLASS)
        .execute(tx.conn())
        .await?;
        Ok(deleted)
    }
}

/// Counts the account's generations: replicas compare it with what they run.
#[derive(Debug)]
pub struct ConfigVersion;

impl ConfigVersion {
    /// The version that is active; 0 where nothing was ever applied.
    pub async fn find(tx: &mut Tenant) -> Result<i64> {
        #[derive(QueryableByName)]
        struct Version {
            #[diesel(sql_type = BigInt)]
            version: i64,
        }
        let found: Version = sql("select coalesce(max(version), 0) as version from config_versions
             where account_id = current_account()")
        .get_result(tx.conn())
        .await?;
        Ok(found.version)
    }

    /// The version of every account where something was ever applied.
    pub async fn list_everywhere(tx: &mut System) -> Result<Vec<(AccountId, i64)>> {
        #[derive(QueryableByName)]
        struct Version {
            #[diesel(sql_type = SqlUuid)]
            account_id: AccountId,
            #[diesel(sql_type = BigInt)]
            version: i64,
        }
        let found: Vec<Version> =
            sql("select account_id, version from config_versions").load(tx.conn()).await?;
        Ok(found.into_iter().map(|found| (found.account_id, found.version)).collect())
    }

    /// Counts one more, and returns it.
    pub async fn raise(tx: &mut Tenant, now: DateTime<Utc>) -> Result<i64> {
        sql("insert into config_versions (account_id, version, changed_at) values (current_account(), 1, ?)
             on conflict (account_id) do update set version = config_versions.version + 1, changed_at = excluded.changed_at")
            .bind::<Timestamptz, _>(now)
            .execute(tx.conn())
            .await?;
        Self::find(tx).await
    }
}
