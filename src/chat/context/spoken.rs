//! Messages as a model hears them: in a group with who spoke, and with their pictures.

use std::collections::HashSet;

use super::{Input, MESSAGE_OVERHEAD, pictures};
use crate::dialog::{Message, Role};
use crate::id::UploadId;
use crate::store;
use crate::tokens::count;

/// What it takes, in tokens.
pub(super) fn message_tokens(input: &Input<'_>, message: &store::Message) -> usize {
    let name = if named(input, message) { count(&message.author) + 2 } else { 0 };
    count(&message.text) + name + pictures::tokens(input, message) + MESSAGE_OVERHEAD
}

/// Whether it says who spoke.
fn named(input: &Input<'_>, message: &store::Message) -> bool {
    input.is_group && message.role == store::MessageRole::Person
}

/// The message as the model hears it, with those of its pictures that are `shown`.
pub(super) fn spoken(input: &Input<'_>, message: &store::Message, shown: &HashSet<UploadId>) -> Message {
    let words = match message.role {
        store::MessageRole::Bot => return Message::text(Role::Bot, message.text.clone()),
        _ if named(input, message) => format!("{}: {}", message.author, message.text),
        _ => message.text.clone(),
    };
    Message { role: Role::Person, parts: pictures::parts(input, message, words, shown) }
}
