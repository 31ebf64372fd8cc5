//! The event log of running turns, as their runners write it. Nothing is delivered before it is stored: one
//! writer per replica gathers what all turns said and stores it in one statement every 40 ms.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::id::TurnId;
use crate::store::{Append, Store, Turn, TurnEvent, TurnEventKind};

/// How often events are stored: at most 25 a second for a turn.
const TICK: Duration = Duration::from_millis(40);

/// The log of one running turn.
pub(super) struct TurnLog {
    turn: Turn,
    inner: Mutex<Inner>,
    changed: Notify,
}

#[derive(Default)]
struct Inner {
    /// The number of the next event.
    next: i32,
    /// Said, and not yet on its way.
    pending: Vec<(TurnEventKind, Value)>,
    /// On its way, with numbers that will not change any more.
    sending: Vec<(i32, TurnEventKind, Value)>,
    /// Something of this run was stored.
    stored: bool,
    /// The database knows a newer attempt or newer inputs: nothing of this run counts any more.
    lost: bool,
    /// The runner ends the turn itself; the writer keeps away.
    closed: bool,
}

impl TurnLog {
    /// Adds words to the reply.
    pub(super) fn text(&self, more: &str) {
        let mut inner = lock(&self.inner);
        if let Some((TurnEventKind::Text, body)) = inner.pending.last_mut()
            && let Some(Value::String(text)) = body.get_mut("text")
        {
            text.push_str(more);
            return;
        }
        inner.pending.push((TurnEventKind::Text, json!({ "text": more })));
    }

    pub(super) fn event(&self, kind: TurnEventKind, body: Value) {
        lock(&self.inner).pending.push((kind, body));
    }

    pub(super) fn is_lost(&self) -> bool {
        lock(&self.inner).lost
    }

    /// Whether something of this run can be seen outside.
    pub(super) fn is_shown(&self) -> bool {
        lock(&self.inner).stored
    }

    /// Whether anything was said in this run, seen outside or not.
    pub(super) fn has_begun(&self) -> bool {
        let inner = lock(&self.inner);
        inner.stored || !inner.sending.is_empty() || !inner.pending.is_empty()
    }

    /// Waits until everything said so far is stored; false if the run was lost instead.
    pub(super) async fn flush(&self) -> bool {
        self.settle(|inner| inner.pending.is_empty() && inner.sending.is_empty()).await
    }

    /// Takes the log away from the writer: waits for what is on its way, and returns what is left with its
    /// numbers, and the number after them. `None` if the run was lost.
    pub(super) async fn close(&self) -> Option<(Vec<(i32, TurnEventKind, Value)>, i32)> {
        lock(&self.inner).closed = true;
        if !self.settle(|inner| inner.sending.is_empty()).await {
            return None;
        }
        let mut inner = lock(&self.inner);
        let first = inner.next;
        let rest: Vec<_> =
            inner.pending.drain(..).zip(first..).map(|((kind, body), seq)| (seq, kind, body)).collect();
        let next = first + i32::try_from(rest.len()).unwrap_or(i32::MAX);
        Some((rest, next))
    }

    async fn settle(&self, settled: impl Fn(&Inner) -> bool) -> bool {
        loop {
            let changed = self.changed.notified();
            {
                let inner = lock(&self.inner);
                if inner.lost {
                    return false;
                }
                if settled(&inner) {
                    return true;
                }
            }
            changed.await;
        }
    }

    /// Numbers what is pending and says what is to be stored now.
    fn take(&self) -> Vec<Append> {
        let mut guard = lock(&self.inner);
        let inner = &mut *guard;
        if inner.lost {
            return Vec::new();
        }
        if inner.sending.is_empty() && !inner.closed {
            for (kind, body) in inner.pending.drain(..) {
                inner.sending.push((inner.next, kind, body));
                inner.next += 1;
            }
        }
        let append = |(seq, kind, body): &(i32, TurnEventKind, Value)| Append {
            account_id: self.turn.account_id,
            turn_id: self.turn.id,
            attempt: self.turn.attempt,
            inputs: self.turn.inputs,
            seq: *seq,
            kind: *kind,
            body: body.clone(),
        };
        inner.sending.iter().map(append).collect()
    }

    fn settled(&self, stored: bool) {
        let mut inner = lock(&self.inner);
        if stored {
            inner.sending.clear();
            inner.stored = true;
        } else {
            inner.lost = true;
        }
        drop(inner);
        self.changed.notify_waiters();
    }
}

/// The logs of all turns that run here. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Logs(Arc<Mutex<HashMap<TurnId, Arc<TurnLog>>>>);

impl Logs {
    /// Opens the log of a run, whose first event will be `next`.
    pub(super) fn open(&self, turn: Turn, next: i32) -> Arc<TurnLog> {
        let id = turn.id;
        let stored = turn.shown;
        let inner = Inner { next, stored, ..Inner::default() };
        let log = Arc::new(TurnLog { turn, inner: Mutex::new(inner), changed: Notify::new() });
        lock(&self.0).insert(id, log.clone());
        log
    }

    /// Forgets the log of a run that ended.
    pub(super) fn remove(&self, log: &Arc<TurnLog>) {
        let mut logs = lock(&self.0);
        // A later run of the same turn may have opened its own meanwhile.
        if logs.get(&log.turn.id).is_some_and(|open| Arc::ptr_eq(open, log)) {
            logs.remove(&log.turn.id);
        }
    }

    /// Stores what was said, again and again, until `stop`.
    pub(super) async fn write(&self, store: &Store, stop: CancellationToken) {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = stop.cancelled() => return,
            }
            if let Err(error) = self.write_once(store).await {
                tracing::warn!(error = error.chain(), "events wait: the database did not take them");
                sleep(Duration::from_millis(200)).await;
            }
        }
    }

    async fn write_once(&self, store: &Store) -> Result<()> {
        let logs: Vec<Arc<TurnLog>> = lock(&self.0).values().cloned().collect();
        let mut batch = Vec::new();
        let mut sent = Vec::new();
        for log in logs {
            let events = log.take();
            if !events.is_empty() {
                batch.extend(events);
                sent.push(log);
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        let mut tx = store.system().await?;
        let live = TurnEvent::append(&mut tx, &batch).await?;
        tx.commit().await?;
        for log in sent {
            log.settled(live.contains(&log.turn.id));
        }
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
