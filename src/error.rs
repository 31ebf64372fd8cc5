//! One error for the whole house: a kind that a caller may branch on, a sentence for the person
//! outside, and a cause for the log.
//!
//! Never: an HTTP status, a GraphQL code, an exit code. Doors translate `Kind` in a file of their own.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

/// What sort of failure it is. A closed set: doors map each one to their own language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The thing does not exist, or the caller may not know that it does.
    NotFound,
    /// The request is fine, the present state forbids it (stale version, taken name, held source).
    Conflict,
    /// The request itself is wrong; asking again unchanged cannot help.
    Invalid,
    /// Nobody is known to be asking: no token, or one that is wrong, expired or revoked.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// Too much, too fast, or over a budget.
    RateLimited,
    /// Something that we need is away; asking again later may help.
    Unavailable,
    /// A fault of ours. The message says nothing about it; the source does.
    Internal,
}

/// The result of nearly everything.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failure with words for people (`message`) and a cause for the log (`source`).
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`. `message` is shown to people: lower case, no full stop, values in backticks.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None, source: None }
    }
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Kind::NotFound, message)
    }
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(Kind::Conflict, message)
    }
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Kind::Invalid, message)
    }
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(Kind::Unauthenticated, message)
    }
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Kind::Forbidden, message)
    }
    pub fn rate_limited(message: impl Into<String>) -> Self {
        Self::new(Kind::RateLimited, message)
    }
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unavailable, message)
    }
    /// A fault of ours: people read "internal error", the log reads `source`.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self { source: Some(source.into()), ..Self::new(Kind::Internal, "internal error") }
    }
    /// The same error with its cause attached.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }
    /// The same error, which may be gone after that time.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
    /// After how long asking again may help: what was said of it, else a guess by its kind; `None` where it
    /// cannot help.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after.or(match self.kind {
            Kind::RateLimited => Some(Duration::from_secs(5)),
            Kind::Unavailable => Some(Duration::from_secs(1)),
            _ => None,
        })
    }
    pub fn kind(&self) -> Kind {
        self.kind
    }
    /// The sentence for people outside. Never holds a secret or an internal detail.
    pub fn message(&self) -> &str {
        &self.message
    }
    /// Message and causes in one line, for the log.
    pub fn chain(&self) -> String {
        let mut line = self.message.clone();
        let mut cause = self.source.as_deref().map(|source| source as &dyn StdError);
        while let Some(error) = cause {
            line.push_str(": ");
            line.push_str(&error.to_string());
            cause = error.source();
        }
        line
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}
