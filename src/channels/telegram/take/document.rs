//! Files that people send: texts are read as uploads are, the rest is declined.

use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use crate::accounts::Actor;
use crate::channels::telegram::Door;
use crate::channels::telegram::api::update::Document;
use crate::channels::telegram::api::{Failure, ORDINARY};
use crate::channels::telegram::lines::Line;
use crate::chat::NewUpload;
use crate::error::{Error, Kind, Result};
use crate::id::UploadId;

/// The service gives out no larger ones.
const MAX_BYTES: i64 = 20 << 20;
const DOWNLOAD: Duration = Duration::from_secs(60);

/// What is read, by the ends of names: the service often knows no better than `application/octet-stream`.
const KINDS: [(&str, &str); 9] = [
    (".txt", "text/plain"),
    (".log", "text/plain"),
    (".md", "text/markdown"),
    (".markdown", "text/markdown"),
    (".csv", "text/csv"),
    (".json", "application/json"),
    (".html", "text/html"),
    (".htm", "text/html"),
    (".text", "text/plain"),
];

/// Fetches a file and keeps it for the message that it came with; none for what cannot be read. `key` is the same
/// whenever it arrives again.
///
/// # Errors
/// `Unavailable` while the service or the database is away.
pub(super) async fn fetch(
    door: &Door,
    line: &Line,
    actor: &Actor,
    document: &Document,
    key: &str,
) -> Result<Option<UploadId>> {
    let name = document.file_name.clone().unwrap_or_else(|| "file.txt".into());
    let Some(kind) = kind(&name, document.mime_type.as_deref()) else { return Ok(None) };
    if document.file_size.is_some_and(|size| size > MAX_BYTES) {
        return Ok(None);
    }
    let Some(content) = download(door, line, &document.file_id).await? else { return Ok(None) };
    let hash = Sha256::digest(&content);
    let new = NewUpload {
        filename: name,
        content_type: kind.to_owned(),
        size: i32::try_from(content.len()).unwrap_or(i32::MAX),
        sha256: hash.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let kept = async {
        let (upload, _) = door.chat.create_upload(actor, new, key).await?;
        door.chat.store_upload(&upload, content, &hash).await?;
        Ok::<_, Error>(upload.id)
    };
    match kept.await {
        Ok(id) => Ok(Some(id)),
        // No text, too large, or too many today.
        Err(error) if matches!(error.kind(), Kind::Invalid | Kind::RateLimited | Kind::Conflict) => Ok(None),
        Err(error) => Err(error),
    }
}

fn kind(name: &str, told: Option<&str>) -> Option<&'static str> {
    let name = name.to_lowercase();
    let by_name = KINDS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| *kind);
    let told = told.and_then(|told| KINDS.iter().find(|(_, kind)| *kind == told)).map(|(_, kind)| *kind);
    by_name.or(told)
}

/// None where the service does not give it out.
async fn download(door: &Door, line: &Line, file: &str) -> Result<Option<Vec<u8>>> {
    let found: Result<Value, Failure> =
        door.api().call(&line.token, "getFile", &json!({ "file_id": file }), ORDINARY).await;
    let path = match &found {
        Ok(file) => file.get("file_path").and_then(Value::as_str),
        Err(Failure::Refused(refusal)) if refusal.retry_after.is_none() => return Ok(None),
        Err(failure) => return Err(Error::unavailable(failure.to_string())),
    };
    let Some(path) = path else { return Ok(None) };
    match door.api().download(&line.token, path, MAX_BYTES as usize, DOWNLOAD).await {
        Ok(content) => Ok(Some(content)),
        Err(Failure::Refused(_)) => Ok(None),
        Err(failure) => Err(Error::unavailable(failure.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn texts_are_known_by_their_names_or_by_what_the_service_says() {
        assert_eq!(kind("Notes.MD", Some("application/octet-stream")), Some("text/markdown"));
        assert_eq!(kind("notes", Some("text/plain")), Some("text/plain"));
        assert_eq!(kind("photo.jpg", Some("image/jpeg")), None);
        assert_eq!(kind("notes", None), None);
    }
}
