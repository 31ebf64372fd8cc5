//! Pictures that people sent: those of the new messages are shown, those of earlier ones while there is room, and of
//! the rest the model hears that they were sent.

use std::collections::HashSet;

use super::{Input, Room};
use crate::chat::report::Draft;
use crate::dialog::{self, Part};
use crate::id::{MessageId, UploadId};
use crate::store;
use crate::tokens::count;

/// A picture that belongs to a message.
#[derive(Debug, Clone)]
pub struct Picture {
    pub id: UploadId,
    pub message: MessageId,
    pub name: String,
    /// In bytes.
    pub size: usize,
    /// None where no model of the bot's would see it, or where it was not worth loading.
    pub content: Option<dialog::Picture>,
}

/// Of the pictures of earlier messages, at most so many are shown: each costs as much as many words, with every
/// answer anew.
pub(in crate::chat) const EARLIER: usize = 3;

/// The pictures of what is to be answered: all of them, for they are what it is about. They take up to half of the room
/// from the words; what an album needs beyond that comes on top of the budget.
pub(super) fn take_new(input: &Input<'_>, room: &mut Room, shown: &mut HashSet<UploadId>) -> Draft {
    let mut draft = Draft::new("pictures");
    let mut left = room.left / 2;
    let is_new = |picture: &&Picture| input.inbound.iter().any(|new| new.id == picture.message);
    for picture in input.pictures.iter().filter(is_new) {
        if picture.content.is_none() {
            left_out(input, &mut draft, picture);
            continue;
        }
        let taken = dialog::Picture::TOKENS.min(left);
        left -= taken;
        room.left -= taken;
        shown.insert(picture.id);
        draft.included("picture", picture.id, dialog::Picture::TOKENS, "sent with a message", None);
    }
    draft
}

/// The pictures of earlier messages that stand in the prompt, the newest first, with what is left at the end.
pub(super) fn take_earlier(
    input: &Input<'_>,
    kept: &[usize],
    room: &mut Room,
    shown: &mut HashSet<UploadId>,
) -> Draft {
    let mut draft = Draft::new("earlier pictures");
    let newest_first = kept.iter().rev().map(|index| input.window[*index].id);
    let pictures = newest_first.flat_map(|id| of_message(input, id).rev());
    for picture in pictures {
        let tokens = dialog::Picture::TOKENS;
        if picture.content.is_none() {
            left_out(input, &mut draft, picture);
        } else if room.take(tokens) {
            shown.insert(picture.id);
            draft.included("picture", picture.id, tokens, "sent earlier", None);
        } else {
            draft.left_out("picture", picture.id, tokens, "no room in the budget", None);
        }
    }
    draft
}

fn left_out(input: &Input<'_>, draft: &mut Draft, picture: &Picture) {
    let why = if input.sees { "others come first, and few are shown" } else { "its model sees no pictures" };
    draft.left_out("picture", picture.id, dialog::Picture::TOKENS, why, None);
}

/// What a model hears of a message with its pictures: those that are shown, then the words, then that there were others.
pub(super) fn parts(
    input: &Input<'_>,
    message: &store::Message,
    words: String,
    shown: &HashSet<UploadId>,
) -> Vec<Part> {
    let (seen, unseen): (Vec<&Picture>, Vec<&Picture>) =
        of_message(input, message.id).partition(|picture| shown.contains(&picture.id));
    let mut parts: Vec<Part> =
        seen.iter().filter_map(|picture| picture.content.clone()).map(Part::Picture).collect();
    let told = unseen.iter().map(|picture| line(picture, input.sees));
    let text = Some(words).filter(|words| !words.is_empty()).into_iter().chain(told);
    let text = text.collect::<Vec<_>>().join("\n");
    // Providers refuse a text that says nothing, but for a message that is nothing else.
    if !text.is_empty() || parts.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

/// What the lines about the pictures of a message take, as if none of them were shown.
pub(super) fn tokens(input: &Input<'_>, message: &store::Message) -> usize {
    of_message(input, message.id).map(|picture| count(&line(picture, input.sees)) + 1).sum()
}

fn of_message<'i>(input: &'i Input<'_>, message: MessageId) -> impl DoubleEndedIterator<Item = &'i Picture> {
    input.pictures.iter().filter(move |picture| picture.message == message)
}

/// What stands for a picture that is not shown.
fn line(picture: &Picture, sees: bool) -> String {
    let name = picture.name.replace(['\n', '[', ']'], " ");
    if sees {
        format!("[a picture that was sent here, {name}: not shown again]")
    } else {
        format!("[a picture, {name}, which you cannot see]")
    }
}
