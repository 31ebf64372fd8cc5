//! What the database's failures mean to the rest of the house.

use diesel::result::{DatabaseErrorKind, Error as DieselError};

use crate::error::Error;

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        if let DieselError::DatabaseError(kind, info) = &error {
            let message = info.message();
            if message.contains("No space left on device") {
                return Self::unavailable("the database's disk is full: free some space, nothing was lost")
                    .with_source(error);
            }
            if is_about_nul(message) {
                return Self::invalid("a text holds the NUL character, which cannot be kept: leave it out")
                    .with_source(error);
            }
            if matches!(kind, DatabaseErrorKind::ClosedConnection) || is_passing(message) {
                return Self::unavailable("the database is away; try again in a moment").with_source(error);
            }
        }
        if matches!(error, DieselError::BrokenTransactionManager) {
            return Self::unavailable("the database is away; try again in a moment").with_source(error);
        }
        Self::internal(error)
    }
}

/// Postgres says the first of a text with a NUL, the second of JSON with one.
fn is_about_nul(message: &str) -> bool {
    message.ends_with(": 0x00") || message.contains("unsupported Unicode escape sequence")
}

/// Postgres says these while it stops, starts or recovers, and the driver when the line is cut.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 11] = [
        "terminating connection",
        "the database system is",
        "connection closed",
        "error communicating with the server",
        "Connection refused",
        "Connection reset",
        "Broken pipe",
        "No such file or directory",
        "too many clients",
        "remaining connection slots",
        "canceling statement due to",
    ];
    PASSING.iter().any(|words| message.contains(words))
}

impl From<diesel::ConnectionError> for Error {
    fn from(error: diesel::ConnectionError) -> Self {
        Self::unavailable("the database cannot be reached; try again in a moment").with_source(error)
    }
}

impl From<diesel_async::pooled_connection::deadpool::PoolError> for Error {
    fn from(error: diesel_async::pooled_connection::deadpool::PoolError) -> Self {
        Self::unavailable("the database cannot be reached; try again in a moment").with_source(error)
    }
}
