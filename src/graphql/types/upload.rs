//! Files: on their way to a message, and as parts of one.

use async_graphql::{Context, Enum, ID, Object, Result, SimpleObject};

use crate::chat::Deed;
use crate::graphql::context::{loaders, rooms};
use crate::graphql::files::address;
use crate::graphql::ids;
use crate::graphql::loaders::DocumentOfFile;
use crate::graphql::scalars::DateTime;
use crate::graphql::types::message::Document;
use crate::id::AttachmentId;
use crate::store;

/// Where an upload stands. Clients must expect values that they do not know.
#[derive(Enum, Clone, Copy, PartialEq, Eq)]
pub(in crate::graphql) enum UploadState {
    /// Its content has not arrived yet: send it to `url`.
    Awaited,
    /// Its content is here: a message may name it.
    Stored,
    /// It belongs to a message.
    Used,
}

/// A header of a request.
#[derive(SimpleObject, Clone)]
pub(in crate::graphql) struct Header {
    /// Such as `content-type`.
    name: String,
    /// Its value.
    value: String,
}

/// A file on its way to a message.
#[derive(Clone)]
pub(in crate::graphql) struct Upload(pub(in crate::graphql) store::Upload);

/// A file on its way to a message: send its content to `url`, then name it in `sendMessage(uploadIds:)`. There is
/// no third step: size and hash tell when the content is whole. What no message names is forgotten after a day.
#[Object]
impl Upload {
    /// Stays as it is for ever.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(self.0.id)
    }
    /// Where it stands.
    async fn state(&self) -> UploadState {
        match (self.0.completed_at, self.0.message_id) {
            (_, Some(_)) => UploadState::Used,
            (Some(_), None) => UploadState::Stored,
            (None, None) => UploadState::Awaited,
        }
    }
    /// What it is called.
    async fn filename(&self) -> &str {
        &self.0.filename
    }
    /// What it is: `text/plain`, `image/png`.
    async fn content_type(&self) -> &str {
        &self.0.content_type
    }
    /// In bytes.
    async fn size(&self) -> i32 {
        self.0.size
    }
    /// The SHA-256 of its content, in hexadecimal digits.
    async fn sha256(&self) -> String {
        self.0.sha256.iter().map(|byte| format!("{byte:02x}")).collect()
    }
    /// Where to send the content, without a token: the address is signed for this file and this use. If it does
    /// not begin with `https://` or `http://`, it is meant from the root of the server that answered. Null once
    /// the content is here. A new one comes with every read; `createUpload` with the same key gives one too.
    async fn url(&self, context: &Context<'_>) -> Result<Option<String>> {
        if self.0.completed_at.is_some() {
            return Ok(None);
        }
        let rooms = rooms(context)?;
        Ok(Some(rooms.public(address(&rooms.chat.link(Deed::Put, &self.0), &self.0))))
    }
    /// How to send it: `PUT`, the file as the body.
    async fn method(&self) -> &str {
        "PUT"
    }
    /// What to send with it.
    async fn headers(&self) -> Vec<Header> {
        vec![Header { name: "content-type".into(), value: self.0.content_type.clone() }]
    }
    /// Until when `url` works: 15 minutes from now. Null once the content is here.
    async fn expires_at(&self, context: &Context<'_>) -> Result<Option<DateTime>> {
        if self.0.completed_at.is_some() {
            return Ok(None);
        }
        Ok(Some(rooms(context)?.chat.link(Deed::Put, &self.0).expires_at.into()))
    }
    /// When it was announced.
    async fn created_at(&self) -> DateTime {
        self.0.created_at.into()
    }
}

/// A file of a message.
#[derive(Clone)]
pub(in crate::graphql) struct Attachment(pub(in crate::graphql) store::Upload);

/// A file of a message. The bot reads text as far as its budget goes; `Turn.context` tells how far. What is too long
/// for that, up to 1 MB, becomes a document that it reads by passages. Pictures it is shown where its model sees.
#[Object]
impl Attachment {
    /// Stays as it is for ever.
    pub(in crate::graphql) async fn id(&self) -> ID {
        ids::write(AttachmentId(self.0.id.0))
    }
    /// What it is called.
    async fn filename(&self) -> &str {
        &self.0.filename
    }
    /// What it is: `text/plain`.
    async fn content_type(&self) -> &str {
        &self.0.content_type
    }
    /// In bytes.
    async fn size(&self) -> i32 {
        self.0.size
    }
    /// What it became if it was too long to be read at once: a document that the bot reads by passages. Null for most.
    async fn document(&self, context: &Context<'_>) -> Result<Option<Document>> {
        let Some(message) = self.0.message_id else { return Ok(None) };
        let found = loaders(context)?.load_one(DocumentOfFile(message, self.0.id)).await?;
        Ok(found.map(Document::from))
    }
    /// Where to read it for an hour, without a token; as a download, never as a page. If it does not begin with
    /// `https://` or `http://`, it is meant from the root of the server that answered.
    async fn url(&self, context: &Context<'_>) -> Result<String> {
        let rooms = rooms(context)?;
        Ok(rooms.public(address(&rooms.chat.link(Deed::Get, &self.0), &self.0)))
    }
}
