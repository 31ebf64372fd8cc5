//! Files that people send: texts are read as uploads are, pictures are shown to models that see, the rest is declined.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::accounts::Actor;
use crate::channels::telegram::Door;
use crate::channels::telegram::api::update::{Document, Message};
use crate::channels::telegram::api::{Failure, ORDINARY};
use crate::channels::telegram::lines::Line;
use crate::chat::PICTURE_BYTES;
use crate::dialog::PictureKind;
use crate::error::{Kind, Result};
use crate::id::UploadId;

/// The service gives out no larger ones.
const MAX_BYTES: i64 = 20 << 20;
const DOWNLOAD: Duration = Duration::from_secs(60);
/// How often a file is asked for, and how long that may take in all: whoever writes meanwhile waits.
const ATTEMPTS: u32 = 3;
const PAUSE: Duration = Duration::from_millis(400);
const PATIENCE: Duration = Duration::from_secs(90);

/// What is read, by the ends of names: the service often knows no better than `application/octet-stream`.
const KINDS: [(&str, &str); 14] = [
    (".txt", "text/plain"),
    (".log", "text/plain"),
    (".md", "text/markdown"),
    (".markdown", "text/markdown"),
    (".csv", "text/csv"),
    (".json", "application/json"),
    (".html", "text/html"),
    (".htm", "text/html"),
    (".text", "text/plain"),
    (".jpg", "image/jpeg"),
    (".jpeg", "image/jpeg"),
    (".png", "image/png"),
    (".webp", "image/webp"),
    (".gif", "image/gif"),
];

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetched {
    Kept(UploadId),
    /// It is nothing that the bot can read or see.
    Unreadable,
    /// The service does not give it out.
    Lost,
}

/// The photo of a message: the largest of its sizes that is taken.
pub(super) fn photo(message: &Message) -> Option<Document> {
    let fits = |bytes: i64| usize::try_from(bytes).is_ok_and(|bytes| bytes <= PICTURE_BYTES);
    let sizes = message.photo().into_iter().filter(|size| size.file_size.is_none_or(fits));
    let largest = sizes.max_by_key(|size| size.width.saturating_mul(size.height))?;
    Some(Document {
        file_id: largest.file_id,
        file_name: Some(PictureKind::Jpeg.default_name().into()),
        mime_type: Some(PictureKind::Jpeg.media_type().into()),
        file_size: largest.file_size,
    })
}

/// Whether something is told to be a picture.
pub(super) fn is_picture(document: &Document) -> bool {
    kind(document).is_some_and(|kind| PictureKind::of_type(kind).is_some())
}

/// Fetches a file and keeps it for the message that it came with; pictures only where the bot `sees`. `key` is the same
/// whenever it arrives again.
///
/// # Errors
/// `Unavailable` while the database is away.
pub(super) async fn fetch(
    door: &Door,
    line: &Line,
    actor: &Actor,
    document: &Document,
    key: &str,
    sees: bool,
) -> Result<Fetched> {
    let Some(told) = kind(document) else { return Ok(Fetched::Unreadable) };
    let is_told_picture = PictureKind::of_type(told).is_some();
    let most = if is_told_picture { i64::try_from(PICTURE_BYTES).unwrap_or(MAX_BYTES) } else { MAX_BYTES };
    if (is_told_picture && !sees) || document.file_size.is_some_and(|size| size > most) {
        return Ok(Fetched::Unreadable);
    }
    let Some(content) = download(door, line, &document.file_id).await else { return Ok(Fetched::Lost) };
    // What it is called says what it may be; what it is, how it begins.
    let content_type = match PictureKind::of_content(&content) {
        Some(picture) if sees => picture.media_type(),
        None if !is_told_picture => told,
        _ => return Ok(Fetched::Unreadable),
    };
    let name = document.file_name.clone().unwrap_or_else(|| "file.txt".into());
    match door.chat.keep_file(actor, (name, content_type), content, key).await {
        Ok(id) => Ok(Fetched::Kept(id)),
        // Not what it says, too large, or too many today.
        Err(error) if matches!(error.kind(), Kind::Invalid | Kind::RateLimited | Kind::Conflict) => {
            tracing::info!(error = error.chain(), connection = %line.id, "a file is not taken");
            Ok(Fetched::Unreadable)
        }
        Err(error) => Err(error),
    }
}

/// What a file is told to be, by its name or by the service.
fn kind(document: &Document) -> Option<&'static str> {
    let name = document.file_name.as_deref().unwrap_or_default().to_lowercase();
    let by_name = KINDS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| *kind);
    let told = document.mime_type.as_deref();
    let told = told.and_then(|told| KINDS.iter().find(|(_, kind)| *kind == told)).map(|(_, kind)| *kind);
    by_name.or(told)
}

/// None where the service does not give it out, also not when it is asked again.
async fn download(door: &Door, line: &Line, file: &str) -> Option<Vec<u8>> {
    let tries = async {
        for attempt in 1..=ATTEMPTS {
            match download_once(door, line, file).await {
                Ok(content) => return Some(content),
                Err(Failure::Refused(refusal)) if refusal.retry_after.is_none() => {
                    tracing::info!(why = refusal.description, connection = %line.id, "a file is not given out");
                    return None;
                }
                Err(failure) if attempt == ATTEMPTS => {
                    tracing::warn!(%failure, connection = %line.id, "a file cannot be fetched");
                }
                Err(Failure::Refused(refusal)) => sleep(refusal.retry_after.unwrap_or(PAUSE)).await,
                Err(_) => sleep(PAUSE * attempt).await,
            }
        }
        None
    };
    timeout(PATIENCE, tries).await.ok().flatten()
}

async fn download_once(door: &Door, line: &Line, file: &str) -> Result<Vec<u8>, Failure> {
    let found: Value = door.api().call(&line.token, "getFile", &json!({ "file_id": file }), ORDINARY).await?;
    let Some(path) = found.get("file_path").and_then(Value::as_str) else {
        return Err(Failure::Refused(Default::default()));
    };
    door.api().download(&line.token, path, MAX_BYTES as usize, DOWNLOAD).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(name: Option<&str>, told: Option<&str>) -> Document {
        Document {
            file_id: "x".into(),
            file_name: name.map(str::to_owned),
            mime_type: told.map(str::to_owned),
            file_size: None,
        }
    }

    #[test]
    fn what_may_be_read_or_seen_is_known_by_names_or_by_what_the_service_says() {
        let kind = |name, told| kind(&document(name, told));
        assert_eq!(kind(Some("Notes.MD"), Some("application/octet-stream")), Some("text/markdown"));
        assert_eq!(kind(Some("notes"), Some("text/plain")), Some("text/plain"));
        assert_eq!(kind(Some("photo.JPG"), None), Some("image/jpeg"));
        assert_eq!(kind(None, Some("image/png")), Some("image/png"));
        assert_eq!(kind(Some("song.mp3"), Some("audio/mpeg")), None);
        assert_eq!(kind(Some("notes"), None), None);
        assert!(is_picture(&document(Some("a.webp"), None)) && !is_picture(&document(Some("a.txt"), None)));
    }

    #[test]
    fn of_a_photo_the_largest_size_is_taken_that_is_not_too_large() {
        let size = |id: &str, width: i64, bytes: Value| json!({ "file_id": id, "width": width, "height": width, "file_size": bytes });
        let photo = |sizes: Value| {
            let message = json!({ "message_id": 1, "chat": { "id": 1 }, "photo": sizes });
            photo(&serde_json::from_value(message).unwrap()).map(|photo| photo.file_id)
        };
        let large = size("large", 4_000, json!(PICTURE_BYTES + 1));
        let sizes = json!([size("small", 90, json!(1_000)), size("middle", 800, json!(90_000)), large]);
        assert_eq!(photo(sizes).as_deref(), Some("middle"));
        assert_eq!(photo(json!([size("unknown", 90, Value::Null), "nonsense"])).as_deref(), Some("unknown"));
        assert_eq!(photo(json!([])), None);
    }
}
