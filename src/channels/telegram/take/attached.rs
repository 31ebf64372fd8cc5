//! What hangs on a message: a file, a photo, and in a group the picture that it answers to.

use std::time::Duration;

use super::file::{self, Fetched};
use crate::accounts::Actor;
use crate::channels::telegram::Door;
use crate::channels::telegram::api::update::{Document, Message};
use crate::channels::telegram::lines::Line;
use crate::chat::Whence;
use crate::error::Result;
use crate::id::UploadId;

/// How long the answer to an album waits for a part that is being fetched.
const FETCHING: Duration = Duration::from_secs(30);

/// What became of it.
#[derive(Debug, Default)]
pub(super) struct Attached {
    /// For the message, in this order.
    pub(super) uploads: Vec<UploadId>,
    /// Something hangs on the message itself that the bot can neither read nor see.
    pub(super) unreadable: bool,
    /// Something could not be fetched.
    pub(super) lost: bool,
}

/// Fetches what hangs on a message that is addressed to the bot; pictures where its model `sees`.
///
/// # Errors
/// `Unavailable` while the database is away.
pub(super) async fn fetch(
    door: &Door,
    line: &Line,
    (actor, whence): (&Actor, &Whence),
    message: &Message,
    sees: bool,
) -> Result<Attached> {
    let mut attached = Attached::default();
    let own = own(message, sees);
    // What a group did not say to the bot it has not seen.
    let answered = message.reply_to_message.as_deref().filter(|_| whence.is_group && sees);
    let answered = answered.and_then(shown);
    if own.is_none() && answered.is_none() {
        return Ok(attached);
    }
    let is_album = sees && message.media_group_id.is_some();
    if is_album {
        door.chat.expect_more(line.account, whence, Some(FETCHING)).await?;
    }
    let key = format!("{}:{}:{}", whence.connection, whence.chat, message.message_id);
    if let Some(document) = &own {
        match file::fetch(door, line, actor, document, &key, sees).await? {
            Fetched::Kept(id) => attached.uploads.push(id),
            Fetched::Unreadable => attached.unreadable = true,
            Fetched::Lost => attached.lost = true,
        }
    }
    if let Some(document) = &answered {
        match file::fetch(door, line, actor, document, &format!("{key}:answered"), sees).await? {
            Fetched::Kept(id) => attached.uploads.push(id),
            Fetched::Unreadable => {}
            Fetched::Lost => attached.lost = true,
        }
    }
    if is_album && attached.uploads.is_empty() {
        door.chat.expect_more(line.account, whence, None).await?;
    }
    Ok(attached)
}

/// What the message itself holds: any file, and a photo where that is of use.
fn own(message: &Message, sees: bool) -> Option<Document> {
    let document = message.document.clone().filter(|_| message.media() == Some("document"));
    document.or_else(|| file::photo(message).filter(|_| sees))
}

/// The picture that a message shows.
pub(super) fn shown(message: &Message) -> Option<Document> {
    own(message, true).filter(file::is_picture)
}
