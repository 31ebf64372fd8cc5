//! How fast somebody may ask.

use std::fmt;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, MonotonicClock};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::error::{Error, Result};

/// Whoever was quiet may ask for so many seconds' worth at once.
const BURST_SECONDS: u32 = 20;
/// After so many questions, whoever has been quiet for long is forgotten.
const FORGET_EVERY: u32 = 10_000;

/// So many requests a second for each `K`, and a burst of twenty seconds' worth for whoever was quiet.
pub struct Rate<K: Clone + Eq + Hash> {
    per_second: u32,
    limiter: RateLimiter<K, DashMapStateStore<K>, MonotonicClock>,
    asked: AtomicU32,
}

impl<K: Clone + Eq + Hash> Rate<K> {
    pub fn new(per_second: NonZeroU32) -> Self {
        let burst = per_second.saturating_mul(NonZeroU32::MIN.saturating_add(BURST_SECONDS - 1));
        let quota = Quota::per_second(per_second).allow_burst(burst);
        let limiter = RateLimiter::new(quota, DashMapStateStore::default(), MonotonicClock);
        Self { per_second: per_second.get(), limiter, asked: AtomicU32::new(0) }
    }

    /// Counts a request of `key`. `RateLimited` if it came too soon, with the time after which it may come
    /// again; `whose` begins the sentence: `a token`.
    pub fn count(&self, key: &K, whose: &str) -> Result<()> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(key).map_err(|not_until| {
            let wait = not_until.wait_time_from(MonotonicClock.now()).max(Duration::from_millis(1));
            Error::rate_limited(format!(
                "too many requests: {whose} may make {} a second; wait a moment and try again",
                self.per_second
            ))
            .with_retry_after(wait)
        })
    }
}

impl<K: Clone + Eq + Hash> fmt::Debug for Rate<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rate").field("per_second", &self.per_second).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn a_burst_passes_and_what_follows_waits_but_others_do_not() {
        let rate = Rate::new(NonZeroU32::new(2).unwrap());
        let passed = (0..60).filter(|_| rate.count(&"ann", "a token").is_ok()).count();
        assert!((40..45).contains(&passed), "{passed}");
        let error = rate.count(&"ann", "a token").unwrap_err();
        assert_eq!(error.kind(), Kind::RateLimited);
        assert!(error.message().contains("a token may make 2 a second"), "{}", error.message());
        let wait = error.retry_after().unwrap();
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(500), "{wait:?}");
        assert!(rate.count(&"bob", "a token").is_ok());
    }
}
