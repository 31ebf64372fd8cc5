//! How much is taken in from somebody: messages a minute, and what other bots say before it looks like a loop.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::id::ConnectionId;

const MINUTE: Duration = Duration::from_secs(60);
/// So many messages of bots in five minutes, and a chat is left alone for ten.
const BOT_MESSAGES: usize = 20;
const BOT_SPAN: Duration = Duration::from_secs(300);
const BOT_REST: Duration = Duration::from_secs(600);
/// More of them than this and those at rest are forgotten.
const KEPT: usize = 10_000;

/// What came lately. Each replica counts for itself.
#[derive(Default)]
pub(in crate::channels::telegram) struct Guard {
    people: Mutex<HashMap<(ConnectionId, String), Lately>>,
    bots: Mutex<HashMap<(ConnectionId, i64), Lately>>,
}

#[derive(Default)]
struct Lately {
    times: VecDeque<Instant>,
    /// They were told so, and hear it no second time before they slow down.
    told: bool,
    rests_until: Option<Instant>,
}

/// Whether a message is taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Taken,
    /// No, and they are to be told.
    TooFast,
    /// No, and they know.
    Ignored,
}

impl Guard {
    /// Counts a message of `whose`, of whom at most `most` are taken in a minute.
    pub(super) fn count(&self, connection: ConnectionId, whose: String, most: u32) -> Verdict {
        let now = Instant::now();
        let mut people = self.people.lock().unwrap_or_else(PoisonError::into_inner);
        if people.len() > KEPT {
            people.retain(|_, lately| lately.times.back().is_some_and(|last| now - *last < MINUTE));
        }
        let lately = people.entry((connection, whose)).or_default();
        lately.forget_before(now, MINUTE);
        if lately.times.len() < usize::try_from(most).unwrap_or(usize::MAX) {
            lately.times.push_back(now);
            lately.told = false;
            return Verdict::Taken;
        }
        if std::mem::replace(&mut lately.told, true) { Verdict::Ignored } else { Verdict::TooFast }
    }

    /// Counts a message that another bot wrote; false while the chat is left alone.
    pub(super) fn count_bot(&self, connection: ConnectionId, chat: i64) -> bool {
        let now = Instant::now();
        let mut bots = self.bots.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = bots.entry((connection, chat)).or_default();
        if lately.rests_until.is_some_and(|end| now < end) {
            return false;
        }
        lately.forget_before(now, BOT_SPAN);
        lately.times.push_back(now);
        if lately.times.len() > BOT_MESSAGES {
            lately.times.clear();
            lately.rests_until = Some(now + BOT_REST);
            return false;
        }
        true
    }
}

impl Lately {
    fn forget_before(&mut self, now: Instant, span: Duration) {
        while self.times.front().is_some_and(|first| now.duration_since(*first) >= span) {
            self.times.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn who_writes_too_fast_is_told_once_and_heard_again_a_minute_later() {
        let (guard, connection) = (Guard::default(), ConnectionId::new());
        let write = || guard.count(connection, "anna".into(), 2);
        assert_eq!([write(), write(), write(), write()], {
            use Verdict::{Ignored, Taken, TooFast};
            [Taken, Taken, TooFast, Ignored]
        });
        assert_eq!(guard.count(connection, "ben".into(), 2), Verdict::Taken);
        tokio::time::advance(Duration::from_secs(61)).await;
        assert_eq!(write(), Verdict::Taken);
    }

    #[tokio::test(start_paused = true)]
    async fn bots_that_talk_with_each_other_are_left_alone_for_a_while() {
        let (guard, connection) = (Guard::default(), ConnectionId::new());
        assert_eq!((0..100).filter(|_| guard.count_bot(connection, -1)).count(), BOT_MESSAGES);
        tokio::time::advance(BOT_REST).await;
        assert!(guard.count_bot(connection, -1));
    }
}
