//! Announcing files.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};

use crate::chat::{About, NewUpload};
use crate::graphql::context::{actor, rooms};
use crate::graphql::mutation::checked_key;
use crate::graphql::mutation::user_error::{Mendable, user_errors};
use crate::graphql::types::Upload;

/// Announcing files.
#[derive(Default)]
pub(super) struct UploadMutations;

#[Object]
impl UploadMutations {
    /// Announces a file. Send its content to `upload.url` with `PUT` within 15 minutes, then name it in
    /// `sendMessage(uploadIds:)` within a day. Taken are texts in UTF-8: `text/plain`, `text/markdown`,
    /// `text/csv`, `application/json` and `text/html` (read as text); and still pictures of at most 5 MiB:
    /// `image/jpeg`, `image/png`, `image/webp` and `image/gif`.
    async fn create_upload(
        &self,
        context: &Context<'_>,
        input: CreateUploadInput,
    ) -> Result<Option<CreateUploadPayload>> {
        let CreateUploadInput { idempotency_key, filename, content_type, size, sha256 } = input;
        let key = match checked_key(idempotency_key) {
            Ok(key) => key,
            Err(mendable) => return Ok(Some(CreateUploadPayload::refused(mendable))),
        };
        let new = NewUpload { filename, content_type, size, sha256 };
        let created = rooms(context)?.chat.create_upload(actor(context)?, new, &key).await;
        Ok(Some(match created {
            Ok((row, replayed)) => {
                CreateUploadPayload { upload: Some(Upload(row)), replayed, user_errors: Vec::new() }
            }
            Err(error) => {
                let part = About::of(&error).unwrap_or("size");
                CreateUploadPayload::refused(Mendable::of(error, part)?)
            }
        }))
    }
}

/// A file to announce.
#[derive(InputObject)]
struct CreateUploadInput {
    /// Chosen by the client, a UUID say: the same key with the same input again has the first one's effect
    /// and answer, for 24 hours.
    idempotency_key: ID,
    /// What it is called, at most 255 characters; folders before the name are left out.
    filename: String,
    /// What it is: `text/plain`, `text/markdown`, `text/csv`, `application/json`, `text/html`, `image/jpeg`,
    /// `image/png`, `image/webp` or `image/gif`.
    content_type: String,
    /// In bytes, at least 1; the server says how many it takes at most (10 MiB unless it is told otherwise, 5 MiB
    /// for a picture).
    size: i32,
    /// The SHA-256 of its content, in 64 hexadecimal digits.
    sha256: String,
}

/// What `createUpload` did.
#[derive(SimpleObject)]
struct CreateUploadPayload {
    /// The upload; null if there are `userErrors`.
    upload: Option<Upload>,
    /// Whether this is the answer to an earlier request with the same key.
    replayed: bool,
    /// What is to be mended.
    user_errors: Vec<CreateUploadError>,
}

impl CreateUploadPayload {
    fn refused(mendable: Mendable) -> Self {
        Self { upload: None, replayed: false, user_errors: vec![mendable.into()] }
    }
}

user_errors! {
    /// What can be wrong with `createUpload`. All implement `UserError`; clients must expect others.
    CreateUploadError,
}
