//! What the program ends with: one table for all commands.

use std::process::ExitCode;

use crate::error::{Error, Kind};

/// How a command ended. Scripts branch on these, so they never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Ok = 0,
    /// It did not work.
    Failure = 1,
    /// There are changes; only where `--detailed-exitcode` or `--check` asks.
    Changes = 2,
    /// The bot files are not valid.
    InvalidConfig = 3,
    /// Somebody else changed what was to be changed, or holds it.
    Conflict = 4,
    /// A policy forbids it.
    Blocked = 5,
    /// Applied, but not live.
    NotReady = 6,
    /// The command line itself is wrong.
    Usage = 64,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command ended early: the words, and the code that goes with them.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) exit: Exit,
    /// What to do about it, where the error does not say so itself.
    pub(super) hint: Option<String>,
}

impl Failure {
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An error of a command that changes configuration, where a conflict, a refusal and an invalid file have
    /// codes of their own.
    pub(super) fn of_config(error: Error) -> Self {
        let exit = match error.kind() {
            Kind::Invalid => Exit::InvalidConfig,
            Kind::Conflict => Exit::Conflict,
            Kind::Forbidden => Exit::Blocked,
            _ => Exit::Failure,
        };
        Self { exit, ..Self::from(error) }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, exit: Exit::Failure, hint: None }
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Error::unavailable("the output cannot be written").with_source(error).into()
    }
}

/// What a command comes to.
pub(super) type Outcome = Result<Exit, Failure>;
