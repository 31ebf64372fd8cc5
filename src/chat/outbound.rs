//! The outbox: replies leave through their channels, in order, and never twice where that can be told.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::chat::events::text_so_far;
use crate::error::Result;
use crate::id::{AccountId, ConversationId, ReplicaId, TurnId};
use crate::store::{Delivery, DeliveryState, Hint, Settled, Store, Turn};

/// A channel that must be told (one that asks by itself, as the API does, needs no delivery).
#[async_trait]
pub trait Deliver: Send + Sync {
    /// Cuts a reply into the parts that the channel takes, none of them empty.
    fn split(&self, text: &str) -> Vec<String>;
    /// The same for what the system says, in which nothing is markup.
    fn split_plain(&self, text: &str) -> Vec<String> {
        self.split(text)
    }
    /// Is told of a turn that begins to run here, in case people are to see that, or the reply while it grows.
    /// Returns at once.
    fn accompany(&self, _underway: Underway) {}
    /// Sends one part. Must tell a request that was never written from one whose answer was lost.
    async fn send(&self, delivery: &Delivery) -> Sent;
}

/// How a send ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sent {
    /// The channel has it, under this name.
    Accepted { external_id: Option<String> },
    /// It was refused or never written: it may be sent again after a while.
    Refused { reason: String, retry_after: Option<Duration> },
    /// It was not its turn yet; it is sent after that, and this counts as no attempt.
    Later { after: Duration },
    /// It was written and no answer came: nobody knows.
    Unknown { reason: String },
    /// The channel will never take it.
    Impossible { reason: String },
}

/// A turn that runs here, in a conversation of a channel.
#[derive(Clone)]
pub struct Underway {
    pub(super) store: Store,
    pub account: AccountId,
    pub conversation: ConversationId,
    pub turn: TurnId,
    /// Cancelled once it does not run here any more.
    pub ended: CancellationToken,
}

impl Underway {
    /// What the reply says so far; none once the turn is over.
    pub async fn text(&self) -> Result<Option<String>> {
        let mut tx = self.store.reading(self.account).await?;
        let turn = Turn::find(&mut tx, self.turn).await?.filter(|turn| !turn.state.is_terminal());
        let text = match &turn {
            Some(turn) => Some(text_so_far(&mut tx, turn).await?.0),
            None => None,
        };
        tx.commit().await?;
        Ok(text)
    }
}

/// The channel's company of one run of a turn, which ends with it.
pub(super) struct Company {
    ended: CancellationToken,
    begun: std::sync::atomic::AtomicBool,
}

impl Company {
    pub(super) fn none() -> Self {
        Self { ended: CancellationToken::new(), begun: false.into() }
    }

    /// Tells the channel of the conversation, the first time.
    pub(super) fn begin(&self, store: &Store, channels: &Channels, turn: &Turn, channel: &str) {
        let Some(channel) = channels.get(channel) else { return };
        if self.begun.swap(true, std::sync::atomic::Ordering::Relaxed) {
            return;
        }
        channel.accompany(Underway {
            store: store.clone(),
            account: turn.account_id,
            conversation: turn.conversation_id,
            turn: turn.id,
            ended: self.ended.clone(),
        });
    }
}

impl Drop for Company {
    fn drop(&mut self) {
        self.ended.cancel();
    }
}

/// The channels that deliver, by the name that conversations carry.
pub type Channels = HashMap<&'static str, Arc<dyn Deliver>>;

/// Deliveries on their way at once.
const PARALLEL: usize = 64;
/// Sends that were refused this often have failed.
const MAX_ATTEMPTS: i32 = 20;
/// The slow poll beside the wake-ups.
const POLL: Duration = Duration::from_secs(1);

#[derive(Clone)]
pub(super) struct Outbox {
    pub(super) store: Store,
    pub(super) replica: ReplicaId,
    pub(super) channels: Arc<Channels>,
}

impl Outbox {
    /// Sends what is due until `stop`. Returns when the sends under way have ended.
    pub(super) async fn run(&self, stop: CancellationToken) {
        if self.channels.is_empty() {
            return;
        }
        let slots = Arc::new(Semaphore::new(PARALLEL));
        let mut waiter = self.store.wake().waiter(Hint::Outbox);
        let mut looked: Option<Instant> = None;
        while !stop.is_cancelled() {
            let looks = looked.is_none_or(|looked| looked.elapsed() >= POLL);
            if looks {
                looked = Some(Instant::now());
            }
            match self.send_due(&slots, looks).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::warn!(error = error.chain(), "the outbox waits"),
            }
            tokio::select! {
                () = waiter.wait(POLL) => {}
                () = stop.cancelled() => {}
            }
        }
        // All slots are free once every send has ended.
        let _ = slots.acquire_many(u32::try_from(PARALLEL).unwrap_or(u32::MAX)).await;
    }

    /// Claims and sends what is due, and where it `looks` for them ends those of dead senders; true if there may be
    /// more.
    async fn send_due(&self, slots: &Arc<Semaphore>, looks: bool) -> Result<bool> {
        let free = slots.available_permits();
        if free == 0 {
            return Ok(false);
        }
        let mut tx = self.store.system().await?;
        if looks {
            Delivery::give_up_dead(&mut tx).await?;
        }
        let claimed = Delivery::claim(&mut tx, self.replica, i64::try_from(free).unwrap_or(1)).await?;
        tx.commit().await?;
        let is_full = claimed.len() == free;
        for delivery in claimed {
            let Ok(slot) = slots.clone().acquire_owned().await else { return Ok(false) };
            let outbox = self.clone();
            tokio::spawn(async move {
                outbox.send(delivery).await;
                drop(slot);
            });
        }
        Ok(is_full)
    }

    async fn send(&self, delivery: Delivery) {
        let sent = match self.channels.get(delivery.channel.as_str()) {
            Some(channel) => channel.send(&delivery).await,
            None => {
                Sent::Refused { reason: "this replica does not serve the channel".into(), retry_after: None }
            }
        };
        // The channel's answer must not be forgotten because the database is away for a moment.
        for pause in [0, 100, 500, 1_000, 2_000, 5_000, 10_000, 20_000] {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            match self.settle(&delivery, &sent).await {
                Ok(()) => return,
                Err(error) => {
                    tracing::warn!(error = error.chain(), delivery = %delivery.id, "could not note a delivery")
                }
            }
        }
    }

    async fn settle(&self, delivery: &Delivery, sent: &Sent) -> Result<()> {
        let untried = matches!(sent, Sent::Later { .. });
        let (state, external_id, error, retry) = match sent.clone() {
            Sent::Later { after } => (DeliveryState::Queued, None, None, Some(after)),
            Sent::Accepted { external_id } => (DeliveryState::Sent, external_id, None, None),
            Sent::Unknown { reason } => (DeliveryState::Ambiguous, None, Some(reason), None),
            Sent::Impossible { reason } => (DeliveryState::Failed, None, Some(reason), None),
            Sent::Refused { reason, .. } if delivery.attempts >= MAX_ATTEMPTS => {
                (DeliveryState::Failed, None, Some(reason), None)
            }
            Sent::Refused { reason, retry_after } => {
                let backoff = Duration::from_millis(250 << delivery.attempts.clamp(0, 8));
                let pause = retry_after.unwrap_or(backoff);
                tracing::warn!(reason, delivery = %delivery.id, ?pause, "a delivery is tried again");
                (DeliveryState::Queued, None, Some(reason), Some(pause))
            }
        };
        let mut tx = self.store.system().await?;
        let settled = Settled { state, external_id, error, retry_after: retry, untried };
        Delivery::settle(&mut tx, delivery, settled).await?;
        tx.commit().await
    }
}
