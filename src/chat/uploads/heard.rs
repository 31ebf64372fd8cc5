//! The files that a prompt may hold, each as far as it could.

use std::collections::HashMap;

use crate::chat::File;
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

/// The files of these messages, each as far as a prompt of this bot could hold it; of those that became documents, how
/// they begin.
pub(in crate::chat) async fn files(
    tx: &mut Tenant,
    inbound: &[Message],
    earlier: &[Message],
    bot: &spec::Bot,
) -> Result<Vec<File>> {
    let said = inbound.iter().chain(earlier).filter(|message| message.role == MessageRole::Person);
    let messages: Vec<_> =
        said.filter(|message| message.erased_at.is_none()).map(|message| message.id).collect();
    let uploads = Upload::list_of_messages(tx, &messages).await?;
    if uploads.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<_> = uploads.iter().map(|upload| upload.id).collect();
    let bytes = i32::try_from(bot.model.context_budget.saturating_mul(BYTES_OF_TOKEN)).unwrap_or(i32::MAX);
    let mut starts: HashMap<_, _> = Upload::list_starts(tx, &ids, bytes).await?.into_iter().collect();
    let documents = Document::list_of_files(tx, &messages).await?;
    let with_start = |upload: Upload| {
        let start = starts.remove(&upload.id)?;
        let is_document = documents.iter().any(|document| document.upload_id == Some(upload.id));
        file(upload, &start, is_document)
    };
    Ok(uploads.into_iter().filter_map(with_start).collect())
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
