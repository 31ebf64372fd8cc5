//! The files that a prompt may hold: texts, each as far as it could, and pictures by their names.

use std::collections::HashMap;

use crate::chat::{File, Picture};
use crate::error::Result;
use crate::spec;
use crate::store::{Document, Message, MessageRole, Tenant, Upload};
use crate::tokens::beginning;

/// A token rarely stands for more bytes than this.
const BYTES_OF_TOKEN: u32 = 8;
/// What some editors put before text in UTF-8.
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// How much of its beginning stands for a file that became a document, in tokens.
const BEGINNING: usize = 150;

/// What was sent with the messages of a prompt.
#[derive(Debug, Default)]
pub(in crate::chat) struct Sent {
    pub(in crate::chat) files: Vec<File>,
    /// Not loaded yet.
    pub(in crate::chat) pictures: Vec<Picture>,
}

/// The files of these messages, each as far as a prompt of this bot could hold it; of those that became documents, how
/// they begin; of pictures, that they are there.
pub(in crate::chat) async fn sent(
    tx: &mut Tenant,
    inbound: &[Message],
    earlier: &[Message],
    bot: &spec::Bot,
) -> Result<Sent> {
    let said = inbound.iter().chain(earlier).filter(|message| message.role == MessageRole::Person);
    let messages: Vec<_> =
        said.filter(|message| message.erased_at.is_none()).map(|message| message.id).collect();
    let uploads = Upload::list_of_messages(tx, &messages).await?;
    let (pictures, texts): (Vec<Upload>, Vec<Upload>) = uploads.into_iter().partition(Upload::is_picture);
    let pictures = pictures.into_iter().filter_map(picture).collect();
    if texts.is_empty() {
        return Ok(Sent { files: Vec::new(), pictures });
    }
    let ids: Vec<_> = texts.iter().map(|upload| upload.id).collect();
    let bytes = i32::try_from(bot.model.context_budget.saturating_mul(BYTES_OF_TOKEN)).unwrap_or(i32::MAX);
    let mut starts: HashMap<_, _> = Upload::list_starts(tx, &ids, bytes).await?.into_iter().collect();
    let documents = Document::list_of_files(tx, &messages).await?;
    let with_start = |upload: Upload| {
        let start = starts.remove(&upload.id)?;
        let is_document = documents.iter().any(|document| document.upload_id == Some(upload.id));
        file(upload, &start, is_document)
    };
    Ok(Sent { files: texts.into_iter().filter_map(with_start).collect(), pictures })
}

/// The text of a file's content, or of its beginning.
pub(super) fn text_of(content: &[u8]) -> &str {
    let text = content.strip_prefix(UTF8_MARK).unwrap_or(content);
    // A letter that the end cuts in two is left out.
    text.utf8_chunks().next().map(|chunk| chunk.valid()).unwrap_or_default()
}

fn file(upload: Upload, start: &[u8], is_document: bool) -> Option<File> {
    let text = text_of(start);
    let mark = if start.starts_with(UTF8_MARK) { UTF8_MARK.len() } else { 0 };
    let text = if is_document { beginning(text, BEGINNING) } else { text };
    Some(File {
        id: upload.id,
        message: upload.message_id?,
        name: upload.filename,
        content_type: upload.content_type,
        size: usize::try_from(upload.size).ok()?.saturating_sub(mark),
        text: text.to_owned(),
        is_document,
    })
}

fn picture(upload: Upload) -> Option<Picture> {
    Some(Picture {
        id: upload.id,
        message: upload.message_id?,
        name: upload.filename,
        size: usize::try_from(upload.size).ok()?,
        content: None,
    })
}
