//! Where the content of uploads comes in and goes out: `PUT` and `GET /uploads/{id}`, at addresses that are
//! signed for one file and one deed, so that no token need travel with them.
//!
//! A file that is read is a download: it is never run or shown in our name.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::ID;
use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::put;
use axum::{Json, Router};
use chrono::DateTime;
use futures_util::StreamExt;
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use crate::chat::{Chat, Deed, Link, Stored};
use crate::error::{Error, Result};
use crate::graphql::ids;
use crate::http::Refused;
use crate::id::AccountId;
use crate::store::Upload;

/// So much of files is held at once while they come in, in pieces of a mebibyte.
const ROOM: usize = 64;
/// How long an upload waits for room.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a client may send nothing, and how long it may take in all.
const SILENCE: Duration = Duration::from_secs(20);
const LONGEST: Duration = Duration::from_secs(300);

struct Files {
    chat: Chat,
    room: Semaphore,
}

/// Serves `/uploads/{id}`.
pub(super) fn router(chat: Chat) -> Router {
    let files = Files { chat, room: Semaphore::new(ROOM) };
    Router::new().route("/uploads/{id}", put(take).get(give)).with_state(Arc::new(files))
}

/// The part of an address after the `?`.
#[derive(Deserialize)]
struct Signed {
    account: String,
    expires: i64,
    signature: String,
}

type Given = Result<Query<Signed>, QueryRejection>;

/// The address of an upload, from the root of this server.
pub(super) fn address(link: &Link, upload: &Upload) -> String {
    let (id, account) = (ids::write(upload.id), ids::write(link.account));
    let (expires, signature) = (link.expires_at.timestamp(), &link.signature);
    format!("/uploads/{}?account={}&expires={expires}&signature={signature}", *id, *account)
}

async fn take(
    State(files): State<Arc<Files>>,
    Path(id): Path<String>,
    signed: Given,
    headers: HeaderMap,
    body: Body,
) -> Response {
    files.take(id, signed, &headers, body).await.unwrap_or_else(Fault::into_response)
}

async fn give(State(files): State<Arc<Files>>, Path(id): Path<String>, signed: Given) -> Response {
    files.give(id, signed).await.unwrap_or_else(Error::into_response)
}

/// Why content was not taken.
enum Fault {
    Failed(Error),
    Body(Refused),
    /// It comes as another type than was announced.
    Type(Error),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl IntoResponse for Fault {
    fn into_response(self) -> Response {
        match self {
            Self::Failed(error) => error.into_response(),
            Self::Body(refused) => refused.into_response(),
            Self::Type(error) => {
                let mut response = error.into_response();
                *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                response
            }
        }
    }
}

impl Files {
    async fn take(
        &self,
        id: String,
        signed: Given,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Response, Fault> {
        let upload = self.opened(Deed::Put, id, signed).await?;
        check_type(headers, &upload.content_type)?;
        let size = usize::try_from(upload.size).map_err(Error::internal)?;
        let announced = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > size) {
            return Err(Fault::Body(Refused::TooLarge { limit: size }));
        }
        let pieces = u32::try_from(size.div_ceil(1 << 20).min(ROOM)).map_err(Error::internal)?;
        let room = match timeout(PATIENCE, self.room.acquire_many(pieces)).await {
            Ok(room) => room.map_err(Error::internal)?,
            Err(_) => return Err(Error::unavailable("too many uploads are under way; try again").into()),
        };
        let (content, hash) = read(body, size).await?;
        let stored = self.chat.store_upload(&upload, content, &hash).await?;
        drop(room);
        let answer =
            json!({ "id": *ids::write(upload.id), "stored": true, "before": stored == Stored::Before });
        Ok(Json(answer).into_response())
    }

    async fn give(&self, id: String, signed: Given) -> Result<Response> {
        let upload = self.opened(Deed::Get, id, signed).await?;
        let content = self.chat.read_upload(&upload).await?;
        let mut response = content.into_response();
        let headers = response.headers_mut();
        let kind = match upload.is_picture() {
            true => upload.content_type.clone(),
            false => format!("{}; charset=utf-8", upload.content_type),
        };
        headers.insert(CONTENT_TYPE, HeaderValue::try_from(kind).map_err(Error::internal)?);
        let name = format!("attachment; filename*=UTF-8''{}", escaped(&upload.filename));
        headers.insert(CONTENT_DISPOSITION, HeaderValue::try_from(name).map_err(Error::internal)?);
        let alone = HeaderValue::from_static("sandbox; default-src 'none'; frame-ancestors 'none'");
        headers.insert(CONTENT_SECURITY_POLICY, alone);
        Ok(response)
    }

    async fn opened(&self, deed: Deed, id: String, signed: Given) -> Result<Upload> {
        let unsigned = || Error::forbidden("this address needs its signature: use it as it was given");
        let Query(Signed { account, expires, signature }) = signed.map_err(|_| unsigned())?;
        let account = ids::read::<AccountId>(&ID(account))?;
        let expires_at = DateTime::from_timestamp(expires, 0).ok_or_else(unsigned)?;
        self.chat.opened(deed, ids::read(&ID(id))?, &Link { account, expires_at, signature }).await
    }
}

fn check_type(headers: &HeaderMap, announced: &str) -> Result<(), Fault> {
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let given = given.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if given.eq_ignore_ascii_case(announced) {
        return Ok(());
    }
    Err(Fault::Type(Error::invalid(format!(
        "the upload was announced as {announced}: send that `Content-Type`"
    ))))
}

/// The body and its SHA-256, if it has exactly `size` bytes; never keeps more.
async fn read(body: Body, size: usize) -> Result<(Vec<u8>, [u8; 32]), Fault> {
    let end = Instant::now() + LONGEST;
    let mut chunks = body.into_data_stream();
    let mut content = Vec::new();
    let mut hash = Sha256::new();
    loop {
        let next = timeout_at(end.min(Instant::now() + SILENCE), chunks.next()).await;
        let Some(chunk) = next.map_err(|_| Fault::Body(Refused::TooSlow))? else { break };
        let chunk = chunk.map_err(|_| Fault::Body(Refused::BrokeOff))?;
        if content.len() + chunk.len() > size {
            return Err(Fault::Body(Refused::TooLarge { limit: size }));
        }
        hash.update(&chunk);
        content.extend_from_slice(&chunk);
    }
    if content.len() < size {
        let message = format!("{} bytes came, and {size} were announced", content.len());
        return Err(Error::invalid(message).into());
    }
    Ok((content, hash.finalize().into()))
}

/// A name for `filename*`: every byte but letters, digits and a few marks as `%XX`.
fn escaped(name: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    name.bytes().map(escape).collect()
}
