//! Somebody who is served for long: until their token ends, is revoked, or the server does.

use std::time::Duration;

use secrecy::SecretString;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, sleep, sleep_until};

use crate::error::{Error, Kind};
use crate::graphql::transport::{Gate, Visitor};

/// Who is at the other end, and how it was proven.
pub(super) struct Admitted {
    bearer: SecretString,
    pub(super) visitor: Visitor,
    /// When their token ends, if it does.
    pub(super) until: Option<Instant>,
}

impl Admitted {
    pub(super) fn new(bearer: SecretString, visitor: Visitor) -> Self {
        let until = visitor.ends_in.map(|left| Instant::now() + left);
        Self { bearer, visitor, until }
    }

    /// Looks whether the token still opens the door: it may have been revoked meanwhile. `Unauthenticated`
    /// if it does not.
    pub(super) async fn look_again(&mut self, gate: &dyn Gate) -> Result<(), Error> {
        match gate.admit(&self.bearer).await {
            Ok(visitor) => {
                self.until = visitor.ends_in.map(|left| Instant::now() + left);
                self.visitor = visitor;
                Ok(())
            }
            Err(error) if error.kind() == Kind::Unauthenticated => Err(error),
            // We cannot look; that is no fault of the client's.
            Err(_) => Ok(()),
        }
    }
}

/// Waits for the end of a token; for ever, where it has none.
pub(super) async fn ended(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Ticks for the first time after one period.
pub(super) fn heartbeat(period: Duration) -> Interval {
    let mut heartbeat = interval_at(Instant::now() + period, period);
    heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    heartbeat
}

/// Not all clients of a server that ends shall call its successor in the same instant.
pub(super) async fn spread(number: usize) {
    sleep(Duration::from_millis(u64::try_from(number % 64).unwrap_or(0) * 15)).await;
}
