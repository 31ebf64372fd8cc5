//! What happens to every request: a name, a measure, a net under it, and headers on its answer.

use std::any::Any;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, MatchedPath, Request, State};
use axum::http::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_FRAME_OPTIONS,
};
use axum::http::header::{HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use axum::http::{StatusCode, request};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;
use tracing::Instrument;

use crate::http::body::JSON_BYTES;
use crate::http::error;
use crate::http::strangers::Strangers;
use crate::id::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_NAME: usize = 64;
/// What watches over this process asks these, again and again.
const UNCOUNTED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// A slower request is worth a line in the log.
const SLOW: Duration = Duration::from_secs(5);

/// What a request is called, in our log and in our answer: the caller's `x-request-id` where it is sane,
/// otherwise a fresh id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestName(String);

impl RequestName {
    pub fn fresh() -> Self {
        Self(RequestId::new().to_string())
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestName {
    type Err = ();
    fn from_str(name: &str) -> Result<Self, ()> {
        let sane = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b':');
        let fits = !name.is_empty() && name.len() <= LONGEST_NAME && name.bytes().all(sane);
        if fits { Ok(Self(name.into())) } else { Err(()) }
    }
}

impl<S: Sync> FromRequestParts<S> for RequestName {
    type Rejection = std::convert::Infallible;
    async fn from_request_parts(parts: &mut request::Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or_else(Self::fresh))
    }
}

pub(super) fn wrap(router: Router, strangers: Strangers) -> Router {
    router
        .layer(DefaultBodyLimit::max(JSON_BYTES))
        .layer(CatchPanicLayer::custom(caught))
        .layer(from_fn_with_state(Arc::new(strangers), around))
}

fn caught(panic: Box<dyn Any + Send>) -> Response {
    let said = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it did not say why");
    tracing::error!(panic = said, "a request's handler panicked");
    error::internal()
}

async fn around(State(strangers): State<Arc<Strangers>>, mut request: Request, next: Next) -> Response {
    let given = request.headers().get(REQUEST_ID).and_then(|name| name.to_str().ok()?.parse().ok());
    let name: RequestName = given.unwrap_or_else(RequestName::fresh);
    request.extensions_mut().insert(name.clone());
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let path = path.unwrap_or_else(|| "other".into());
    let method = request.method().as_str().to_owned();
    let span = tracing::info_span!("request", id = name.as_str(), method, path);
    let begun = Instant::now();

    let mut response = measured(&strangers, request, next).instrument(span.clone()).await;

    let took = begun.elapsed();
    let status = response.status().as_u16();
    if took > SLOW {
        span.in_scope(|| tracing::warn!(status, milliseconds = took.as_millis(), "a slow request"));
    }
    metrics::histogram!(
        "botwright_http_request_seconds",
        "method" => known_method(&method), "path" => path, "status" => status.to_string(),
    )
    .record(took.as_secs_f64());
    guard_headers(&mut response);
    if let Ok(value) = HeaderValue::from_str(name.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// What callers show to prove who they are: a token, or what only the service that brings us something was told.
const PROOFS: [HeaderName; 2] = [AUTHORIZATION, HeaderName::from_static("x-telegram-bot-api-secret-token")];

/// Whoever shows no token may ask so often; whoever shows a wrong one may fail so often, and hears no more
/// whether it was wrong.
async fn measured(strangers: &Strangers, request: Request, next: Next) -> Response {
    let address = strangers.address(request.headers(), request.extensions());
    let is_stranger = !PROOFS.iter().any(|proof| request.headers().contains_key(proof));
    if is_stranger
        && !UNCOUNTED.contains(&request.uri().path())
        && let Err(too_fast) = strangers.count(address)
    {
        return too_fast.into_response();
    }
    let response = next.run(request).await;
    if !is_stranger
        && response.status() == StatusCode::UNAUTHORIZED
        && let Err(too_fast) = strangers.count(address)
    {
        return too_fast.into_response();
    }
    response
}

/// Anybody can invent methods; a label may not grow without bound.
fn known_method(method: &str) -> &'static str {
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    known.into_iter().find(|known| *known == method).unwrap_or("other")
}

/// Headers that every answer carries unless its handler chose its own.
fn guard_headers(response: &mut Response) {
    const DEFAULTS: [(HeaderName, &str); 7] = [
        (CACHE_CONTROL, "no-store"),
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in DEFAULTS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
}
