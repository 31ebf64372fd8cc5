//! How fast a bot may speak. One budget per chat, which messages, edits and *typing…* share, one per bot over all
//! of its chats; and what the service says of itself when it was too fast all the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::id::{ConnectionId, ConversationId};

/// A chat with one person: three at once, then one a second.
const PRIVATE: Rate = Rate { burst: 3.0, per_second: 1.0 };
/// A group: twenty in any minute, four of them at once.
const GROUP: Rate = Rate { burst: 4.0, per_second: 16.0 / 60.0 };
/// All chats of a bot: thirty in any second.
const BOT: Rate = Rate { burst: 10.0, per_second: 20.0 };
/// More chats than this and those at rest are forgotten.
const KEPT: usize = 4_096;

#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: f64,
    per_second: f64,
}

/// What may still be spent.
#[derive(Debug)]
struct Budget {
    rate: Rate,
    left: f64,
    seen: Instant,
    /// The service asked for silence until then.
    silent_until: Option<Instant>,
}

impl Budget {
    /// Two at once for a process that has just begun: what was said before that it does not know.
    fn new(rate: Rate, began: Instant, now: Instant) -> Self {
        let known = now.saturating_duration_since(began).as_secs_f64() * rate.per_second;
        Self { rate, left: (2.0 + known).min(rate.burst), seen: now, silent_until: None }
    }

    /// How long until `wanted` may be spent.
    fn wait(&mut self, wanted: f64, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.seen).as_secs_f64();
        self.left = (self.left + passed * self.rate.per_second).min(self.rate.burst);
        self.seen = now;
        let missing = (wanted - self.left).max(0.0) / self.rate.per_second;
        let silence = self.silent_until.map_or(Duration::ZERO, |end| end.saturating_duration_since(now));
        // A hair more, so that rounding never makes it too soon.
        let wait = if missing > 0.0 { Duration::from_secs_f64(missing + 0.001) } else { Duration::ZERO };
        wait.max(silence)
    }

    fn is_at_rest(&mut self, now: Instant) -> bool {
        self.wait(self.rate.burst, now).is_zero()
    }
}

/// The budgets of all chats, and who speaks in a conversation just now. Cheap to clone.
#[derive(Clone)]
pub(super) struct Pace(Arc<Inner>);

struct Inner {
    /// Off for a server that sets no limits.
    limited: bool,
    began: Instant,
    chats: Mutex<HashMap<(ConnectionId, String), Budget>>,
    bots: Mutex<HashMap<ConnectionId, Budget>>,
    lanes: Mutex<HashMap<ConversationId, Arc<tokio::sync::Mutex<()>>>>,
}

impl Pace {
    pub(super) fn new(limited: bool) -> Self {
        Self(Arc::new(Inner {
            limited,
            began: Instant::now(),
            chats: Mutex::default(),
            bots: Mutex::default(),
            lanes: Mutex::default(),
        }))
    }

    /// Lets one at a time speak in a conversation.
    pub(super) async fn lane(&self, conversation: ConversationId) -> tokio::sync::OwnedMutexGuard<()> {
        let lane = {
            let mut lanes = lock(&self.0.lanes);
            if lanes.len() > KEPT {
                lanes.retain(|_, lane| Arc::strong_count(lane) > 1);
            }
            lanes.entry(conversation).or_default().clone()
        };
        lane.lock_owned().await
    }

    /// Spends one call if it may be made now; else says how long to wait. `beside` calls are left for others.
    pub(super) fn spend(
        &self,
        connection: ConnectionId,
        chat: &str,
        is_group: bool,
        beside: f64,
    ) -> Result<(), Duration> {
        let now = Instant::now();
        let mut chats = lock(&self.0.chats);
        if chats.len() > KEPT {
            chats.retain(|_, budget| !budget.is_at_rest(now));
        }
        let rate = if is_group { GROUP } else { PRIVATE };
        let chat = chats
            .entry((connection, chat.to_owned()))
            .or_insert_with(|| Budget::new(rate, self.0.began, now));
        let mut bots = lock(&self.0.bots);
        let bot = bots.entry(connection).or_insert_with(|| Budget::new(BOT, self.0.began, now));
        if !self.0.limited {
            let silence = |budget: &Budget| budget.silent_until.filter(|end| *end > now);
            let silent = silence(chat).into_iter().chain(silence(bot)).max();
            return silent.map_or(Ok(()), |end| Err(end.saturating_duration_since(now)));
        }
        let wait = chat.wait(1.0 + beside, now).max(bot.wait(1.0 + beside, now));
        if !wait.is_zero() {
            return Err(wait);
        }
        chat.left -= 1.0;
        bot.left -= 1.0;
        Ok(())
    }

    /// Notes that the service asked for silence.
    pub(super) fn silence(&self, connection: ConnectionId, chat: &str, is_group: bool, wait: Duration) {
        let now = Instant::now();
        let rate = if is_group { GROUP } else { PRIVATE };
        let mut chats = lock(&self.0.chats);
        let budget = chats
            .entry((connection, chat.to_owned()))
            .or_insert_with(|| Budget::new(rate, self.0.began, now));
        let until = now + wait;
        budget.silent_until = Some(budget.silent_until.map_or(until, |end| end.max(until)));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a process that has been there for a while.
    async fn settled() -> Pace {
        let pace = Pace::new(true);
        tokio::time::sleep(Duration::from_secs(60)).await;
        pace
    }

    /// How many calls are made in the first minute by somebody who always waits as long as they are told.
    async fn in_a_minute(is_group: bool) -> Vec<f64> {
        let (pace, connection, since) = (settled().await, ConnectionId::new(), Instant::now());
        let mut made = Vec::new();
        while since.elapsed() < Duration::from_secs(60) {
            match pace.spend(connection, "1", is_group, 0.0) {
                Ok(()) => made.push(since.elapsed().as_secs_f64()),
                Err(wait) => tokio::time::sleep(wait).await,
            }
        }
        made
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_hears_at_most_twenty_a_minute_and_a_person_one_a_second() {
        assert!((18..=20).contains(&in_a_minute(true).await.len()));
        let made = in_a_minute(false).await;
        assert!((60..=63).contains(&made.len()), "{}", made.len());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_kept_and_what_is_left_for_others_is_left() {
        let (pace, connection) = (settled().await, ConnectionId::new());
        assert!(pace.spend(connection, "1", false, 2.0).is_ok());
        assert!(pace.spend(connection, "1", false, 2.0).is_err(), "two are left for others");
        assert!(pace.spend(connection, "1", false, 0.0).is_ok());
        pace.silence(connection, "1", false, Duration::from_secs(30));
        let wait = pace.spend(connection, "1", false, 0.0).unwrap_err();
        assert!(wait > Duration::from_secs(29), "{wait:?}");
        assert!(pace.spend(connection, "2", false, 0.0).is_ok(), "another chat");
        let new = Pace::new(true);
        assert!(new.spend(connection, "1", false, 1.0).is_ok());
        assert!(new.spend(connection, "1", false, 1.0).is_err(), "nobody knows what was said before");
        let unlimited = Pace::new(false);
        assert!((0..1_000).all(|_| unlimited.spend(connection, "1", true, 0.0).is_ok()));
    }
}
