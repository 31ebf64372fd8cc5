//! The engine: claims turns, keeps their leases, runs them, and stops in good order.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::chat::bots::Bots;
use crate::chat::changes::Herald;
use crate::chat::direct::Minds;
use crate::chat::ledger::Ledger;
use crate::chat::log::Logs;
use crate::chat::outbound::{Channels, Outbox};
use crate::chat::{Parts, UploadLimits};
use crate::clock::SharedClock;
use crate::dialog::{Budget, Tool};
use crate::error::Result;
use crate::id::{AccountId, ReplicaId, TurnId};
use crate::memory::Memory;
use crate::providers::Providers;
use crate::secrets::{Secrets, Signer};
use crate::store::{Hint, Store, Turn, TurnEvent};
use crate::tokens;

/// How often leases are renewed: four times in the eight seconds that they last.
const HEARTBEAT: Duration = Duration::from_secs(2);
/// How many turns one claim takes at most.
const CLAIM: usize = 8;
/// The slow poll beside the wake-ups; also how soon an expired lease is seen.
const POLL: Duration = Duration::from_secs(1);
/// How long running turns may go on after a stop before they are handed back.
const GRACE: Duration = Duration::from_secs(12);

pub(super) struct Engine {
    pub(super) store: Store,
    pub(super) clock: SharedClock,
    pub(super) providers: Providers,
    pub(super) secrets: Secrets,
    pub(super) memory: Memory,
    pub(super) budget: Arc<dyn Budget>,
    pub(super) tools: Vec<Arc<dyn Tool>>,
    pub(super) channels: Arc<Channels>,
    pub(super) replica: ReplicaId,
    pub(super) operator: AccountId,
    pub(super) bots: Bots,
    pub(super) herald: Herald,
    pub(super) logs: Logs,
    pub(super) minds: Minds,
    pub(super) ledger: Ledger,
    /// Turns that run here; the token ends one whose lease was lost.
    running: Mutex<HashMap<u64, (TurnId, CancellationToken)>>,
    runs: std::sync::atomic::AtomicU64,
    slots: Arc<Semaphore>,
    parallel: usize,
    pub(super) uploads: UploadLimits,
    /// Signs the addresses of uploads.
    pub(super) signer: Signer,
    /// What a provider's token is to one of ours, by model.
    ratios: Mutex<HashMap<String, f32>>,
    /// Closed until `run`, and again once it stops: nothing is claimed then.
    open: std::sync::atomic::AtomicBool,
    tasks: TaskTracker,
}

impl Engine {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts {
            store,
            clock,
            providers,
            secrets,
            memory,
            budget,
            tools,
            channels,
            replica,
            operator,
            parallel,
            uploads,
        } = parts;
        Self {
            bots: Bots::new(store.clone()),
            herald: Herald::new(store.clone()),
            logs: Logs::default(),
            minds: Minds::default(),
            ledger: Ledger::default(),
            running: Mutex::default(),
            runs: 0.into(),
            slots: Arc::new(Semaphore::new(parallel)),
            ratios: Mutex::default(),
            open: false.into(),
            tasks: TaskTracker::new(),
            channels: Arc::new(channels),
            store,
            clock,
            providers,
            signer: secrets.signer("uploads"),
            secrets,
            memory,
            budget,
            tools,
            replica,
            operator,
            parallel,
            uploads,
        }
    }

    pub(super) async fn run(self: Arc<Self>, stop: CancellationToken) {
        // Else the first who writes would wait for it.
        drop(tokio::task::spawn_blocking(tokens::warm));
        // The writer outlives the turns, which it must store the last words of.
        let writer_stop = CancellationToken::new();
        let writer = {
            let (engine, stop) = (self.clone(), writer_stop.clone());
            tokio::spawn(async move { engine.logs.write(&engine.store, stop).await })
        };
        let outbox =
            Outbox { store: self.store.clone(), replica: self.replica, channels: self.channels.clone() };
        self.open.store(true, std::sync::atomic::Ordering::SeqCst);
        tokio::join!(
            self.clone().claim_turns(stop.clone()),
            self.keep_leases(stop.clone()),
            outbox.run(stop)
        );
        self.open.store(false, std::sync::atomic::Ordering::SeqCst);
        self.tasks.close();
        if timeout(GRACE, self.tasks.wait()).await.is_err() {
            self.hand_back().await;
        }
        writer_stop.cancel();
        let _ = writer.await;
    }

    /// A place for a turn that the caller begins itself, which spares it the way through the queue. None
    /// while the engine is stopped or busy: what is queued is shared among replicas.
    pub(super) fn free_slot(&self) -> Option<OwnedSemaphorePermit> {
        if !self.open.load(std::sync::atomic::Ordering::SeqCst)
            || self.slots.available_permits() < self.parallel * 3 / 4
        {
            return None;
        }
        self.slots.clone().try_acquire_owned().ok()
    }

    /// Runs a claimed turn in a task of its own.
    pub(super) fn begin(self: &Arc<Self>, turn: Turn, first_seq: i32, slot: OwnedSemaphorePermit) {
        let lost = CancellationToken::new();
        // A turn may run here twice at once, when its first run does not know yet that it was taken over.
        let run = self.runs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        lock(&self.running).insert(run, (turn.id, lost.clone()));
        let engine = self.clone();
        self.tasks.spawn(async move {
            let id = turn.id;
            tokio::select! {
                () = engine.run_turn(turn, first_seq) => {}
                () = lost.cancelled() => tracing::warn!(turn = %id, "another replica took this turn over"),
            }
            lock(&engine.running).remove(&run);
            drop(slot);
        });
    }

    async fn claim_turns(self: Arc<Self>, stop: CancellationToken) {
        let mut waiter = self.store.wake().waiter(Hint::Work);
        while !stop.is_cancelled() {
            // With no room there is nothing to ask for; what waits is asked for as soon as there is some.
            tokio::select! {
                room = self.slots.acquire() => drop(room),
                () = stop.cancelled() => return,
            }
            let more = self.claim_once().await.unwrap_or_else(|error| {
                tracing::warn!(error = error.chain(), "turns wait: the queue cannot be read");
                false
            });
            if more {
                // The busier one lets the others go first.
                let busy = self.parallel.saturating_sub(self.slots.available_permits());
                sleep(Duration::from_millis(u64::try_from(busy / CLAIM).unwrap_or(0))).await;
                continue;
            }
            tokio::select! {
                () = waiter.wait(POLL) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Claims as many turns as there is room for; true if there may be more.
    async fn claim_once(self: &Arc<Self>) -> Result<bool> {
        let mut slots = Vec::new();
        // One claim takes a few, so that replicas share what waits.
        while slots.len() < CLAIM
            && let Ok(slot) = self.slots.clone().try_acquire_owned()
        {
            slots.push(slot);
        }
        if slots.is_empty() {
            // Somebody was faster.
            return Ok(true);
        }
        let mut tx = self.store.system().await?;
        let limit = i64::try_from(slots.len()).unwrap_or(1);
        let claimed = Turn::claim(&mut tx, self.replica, limit, self.clock.now()).await?;
        let mut begun = Vec::with_capacity(claimed.len());
        for claimed in claimed {
            let turn = claimed.turn;
            let first_seq = if claimed.taken_over {
                TurnEvent::append_restart(&mut tx, turn.account_id, turn.id, turn.attempt).await? + 1
            } else {
                1
            };
            begun.push((turn, first_seq));
        }
        tx.commit().await?;
        let full = begun.len() == slots.len();
        for ((turn, first_seq), slot) in begun.into_iter().zip(slots) {
            self.begin(turn, first_seq, slot);
        }
        Ok(full)
    }

    /// Renews leases until the last turn has ended after `stop`, so that those who finish in the time of
    /// grace are not taken over.
    async fn keep_leases(&self, stop: CancellationToken) {
        let ended = async {
            stop.cancelled().await;
            self.tasks.close();
            let _ = timeout(GRACE, self.tasks.wait()).await;
        };
        tokio::pin!(ended);
        loop {
            tokio::select! {
                () = sleep(HEARTBEAT) => {}
                () = &mut ended => return,
            }
            if let Err(error) = self.renew().await {
                tracing::warn!(error = error.chain(), "leases could not be renewed");
            }
        }
    }

    async fn renew(&self) -> Result<()> {
        let running: Vec<(u64, TurnId)> =
            lock(&self.running).iter().map(|(run, (id, _))| (*run, *id)).collect();
        if running.is_empty() {
            return Ok(());
        }
        let ids: Vec<TurnId> = running.iter().map(|(_, id)| *id).collect();
        let mut tx = self.store.system().await?;
        let own = Turn::renew(&mut tx, self.replica, &ids).await?;
        tx.commit().await?;
        for (run, id) in running {
            if own.iter().any(|turn| turn.id == id) {
                continue;
            }
            // Ended by its own runner a moment ago, or taken over: the runner gets that moment.
            if let Some((_, lost)) = lock(&self.running).get(&run).cloned() {
                tokio::spawn(async move {
                    sleep(HEARTBEAT).await;
                    lost.cancel();
                });
            }
        }
        Ok(())
    }

    async fn hand_back(&self) {
        for (_, lost) in lock(&self.running).values() {
            lost.cancel();
        }
        let handed = async {
            let mut tx = self.store.system().await?;
            let count = Turn::hand_back(&mut tx, self.replica).await?;
            tx.commit().await?;
            Ok::<_, crate::error::Error>(count)
        };
        match handed.await {
            Ok(count) => tracing::info!(count, "handed unfinished turns back"),
            Err(error) => {
                tracing::warn!(error = error.chain(), "unfinished turns wait for their leases to run out")
            }
        }
    }

    /// What a token of `model` is to one of ours.
    pub(super) fn ratio(&self, model: &str) -> f32 {
        lock(&self.ratios).get(model).copied().unwrap_or(1.0)
    }

    /// Learns from what a provider reported for a prompt that we counted.
    pub(super) fn learn_ratio(&self, model: &str, reported: u32, counted: u32) {
        if counted < 100 || reported < 100 {
            return;
        }
        #[expect(clippy::cast_precision_loss, reason = "prompts are far below 2^23 tokens")]
        let seen = (reported as f32 / counted as f32).clamp(0.5, 3.0);
        let mut ratios = lock(&self.ratios);
        let ratio = ratios.entry(model.to_owned()).or_insert(seen);
        // Up at once, down slowly: the budget must hold.
        *ratio = if seen > *ratio { seen } else { *ratio * 0.9 + seen * 0.1 };
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
