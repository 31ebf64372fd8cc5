//! Lore: what a bot's file says of a word, when that word comes up.

use super::{Input, Room};
use crate::chat::report::Draft;
use crate::tokens::count;

pub(super) fn take_lore(input: &Input<'_>, room: &mut Room, text: &mut String) -> Draft {
    let mut draft = Draft::new("lore");
    let heard: String = input
        .inbound
        .iter()
        .chain(input.window.iter().rev().take(2))
        .map(|message| message.text.to_lowercase())
        .collect::<Vec<_>>()
        .join("\n");
    let mut lines = Vec::new();
    for lore in &input.bot.lore {
        let Some(key) = lore.keys.iter().find(|key| mentions(&heard, &key.to_lowercase())) else { continue };
        let text = input.bot.fill(&lore.text, input.person);
        let tokens = count(&text) + 2;
        if room.take(tokens) {
            lines.push(text);
            draft.included("lore", key, tokens, "its keyword came up", None);
        } else {
            draft.left_out("lore", key, tokens, "no room in the budget", None);
        }
    }
    *text = lines.join("\n\n");
    draft
}

/// Whether `key` begins a word of `text`: `refund` is heard in `refunds`, `art` not in `start`.
pub(super) fn mentions(text: &str, key: &str) -> bool {
    !key.is_empty()
        && text
            .match_indices(key)
            .any(|(at, _)| !text[..at].chars().next_back().is_some_and(char::is_alphanumeric))
}
