//! The two doors: a transaction of one account, and one of the queues.
//!
//! Both switch the login's role for the length of the transaction, so a superuser login is confined as well
//! as any. A transaction that is dropped without a commit is rolled back, and its hints are never sent.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Bool};
use diesel_async::pooled_connection::deadpool::Object;
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

use crate::error::Result;
use crate::id::AccountId;
use crate::store::sql::sql;
use crate::store::wake::{Hint, Wake};

/// A transaction that sees and writes the rows of one account, and no others.
pub struct Tenant {
    account: AccountId,
    tx: Transaction,
    /// It can write nothing.
    reads: bool,
}

impl Tenant {
    pub(super) fn of(account: AccountId, tx: Transaction) -> Self {
        Self { account, tx, reads: false }
    }
    pub(super) fn reader(account: AccountId, tx: Transaction) -> Self {
        Self { account, tx, reads: true }
    }
    pub(super) async fn begin(&self, beginning: &str) -> Result<()> {
        self.tx.begin(beginning).await
    }
    pub(super) fn begun(self) -> Self {
        Self { tx: self.tx.begun(), ..self }
    }
    /// What begins a transaction confined to `account`.
    pub(super) fn confined(account: AccountId) -> String {
        // The id is a UUID, so there is nothing to escape.
        format!("begin; set local role botwright_app; set local app.account_id = '{account}'")
    }
    /// The same for one that can write nothing, and whose statements the server ends after `deadline`.
    pub(super) fn reading(account: AccountId, deadline: Duration) -> String {
        format!(
            "begin read only; set local statement_timeout = {}; set local role botwright_app; set local app.account_id = '{account}'",
            deadline.as_millis()
        )
    }
    /// Whose rows these are.
    pub fn account(&self) -> AccountId {
        self.account
    }
    pub(super) fn conn(&mut self) -> &mut AsyncPgConnection {
        &mut self.tx.conn
    }
    /// For statements of which several may be under way: they go out together, are executed in the order in
    /// which they were first polled, and take one round trip.
    pub(super) fn line(&self) -> &AsyncPgConnection {
        &self.tx.conn
    }
    /// Tells waiters of `hint` once this is committed.
    pub fn wake(&self, hint: Hint) {
        self.tx.hints().push(hint);
    }
    /// Makes it lasting, then wakes who waits for it. One that only reads has nothing to wait for: it ends while its
    /// reader goes on.
    pub async fn commit(self) -> Result<()> {
        if self.reads {
            return Ok(());
        }
        self.tx.commit().await
    }
}

/// A transaction that sees the queues and logs of every account, and none of the other tables.
pub struct System {
    tx: Transaction,
}

impl System {
    /// What begins such a transaction.
    pub(super) const CONFINED: &str = "begin; set local role botwright_system";

    pub(super) fn of(tx: Transaction) -> Self {
        Self { tx }
    }
    pub(super) fn conn(&mut self) -> &mut AsyncPgConnection {
        &mut self.tx.conn
    }
    /// Takes the lock `number` of this database until the transaction ends, unless somebody holds it.
    pub async fn try_lock(&mut self, number: i64) -> Result<bool> {
        #[derive(QueryableByName)]
        struct Locked {
            #[diesel(sql_type = Bool)]
            locked: bool,
        }
        let found: Locked = sql("select pg_try_advisory_xact_lock(?) as locked")
            .bind::<BigInt, _>(number)
            .get_result(self.conn())
            .await?;
        Ok(found.locked)
    }
    /// Tells waiters of `hint` once this is committed.
    pub fn wake(&self, hint: Hint) {
        self.tx.hints().push(hint);
    }
    /// Makes it lasting, then wakes who waits for it.
    pub async fn commit(self) -> Result<()> {
        self.tx.commit().await
    }
}

pub(super) struct Transaction {
    conn: Connection,
    wake: Wake,
    hints: Mutex<Vec<Hint>>,
}

impl Transaction {
    /// One that has yet to begin: closed, not rolled back, if it is dropped before.
    pub(super) fn new(conn: Object<AsyncPgConnection>, wake: Wake) -> Self {
        Self { conn: Connection { conn: Some(conn), switching: true }, wake, hints: Mutex::default() }
    }

    /// Sends `beginning`, several statements of which the first is `begin`. Where one is refused, so is whatever was
    /// sent after it: either there is no connection, or the transaction that began is aborted.
    pub(super) async fn begin(&self, beginning: &str) -> Result<()> {
        Ok((&*self.conn).batch_execute(beginning).await?)
    }

    /// From now on it is rolled back when it is dropped.
    pub(super) fn begun(mut self) -> Self {
        self.conn.switching = false;
        self
    }

    pub(super) async fn commit(mut self) -> Result<()> {
        self.conn.switching = true;
        self.conn.batch_execute("commit").await?;
        self.conn.finish();
        let hints = std::mem::take(&mut *self.hints());
        self.wake.send(hints);
        Ok(())
    }

    fn hints(&self) -> MutexGuard<'_, Vec<Hint>> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A pooled connection that rolls back when it is dropped in the middle of a transaction.
struct Connection {
    conn: Option<Object<AsyncPgConnection>>,
    /// While the transaction begins or commits; whoever waited for that may have been dropped.
    switching: bool,
}

impl Connection {
    /// Gives the connection back to the pool.
    fn finish(&mut self) {
        self.conn = None;
    }
}

impl std::ops::Deref for Connection {
    type Target = AsyncPgConnection;
    fn deref(&self) -> &AsyncPgConnection {
        match &self.conn {
            Some(conn) => conn,
            None => unreachable!("a finished transaction is never used: `commit` takes it by value"),
        }
    }
}

impl std::ops::DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut AsyncPgConnection {
        match &mut self.conn {
            Some(conn) => conn,
            None => unreachable!("a finished transaction is never used: `commit` takes it by value"),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let Some(mut conn) = self.conn.take() else { return };
        if self.switching {
            // Nobody knows where it stands: it closes, which rolls back unless the commit was through.
            let _ = Object::take(conn);
            return;
        }
        // Without a runtime (the process is ending) the connection simply closes, which rolls back too.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if conn.batch_execute("rollback").await.is_err() {
                    // A connection that cannot roll back is of no use to anybody else.
                    let _ = Object::take(conn);
                }
            });
        } else {
            let _ = Object::take(conn);
        }
    }
}
