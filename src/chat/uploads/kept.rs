//! Files that a door brings whole, which nobody has to send to an address.

use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

use super::{NewUpload, announced};
use crate::accounts::Actor;
use crate::chat::{Chat, context};
use crate::dialog::Picture;
use crate::error::Result;
use crate::id::{MessageId, UploadId};
use crate::store::{Tenant, Upload};

impl Chat {
    /// Keeps a file for a message of the actor's to come: see [`Chat::create_upload`] for the key and what is taken.
    ///
    /// # Errors
    /// As [`Chat::create_upload`] and [`Chat::store_upload`].
    pub async fn keep_file(
        &self,
        actor: &Actor,
        (filename, content_type): (String, &str),
        content: Vec<u8>,
        key: &str,
    ) -> Result<UploadId> {
        let new = of_content(filename, content_type, &content);
        let hash = Sha256::digest(&content);
        let (upload, _) = self.create_upload(actor, new, key).await?;
        self.store_upload(&upload, content, &hash).await?;
        Ok(upload.id)
    }

    /// Takes along pictures of a message that is stored later.
    ///
    /// # Errors
    /// As [`Chat::create_upload`].
    pub(in crate::chat) async fn take_along(
        &self,
        tx: &mut Tenant,
        actor: &Actor,
        pictures: Vec<Picture>,
        message: MessageId,
        now: DateTime<Utc>,
    ) -> Result<Along> {
        let mut along = Vec::with_capacity(pictures.len());
        for (position, picture) in (1..).zip(pictures) {
            let kind = picture.kind;
            let new = of_content(kind.default_name().into(), kind.media_type(), &picture.content);
            let upload = announced(actor, new, &self.engine.uploads, now)?;
            self.check_quota(tx, &upload, now).await?;
            let (completed_at, message_id) = (Some(now), Some(message));
            along.push((Upload { completed_at, message_id, position: Some(position), ..upload }, picture));
        }
        Ok(Along(along))
    }
}

/// Pictures of a message that is not stored yet.
pub(in crate::chat) struct Along(Vec<(Upload, Picture)>);

impl Along {
    /// As a prompt holds them.
    pub(in crate::chat) fn heard(&self, message: MessageId) -> impl Iterator<Item = context::Picture> {
        self.0.iter().map(move |(upload, picture)| context::Picture {
            id: upload.id,
            message,
            name: upload.filename.clone(),
            size: picture.content.len(),
            content: Some(picture.clone()),
        })
    }

    /// Stores them. Their message must be stored.
    pub(in crate::chat) async fn insert(&self, tx: &mut Tenant) -> Result<()> {
        for (upload, picture) in &self.0 {
            Upload::insert(tx, upload).await?;
            Upload::insert_content(tx, upload.id, picture.content.to_vec()).await?;
        }
        Ok(())
    }
}

fn of_content(filename: String, content_type: &str, content: &[u8]) -> NewUpload {
    let hash = Sha256::digest(content);
    NewUpload {
        filename,
        content_type: content_type.to_owned(),
        size: i32::try_from(content.len()).unwrap_or(i32::MAX),
        sha256: super::hex(&hash),
    }
}
