//! What a failure is in HTTP: a status, and a small JSON object that says what is wrong.

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::{Error, Kind};
use crate::http::body::Refused;

/// The status that tells a failure of this kind.
pub fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::Invalid => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// After how many whole seconds asking again may help; `None` where it cannot.
pub fn retry_after_seconds(error: &Error) -> Option<u16> {
    let wait = error.retry_after()?;
    Some(u16::try_from(wait.as_millis().div_ceil(1000).max(1)).unwrap_or(u16::MAX))
}

impl IntoResponse for Error {
    /// `{"error": {"message": …}}`. The cause of an internal one goes to the log and nowhere else.
    fn into_response(self) -> Response {
        if self.kind() == Kind::Internal {
            tracing::error!(error = self.chain(), "a request failed");
        }
        told(status(self.kind()), retry_after_seconds(&self), self.message())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let error = Error::from(self);
        told(self.status(), None, error.message())
    }
}

impl Refused {
    pub fn status(self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::BrokeOff => StatusCode::BAD_REQUEST,
        }
    }
}

/// The answer to a method that a path does not have; the router adds `Allow`.
pub(super) async fn method_not_allowed() -> Response {
    told(StatusCode::METHOD_NOT_ALLOWED, None, "this path does not take that method")
}

/// The answer of last resort, when the code that should have answered panicked.
pub(super) fn internal() -> Response {
    told(StatusCode::INTERNAL_SERVER_ERROR, None, "internal error")
}

fn told(status: StatusCode, retry_after: Option<u16>, message: &str) -> Response {
    let mut response = (status, Json(json!({ "error": { "message": message } }))).into_response();
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(RETRY_AFTER, seconds.into());
    }
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
