//! A provider that fails again and again is left alone for a while: one breaker per provider and account.
//!
//! Closed: everybody passes. Open after [`THRESHOLD`] outages in a row: nobody passes for [`COOL_DOWN`].
//! Then half open: one call passes as a probe; its success closes the breaker, its failure opens it again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::id::AccountId;

/// Outages in a row that open a breaker.
pub(super) const THRESHOLD: u32 = 5;
/// How long an open breaker lets nobody pass.
pub(super) const COOL_DOWN: Duration = Duration::from_secs(30);

type Key = (AccountId, String);

/// All breakers. One that is closed and untroubled takes no room.
#[derive(Debug, Clone, Default)]
pub(super) struct Circuits(Arc<Mutex<HashMap<Key, State>>>);

#[derive(Debug, Clone, Copy)]
struct State {
    failures: u32,
    /// `Some` while it is open.
    until: Option<Instant>,
    probing: bool,
}

/// The right to make one call. Dropped without a verdict (a cancelled turn), it says nothing about the
/// provider, and frees the place of the probe.
#[derive(Debug)]
pub(super) struct Permit {
    circuits: Circuits,
    key: Key,
    probe: bool,
}

impl Circuits {
    /// A permit, or how long to wait for one.
    pub(super) fn admit(&self, account: AccountId, provider: &str) -> Result<Permit, Duration> {
        let key = (account, provider.to_owned());
        let mut states = self.lock();
        let mut probe = false;
        if let Some(state) = states.get_mut(&key)
            && let Some(until) = state.until
        {
            let now = Instant::now();
            if now < until {
                return Err(until - now);
            }
            if state.probing {
                return Err(Duration::from_secs(1));
            }
            state.probing = true;
            probe = true;
        }
        drop(states);
        Ok(Permit { circuits: self.clone(), key, probe })
    }

    /// How many outages in a row there were, and for how long an open breaker still lets nobody pass.
    pub(super) fn trouble(&self, account: AccountId, provider: &str) -> (u32, Option<Duration>) {
        let states = self.lock();
        let Some(state) = states.get(&(account, provider.to_owned())) else { return (0, None) };
        let left = state.until.map(|until| until.saturating_duration_since(Instant::now()));
        (state.failures, left.filter(|left| !left.is_zero()))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Permit {
    /// The provider answered, be it with a refusal.
    pub(super) fn succeeded(mut self) {
        self.circuits.lock().remove(&self.key);
        self.probe = false;
    }

    /// The provider is in trouble.
    pub(super) fn failed(mut self) {
        let mut states = self.circuits.lock();
        let state =
            states.entry(self.key.clone()).or_insert(State { failures: 0, until: None, probing: false });
        state.failures = state.failures.saturating_add(1);
        if self.probe || state.failures >= THRESHOLD {
            *state = State { failures: THRESHOLD, until: Some(Instant::now() + COOL_DOWN), probing: false };
        }
        drop(states);
        self.probe = false;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.probe
            && let Some(state) = self.circuits.lock().get_mut(&self.key)
        {
            state.probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn opens_probes_and_closes() {
        let circuits = Circuits::default();
        let account = AccountId::new();
        for _ in 0..THRESHOLD {
            circuits.admit(account, "openai").unwrap().failed();
        }
        assert_eq!(circuits.admit(account, "openai").unwrap_err(), COOL_DOWN);
        assert!(circuits.admit(account, "groq").is_ok());
        assert!(circuits.admit(AccountId::new(), "openai").is_ok());

        tokio::time::advance(COOL_DOWN).await;
        let probe = circuits.admit(account, "openai").unwrap();
        assert!(circuits.admit(account, "openai").is_err(), "one probe at a time");
        drop(probe);
        circuits.admit(account, "openai").unwrap().failed();
        assert!(circuits.admit(account, "openai").is_err(), "a failed probe opens it again");

        tokio::time::advance(COOL_DOWN).await;
        circuits.admit(account, "openai").unwrap().succeeded();
        assert!(circuits.admit(account, "openai").is_ok());
        assert!(circuits.lock().is_empty());
    }
}
