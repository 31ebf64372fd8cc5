//! Connections: the channels that bots stand on, who looks after each, and how it is.

use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::sql_types::{Array, BigInt, Bool, Bytea, Double, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;

use crate::error::{Error, Result};
use crate::id::{AccountId, BotId, ConnectionId, ReplicaId};
use crate::store::columns::words;
use crate::store::schema::connections;
use crate::store::sql::sql;
use crate::store::tx::{System, Tenant};
use crate::store::wake::Hint;

words! {
    /// Who wants a connection.
    ConnectionOrigin {
        /// The bot's file.
        File = "file",
        /// Somebody, over the API.
        Api = "api",
    }
}

words! {
    /// How what people write arrives.
    ConnectionMode {
        /// By webhook where the server can be reached, else by polling.
        Auto = "auto",
        Polling = "polling",
        Webhook = "webhook",
    }
}

words! {
    /// How a connection is.
    ConnectionState {
        /// Its secret is not set.
        Waiting = "waiting",
        Starting = "starting",
        Running = "running",
        /// The channel does not answer, or answers nonsense: it is tried again.
        Failing = "failing",
        /// Somebody else uses the token.
        Conflict = "conflict",
        /// The token is wrong, or another bot or account holds it.
        Refused = "refused",
    }
}

/// How long a replica's hold on a connection lasts unless it is renewed.
pub const CONNECTION_LEASE: Duration = Duration::from_secs(12);

/// One configured channel of one bot.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, QueryableByName)]
#[diesel(table_name = connections, check_for_backend(diesel::pg::Pg))]
pub struct Connection {
    pub account_id: AccountId,
    pub id: ConnectionId,
    pub bot_id: BotId,
    pub channel: String,
    pub origin: ConnectionOrigin,
    /// The name of the secret that holds the token.
    pub secret: String,
    pub mode: ConnectionMode,
    pub state: ConnectionState,
    /// The newest one, also where it is mended.
    pub last_error: Option<String>,
    pub error_at: Option<DateTime<Utc>>,
    /// A keyed hash of the token.
    pub fingerprint: Option<Vec<u8>>,
    /// The channel's own number for the bot, once the channel confirmed it.
    pub external_id: Option<i64>,
    pub username: Option<String>,
    /// Whether the channel lets it hear what is not addressed to it in groups.
    pub reads_groups: Option<bool>,
    /// A hash of the commands that the channel was last told of.
    pub menu: Option<String>,
    /// Who looks after it.
    pub leased_by: Option<ReplicaId>,
    pub lease_until: Option<DateTime<Utc>>,
    /// Grows when somebody changes what it is to be, not with its state.
    pub version: i32,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub removed_at: Option<DateTime<Utc>>,
}

impl Connection {
    /// One that waits for its secret.
    pub fn new(
        account_id: AccountId,
        bot_id: BotId,
        channel: &str,
        origin: ConnectionOrigin,
        secret: &str,
        mode: ConnectionMode,
        now: DateTime<Utc>,
    ) -> Self {
        Self {
            account_id,
            id: ConnectionId::new(),
            bot_id,
            channel: channel.into(),
            origin,
            secret: secret.into(),
            mode,
            state: ConnectionState::Waiting,
            last_error: None,
            error_at: None,
            fingerprint: None,
            external_id: None,
            username: None,
            reads_groups: None,
            menu: None,
            leased_by: None,
            lease_until: None,
            version: 1,
            created_at: now,
            updated_at: now,
            removed_at: None,
        }
    }

    /// Adds that of a bot's file, unless another replica was faster.
    pub async fn insert_unless_there(tx: &mut Tenant, new: &Self) -> Result<()> {
        diesel::insert_into(connections::table)
            .values(new)
            .on_conflict_do_nothing()
            .execute(tx.conn())
            .await?;
        tx.wake(Hint::Config);
        Ok(())
    }

    pub async fn insert(tx: &mut Tenant, new: &Self) -> Result<()> {
        diesel::insert_into(connections::table).values(new).execute(tx.conn()).await?;
        tx.wake(Hint::Config);
        Ok(())
    }

    /// Those of the account that were not removed, in the order in which they were made.
    pub async fn list(tx: &mut Tenant) -> Result<Vec<Self>> {
        let found = connections::table
            .filter(connections::account_id.eq(tx.account()))
            .filter(connections::removed_at.is_null())
            .order((connections::created_at, connections::id))
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// One that was not removed.
    pub async fn find(tx: &mut Tenant, id: ConnectionId) -> Result<Option<Self>> {
        let found = connections::table
            .find((tx.account(), id))
            .filter(connections::removed_at.is_null())
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(found)
    }

    /// The same for whoever knows no account yet.
    pub async fn find_anywhere(tx: &mut System, id: ConnectionId) -> Result<Option<Self>> {
        let found = connections::table
            .filter(connections::id.eq(id))
            .filter(connections::removed_at.is_null())
            .select(Self::as_select())
            .first(tx.conn())
            .await
            .optional()?;
        Ok(found)
    }

    /// Every connection of every account that was not removed.
    pub async fn list_everywhere(tx: &mut System) -> Result<Vec<Self>> {
        let found = connections::table
            .filter(connections::removed_at.is_null())
            .select(Self::as_select())
            .load(tx.conn())
            .await?;
        Ok(found)
    }

    /// Changes what it is to be; false if that was changed meanwhile or it is gone.
    pub async fn change(
        tx: &mut Tenant,
        id: ConnectionId,
        expected_version: i32,
        secret: &str,
        mode: ConnectionMode,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        let count = sql("update connections set secret = ?, mode = ?, version = version + 1, updated_at = ?
             where account_id = current_account() and id = ? and version = ? and removed_at is null")
        .bind::<Text, _>(secret.to_owned())
        .bind::<Text, _>(mode)
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(id)
        .bind::<diesel::sql_types::Integer, _>(expected_version)
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Config);
        Ok(count == 1)
    }

    /// Takes it away; conversations that were held by it stay. Whether it was there.
    pub async fn remove(tx: &mut Tenant, id: ConnectionId, now: DateTime<Utc>) -> Result<bool> {
        let count = sql("update connections set removed_at = ?, updated_at = ?, version = version + 1
             where account_id = current_account() and id = ? and removed_at is null")
        .bind::<Timestamptz, _>(now)
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(id)
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Config);
        Ok(count == 1)
    }

    /// Notes which token it has, or that it has none. `Conflict` if another connection holds that token; the
    /// transaction is lost then.
    pub async fn hold_token(tx: &mut Tenant, id: ConnectionId, fingerprint: Option<&[u8]>) -> Result<()> {
        sql("update connections set fingerprint = ?, state = 'starting', external_id = null
             where account_id = current_account() and id = ? and fingerprint is distinct from ?")
        .bind::<Nullable<Bytea>, _>(fingerprint.map(<[u8]>::to_vec))
        .bind::<SqlUuid, _>(id)
        .bind::<Nullable<Bytea>, _>(fingerprint.map(<[u8]>::to_vec))
        .execute(tx.conn())
        .await
        .map_err(taken)?;
        Ok(())
    }

    /// Notes who the channel says that it is. `Conflict` as [`Connection::hold_token`].
    pub async fn hold_bot(
        tx: &mut Tenant,
        id: ConnectionId,
        external_id: i64,
        username: Option<&str>,
        reads_groups: bool,
    ) -> Result<()> {
        sql("update connections set external_id = ?, username = ?, reads_groups = ?
             where account_id = current_account() and id = ?")
        .bind::<BigInt, _>(external_id)
        .bind::<Nullable<Text>, _>(username.map(str::to_owned))
        .bind::<Bool, _>(reads_groups)
        .bind::<SqlUuid, _>(id)
        .execute(tx.conn())
        .await
        .map_err(taken)?;
        Ok(())
    }

    /// Notes which commands the channel was told of.
    pub async fn set_menu(tx: &mut Tenant, id: ConnectionId, menu: &str) -> Result<()> {
        sql("update connections set menu = ? where account_id = current_account() and id = ?")
            .bind::<Text, _>(menu.to_owned())
            .bind::<SqlUuid, _>(id)
            .execute(tx.conn())
            .await?;
        Ok(())
    }

    /// Notes how it is, and what went wrong if something did: an error that was mended stays as the last one.
    pub async fn report(
        tx: &mut Tenant,
        id: ConnectionId,
        state: ConnectionState,
        error: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        sql("update connections set state = ?, last_error = coalesce(?, last_error),
                 error_at = case when ? then ? else error_at end
             where account_id = current_account() and id = ?")
        .bind::<Text, _>(state)
        .bind::<Nullable<Text>, _>(error.map(str::to_owned))
        .bind::<Bool, _>(error.is_some())
        .bind::<Timestamptz, _>(now)
        .bind::<SqlUuid, _>(id)
        .execute(tx.conn())
        .await?;
        Ok(())
    }

    /// Renews the leases of `replica` and takes connections that nobody looks after; all that it holds now.
    /// Those without a token are left alone.
    pub async fn lease(tx: &mut System, replica: ReplicaId) -> Result<Vec<Self>> {
        let seconds = CONNECTION_LEASE.as_secs_f64();
        // What is ours stays ours whoever has its row locked just now, so here nothing is skipped.
        let mut held: Vec<Self> = sql("update connections set lease_until = now() + make_interval(secs => ?)
             where leased_by = ? and lease_until >= now() and removed_at is null and fingerprint is not null
             returning *")
        .bind::<Double, _>(seconds)
        .bind::<SqlUuid, _>(replica)
        .load(tx.conn())
        .await?;
        // Rows that refer to a connection lock its key, which is no reason to pass it over.
        let found: Vec<Self> =
            sql("update connections set leased_by = ?, lease_until = now() + make_interval(secs => ?)
             where (account_id, id) in (
                 select account_id, id from connections
                 where removed_at is null and fingerprint is not null
                   and (lease_until is null or lease_until < now())
                 for no key update skip locked)
             returning *")
            .bind::<SqlUuid, _>(replica)
            .bind::<Double, _>(seconds)
            .load(tx.conn())
            .await?;
        held.extend(found);
        Ok(held)
    }

    /// Lets go of connections that `replica` looked after.
    pub async fn release(tx: &mut System, replica: ReplicaId, ids: &[ConnectionId]) -> Result<()> {
        let ids: Vec<uuid::Uuid> = ids.iter().map(|id| id.0).collect();
        sql(
            "update connections set leased_by = null, lease_until = null where leased_by = ? and id = any(?)",
        )
        .bind::<SqlUuid, _>(replica)
        .bind::<Array<SqlUuid>, _>(ids)
        .execute(tx.conn())
        .await?;
        tx.wake(Hint::Config);
        Ok(())
    }

    /// The same for all that `replica` held, which is known to be dead.
    pub async fn release_all(tx: &mut System, replica: ReplicaId) -> Result<()> {
        sql("update connections set leased_by = null, lease_until = null where leased_by = ?")
            .bind::<SqlUuid, _>(replica)
            .execute(tx.conn())
            .await?;
        Ok(())
    }
}

fn taken(error: DieselError) -> Error {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => {
            Error::conflict("another bot or account holds this token already")
        }
        error => error.into(),
    }
}
