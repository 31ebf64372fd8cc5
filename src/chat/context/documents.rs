//! Long texts that people sent, as outside text: what stands for them, and the passages that are read.

use super::{Input, Room};
use crate::chat::report::Draft;
use crate::memory::fenced;
use crate::store::{Document, Message, Passage};
use crate::tokens::{beginning, count, ending};

/// A new message, or a file of one, that is read by passages.
#[derive(Debug, Clone)]
pub struct Reading {
    pub document: Document,
    /// In their order.
    pub passages: Vec<Passage>,
    /// The words of a message that say what is asked; none of a file.
    pub asked: String,
    /// The places of passages that are worth reading, best first, each with the share of the question that it holds.
    pub order: Vec<(usize, f32)>,
}

impl Reading {
    /// Whether it is of the message's own text.
    pub(super) fn is_of(&self, message: &Message) -> bool {
        self.document.upload_id.is_none() && self.document.message_id == message.id
    }
}

/// The share of the room that passages of the new messages may take.
const SHARE: usize = 60;
/// Stands over passages.
pub(super) const HEAD: &str = include_str!("documents.md");

/// What a model hears in place of a long text: how it begins and ends, in about `most` tokens, and what became of it.
pub(in crate::chat) fn in_short(text: &str, document: &Document, most: usize) -> String {
    let note = include_str!("long.md")
        .trim_end()
        .replace("{{tokens}}", &document.tokens.to_string())
        .replace("{{passages}}", &document.passages.to_string())
        .replace("{{title}}", &document.title);
    let words = most.saturating_sub(count(&note)).max(most / 4);
    let (head, tail) = (beginning(text, words * 2 / 3), ending(text, words / 3));
    let note = if count(&note) > most { "[…]" } else { &note };
    format!("{}\n\n{note}\n\n{}", head.trim_end(), tail.trim_start())
}

/// The passages of the new messages, as far as they fit; in the order of their texts.
pub(super) fn take_documents(input: &Input<'_>, room: &mut Room, taken: &mut Vec<String>) -> Draft {
    let mut draft = Draft::new("documents");
    let mut left = room.left * SHARE / 100;
    for Reading { document, passages, asked: _, order } in input.readings {
        let heading = if taken.is_empty() { count(HEAD) + 2 } else { 0 };
        let mut chosen: Vec<(usize, String)> = Vec::new();
        let mut over = None;
        let mut lines = Vec::new();
        for (rank, (place, share)) in order.iter().enumerate() {
            let Some(passage) = passages.get(*place) else { continue };
            let text = fenced(&document.title, passage.ordinal, &passage.whole());
            let tokens = count(&text) + 1;
            let needed = if chosen.is_empty() { tokens + heading } else { tokens };
            if needed > left || !room.take(needed) {
                over = Some((passage.id, tokens, order.len() - rank));
                break;
            }
            left -= needed;
            let why = if *share > 0.0 { "it fits the question" } else { "from all over the text" };
            lines.push((
                passage.id,
                tokens,
                format!("passage {} of {}: {why}", passage.ordinal, document.passages),
                *share,
            ));
            chosen.push((*place, text));
        }
        let heading = if chosen.is_empty() { 0 } else { heading };
        // Named by its message, so that whoever erases that finds who read of it.
        draft.included("document", document.message_id, heading, "too long to be read at once", None);
        for (id, tokens, reason, share) in lines {
            draft.included("passage", id, tokens, &reason, Some(share));
        }
        if let Some((id, tokens, count)) = over {
            let reason = format!("no room in the budget for it and {} more", count - 1);
            draft.left_out("passage", id, tokens, &reason, None);
        }
        chosen.sort_by_key(|(place, _)| *place);
        taken.extend(chosen.into_iter().map(|(_, text)| text));
    }
    draft
}

/// What the model reads of all passages, new and recalled.
pub(super) fn text(new: &[String], recalled: &[String]) -> String {
    if new.is_empty() && recalled.is_empty() {
        return String::new();
    }
    let all: Vec<&str> = new.iter().chain(recalled).map(String::as_str).collect();
    format!("{}\n\n{}", HEAD.trim_end(), all.join("\n"))
}
