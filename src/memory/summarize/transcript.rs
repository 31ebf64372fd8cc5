//! What was said, as a model reads it that is to sum it up.

use std::borrow::Cow;

use chrono::NaiveDate;

use crate::store::{Message, MessageRole};

/// How much of what a person says is read, in bytes.
pub(super) const MESSAGE_BYTES: usize = 4_000;
/// The same of what the bot says: people are remembered, and of an answer its beginning tells what it was about.
const BOT_BYTES: usize = 240;

/// All messages, each on a line of its own under its day; with their places, from 1, where they are to be referred to.
/// What is not part of the talk is left out, and keeps its place.
pub(super) fn transcript(messages: &[Message], is_numbered: bool) -> String {
    let mut lines: Vec<String> = Vec::with_capacity(messages.len());
    let mut day: Option<NaiveDate> = None;
    for (number, message) in (1..).zip(messages) {
        if !is_said(message) {
            continue;
        }
        let today = message.sent_at.date_naive();
        if day.replace(today) != Some(today) {
            lines.push(format!("[{today}]"));
        }
        let number = if is_numbered { format!("[{number}] ") } else { String::new() };
        let at = message.sent_at.format("%H:%M");
        lines.push(format!("{number}{at} {}: {}", message.author, read(message)));
    }
    lines.join("\n")
}

/// `[2026-11-20 14:03] Olena: My sister Anna lives in Lviv.`; empty for what is not part of the talk.
pub(in crate::memory) fn line(message: &Message) -> String {
    match is_said(message) {
        false => String::new(),
        true => {
            format!("[{}] {}: {}", message.sent_at.format("%Y-%m-%d %H:%M"), message.author, read(message))
        }
    }
}

/// What is read of a message.
fn read(message: &Message) -> String {
    let most = if message.role == MessageRole::Bot { BOT_BYTES } else { MESSAGE_BYTES };
    let text = match message.text.len() <= most {
        true => Cow::Borrowed(message.text.as_str()),
        false => Cow::Owned(format!("{}…", &message.text[..message.text.floor_char_boundary(most)])),
    };
    closed(&text)
}

fn is_said(message: &Message) -> bool {
    message.role != MessageRole::System && stands(message)
}

/// Whether it was neither erased nor superseded.
pub(super) fn stands(message: &Message) -> bool {
    message.erased_at.is_none() && message.superseded_by.is_none()
}

/// Text that cannot end the tags it stands between.
pub(in crate::memory) fn closed(text: &str) -> String {
    text.replace("</", "< /")
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::memory::documents::tests::{conversation, thread};

    #[test]
    fn days_stand_over_their_lines_and_places_are_kept() {
        let mut messages = thread(&conversation(None), &["One.", "Two.", "Three.", "Four."]);
        messages[1].role = MessageRole::System;
        messages[3].sent_at += TimeDelta::days(1);
        let told = "[1970-01-01]\n[1] 00:01 Olena: One.\n[3] 00:03 Olena: Three.\n[1970-01-02]\n[4] 00:04 Olena: Four.";
        assert_eq!(transcript(&messages, true), told);
        assert!(transcript(&messages, false).starts_with("[1970-01-01]\n00:01 Olena: One.\n00:03 "));
        assert_eq!(line(&messages[1]), "");
    }

    #[test]
    fn of_long_answers_the_beginning_is_read() {
        let mut messages =
            thread(&conversation(None), &["ї".repeat(1_000).as_str(), "їжак".repeat(500).as_str()]);
        messages[1].role = MessageRole::Bot;
        let told = transcript(&messages, true);
        let lengths: Vec<usize> = told.lines().map(str::len).collect();
        assert!(lengths[1] > 2_000 && lengths[2] < 270 && told.ends_with('…'), "{lengths:?}");
    }
}
