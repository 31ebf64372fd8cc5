//! What outgrows a GraphQL request: a project's files on their way to a plan, and a plan on its way to its apply.
//!
//! `POST /config/bundles` and `POST /config/plans` take JSON, gzipped or not, and answer with the id that the
//! mutations and queries take. The id is the content's hash, so the same upload twice is one. A day later it
//! is forgotten.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::Arc;
use std::time::Duration;

use async_graphql::ID;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use chrono::TimeDelta;
use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::accounts::{Accounts, Actor, Scope};
use crate::clock::SharedClock;
use crate::error::{Error, Result};
use crate::http::{Refused, authenticate, read_body};
use crate::id::AccountId;
use crate::spec::{self, Bundle};
use crate::store::{Store, StoredBundle};
use crate::sync::Plan;

/// The most that an upload may hold, unpacked, in bytes.
const LARGEST: usize = 64 * 1024 * 1024;
const TOO_LARGE: Fault = Fault::Body(Refused::TooLarge { limit: LARGEST });
/// How long an upload is kept.
const KEPT: TimeDelta = TimeDelta::days(1);
/// So many uploads are read at once: each may take a few times [`LARGEST`] of memory.
const AT_ONCE: usize = 4;
/// How long one waits for its turn.
const PATIENCE: Duration = Duration::from_secs(20);

struct Uploads {
    store: Store,
    accounts: Accounts,
    clock: SharedClock,
    turns: Semaphore,
}

/// Takes uploads at `/config/bundles` and `/config/plans`.
pub(super) fn router(store: Store, accounts: Accounts, clock: SharedClock) -> Router {
    let uploads = Uploads { store, accounts, clock, turns: Semaphore::new(AT_ONCE) };
    Router::new()
        .route("/config/bundles", post(take_bundle))
        .route("/config/plans", post(take_plan))
        .with_state(Arc::new(uploads))
}

/// A project's files, as `spec::Bundle` is written: `{"files": {"support/bot.yaml": "…"}}`.
async fn take_bundle(State(uploads): State<Arc<Uploads>>, headers: HeaderMap, body: Body) -> Response {
    uploads.take::<Bundle>(&headers, body).await.into_response()
}

/// A plan, as `plan { document }` wrote it.
async fn take_plan(State(uploads): State<Arc<Uploads>>, headers: HeaderMap, body: Body) -> Response {
    uploads.take::<Plan>(&headers, body).await.into_response()
}

/// What can be uploaded.
trait Upload: DeserializeOwned + Send + 'static {
    /// What it is, in words.
    const WHAT: &'static str;
    /// The hash of its content: two that say the same have the same.
    fn hash(&self) -> Result<String>;
    /// What is said of it beside its id.
    fn told(&self) -> Value;
}

impl Upload for Bundle {
    const WHAT: &'static str = "bundle of files";

    fn hash(&self) -> Result<String> {
        let Self { files, unread, others } = self;
        let files: BTreeMap<&str, String> = files
            .iter()
            .map(|(path, contents)| (path.as_str(), blake3::hash(contents).to_hex().to_string()))
            .collect();
        Ok(spec::content_hash(&json!({ "files": files, "unread": unread, "others": others })))
    }

    fn told(&self) -> Value {
        json!({ "files": self.files.len() })
    }
}

impl Upload for Plan {
    const WHAT: &'static str = "plan";

    fn hash(&self) -> Result<String> {
        Ok(spec::content_hash(&serde_json::to_value(self).map_err(Error::internal)?))
    }

    fn told(&self) -> Value {
        json!({ "changes": self.changes.len() })
    }
}

/// Why an upload was not taken.
enum Fault {
    Failed(Error),
    Body(Refused),
    /// It is packed in a way that is not unpacked here.
    Encoding,
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
            Self::Encoding => {
                let error = Error::invalid("only `Content-Encoding: gzip` is taken, or none");
                let mut response = error.into_response();
                *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                response
            }
        }
    }
}

/// An upload that was read.
struct Taken {
    hash: String,
    text: String,
    /// What is said of it.
    answer: Value,
}

impl Uploads {
    /// Reads, checks and keeps an upload, and answers with its id.
    async fn take<T: Upload>(&self, headers: &HeaderMap, body: Body) -> Result<Json<Value>, Fault> {
        let actor = self.planner(headers).await?;
        let packed = is_packed(headers)?;
        let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: usize| length > LARGEST) {
            return Err(TOO_LARGE);
        }
        let turn = self.turn().await?;
        let body = read_body(headers, body, LARGEST).await.map_err(Fault::Body)?;
        let read = spawn_blocking(move || read::<T>(&body, packed)).await;
        let taken = read.map_err(Error::internal)??;
        let answer = self.keep(actor.account, taken).await?;
        drop(turn);
        Ok(Json(answer))
    }

    async fn planner(&self, headers: &HeaderMap) -> Result<Actor> {
        let actor = authenticate(headers, &self.accounts).await?;
        actor.require(Scope::ConfigPlan)?;
        Ok(actor)
    }

    async fn turn(&self) -> Result<SemaphorePermit<'_>> {
        match timeout(PATIENCE, self.turns.acquire()).await {
            Ok(turn) => turn.map_err(Error::internal),
            Err(_) => Err(Error::unavailable("too many uploads are under way; try again")),
        }
    }

    async fn keep(&self, account: AccountId, taken: Taken) -> Result<Value> {
        let Taken { hash, text, mut answer } = taken;
        let now = self.clock.now();
        let mut tx = self.store.tenant(account).await?;
        StoredBundle::prune(&mut tx, now - KEPT).await?;
        // As one text: it comes back as it came, with characters in it that the database has no place for.
        StoredBundle::put(&mut tx, &hash, &Value::String(text), now).await?;
        tx.commit().await?;
        answer["id"] = hash.into();
        Ok(answer)
    }
}

/// Unpacks and checks an upload.
fn read<T: Upload>(body: &Bytes, packed: bool) -> Result<Taken, Fault> {
    let text = if packed { unpack(body)? } else { body.to_vec() };
    let wrong = |why: String| Error::invalid(format!("the body is no {}: {why}", T::WHAT));
    let text = String::from_utf8(text).map_err(|error| wrong(error.to_string()))?;
    let read: T = serde_json::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(Taken { hash: read.hash()?, answer: read.told(), text })
}

fn is_packed(headers: &HeaderMap) -> Result<bool, Fault> {
    match headers.get(CONTENT_ENCODING).map(|value| value.to_str().unwrap_or_default()) {
        None | Some("" | "identity") => Ok(false),
        Some("gzip") => Ok(true),
        Some(_) => Err(Fault::Encoding),
    }
}

fn unpack(body: &Bytes) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    // One byte more than may be tells that there is more.
    let most = u64::try_from(LARGEST + 1).unwrap_or(u64::MAX);
    MultiGzDecoder::new(body.as_ref())
        .take(most)
        .read_to_end(&mut text)
        .map_err(|error| Error::invalid(format!("the body does not unpack as gzip: {error}")))?;
    if text.len() > LARGEST { Err(TOO_LARGE) } else { Ok(text) }
}

/// The project that was uploaded under that id.
///
/// # Errors
/// `NotFound` if there is none, or not any more.
pub(super) async fn bundle(store: &Store, account: AccountId, id: &ID) -> Result<Bundle> {
    find(store, account, id, "/config/bundles").await
}

/// The plan that was uploaded under that id.
///
/// # Errors
/// `NotFound` if there is none, or not any more.
pub(super) async fn plan(store: &Store, account: AccountId, id: &ID) -> Result<Plan> {
    find(store, account, id, "/config/plans").await
}

async fn find<T: Upload>(store: &Store, account: AccountId, id: &ID, place: &'static str) -> Result<T> {
    let shown: String = id.chars().filter(|c| !c.is_control()).take(64).collect();
    let unknown = move || {
        Error::not_found(format!(
            "nothing is kept under `{shown}`: upload it to `{place}`, where it is kept for a day"
        ))
    };
    // A hash, and nothing that the database could stumble over.
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(unknown());
    }
    let mut tx = store.reading(account).await?;
    let body = StoredBundle::find(&mut tx, id).await?;
    tx.commit().await?;
    let Some(Value::String(text)) = body else { return Err(unknown()) };
    // What was uploaded in the other place is no bundle, or no plan.
    spawn_blocking(move || serde_json::from_str(&text).map_err(|_| unknown()))
        .await
        .map_err(Error::internal)?
}
