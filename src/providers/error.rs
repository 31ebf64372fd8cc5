//! Why a model did not answer, in the kinds that callers branch on. Never holds a key: what a provider says
//! is cut, cleaned of keys, and left out altogether where it is about the key itself.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use thiserror::Error;

/// Which wait ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// For the head of the answer, connecting included.
    Header,
    /// Between two pieces of the answer.
    Chunk,
    /// For the whole answer, retries included.
    Overall,
}

impl Phase {
    fn waited_for(self) -> &'static str {
        match self {
            Self::Header => "to begin its answer",
            Self::Chunk => "between two pieces of its answer",
            Self::Overall => "for its whole answer",
        }
    }
}

/// Why a model did not answer. `provider` is the name that bot files use.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    /// Asked too often, or out of quota (429).
    #[error("{provider} asks us to slow down: {reason}")]
    RateLimited { provider: String, reason: String, retry_after: Option<Duration> },
    /// Not reachable, overloaded (5xx), or set aside by the circuit after failing often.
    #[error("{provider} is not available: {reason}")]
    Unavailable { provider: String, reason: String, retry_after: Option<Duration> },
    /// The prompt is larger than the model's context.
    #[error("the prompt is too long for {provider}: {reason}")]
    TooLong { provider: String, reason: String },
    /// Wrong key, no permission, unknown model, invalid request: asking again cannot help.
    #[error("{provider} refused the request: {reason}")]
    Refused { provider: String, reason: String },
    /// It knows no such way of answering; `parameter` by the name that clients use.
    #[error("{provider} cannot be told `{parameter}`")]
    Unsupported { provider: String, parameter: &'static str },
    /// The answer ended without its end mark.
    #[error("the answer of {provider} broke off")]
    Truncated { provider: String },
    #[error("{provider} took too long {}", phase.waited_for())]
    Timeout { provider: String, phase: Phase },
    /// The answer is not what the provider's protocol promises.
    #[error("{provider} answered something that cannot be read: {reason}")]
    Malformed { provider: String, reason: String },
}

impl Error {
    /// Whether the same request may succeed when it is sent again.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::Truncated { .. }
            | Self::Malformed { .. } => true,
            Self::Timeout { phase, .. } => *phase != Phase::Overall,
            Self::TooLong { .. } | Self::Refused { .. } | Self::Unsupported { .. } => false,
        }
    }

    /// Whether a person may ask again later: also when no time is left for another attempt now.
    pub fn is_passing(&self) -> bool {
        self.is_retryable() || matches!(self, Self::Timeout { .. })
    }

    /// Whether the provider as such is in trouble, as opposed to this request or this key.
    pub(super) fn is_outage(&self) -> bool {
        self.is_retryable() && !matches!(self, Self::RateLimited { .. })
    }

    /// How long the provider wants to be left alone, where it says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    pub(super) fn unavailable(provider: &str, reason: impl Into<String>) -> Self {
        Self::Unavailable { provider: provider.to_owned(), reason: reason.into(), retry_after: None }
    }
    pub(super) fn refused(provider: &str, reason: impl Into<String>) -> Self {
        Self::Refused { provider: provider.to_owned(), reason: reason.into() }
    }
    pub(super) fn malformed(provider: &str, reason: impl Into<String>) -> Self {
        Self::Malformed { provider: provider.to_owned(), reason: reason.into() }
    }
    pub(super) fn truncated(provider: &str) -> Self {
        Self::Truncated { provider: provider.to_owned() }
    }
    pub(super) fn timeout(provider: &str, phase: Phase) -> Self {
        Self::Timeout { provider: provider.to_owned(), phase }
    }
}

impl From<Error> for crate::error::Error {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::TooLong { .. } | Error::Unsupported { .. } => Self::invalid(message),
            _ => Self::unavailable(message),
        }
    }
}

/// The longest remark of a provider that is passed on, in characters.
const LONGEST_REMARK: usize = 300;

/// What a provider remarks, on one line, cut, without control characters and anything that looks like a key.
pub(super) fn remark(text: &str, key: Option<&SecretString>) -> String {
    let text = match key.map(ExposeSecret::expose_secret).map(str::trim) {
        Some(key) if !key.is_empty() => text.replace(key, "…"),
        _ => text.to_owned(),
    };
    let words: Vec<&str> =
        text.split_whitespace().map(|word| if looks_like_a_key(word) { "…" } else { word }).collect();
    let line = words.join(" ").replace(char::is_control, "\u{fffd}");
    match line.char_indices().nth(LONGEST_REMARK) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Providers repeat keys in their complaints, some of them masked in the middle only.
fn looks_like_a_key(word: &str) -> bool {
    const PREFIXES: [&str; 7] = ["sk-", "sk_", "xai-", "gsk_", "AIza", "pk-", "key-"];
    PREFIXES.iter().any(|prefix| {
        word.match_indices(prefix).any(|(start, _)| {
            let rest = &word[start + prefix.len()..];
            rest.chars().take_while(|c| c.is_ascii_alphanumeric() || "-_*.".contains(*c)).count() >= 6
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_that_ran_out_of_time_did_not_refuse() {
        let spent = Error::timeout("p", Phase::Overall);
        assert!(spent.is_passing() && !spent.is_retryable());
        assert!(!Error::refused("p", "no").is_passing());
    }

    #[test]
    fn a_remark_holds_no_key_and_is_short() {
        let key = SecretString::from("very secret value");
        for (said, passed_on) in [
            ("the key very secret value is wrong", "the key … is wrong"),
            (
                "Incorrect API key provided: sk-proj-****************abcd. You",
                "Incorrect API key provided: … You",
            ),
            ("key='AIzaSyD0123456789'", "…"),
            ("two\n lines", "two lines"),
            ("no\0thing \u{1b}[2J", "no\u{fffd}thing \u{fffd}[2J"),
            ("model gpt-5-mini does not exist", "model gpt-5-mini does not exist"),
        ] {
            assert_eq!(remark(said, Some(&key)), passed_on);
        }
        assert_eq!(remark(&"ж".repeat(1000), None).chars().count(), LONGEST_REMARK + 1);
    }
}
