//! Which connections there are, and who looks after them: bots' files and tokens come and go while we run, and
//! one replica holds each connection at a time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::{CHANNEL, Door, Telegram, run};
use crate::error::{Kind, Result};
use crate::id::{AccountId, ConnectionId};
use crate::spec::TelegramMode;
use crate::store::{
    CONNECTION_LEASE, ConfigVersion, Connection, ConnectionMode, ConnectionOrigin, ConnectionState, Hint,
    Secret,
};

/// The slow look beside the wake-ups; leases are renewed as often.
const LOOK: Duration = Duration::from_secs(2);
/// How soon a token that another connection held is tried again.
const REST_SECONDS: i64 = 20;
/// How long a connection may take to come to rest.
const GRACE: Duration = Duration::from_secs(6);

/// A connection that this replica looks after.
struct Held {
    version: i32,
    fingerprint: Option<Vec<u8>>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// What this replica knows of the connections there are.
struct Keeper {
    door: Arc<Door>,
    /// The config of each account that its files were last compared with.
    compared: HashMap<AccountId, i64>,
    /// Which value of its secret each connection was last given.
    taken: HashMap<ConnectionId, (String, Option<DateTime<Utc>>)>,
    held: HashMap<ConnectionId, Held>,
    /// When the leases were last renewed.
    renewed: Instant,
}

impl Telegram {
    /// Looks after connections until `stop`, then lets go of them in good order.
    pub async fn run(self, stop: CancellationToken) {
        let mut waiter = self.0.store().wake().waiter(Hint::Config);
        let mut keeper = Keeper {
            door: self.0.clone(),
            compared: HashMap::new(),
            taken: HashMap::new(),
            held: HashMap::new(),
            renewed: Instant::now(),
        };
        while !stop.is_cancelled() {
            tokio::select! {
                looked = keeper.look() => {
                    if let Err(error) = looked {
                        tracing::warn!(error = error.chain(), "connections cannot be looked after");
                    }
                }
                () = stop.cancelled() => break,
            }
            // Somebody else may hold them by now: nothing may be polled twice.
            if keeper.renewed.elapsed() > CONNECTION_LEASE * 2 / 3 {
                keeper.stop_all().await;
            }
            tokio::select! {
                () = waiter.wait(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
        keeper.let_go().await;
    }
}

impl Keeper {
    async fn look(&mut self) -> Result<()> {
        let mut tx = self.door.store().system().await?;
        let versions = ConfigVersion::list_everywhere(&mut tx).await?;
        tx.commit().await?;
        for (account, version) in versions {
            if self.compared.get(&account) == Some(&version) {
                continue;
            }
            match self.compare(account).await {
                Ok(()) => drop(self.compared.insert(account, version)),
                // What is wrong with one account keeps nobody else from running.
                Err(error) => {
                    tracing::warn!(error = error.chain(), %account, "the channels of bots' files wait");
                }
            }
        }
        let mut tx = self.door.store().system().await?;
        let connections = Connection::list_everywhere(&mut tx).await?;
        tx.commit().await?;
        self.take_tokens(&connections).await?;
        let since = Instant::now();
        let mut tx = self.door.store().system().await?;
        let held = Connection::lease(&mut tx, self.door.replica).await?;
        tx.commit().await?;
        self.renewed = since;
        self.door.lines().keep(&connections_now(&connections, &held));
        self.run_what_is_held(held).await;
        Ok(())
    }

    /// Makes the connections of an account what its bots' files say.
    async fn compare(&self, account: AccountId) -> Result<()> {
        let live = self.door.chat.bots().list(account).await?;
        let now = self.door.clock().now();
        let mut tx = self.door.store().tenant(account).await?;
        let there = Connection::list(&mut tx).await?;
        let of_files = there.iter().filter(|connection| connection.origin == ConnectionOrigin::File);
        let mut known: HashMap<_, _> = of_files.map(|connection| (connection.bot_id, connection)).collect();
        for bot in &live {
            let Some(telegram) = &bot.spec.telegram else { continue };
            let (secret, mode) = (telegram.token.secret.as_str(), mode(telegram.mode));
            match known.remove(&bot.bot.id) {
                Some(connection) if connection.secret == secret && connection.mode == mode => {}
                Some(connection) => {
                    Connection::change(&mut tx, connection.id, connection.version, secret, mode, now).await?;
                }
                None => {
                    let new = Connection::new(
                        account,
                        bot.bot.id,
                        CHANNEL,
                        ConnectionOrigin::File,
                        secret,
                        mode,
                        now,
                    );
                    Connection::insert_unless_there(&mut tx, &new).await?;
                }
            }
        }
        for gone in known.into_values() {
            Connection::remove(&mut tx, gone.id, now).await?;
        }
        tx.commit().await
    }

    /// Gives connections the tokens that their secrets hold now.
    async fn take_tokens(&mut self, connections: &[Connection]) -> Result<()> {
        let mut accounts: HashMap<AccountId, Vec<&Connection>> = HashMap::new();
        for connection in connections {
            accounts.entry(connection.account_id).or_default().push(connection);
        }
        self.taken.retain(|id, _| connections.iter().any(|connection| connection.id == *id));
        for (account, connections) in accounts {
            let mut tx = self.door.store().reading(account).await?;
            let secrets = Secret::list(&mut tx).await?;
            tx.commit().await?;
            for connection in connections {
                let secret = secrets.iter().find(|secret| secret.name == connection.secret);
                let value = (connection.secret.clone(), secret.map(|secret| secret.updated_at));
                let again =
                    secret.is_some() && connection.fingerprint.is_none() && self.is_rested(connection);
                if self.taken.get(&connection.id) == Some(&value) && !again {
                    continue;
                }
                match self.take_token(connection).await {
                    Ok(()) => drop(self.taken.insert(connection.id, value)),
                    Err(error) => {
                        tracing::warn!(error = error.chain(), connection = %connection.id, "a token waits");
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a token that another connection held may be tried again: that one may be gone.
    fn is_rested(&self, connection: &Connection) -> bool {
        let now = self.door.clock().now();
        connection.error_at.is_none_or(|since| (now - since).num_seconds() >= REST_SECONDS)
    }

    async fn take_token(&self, connection: &Connection) -> Result<()> {
        let (door, account) = (&self.door, connection.account_id);
        let token = door.lines().token(connection).await;
        let problem = match token {
            Ok(Some(fingerprint)) if connection.fingerprint.as_ref() == Some(&fingerprint) => return Ok(()),
            Ok(Some(fingerprint)) => {
                let mut tx = door.store().tenant(account).await?;
                match Connection::hold_token(&mut tx, connection.id, Some(&fingerprint)).await {
                    Ok(()) => return tx.commit().await,
                    Err(error) if error.kind() == Kind::Conflict => {
                        (ConnectionState::Refused, error.message().to_owned())
                    }
                    Err(error) => return Err(error),
                }
            }
            Ok(None) => {
                let set = format!("set it with `botwright secret set {}`", connection.secret);
                (ConnectionState::Waiting, format!("the secret `{}` is not set: {set}", connection.secret))
            }
            Err(error) if error.kind() == Kind::Unavailable => return Err(error),
            Err(error) => (ConnectionState::Waiting, error.message().to_owned()),
        };
        let (state, why) = problem;
        let mut tx = door.store().tenant(account).await?;
        Connection::hold_token(&mut tx, connection.id, None).await?;
        Connection::report(&mut tx, connection.id, state, Some(&why), door.clock().now()).await?;
        tx.commit().await
    }

    /// Runs the connections that are held as they are now, and no others.
    async fn run_what_is_held(&mut self, held: Vec<Connection>) {
        let mut ending = Vec::new();
        self.held.retain(|id, running| {
            let same = held.iter().any(|connection| {
                connection.id == *id
                    && connection.version == running.version
                    && connection.fingerprint == running.fingerprint
            });
            let goes_on = same && !running.task.is_finished();
            if !goes_on {
                running.stop.cancel();
                ending.push(std::mem::replace(&mut running.task, tokio::spawn(async {})));
            }
            goes_on
        });
        for task in ending {
            let _ = timeout(GRACE, task).await;
        }
        for connection in held {
            if self.held.contains_key(&connection.id) {
                continue;
            }
            let stop = CancellationToken::new();
            let task = tokio::spawn(run::run(self.door.clone(), connection.clone(), stop.clone()));
            let Connection { id, version, fingerprint, .. } = connection;
            self.held.insert(id, Held { version, fingerprint, stop, task });
        }
    }

    async fn stop_all(&mut self) {
        for held in self.held.values() {
            held.stop.cancel();
        }
        for (_, held) in self.held.drain() {
            let _ = timeout(GRACE, held.task).await;
        }
    }

    async fn let_go(mut self) {
        let ids: Vec<ConnectionId> = self.held.keys().copied().collect();
        self.stop_all().await;
        let released = async {
            let mut tx = self.door.store().system().await?;
            Connection::release(&mut tx, self.door.replica, &ids).await?;
            tx.commit().await
        };
        if let Err(error) = released.await {
            tracing::warn!(error = error.chain(), "connections wait for their leases to run out");
        }
    }
}

/// What was listed, with what became of those that are held since.
fn connections_now(listed: &[Connection], held: &[Connection]) -> Vec<Connection> {
    let newer = |id: ConnectionId| held.iter().find(|connection| connection.id == id);
    listed.iter().map(|connection| newer(connection.id).unwrap_or(connection).clone()).collect()
}

fn mode(mode: TelegramMode) -> ConnectionMode {
    match mode {
        TelegramMode::Auto => ConnectionMode::Auto,
        TelegramMode::Polling => ConnectionMode::Polling,
        TelegramMode::Webhook => ConnectionMode::Webhook,
    }
}
