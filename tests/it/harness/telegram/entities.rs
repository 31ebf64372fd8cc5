//! What the service finds in a text by itself: commands, mentions, addresses.

use crate::harness::telegram::text::{Entity, Formatted, units};

/// Adds what is found to what was marked. Nothing is found in code and in links.
pub(super) fn find(mut formatted: Formatted) -> Formatted {
    let mut found = Vec::new();
    let mut start = 0;
    for word in formatted.text.split_inclusive(char::is_whitespace) {
        let bare = word.trim_end();
        let opening = bare.len() - bare.trim_start_matches(['(', '[', '"', '«']).len();
        if let Some((kind, length)) = kind(&bare[opening..]) {
            let offset = units(&formatted.text[..start + opening]);
            let length = units(&bare[opening..opening + length]);
            found.push(Entity { kind: kind.to_owned(), offset, length, argument: None });
        }
        start += word.len();
    }
    let solid: Vec<(usize, usize)> = formatted
        .entities
        .iter()
        .filter(|entity| matches!(entity.kind.as_str(), "code" | "pre" | "text_link"))
        .map(|entity| (entity.offset, entity.offset + entity.length))
        .collect();
    found.retain(|entity| {
        !solid.iter().any(|(start, end)| entity.offset < *end && *start < entity.offset + entity.length)
    });
    formatted.entities.extend(found);
    formatted.entities.sort_by_key(|entity| (entity.offset, usize::MAX - entity.length));
    formatted
}

/// What a word is, and how many of its bytes.
fn kind(word: &str) -> Option<(&'static str, usize)> {
    let name = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if let Some(rest) = word.strip_prefix('/') {
        let command = name(rest);
        let to = rest[command..].strip_prefix('@').map_or(0, |rest| 1 + name(rest));
        return (1..=64).contains(&command).then_some(("bot_command", 1 + command + to));
    }
    if let Some(rest) = word.strip_prefix('@') {
        return (3..=32).contains(&name(rest)).then_some(("mention", 1 + name(rest)));
    }
    if let Some(rest) = word.strip_prefix('#') {
        let length = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        return (length > 0).then_some(("hashtag", 1 + length));
    }
    let whole = word.trim_end_matches(['.', ',', ')', ']', '!', '?', ';', ':', '"', '»']);
    if whole.starts_with("https://") || whole.starts_with("http://") {
        return Some(("url", whole.len()));
    }
    let (user, host) = whole.split_once('@')?;
    (name(user) == user.len() && !user.is_empty() && host.contains('.')).then_some(("email", whole.len()))
}
