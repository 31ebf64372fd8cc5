//! Trouble that is asked for: what goes wrong, with which calls, how often.

use std::time::Duration;

use crate::harness::dice::Dice;
use crate::harness::telegram::refusal::Refusal;
use crate::harness::telegram::state::Key;

/// What goes wrong with a call.
#[derive(Clone, Debug)]
pub(crate) enum Trouble {
    /// 429: not before so many seconds.
    TooMany(u64),
    /// Refused with a code and a description: `Bad Request: …`.
    Refused(u16, &'static str),
    /// 502, with a page of HTML.
    Away,
    /// The connection is closed; nothing was done.
    CutBefore,
    /// It is carried out, and the connection is closed without an answer.
    CutAfter,
    /// It is carried out at once, and the answer takes its time.
    Slow(Duration),
    /// Nothing is done, and no answer ever comes.
    Hang,
}

/// Trouble and when it happens: `Fault::new(Trouble::Away).on("sendMessage").times(2)`.
pub(crate) struct Fault {
    trouble: Trouble,
    method: Option<String>,
    chat: Option<i64>,
    after: usize,
    times: usize,
    chance: Option<(usize, Dice)>,
}

impl Fault {
    /// Happens once, to the next call whatever it is.
    pub(crate) fn new(trouble: Trouble) -> Self {
        Self { trouble, method: None, chat: None, after: 0, times: 1, chance: None }
    }

    /// Only to calls of one method.
    pub(crate) fn on(mut self, method: &str) -> Self {
        self.method = Some(method.to_lowercase());
        self
    }

    /// Only to calls that name this chat.
    pub(crate) fn in_chat(mut self, chat: i64) -> Self {
        self.chat = Some(chat);
        self
    }

    /// Not to the first so many of them.
    pub(crate) fn after(mut self, calls: usize) -> Self {
        self.after = calls;
        self
    }

    /// So often, and then never again.
    pub(crate) fn times(mut self, times: usize) -> Self {
        self.times = times;
        self
    }

    /// For good, to one of so many on average; the same ones for the same seed.
    pub(crate) fn once_in(mut self, calls: usize, seed: u64) -> Self {
        self.times = usize::MAX;
        self.chance = Some((calls, Dice::new(seed)));
        self
    }

    /// The trouble that this call gets, if any.
    fn strikes(&mut self, method: &str, chat: Option<Key>) -> Option<Trouble> {
        let meant = self.method.as_ref().is_none_or(|meant| meant == method)
            && self.chat.is_none_or(|meant| chat.is_some_and(|chat| chat.id() == meant));
        if !meant || self.times == 0 {
            return None;
        }
        if self.after > 0 {
            self.after -= 1;
            return None;
        }
        if let Some((calls, dice)) = &mut self.chance
            && !dice.once_in(*calls)
        {
            return None;
        }
        self.times = self.times.saturating_sub(usize::from(self.times < usize::MAX));
        Some(self.trouble.clone())
    }
}

/// The trouble of the first fault that means this call.
pub(super) fn strike(faults: &mut [Fault], method: &str, chat: Option<Key>) -> Option<Trouble> {
    faults.iter_mut().find_map(|fault| fault.strikes(method, chat))
}

impl Trouble {
    /// Whether the call is carried out all the same.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::CutAfter | Self::Slow(_))
    }

    /// What is answered at once, if this is trouble of that kind.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::TooMany(seconds) => Some(Refusal::too_many(*seconds)),
            Self::Refused(code, description) => Some(Refusal::new(*code, description)),
            _ => None,
        }
    }
}
