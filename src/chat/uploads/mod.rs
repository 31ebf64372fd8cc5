//! Files that people send: announced, sent to a signed address, then named by a message.
//!
//! A file is whole or not there: its size and hash are announced first and checked when it arrives, so nobody
//! has to say that it is complete. Postgres holds it, so every replica has it.

mod filed;
mod heard;
mod kept;
mod kinds;
mod link;
mod pictures;

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::accounts::{Actor, Scope};
use crate::chat::Chat;
use crate::chat::repeat::{claim, idempotency};
use crate::dialog::PictureKind;
use crate::error::{Error, Result};
use crate::id::{MessageId, UploadId};
use crate::store::{Idempotency, Tenant, Upload};
pub(super) use filed::LongFile;
pub(super) use heard::{Sent, sent};
pub(super) use kept::Along;
pub use link::{Deed, Link};
pub use pictures::{PICTURE_BYTES, picture_of};

/// The longest name of a file, in characters.
const MAX_NAME: usize = 255;
/// The most files of one message.
const MAX_OF_MESSAGE: usize = 10;
/// Over how long a person's uploads are counted.
const COUNTED_OVER: TimeDelta = TimeDelta::days(1);

/// How much people may upload.
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// The largest file, in bytes.
    pub file_bytes: i32,
    /// What one person may announce in 24 hours, in bytes.
    pub daily_bytes: i64,
    /// What one person may announce in 24 hours, in files.
    pub daily_files: i64,
}

impl Default for UploadLimits {
    fn default() -> Self {
        Self { file_bytes: 10 << 20, daily_bytes: 100 << 20, daily_files: 500 }
    }
}

/// A file that is announced.
#[derive(Debug, Clone)]
pub struct NewUpload {
    pub filename: String,
    pub content_type: String,
    /// In bytes.
    pub size: i32,
    /// Of the content, in hex.
    pub sha256: String,
}

/// What became of content that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stored {
    Now,
    /// The same content arrived before.
    Before,
}

/// The source of an error that is about one part of what was asked, by its name there: `sha256`.
#[derive(Debug)]
pub struct About(pub &'static str);

impl About {
    /// The part that `error` is about, where that was said.
    pub fn of(error: &Error) -> Option<&'static str> {
        std::error::Error::source(error)?.downcast_ref::<Self>().map(|about| about.0)
    }
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "it is about `{}`", self.0)
    }
}

impl std::error::Error for About {}

impl Chat {
    /// Announces a file. Says whether this is a repetition.
    ///
    /// # Errors
    /// `Invalid` for a type that is not taken, a size of nothing or beyond the limit, a hash that is none, a name
    /// that is none; `RateLimited` beyond what a person may upload in a day; `Conflict` for an idempotency key
    /// that was used for something else.
    pub async fn create_upload(
        &self,
        actor: &Actor,
        new: NewUpload,
        idempotency_key: &str,
    ) -> Result<(Upload, bool)> {
        actor.require(Scope::Chat)?;
        let now = self.engine.clock.now();
        let upload = announced(actor, new, &self.engine.uploads, now)?;
        let hash = hex(&upload.sha256);
        let content = [&upload.filename, &upload.content_type, &upload.size.to_string(), &hash];
        let request = idempotency(actor, "createUpload", idempotency_key, &content.map(String::as_str), now);
        let mut tx = self.engine.store.tenant(actor.account).await?;
        if let Some(answer) = claim(&tx, &request).await? {
            let id = serde_json::from_value::<UploadId>(answer["upload"].clone()).map_err(Error::internal)?;
            let found = Upload::find(&mut tx, id).await?;
            tx.commit().await?;
            let forgotten =
                || Error::not_found("this upload was not used for a day and is forgotten: make a new key");
            return Ok((found.ok_or_else(forgotten)?, true));
        }
        self.check_quota(&mut tx, &upload, now).await?;
        Upload::insert(&mut tx, &upload).await?;
        Idempotency::answer(&mut tx, &request, &json!({ "upload": upload.id })).await?;
        tx.commit().await?;
        Ok((upload, false))
    }

    async fn check_quota(&self, tx: &mut Tenant, upload: &Upload, now: DateTime<Utc>) -> Result<()> {
        let limits = &self.engine.uploads;
        let so_far = Upload::count_since_locked(tx, upload.person_id, now - COUNTED_OVER).await?;
        if so_far.files >= limits.daily_files {
            return Err(Error::rate_limited(format!(
                "at most {} files are taken in 24 hours",
                limits.daily_files
            )));
        }
        if so_far.bytes + i64::from(upload.size) > limits.daily_bytes {
            return Err(Error::rate_limited(format!(
                "at most {} MiB are taken in 24 hours, and {} MiB came already",
                limits.daily_bytes >> 20,
                so_far.bytes >> 20
            )));
        }
        Ok(())
    }

    /// Where content is sent to, or read: valid for a while, for whoever holds it.
    pub fn link(&self, deed: Deed, upload: &Upload) -> Link {
        Link::new(&self.engine.signer, deed, upload, self.engine.clock.now())
    }

    /// The upload that an address opens.
    ///
    /// # Errors
    /// `Forbidden` for an address that nobody was given, or that has expired.
    pub async fn opened(&self, deed: Deed, id: UploadId, link: &Link) -> Result<Upload> {
        // The account is believed no sooner than the signature that names it: until then nothing is told.
        let mut tx = self.engine.store.reading(link.account).await?;
        let found = Upload::find(&mut tx, id).await?;
        tx.commit().await?;
        let upload = found.ok_or_else(link::forged)?;
        link.check(&self.engine.signer, deed, &upload, self.engine.clock.now())?;
        Ok(upload)
    }

    /// Keeps content that arrived for `upload`, whose hash is `sha256`.
    ///
    /// # Errors
    /// `Invalid` if it is not what was announced; `Conflict` if other content arrived before.
    pub async fn store_upload(&self, upload: &Upload, content: Vec<u8>, sha256: &[u8]) -> Result<Stored> {
        if upload.sha256 != sha256 {
            if upload.completed_at.is_some() {
                return Err(Error::conflict(
                    "other content arrived for this upload before: announce a new one",
                ));
            }
            return Err(Error::invalid(format!(
                "the content is not what was announced: its SHA-256 is {}, not {}",
                hex(sha256),
                hex(&upload.sha256)
            )));
        }
        if upload.completed_at.is_some() {
            return Ok(Stored::Before);
        }
        kinds::check_content(&upload.content_type, &content)?;
        let mut tx = self.engine.store.tenant(upload.account_id).await?;
        let stored = Upload::complete(&mut tx, upload.id, content, self.engine.clock.now()).await?;
        tx.commit().await?;
        Ok(if stored { Stored::Now } else { Stored::Before })
    }

    /// The content of `upload`.
    ///
    /// # Errors
    /// `NotFound` while it has not arrived.
    pub async fn read_upload(&self, upload: &Upload) -> Result<Vec<u8>> {
        let mut tx = self.engine.store.reading(upload.account_id).await?;
        let content = Upload::content(&mut tx, upload.id).await?;
        tx.commit().await?;
        content.ok_or_else(|| Error::not_found("the content has not arrived yet"))
    }
}

/// Makes `ids` belong to a message of the actor's.
///
/// # Errors
/// `NotFound` for one that does not exist or is not the actor's; `Conflict` for one whose content has not arrived
/// or that belongs to a message already; `Invalid` for too many, or the same twice. All are [`About`]
/// `uploadIds`.
pub(super) async fn attach(
    tx: &mut Tenant,
    actor: &Actor,
    ids: &[UploadId],
    message: MessageId,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let told = |error: Error| Err(error.with_source(About("uploadIds")));
    if ids.len() > MAX_OF_MESSAGE {
        return told(Error::invalid(format!("a message has at most {MAX_OF_MESSAGE} files")));
    }
    if (1..ids.len()).any(|place| ids[..place].contains(&ids[place])) {
        return told(Error::invalid("the same upload is named twice"));
    }
    if Upload::attach(tx, ids, actor.person, message).await? == ids.len() {
        return Ok(());
    }
    let known = Upload::list_by_ids(tx, ids).await?;
    for id in ids {
        let upload = known.iter().find(|upload| upload.id == *id && upload.person_id == actor.person);
        let Some(upload) = upload else { return told(Error::not_found("there is no such upload of yours")) };
        let name = &upload.filename;
        if upload.completed_at.is_none() {
            let message =
                format!("the content of `{name}` has not arrived: send it to the upload's `url` first");
            return told(Error::conflict(message));
        }
        if upload.message_id.is_some_and(|other| other != message) {
            return told(Error::conflict(format!("`{name}` belongs to another message already")));
        }
    }
    told(Error::conflict("an upload changed meanwhile: try again"))
}

fn announced(actor: &Actor, new: NewUpload, limits: &UploadLimits, now: DateTime<Utc>) -> Result<Upload> {
    let NewUpload { filename, content_type, size, sha256 } = new;
    if size < 1 || size > limits.file_bytes {
        let (most, mebibytes) = (limits.file_bytes, limits.file_bytes >> 20);
        let message = format!("a file has 1 to {most} bytes ({mebibytes} MiB), not {size}");
        return Err(Error::invalid(message).with_source(About("size")));
    }
    let content_type =
        kinds::checked_type(&content_type).map_err(|error| error.with_source(About("contentType")))?;
    let bytes = usize::try_from(size).unwrap_or(usize::MAX);
    if PictureKind::of_type(&content_type).is_some() && bytes > PICTURE_BYTES {
        return Err(pictures::too_large(bytes).with_source(About("size")));
    }
    Ok(Upload {
        account_id: actor.account,
        id: UploadId::new(),
        person_id: actor.person,
        filename: checked_name(&filename).map_err(|error| error.with_source(About("filename")))?,
        content_type,
        size,
        sha256: unhex(&sha256).ok_or_else(|| {
            Error::invalid("`sha256` is 64 hexadecimal digits").with_source(About("sha256"))
        })?,
        created_at: now,
        completed_at: None,
        message_id: None,
        position: None,
    })
}

/// The name alone, without the folders before it.
fn checked_name(given: &str) -> Result<String> {
    let name = given.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let is_good = |name: &str| !matches!(name, "" | "." | "..") && !name.chars().any(char::is_control);
    if !is_good(name) || name.chars().count() > MAX_NAME {
        return Err(Error::invalid(format!("a file has a name of 1 to {MAX_NAME} characters")));
    }
    Ok(name.to_owned())
}

/// In small hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let text = text.as_bytes();
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks_exact(2).map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}
