//! The change feed: what changed, in an order that misses nothing.
//!
//! A lower `seq` may commit after a higher one. So readers go in order of the transaction and stop below the
//! oldest one still in flight: whatever commits later sorts after everything that was read.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Uuid as SqlUuid};
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::{Error, Result};
use crate::id::{AccountId, PersonId};
use crate::store::columns::words;
use crate::store::schema::changes;
use crate::store::sql::sql;
use crate::store::tx::{System, Tenant};

/// A place in the feed. Ordered; a cursor of an older epoch means that the reader must start over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "(i32, i64, i64)", from = "(i32, i64, i64)")]
pub struct Cursor {
    pub epoch: i32,
    pub xid: i64,
    pub seq: i64,
}

impl From<Cursor> for (i32, i64, i64) {
    fn from(cursor: Cursor) -> Self {
        (cursor.epoch, cursor.xid, cursor.seq)
    }
}

impl From<(i32, i64, i64)> for Cursor {
    fn from((epoch, xid, seq): (i32, i64, i64)) -> Self {
        Self { epoch, xid, seq }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.epoch, self.xid, self.seq)
    }
}

impl FromStr for Cursor {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid(format!("`{text}` is no cursor of the change feed"));
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().and_then(|part| part.parse::<i64>().ok()).ok_or_else(wrong);
        let (epoch, xid, seq) = (next()?, next()?, next()?);
        Ok(Self { epoch: i32::try_from(epoch).map_err(|_| wrong())?, xid, seq })
    }
}

words! {
    /// What happened to the thing.
    Operation { Upsert = "upsert", Delete = "delete" }
}

/// One line of the feed.
#[derive(Debug, Clone, QueryableByName)]
#[diesel(table_name = changes, check_for_backend(diesel::pg::Pg))]
pub struct Change {
    pub account_id: AccountId,
    pub epoch: i32,
    pub xid: i64,
    pub seq: i64,
    /// `message`, `turn`, `bot`, …: the table, in the singular.
    pub kind: String,
    pub entity_id: Uuid,
    pub operation: Operation,
    /// When its transaction began.
    pub at: DateTime<Utc>,
    audience: Option<Uuid>,
}

/// Who may see a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Everybody in the account.
    Everybody,
    Person(PersonId),
    /// Only who sees all of the account.
    Overseers,
}

impl Change {
    /// Where the feed stands after this line.
    pub fn cursor(&self) -> Cursor {
        Cursor { epoch: self.epoch, xid: self.xid, seq: self.seq }
    }

    /// Who may see it.
    pub fn audience(&self) -> Audience {
        match self.audience {
            None => Audience::Overseers,
            Some(id) if id == self.account_id.0 => Audience::Everybody,
            Some(id) => Audience::Person(PersonId(id)),
        }
    }

    /// The next lines of every account after `cursor`, at most `limit`, in order.
    pub async fn list_after(tx: &mut System, cursor: Cursor, limit: i64) -> Result<Vec<Self>> {
        let lines = sql("select account_id, epoch, xid, seq, kind, entity_id, operation, at, audience from changes
             where epoch = ? and (xid, seq) > (?, ?) and xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
             order by xid, seq limit ?")
            .bind::<Integer, _>(cursor.epoch)
            .bind::<BigInt, _>(cursor.xid)
            .bind::<BigInt, _>(cursor.seq)
            .bind::<BigInt, _>(limit)
            .load(tx.conn())
            .await?;
        Ok(lines)
    }

    /// The next lines of the transaction's account after `cursor` and before the transaction `below`, at most
    /// `limit`, in order: those that `person` may see, or (`None`) all.
    pub async fn list_for(
        tx: &mut Tenant,
        person: Option<PersonId>,
        cursor: Cursor,
        below: i64,
        limit: i64,
    ) -> Result<Vec<Self>> {
        let lines = match person {
            None => sql("select account_id, epoch, xid, seq, kind, entity_id, operation, at, audience from changes
                 where account_id = current_account() and epoch = ? and (xid, seq) > (?, ?) and xid < ?
                 order by xid, seq limit ?"),
            // Two walks along an index; the planner would gather and sort for `audience in (…)`.
            Some(person) => sql("select * from (
                     (select account_id, epoch, xid, seq, kind, entity_id, operation, at, audience from changes
                      where account_id = current_account() and audience = current_account()
                        and epoch = ? and (xid, seq) > (?, ?) and xid < ?
                      order by xid, seq limit ?)
                     union all
                     (select account_id, epoch, xid, seq, kind, entity_id, operation, at, audience from changes
                      where account_id = current_account() and audience = ?
                        and epoch = ? and (xid, seq) > (?, ?) and xid < ?
                      order by xid, seq limit ?)) lines
                 order by xid, seq limit ?")
            .bind::<Integer, _>(cursor.epoch)
            .bind::<BigInt, _>(cursor.xid)
            .bind::<BigInt, _>(cursor.seq)
            .bind::<BigInt, _>(below)
            .bind::<BigInt, _>(limit)
            .bind::<SqlUuid, _>(person),
        };
        let mut lines = lines
            .bind::<Integer, _>(cursor.epoch)
            .bind::<BigInt, _>(cursor.xid)
            .bind::<BigInt, _>(cursor.seq)
            .bind::<BigInt, _>(below)
            .bind::<BigInt, _>(limit);
        if person.is_some() {
            lines = lines.bind::<BigInt, _>(limit);
        }
        Ok(lines.load(tx.conn()).await?)
    }

    /// How many lines there are after `cursor`, those that cannot be read in order yet included; stops counting
    /// at `at_most`.
    pub async fn count_after(tx: &mut System, cursor: Cursor, at_most: i64) -> Result<i64> {
        #[derive(QueryableByName)]
        struct Lag {
            #[diesel(sql_type = BigInt)]
            count: i64,
        }
        let lag: Lag = sql("select count(*) from (
                 select from changes where epoch = ? and (xid, seq) > (?, ?) limit ?) lag")
        .bind::<Integer, _>(cursor.epoch)
        .bind::<BigInt, _>(cursor.xid)
        .bind::<BigInt, _>(cursor.seq)
        .bind::<BigInt, _>(at_most)
        .get_result(tx.conn())
        .await?;
        Ok(lag.count)
    }

    /// Forgets lines older than `days` that everybody could read, and notes which was the last of them.
    pub async fn delete_older_than(tx: &mut System, days: i32) -> Result<()> {
        sql("with gone as (
                 delete from changes where at < now() - make_interval(days => ?)
                   and xid < pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                 returning epoch, xid, seq),
             last as (select distinct on (epoch) * from gone order by epoch, xid desc, seq desc)
             update feed_epochs set pruned_xid = last.xid, pruned_seq = last.seq from last
             where feed_epochs.epoch = last.epoch and (pruned_xid, pruned_seq) < (last.xid, last.seq)")
        .bind::<Integer, _>(days)
        .execute(tx.conn())
        .await?;
        Ok(())
    }
}

#[derive(QueryableByName)]
struct Head {
    #[diesel(sql_type = Integer)]
    epoch: i32,
    #[diesel(sql_type = BigInt)]
    xid: i64,
}

impl Cursor {
    /// The place from which everything committed from now on will be seen. All that was committed before
    /// lies at or before it.
    pub async fn head(tx: &mut System) -> Result<Self> {
        let head: Head = sql("select coalesce((select max(epoch) from feed_epochs), 0) as epoch,
                    pg_snapshot_xmin(pg_current_snapshot())::text::bigint as xid")
        .get_result(tx.conn())
        .await?;
        Ok(Self { epoch: head.epoch, xid: head.xid - 1, seq: i64::MAX })
    }

    /// The beginning of `epoch`.
    pub fn start_of(epoch: i32) -> Self {
        Self { epoch, xid: 0, seq: 0 }
    }
}

/// How the feed stands, for somebody who follows it from outside and may have been away for long.
#[derive(Debug, Clone, Copy, QueryableByName)]
pub struct Horizon {
    #[diesel(sql_type = Integer)]
    pub epoch: i32,
    /// Tells this database from every other, whose epochs count from 1 as well.
    #[diesel(sql_type = Integer)]
    pub mark: i32,
    /// The oldest transaction in flight: what is below can be read in order.
    #[diesel(sql_type = BigInt)]
    pub below: i64,
    #[diesel(sql_type = BigInt)]
    pruned_xid: i64,
    #[diesel(sql_type = BigInt)]
    pruned_seq: i64,
}

impl Horizon {
    /// As it stands now.
    pub async fn find(tx: &mut Tenant) -> Result<Self> {
        let found = sql("select epoch, pruned_xid, pruned_seq,
                 ('x' || left(md5(concat_ws('.', system_identifier, database_oid, timeline)), 8))::bit(32)::int as mark,
                 pg_snapshot_xmin(pg_current_snapshot())::text::bigint as below
             from feed_epochs order by epoch desc limit 1")
            .get_result(tx.conn())
            .await?;
        Ok(found)
    }

    /// The place after everything that can be read now.
    pub fn head(&self) -> Cursor {
        Cursor { epoch: self.epoch, xid: self.below - 1, seq: i64::MAX }
    }

    /// Whether nothing after `cursor` was forgotten, and `cursor` is of this life of this database.
    pub fn reaches(&self, cursor: Cursor) -> bool {
        let pruned = Cursor { epoch: self.epoch, xid: self.pruned_xid, seq: self.pruned_seq };
        (pruned..=self.head()).contains(&cursor)
    }
}

/// Starts a new epoch when this is not the cluster, database or timeline of the last one: after a restore
/// transaction ids begin anew, and every cursor given out before is void.
pub(super) async fn begin_epoch(conn: &mut AsyncPgConnection) -> Result<()> {
    conn.transaction(async |conn| {
        sql("select pg_advisory_xact_lock(7241002)").execute(conn).await?;
        sql("insert into feed_epochs (epoch, system_identifier, database_oid, timeline)
             select coalesce((select max(epoch) from feed_epochs), 0) + 1, here.system, here.oid, here.timeline
             from (select (select system_identifier::text from pg_control_system()) as system,
                          (select oid::bigint from pg_database where datname = current_database()) as oid,
                          (select timeline_id from pg_control_checkpoint()) as timeline) here
             where not exists (
                 select from feed_epochs last
                 where last.epoch = (select max(epoch) from feed_epochs)
                   and (last.system_identifier, last.database_oid, last.timeline) = (here.system, here.oid, here.timeline))")
            .execute(conn)
            .await?;
        Ok::<_, Error>(())
    })
    .await
}
