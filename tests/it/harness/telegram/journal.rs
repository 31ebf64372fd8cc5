//! Every call that was made, with its time and what became of it.

use std::collections::VecDeque;
use std::time::Instant;

use serde_json::{Map, Value};

use crate::harness::telegram::state::Key;

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) at: Instant,
    /// The username of the bot.
    pub(crate) bot: String,
    /// In lower case.
    pub(crate) method: String,
    pub(crate) chat: Option<Key>,
    pub(crate) arguments: Map<String, Value>,
    pub(crate) outcome: Outcome,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    /// Not answered yet.
    Open,
    /// Carried out, with this result.
    Done(Value),
    /// Refused with a code and a description.
    Refused(u16, String),
    /// Neither done nor answered: cut before, 502, hung.
    Lost,
    /// Done, but not answered.
    Unanswered,
}

/// The latest calls, as many as shall be kept.
pub(super) struct Journal {
    calls: VecDeque<Call>,
    /// The number of the first that is kept.
    first: usize,
    pub(super) keep: usize,
    /// Calls that went beyond what a bot may.
    pub(super) violations: Vec<Call>,
}

impl Default for Journal {
    fn default() -> Self {
        Self { calls: VecDeque::new(), first: 0, keep: 20_000, violations: Vec::new() }
    }
}

impl Journal {
    /// Writes a call down; its number.
    pub(super) fn begin(&mut self, call: Call) -> usize {
        self.calls.push_back(call);
        while self.calls.len() > self.keep {
            self.calls.pop_front();
            self.first += 1;
        }
        self.first + self.calls.len()
    }

    pub(super) fn end(&mut self, number: usize, outcome: Outcome) {
        let place = number.checked_sub(self.first + 1);
        if let Some(call) = place.and_then(|place| self.calls.get_mut(place)) {
            call.outcome = outcome;
        }
    }

    pub(super) fn calls(&self) -> impl Iterator<Item = &Call> {
        self.calls.iter()
    }
}
