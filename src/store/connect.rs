//! The pool, and bringing a database up to date.

use std::time::Duration;

use deadpool::managed::{Hook, HookError, Metrics, QueueMode};
use diesel_async::pooled_connection::deadpool::{Object, Pool};
use diesel_async::pooled_connection::{
    AsyncDieselConnectionManager, ManagerConfig, PoolError, RecyclingMethod,
};
use diesel_async::{
    AsyncConnection, AsyncMigrationHarness, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use futures_util::future::join;

use crate::error::{Error, Kind, Result};
use crate::id::AccountId;
use crate::store::feed;
use crate::store::sql::sql;
use crate::store::tx::{System, Tenant, Transaction};
use crate::store::wake::Wake;

pub(super) const MIGRATIONS: EmbeddedMigrations = embed_migrations!("migrations");

/// How long a caller waits for a free connection before it hears that the database is away.
const WAIT: Duration = Duration::from_secs(10);

/// How long a statement of a reader may take: less than a caller waits for its answer.
const DEADLINE: Duration = Duration::from_secs(8);

/// How many of the connections are kept for the queues.
const QUEUE_CONNECTIONS: usize = 4;

/// What a transaction asks before anything else: see [`Store::asking`] and [`Store::tenant_asking`].
pub trait Questions: Sync {
    type Answers: Send;
    /// May be called again, on another connection. Statements that go out in line (`Tenant::line`) take one round trip.
    fn ask(&self, tx: &Tenant) -> impl Future<Output = Result<Self::Answers>> + Send;
}

/// A database, ready to be used. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool<AsyncPgConnection>,
    /// For `System`: leases must be kept and events written however busy the doors are.
    queues: Pool<AsyncPgConnection>,
    wake: Wake,
    url: std::sync::Arc<str>,
    /// How long a statement of a reader may take.
    deadline: Duration,
}

impl Store {
    /// Connects to a migrated database, with at most `connections` at once (plus two for wake-ups, once
    /// [`Store::listen`] runs).
    pub async fn connect(url: &str, connections: usize) -> Result<Self> {
        let pool = self::pool(url, connections.saturating_sub(QUEUE_CONNECTIONS).max(1))?;
        let queues = self::pool(url, QUEUE_CONNECTIONS)?;
        let store = Self { pool, queues, wake: Wake::default(), url: url.into(), deadline: DEADLINE };
        feed::begin_epoch(&mut *store.pool.get().await?).await?;
        Ok(store)
    }

    /// The same store, whose readers' statements are ended after `deadline`.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Begins a transaction confined to `account` that only reads: Postgres refuses whatever would write, and ends
    /// a statement that takes too long, also for a caller who went away. That is `Unavailable`.
    pub async fn reading(&self, account: AccountId) -> Result<Tenant> {
        let tx = self.begin(&self.pool, &Tenant::reading(account, self.deadline)).await?;
        Ok(Tenant::reader(account, tx))
    }

    /// The same with its first questions: they go out together, and take one round trip.
    pub async fn asking<Q: Questions>(
        &self,
        account: AccountId,
        questions: &Q,
    ) -> Result<(Tenant, Q::Answers)> {
        let beginning = Tenant::reading(account, self.deadline);
        self.begin_asking(|tx| Tenant::reader(account, tx), &beginning, questions).await
    }

    /// Begins a transaction confined to `account`.
    pub async fn tenant(&self, account: AccountId) -> Result<Tenant> {
        let tx = self.begin(&self.pool, &Tenant::confined(account)).await?;
        Ok(Tenant::of(account, tx))
    }

    /// The same with its first questions, which may lock and write: they go out together, and take one round trip.
    pub async fn tenant_asking<Q: Questions>(
        &self,
        account: AccountId,
        questions: &Q,
    ) -> Result<(Tenant, Q::Answers)> {
        self.begin_asking(|tx| Tenant::of(account, tx), &Tenant::confined(account), questions).await
    }

    async fn begin_asking<Q: Questions>(
        &self,
        tenant: impl Fn(Transaction) -> Tenant + Send,
        beginning: &str,
        questions: &Q,
    ) -> Result<(Tenant, Q::Answers)> {
        loop {
            let (tx, is_new) = self.next(&self.pool).await?;
            let tenant = tenant(tx);
            // Polled in this order, and so sent in this order.
            let (begun, answers) = join(tenant.begin(beginning), questions.ask(&tenant)).await;
            match begun {
                Ok(()) => return Ok((tenant.begun(), answers?)),
                Err(error) if is_new || error.kind() != Kind::Unavailable => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// Begins a transaction on the queues and logs of every account.
    pub async fn system(&self) -> Result<System> {
        Ok(System::of(self.begin(&self.queues, System::CONFINED).await?))
    }

    /// Begins a transaction with the statements of `beginning`, which go out together.
    async fn begin(&self, pool: &Pool<AsyncPgConnection>, beginning: &str) -> Result<Transaction> {
        loop {
            let (tx, is_new) = self.next(pool).await?;
            match tx.begin(beginning).await {
                Ok(()) => return Ok(tx.begun()),
                Err(error) if is_new || error.kind() != Kind::Unavailable => return Err(error),
                Err(_) => {}
            }
        }
    }

    /// A transaction that has yet to begin, and whether its connection is new. Nobody asks a pooled one first whether
    /// it still lives: one that does not is thrown away for the next, since nothing was answered by it yet; a new one
    /// that fails says that the database is away.
    async fn next(&self, pool: &Pool<AsyncPgConnection>) -> Result<(Transaction, bool)> {
        let conn = pool.get().await?;
        let is_new = Object::metrics(&conn).recycle_count == 0;
        Ok((Transaction::new(conn, self.wake.clone()), is_new))
    }

    /// The wake-ups of this process.
    pub fn wake(&self) -> &Wake {
        &self.wake
    }

    /// Exchanges wake-ups with other processes until `stop`; reconnects by itself.
    pub async fn listen(&self, stop: tokio_util::sync::CancellationToken) {
        self.wake.exchange(&self.url, stop).await;
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        self.begin(&self.pool, "begin").await?.commit().await
    }
}

fn pool(url: &str, connections: usize) -> Result<Pool<AsyncPgConnection>> {
    let mut config = ManagerConfig::<AsyncPgConnection>::default();
    // A question to the server before every transaction would cost as much as many a statement; see `Store::begin`.
    config.recycling_method = RecyclingMethod::Fast;
    Pool::builder(AsyncDieselConnectionManager::new_with_config(url, config))
        .max_size(connections)
        // The latest first: its server process has everything at hand, the statements prepared, the tables known.
        .queue_mode(QueueMode::Lifo)
        .post_recycle(Hook::async_fn(|conn, metrics| Box::pin(forget_old_plans(conn, metrics))))
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(WAIT))
        .runtime(deadpool::Runtime::Tokio1)
        .build()
        .map_err(Error::internal)
}

/// A prepared statement keeps its plan until the tables are analyzed anew, and one that was made for a table of a few
/// rows goes through all of it when it has thousands. So a connection forgets its plans (not the statements) each
/// time its age has doubled, from four seconds on.
async fn forget_old_plans(
    conn: &mut AsyncPgConnection,
    metrics: &Metrics,
) -> std::result::Result<(), HookError<PoolError>> {
    let doublings = |age: Duration| (age.as_secs() / 2).checked_ilog2().unwrap_or(0);
    let age = metrics.age();
    if doublings(age) > doublings(age.saturating_sub(metrics.last_used())) {
        let forgot = conn.batch_execute("discard plans").await;
        forgot.map_err(|error| HookError::Backend(PoolError::QueryError(error)))?;
    }
    Ok(())
}

/// Brings the database at `url` up to date and says which migrations ran. Safe to call from several
/// processes at once. Needs a multi-threaded runtime.
pub async fn migrate(url: &str) -> Result<Vec<String>> {
    let mut conn = AsyncPgConnection::establish(url).await?;
    // One at a time: the lock is released when the connection closes, whatever happens.
    sql("select pg_advisory_lock(7241001)").execute(&mut conn).await?;
    let mut harness = AsyncMigrationHarness::new(conn);
    let versions = harness
        .run_pending_migrations(MIGRATIONS)
        .map_err(|error| Error::conflict(format!("the database could not be brought up to date: {error}")))?;
    Ok(versions.iter().map(ToString::to_string).collect())
}
