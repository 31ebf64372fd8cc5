//! A summary without a model.

use crate::memory::summarize::transcript::{MESSAGE_BYTES, stands};
use crate::memory::summarize::words::cut;
use crate::providers::offline::{self, Line};
use crate::store::{Message, MessageRole};

/// The sentences of `previous` and `messages` that say most, in at most `words` words. Only what people said: a
/// bot that quotes its memory shall not feed on it.
pub(in crate::memory) fn extract(previous: &str, messages: &[Message], words: usize) -> String {
    let previous = previous.lines().map(|text| Line { speaker: "", at: None, text });
    let said = messages.iter().filter(|message| message.role == MessageRole::Person && stands(message));
    let said = said.map(|message| Line {
        speaker: &message.author,
        at: Some(message.sent_at),
        text: &message.text[..message.text.floor_char_boundary(MESSAGE_BYTES)],
    });
    let lines: Vec<Line<'_>> = previous.chain(said).collect();
    cut(&offline::summarize(&lines, words), words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::documents::tests::{conversation, thread};

    #[test]
    fn without_a_model_people_are_quoted_and_the_bot_is_not() {
        let mut messages = thread(
            &conversation(None),
            &["My sister Anna lives in Lviv.", "I remember: your brother Petro lives in Odesa."],
        );
        messages[1].role = MessageRole::Bot;
        let summary = extract("Olena, 3 May 2026: I work as a teacher in Kharkiv.", &messages, 250);
        assert!(summary.contains("Anna lives in Lviv") && summary.contains("teacher"), "{summary}");
        assert!(!summary.contains("Petro"), "{summary}");
        assert_eq!(extract("", &messages[1..], 250), "");
    }
}
