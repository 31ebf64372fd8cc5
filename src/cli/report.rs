//! How what went wrong is said, the same in every command.

use serde_json::json;

use crate::cli::exit::Failure;
use crate::cli::terminal::Terminal;
use crate::error::{Error, Kind};

/// Says why a command failed: to the person always, to the program that reads JSON as its one document.
pub(super) fn failure(terminal: &Terminal, failure: &Failure, json: bool) {
    let Failure { error, exit: _, hint } = failure;
    terminal.talk(error_lines(terminal, error));
    if let Some(hint) = hint {
        terminal.talk(format!("{} {hint}", terminal.talk_style().cyan("hint:")));
    }
    if json {
        let document = json!({
            "error": { "kind": kind(error.kind()), "message": error.message(), "hint": hint },
        });
        if terminal.json(&document).is_err() {
            terminal.talk("the output cannot be written");
        }
    }
}

/// `error: …`, further lines below the first. The operator reads the causes too.
pub(super) fn error_lines(terminal: &Terminal, error: &Error) -> String {
    let label = terminal.talk_style().red("error:");
    format!("{label} {}", error.chain().replace('\n', "\n       "))
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::NotFound => "notFound",
        Kind::Conflict => "conflict",
        Kind::Invalid => "invalid",
        Kind::Unauthenticated => "unauthenticated",
        Kind::Forbidden => "forbidden",
        Kind::RateLimited => "rateLimited",
        Kind::Unavailable => "unavailable",
        Kind::Internal => "internal",
    }
}
