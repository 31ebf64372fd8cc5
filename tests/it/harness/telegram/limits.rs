//! How often a bot may show something. Whoever goes beyond it is refused, and that is remembered.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::harness::telegram::state::Key;

/// So many at once, and as many again in a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) burst: u32,
    pub(crate) every: Duration,
}

/// What a bot may do in a chat of one person, in a group, and altogether.
pub(crate) struct Limits {
    rates: Option<[Rate; 3]>,
    buckets: HashMap<(i64, Option<Key>), Bucket>,
    /// Until when a bot was told to be silent in a chat.
    silent: HashMap<(i64, Key), Instant>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Limits {
    /// A message a second in a chat, with short bursts; twenty a minute in a group; thirty a second altogether.
    pub(super) fn real() -> Self {
        let minute = Duration::from_secs(60);
        let second = Duration::from_secs(1);
        Self::of([
            Rate { burst: 5, every: second * 5 },
            Rate { burst: 20, every: minute },
            Rate { burst: 30, every: second },
        ])
    }

    pub(super) fn none() -> Self {
        Self { rates: None, buckets: HashMap::new(), silent: HashMap::new() }
    }

    pub(super) fn of(rates: [Rate; 3]) -> Self {
        Self { rates: Some(rates), ..Self::none() }
    }

    /// Takes one from what a bot may; the seconds to wait if there is none.
    pub(super) fn take(&mut self, (bot, chat): (i64, Key)) -> Result<(), u64> {
        let now = Instant::now();
        if let Some(end) = self.silent.get(&(bot, chat)).filter(|end| now < **end) {
            return Err((*end - now).as_secs() + 1);
        }
        let Some([person, group, all]) = self.rates else { return Ok(()) };
        let rate = if chat.id() > 0 { person } else { group };
        self.take_from((bot, Some(chat)), rate)?;
        self.take_from((bot, None), all)
    }

    /// Whoever was told to wait so many seconds in a chat, and does not, goes beyond what it may.
    pub(super) fn silence(&mut self, whose: (i64, Key), seconds: u64) {
        self.silent.insert(whose, Instant::now() + Duration::from_secs(seconds));
    }

    /// Gives back what a call took that came to nothing.
    pub(super) fn give_back(&mut self, taken: Option<(i64, Key)>) {
        for whose in taken.into_iter().flat_map(|(bot, chat)| [(bot, Some(chat)), (bot, None)]) {
            if let Some(bucket) = self.buckets.get_mut(&whose) {
                bucket.tokens += 1.0;
            }
        }
    }

    fn take_from(&mut self, whose: (i64, Option<Key>), rate: Rate) -> Result<(), u64> {
        let now = Instant::now();
        let burst = f64::from(rate.burst);
        let a_second = burst / rate.every.as_secs_f64();
        let bucket = self.buckets.entry(whose).or_insert(Bucket { tokens: burst, at: now });
        let grown = bucket.tokens + now.duration_since(bucket.at).as_secs_f64() * a_second;
        *bucket = Bucket { tokens: grown.min(burst), at: now };
        if bucket.tokens < 1.0 {
            let wait = Duration::from_secs_f64((1.0 - bucket.tokens) / a_second);
            return Err(wait.as_secs() + 1);
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

/// Whether a call shows something, so that it counts.
pub(super) fn counts(method: &str) -> bool {
    (method.starts_with("send") && method != "sendchataction") || method.starts_with("edit")
}
