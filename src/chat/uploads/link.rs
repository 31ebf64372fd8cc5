//! Addresses that open one file for a while, to whoever holds them: signed, and bound to what they are for.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};

use crate::error::{Error, Result};
use crate::id::AccountId;
use crate::secrets::Signer;
use crate::store::Upload;

/// How long content may be sent to an address.
const PUT_FOR: TimeDelta = TimeDelta::minutes(15);
/// How long content may be read at an address.
const GET_FOR: TimeDelta = TimeDelta::hours(1);

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// Sending the content.
    Put,
    /// Reading it.
    Get,
}

/// What an address holds beside the id of the upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    pub account: AccountId,
    pub expires_at: DateTime<Utc>,
    /// In base64, for URLs.
    pub signature: String,
}

impl Link {
    pub(super) fn new(signer: &Signer, deed: Deed, upload: &Upload, now: DateTime<Utc>) -> Self {
        let lasts = if deed == Deed::Put { PUT_FOR } else { GET_FOR };
        let expires = (now + lasts).timestamp();
        let signature = signer.sign(&signed(deed, upload, expires).each_ref().map(Vec::as_slice));
        Self {
            account: upload.account_id,
            expires_at: DateTime::from_timestamp(expires, 0).unwrap_or(now),
            signature: URL_SAFE_NO_PAD.encode(signature),
        }
    }

    /// Whether it opens `upload` for `deed`.
    ///
    /// # Errors
    /// `Forbidden` if it does not, or not any more.
    pub(super) fn check(
        &self,
        signer: &Signer,
        deed: Deed,
        upload: &Upload,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let signature = URL_SAFE_NO_PAD.decode(&self.signature).unwrap_or_default();
        let parts = signed(deed, upload, self.expires_at.timestamp());
        if !signer.verify(&parts.each_ref().map(Vec::as_slice), &signature) {
            return Err(forged());
        }
        if self.expires_at <= now {
            return Err(Error::forbidden(match deed {
                Deed::Put => "this address has expired: ask `createUpload` again, with the same key",
                Deed::Get => "this address has expired: read `Message.attachments` again",
            }));
        }
        Ok(())
    }
}

/// What is heard at an address that nobody was given.
pub(super) fn forged() -> Error {
    Error::forbidden("the signature does not fit this address: use it as it was given")
}

/// Everything that an address is bound to.
fn signed(deed: Deed, upload: &Upload, expires: i64) -> [Vec<u8>; 7] {
    let deed: &[u8] = if deed == Deed::Put { b"PUT" } else { b"GET" };
    [
        deed.to_vec(),
        upload.account_id.0.as_bytes().to_vec(),
        upload.id.0.as_bytes().to_vec(),
        upload.size.to_le_bytes().to_vec(),
        upload.sha256.clone(),
        upload.content_type.clone().into_bytes(),
        expires.to_le_bytes().to_vec(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;
    use crate::id::{PersonId, UploadId};
    use crate::secrets::MasterKey;

    #[test]
    fn an_address_opens_what_it_was_made_for_until_it_expires() {
        let signer = MasterKey::parse(&"11".repeat(32).into()).unwrap().signer("uploads");
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        let upload = Upload {
            account_id: AccountId::new(),
            id: UploadId::new(),
            person_id: PersonId::new(),
            filename: "notes.txt".into(),
            content_type: "text/plain".into(),
            size: 5,
            sha256: vec![7; 32],
            created_at: now,
            completed_at: None,
            message_id: None,
            position: None,
        };
        let link = Link::new(&signer, Deed::Put, &upload, now);
        link.check(&signer, Deed::Put, &upload, now + TimeDelta::minutes(14)).unwrap();
        let late = link.check(&signer, Deed::Put, &upload, now + TimeDelta::minutes(15)).unwrap_err();
        assert_eq!(late.kind(), Kind::Forbidden);
        assert!(late.message().contains("has expired"), "{late}");
        link.check(&signer, Deed::Get, &upload, now).unwrap_err();
        let longer = Link { expires_at: link.expires_at + TimeDelta::days(1), ..link.clone() };
        longer.check(&signer, Deed::Put, &upload, now).unwrap_err();
        for other in [
            Upload { account_id: AccountId::new(), ..upload.clone() },
            Upload { id: UploadId::new(), ..upload.clone() },
            Upload { size: 6, ..upload.clone() },
            Upload { sha256: vec![8; 32], ..upload.clone() },
            Upload { content_type: "text/html".into(), ..upload.clone() },
        ] {
            link.check(&signer, Deed::Put, &other, now).unwrap_err();
        }
    }
}
