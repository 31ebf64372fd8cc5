//! How far the index of this process has come: what it leaves on disk with every commit, and what it tells
//! those who search meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::store::Cursor;

/// What stands beside the documents of every commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Checkpoint {
    /// Everything up to here is in the index.
    pub(super) cursor: Cursor,
    /// Whether the index is only being filled: there is more before the cursor than it holds.
    pub(super) is_filling: bool,
    /// When it was left.
    pub(super) at: DateTime<Utc>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    cursor: String,
    filling: bool,
    at: DateTime<Utc>,
}

/// The feed forgets after 90 days; an index that slept for longer may have missed something.
const TOO_OLD: TimeDelta = TimeDelta::days(80);
/// A checkpoint that nothing moved is renewed after so long, so that it does not grow too old.
const RENEWED: TimeDelta = TimeDelta::days(1);

impl Checkpoint {
    pub(super) fn at(cursor: Cursor, at: DateTime<Utc>) -> Self {
        Self { cursor, is_filling: false, at }
    }

    /// As it is kept in the index.
    pub(super) fn write(&self) -> String {
        let Self { cursor, is_filling, at } = self;
        serde_json::json!(Written { cursor: cursor.to_string(), filling: *is_filling, at: *at }).to_string()
    }

    /// `None` for what we did not write.
    pub(super) fn read(text: &str) -> Option<Self> {
        let Written { cursor, filling, at } = serde_json::from_str(text).ok()?;
        Some(Self { cursor: cursor.parse().ok()?, is_filling: filling, at })
    }

    /// Whether the index may go on from here, in a database whose feed stands at `head`.
    pub(super) fn is_good(&self, head: Cursor, now: DateTime<Utc>) -> bool {
        // A cursor ahead of the feed is of another life of this database.
        !self.is_filling && self.cursor.epoch == head.epoch && self.cursor <= head && now - self.at < TOO_OLD
    }

    pub(super) fn wants_renewal(&self, now: DateTime<Utc>) -> bool {
        now - self.at > RENEWED
    }
}

/// What the indexer tells those who search.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Whether an indexer of this process knows how the index stands. Until then its checkpoint has to do.
    knows: AtomicBool,
    is_behind: AtomicBool,
    is_filling: AtomicBool,
    lag: AtomicU64,
}

impl Progress {
    /// The index holds everything but the last `lag` changes, which are on their way.
    pub(super) fn caught_up(&self, lag: u64) {
        self.tell(lag, false, false);
    }

    /// There are `lag` changes to be read yet, or nobody knows how many.
    pub(super) fn behind(&self, lag: u64) {
        self.tell(lag, true, false);
    }

    /// The index is being filled.
    pub(super) fn filling(&self) {
        self.tell(self.lag(), true, true);
    }

    fn tell(&self, lag: u64, is_behind: bool, is_filling: bool) {
        self.lag.store(lag, Ordering::Relaxed);
        self.is_behind.store(is_behind, Ordering::Relaxed);
        self.is_filling.store(is_filling, Ordering::Relaxed);
        self.knows.store(true, Ordering::Release);
    }

    /// Whether nothing is missing but what was just said; `None` where no indexer has said yet.
    pub(super) fn is_complete(&self) -> Option<bool> {
        self.knows.load(Ordering::Acquire).then(|| !self.is_behind.load(Ordering::Relaxed))
    }

    pub(super) fn is_filling(&self) -> bool {
        self.is_filling.load(Ordering::Relaxed)
    }

    pub(super) fn lag(&self) -> u64 {
        self.lag.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_survives_the_disk_and_nothing_else_is_taken_for_one() {
        let cursor = Cursor { epoch: 2, xid: 731, seq: 12 };
        let checkpoint = Checkpoint { is_filling: true, ..Checkpoint::at(cursor, DateTime::UNIX_EPOCH) };
        assert_eq!(Checkpoint::read(&checkpoint.write()), Some(checkpoint));
        assert_eq!(Checkpoint::read("2.731.12"), None);
    }

    #[test]
    fn an_index_of_another_life_starts_over() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(1_000);
        let head = Cursor { epoch: 2, xid: 900, seq: i64::MAX };
        let good = Checkpoint::at(Cursor { epoch: 2, xid: 900, seq: 4 }, now);
        assert!(good.is_good(head, now));
        assert!(good.is_good(head, now + TimeDelta::days(79)));
        assert!(!good.is_good(head, now + TimeDelta::days(81)));
        assert!(!good.is_good(Cursor { epoch: 3, ..head }, now));
        assert!(!good.is_good(Cursor { xid: 800, ..head }, now));
        assert!(!Checkpoint { is_filling: true, ..good }.is_good(head, now));
    }
}
