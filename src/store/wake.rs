//! Wake-ups: telling waiters, here and in other replicas, that something is new.
//!
//! A hint carries ids only and may be lost; the tables are the truth, and every waiter polls slowly beside
//! it. `NOTIFY` inside a commit serialises all commits of a database, so hints are gathered and leave
//! together, every 20 ms, on a connection of their own.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use futures_util::StreamExt;
use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Result};
use crate::id::{AccountId, ConversationId, ReplicaId, TurnId};
use crate::store::feed::Audience;
use crate::store::sql::sql;

/// What is new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Hint {
    /// This turn has new events.
    Turn(TurnId),
    /// The runner of this turn should look at it: somebody joined it, or wants it to stop.
    Interrupt(TurnId),
    /// This conversation's log grew.
    Conversation(ConversationId),
    /// A turn waits to be claimed.
    Work,
    /// A delivery waits to be sent.
    Outbox,
    /// A job waits to be run.
    Jobs,
    /// The change feed grew.
    Feed,
    /// Some account's config has a new generation.
    Config,
    /// Something changed for this audience of the account. Told within a process only, by its reader of the feed.
    Changes(AccountId, Audience),
}

/// How often gathered hints leave this process.
const GATHER: Duration = Duration::from_millis(20);
/// Postgres takes payloads below 8,000 bytes.
const PAYLOAD_BYTES: usize = 7_900;
/// How often a sign of life goes round, and after how long without one the line counts as dead.
const HEARTBEAT: Duration = Duration::from_secs(15);
const SILENCE: Duration = Duration::from_secs(45);

/// The wake-ups of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Wake(Arc<Inner>);

struct Inner {
    origin: ReplicaId,
    waiters: Mutex<HashMap<Hint, watch::Sender<()>>>,
    outgoing: Mutex<HashSet<Hint>>,
    gathered: Notify,
}

impl Default for Inner {
    fn default() -> Self {
        Self {
            origin: ReplicaId::new(),
            waiters: Mutex::default(),
            outgoing: Mutex::default(),
            gathered: Notify::default(),
        }
    }
}

/// Waits for one kind of news. News since its creation is never missed.
pub struct Waiter {
    hint: Hint,
    receiver: watch::Receiver<()>,
    wake: Wake,
}

impl Waiter {
    /// Returns at the next news, or after `at_most`. Cancel-safe.
    pub async fn wait(&mut self, at_most: Duration) {
        let _ = timeout(at_most, self.receiver.changed()).await;
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut waiters = lock(&self.wake.0.waiters);
        // This receiver is still counted.
        if waiters.get(&self.hint).is_some_and(|sender| sender.receiver_count() <= 1) {
            waiters.remove(&self.hint);
        }
    }
}

impl Wake {
    /// A waiter for `hint`. Make it first, read the tables, then wait.
    pub fn waiter(&self, hint: Hint) -> Waiter {
        let receiver =
            lock(&self.0.waiters).entry(hint).or_insert_with(|| watch::Sender::new(())).subscribe();
        Waiter { hint, receiver, wake: self.clone() }
    }

    /// Tells waiters here at once and those of other replicas within 20 ms.
    pub fn send(&self, hints: Vec<Hint>) {
        if hints.is_empty() {
            return;
        }
        self.tell(&hints);
        lock(&self.0.outgoing).extend(hints);
        self.0.gathered.notify_one();
    }

    /// Tells waiters of [`Hint::Changes`] here, those that `is_for` picks.
    pub fn tell_of_changes(&self, is_for: impl Fn(AccountId, Audience) -> bool) {
        for (hint, sender) in &*lock(&self.0.waiters) {
            if matches!(*hint, Hint::Changes(account, audience) if is_for(account, audience)) {
                sender.send_replace(());
            }
        }
    }

    fn tell(&self, hints: &[Hint]) {
        let waiters = lock(&self.0.waiters);
        for sender in hints.iter().filter_map(|hint| waiters.get(hint)) {
            sender.send_replace(());
        }
    }

    /// After a break nobody knows what was missed, so everybody looks.
    fn tell_everybody(&self) {
        for sender in lock(&self.0.waiters).values() {
            sender.send_replace(());
        }
    }

    /// Exchanges hints with other processes until `stop`.
    pub(super) async fn exchange(&self, url: &str, stop: CancellationToken) {
        let both = async { tokio::join!(self.keep(url, Self::send_out), self.keep(url, Self::take_in)) };
        tokio::select! {
            _ = both => {}
            () = stop.cancelled() => {}
        }
    }

    /// Runs one half of the exchange and starts it again whenever its connection breaks.
    async fn keep(&self, url: &str, half: impl AsyncFn(&Self, &str) -> Result<()>) {
        loop {
            if let Err(error) = half(self, url).await {
                tracing::warn!(error = error.chain(), "the wake-up line broke; reconnecting");
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    async fn send_out(&self, url: &str) -> Result<()> {
        let mut conn = AsyncPgConnection::establish(url).await?;
        loop {
            let _ = timeout(HEARTBEAT, self.0.gathered.notified()).await;
            let hints = std::mem::take(&mut *lock(&self.0.outgoing));
            for payload in payloads(self.0.origin, &hints) {
                let sent =
                    sql("select pg_notify('botwright', ?)").bind::<Text, _>(payload).execute(&mut conn).await;
                if let Err(error) = sent {
                    lock(&self.0.outgoing).extend(hints);
                    return Err(error.into());
                }
            }
            sleep(GATHER).await;
        }
    }

    async fn take_in(&self, url: &str) -> Result<()> {
        let mut conn = AsyncPgConnection::establish(url).await?;
        conn.batch_execute("listen botwright").await?;
        self.tell_everybody();
        let mut notifications = std::pin::pin!(conn.notifications_stream());
        loop {
            // After an error the stream stays silent for ever, so an error ends this connection.
            match timeout(SILENCE, notifications.next()).await {
                Ok(Some(Ok(notification))) => {
                    if let Some(hints) = parse(self.0.origin, &notification.payload) {
                        self.tell(&hints);
                    }
                }
                Ok(Some(Err(error))) => return Err(error.into()),
                Ok(None) | Err(_) => return Err(Error::unavailable("no sign of life on the wake-up line")),
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `origin` then one word per hint; no hints make a bare sign of life.
fn payloads(origin: ReplicaId, hints: &HashSet<Hint>) -> Vec<String> {
    let mut payloads = vec![origin.to_string()];
    for hint in hints {
        let word = match hint {
            Hint::Turn(id) => format!(" t{}", id.0.simple()),
            Hint::Interrupt(id) => format!(" i{}", id.0.simple()),
            Hint::Conversation(id) => format!(" c{}", id.0.simple()),
            Hint::Work => " w".into(),
            Hint::Outbox => " o".into(),
            Hint::Jobs => " j".into(),
            Hint::Feed => " f".into(),
            Hint::Config => " g".into(),
            Hint::Changes(..) => continue,
        };
        match payloads.last_mut() {
            Some(payload) if payload.len() + word.len() <= PAYLOAD_BYTES => payload.push_str(&word),
            _ => payloads.push(format!("{origin}{word}")),
        }
    }
    payloads
}

/// The hints of another process; `None` for our own and for what we do not understand.
fn parse(own: ReplicaId, payload: &str) -> Option<Vec<Hint>> {
    let mut words = payload.split(' ');
    if words.next()?.parse::<ReplicaId>().ok()? == own {
        return None;
    }
    let hints = words.filter_map(|word| {
        let (kind, id) = word.split_at_checked(1)?;
        Some(match kind {
            "t" => Hint::Turn(id.parse().ok()?),
            "i" => Hint::Interrupt(id.parse().ok()?),
            "c" => Hint::Conversation(id.parse().ok()?),
            "w" => Hint::Work,
            "o" => Hint::Outbox,
            "j" => Hint::Jobs,
            "f" => Hint::Feed,
            "g" => Hint::Config,
            _ => return None,
        })
    });
    Some(hints.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_survive_the_wire_and_our_own_are_ignored() {
        let (ours, theirs) = (ReplicaId::new(), ReplicaId::new());
        let hints: HashSet<Hint> =
            (0..1000).map(|_| Hint::Turn(TurnId::new())).chain([Hint::Work, Hint::Feed]).collect();
        let payloads = payloads(theirs, &hints);
        assert!(payloads.iter().all(|payload| payload.len() < 8_000));
        let heard: HashSet<Hint> = payloads.iter().filter_map(|p| parse(ours, p)).flatten().collect();
        assert_eq!(heard, hints);
        assert!(payloads.iter().all(|payload| parse(theirs, payload).is_none()));
    }

    #[tokio::test]
    async fn news_between_making_a_waiter_and_waiting_is_not_missed() {
        let wake = Wake::default();
        let mut waiter = wake.waiter(Hint::Work);
        wake.send(vec![Hint::Work]);
        timeout(Duration::from_secs(1), waiter.wait(Duration::from_secs(60))).await.unwrap();
        drop(waiter);
        assert!(lock(&wake.0.waiters).is_empty());
    }
}
