//! Words that come in: what is too long, or says nothing.

use crate::error::{Error, Result};

/// The largest message, in bytes. What a bot cannot read at once it reads by passages.
pub const MOST_BYTES: usize = 1_000_000;
/// The longest title of a conversation, in characters.
pub(super) const MAX_TITLE: usize = 200;

pub(super) fn checked_title(title: Option<String>) -> Result<Option<String>> {
    if title.as_ref().is_some_and(|title| title.chars().count() > MAX_TITLE) {
        return Err(Error::invalid(format!("a title has at most {MAX_TITLE} characters")));
    }
    Ok(title.map(|title| title.replace('\0', "\u{fffd}")))
}

pub(super) fn checked_text(text: &str) -> Result<String> {
    if text.trim().is_empty() {
        return Err(Error::invalid("the message is empty"));
    }
    if text.len() > MOST_BYTES {
        return Err(Error::invalid(format!(
            "the message is {} kB large, and {} kB is the most: send it in parts",
            text.len().div_ceil(1_000),
            MOST_BYTES / 1_000
        )));
    }
    // Postgres holds no NUL in text.
    Ok(text.replace('\0', "\u{fffd}"))
}

/// The same of words that may come with files, which need none.
pub(super) fn checked_words(text: &str, with_files: bool) -> Result<String> {
    if with_files && text.trim().is_empty() { Ok(String::new()) } else { checked_text(text) }
}
