//! The connections that this process knows, with their tokens: whoever sends or takes in asks here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use crate::chat::{Bots, LiveBot};
use crate::error::Result;
use crate::id::{AccountId, BotId, ConnectionId};
use crate::secrets::{Secrets, Signer};
use crate::store::{Connection, Store};

/// For how long a bot's file counts as read.
const FRESH: Duration = Duration::from_secs(2);

/// One connection, and what is needed to speak by it.
pub(super) struct Line {
    pub(super) account: AccountId,
    pub(super) id: ConnectionId,
    pub(super) bot: BotId,
    pub(super) token: SecretString,
    pub(super) fingerprint: Vec<u8>,
    version: i32,
    me: Mutex<Option<Me>>,
    live: Mutex<Option<(Instant, Arc<LiveBot>)>>,
}

/// Who the service says that a bot is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Me {
    pub(super) id: i64,
    /// Without the `@`.
    pub(super) username: String,
}

impl Line {
    /// Who the bot is; none while the service has not said it.
    pub(super) fn me(&self) -> Option<Me> {
        lock(&self.me).clone()
    }

    pub(super) fn set_me(&self, me: Me) {
        *lock(&self.me) = Some(me);
    }

    /// What its file says, as it stood up to two seconds ago; none for a bot that was archived.
    pub(super) async fn live(&self, store: &Store, bots: &Bots) -> Result<Option<Arc<LiveBot>>> {
        let since = Instant::now();
        if let Some((seen, live)) = &*lock(&self.live)
            && seen.elapsed() < FRESH
        {
            return Ok(Some(live.clone()));
        }
        let mut tx = store.reading(self.account).await?;
        let live = bots.find_by_id(&mut tx, self.bot).await?;
        tx.commit().await?;
        let live = live.filter(|live| live.bot.archived_at.is_none());
        *lock(&self.live) = live.clone().map(|live| (since, live));
        Ok(live)
    }
}

/// All of them. Cheap to clone.
#[derive(Clone)]
pub(super) struct Lines {
    store: Store,
    secrets: Secrets,
    signer: Signer,
    known: Arc<Mutex<HashMap<ConnectionId, Arc<Line>>>>,
}

impl Lines {
    pub(super) fn new(store: Store, secrets: Secrets) -> Self {
        let signer = secrets.signer("telegram");
        Self { store, secrets, signer, known: Arc::default() }
    }

    /// The fingerprint of the token that the secret of a connection holds now.
    ///
    /// # Errors
    /// `Conflict` for a secret that was sealed under another key.
    pub(super) async fn token(&self, connection: &Connection) -> Result<Option<Vec<u8>>> {
        let token = self.secrets.reveal(connection.account_id, &connection.secret).await?;
        Ok(token.map(|token| self.secrets.fingerprint(&token)))
    }

    /// What proves that an update comes from the service: only it was told.
    pub(super) fn proof(&self, line: &Line) -> String {
        let signature = self.signer.sign(&[b"webhook", line.id.0.as_bytes(), &line.fingerprint]);
        signature.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Whether `given` is that proof; takes the same time for every wrong one of its length.
    pub(super) fn is_proof(&self, line: &Line, given: &str) -> bool {
        let bytes: Option<Vec<u8>> = (0..given.len() / 2)
            .map(|index| u8::from_str_radix(given.get(index * 2..index * 2 + 2)?, 16).ok())
            .collect();
        let parts: [&[u8]; 3] = [b"webhook", line.id.0.as_bytes(), &line.fingerprint];
        given.len() == 64 && bytes.is_some_and(|bytes| self.signer.verify(&parts, &bytes))
    }

    /// The line of a connection that was not removed and whose token is known.
    pub(super) async fn find(&self, account: AccountId, id: ConnectionId) -> Result<Option<Arc<Line>>> {
        if let Some(line) = self.known(id) {
            return Ok(Some(line));
        }
        let mut tx = self.store.reading(account).await?;
        let connection = Connection::find(&mut tx, id).await?;
        tx.commit().await?;
        match connection {
            Some(connection) => self.open(&connection).await,
            None => Ok(None),
        }
    }

    /// The same by the id alone.
    pub(super) async fn find_anywhere(&self, id: ConnectionId) -> Result<Option<Arc<Line>>> {
        if let Some(line) = self.known(id) {
            return Ok(Some(line));
        }
        let mut tx = self.store.system().await?;
        let connection = Connection::find_anywhere(&mut tx, id).await?;
        tx.commit().await?;
        match connection {
            Some(connection) => self.open(&connection).await,
            None => Ok(None),
        }
    }

    /// Reveals the token of a connection; none where it is not set, or is not the one that the connection holds.
    pub(super) async fn open(&self, connection: &Connection) -> Result<Option<Arc<Line>>> {
        if let Some(line) = self.known(connection.id)
            && Some(&line.fingerprint) == connection.fingerprint.as_ref()
            && line.version == connection.version
        {
            return Ok(Some(line));
        }
        let token = self.secrets.reveal(connection.account_id, &connection.secret).await?;
        let Some(token) = token else { return Ok(None) };
        let fingerprint = self.secrets.fingerprint(&token);
        if connection.fingerprint.as_ref() != Some(&fingerprint) {
            return Ok(None);
        }
        let me = connection.external_id.zip(connection.username.clone());
        let line = Arc::new(Line {
            account: connection.account_id,
            id: connection.id,
            bot: connection.bot_id,
            token,
            fingerprint,
            version: connection.version,
            me: Mutex::new(me.map(|(id, username)| Me { id, username })),
            live: Mutex::default(),
        });
        lock(&self.known).insert(line.id, line.clone());
        Ok(Some(line))
    }

    /// Forgets lines that are not among `connections` as they stand now.
    pub(super) fn keep(&self, connections: &[Connection]) {
        let stand: HashMap<ConnectionId, &Connection> =
            connections.iter().map(|connection| (connection.id, connection)).collect();
        lock(&self.known).retain(|id, line| {
            stand.get(id).is_some_and(|connection| {
                connection.fingerprint.as_ref() == Some(&line.fingerprint)
                    && connection.version == line.version
            })
        });
    }

    fn known(&self, id: ConnectionId) -> Option<Arc<Line>> {
        lock(&self.known).get(&id).cloned()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
