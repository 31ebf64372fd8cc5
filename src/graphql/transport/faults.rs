//! How failures are told: a closed set of codes, and the one place where internals are masked.

use std::sync::Arc;
use std::time::Duration;

use async_graphql::{ErrorExtensionValues, Pos, ServerError};
use axum::http::StatusCode;

use crate::error::{Error, Kind};
use crate::http::{Refused, RequestName, retry_after_seconds, status};

/// `extensions.code` of an error. Clients branch on these; the set only grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Code {
    Unauthenticated,
    Forbidden,
    NotFound,
    BadUserInput,
    ParseFailed,
    ValidationFailed,
    TooComplex,
    RateLimited,
    Conflict,
    Unavailable,
    Internal,
}

impl Code {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Unauthenticated => "UNAUTHENTICATED",
            Self::Forbidden => "FORBIDDEN",
            Self::NotFound => "NOT_FOUND",
            Self::BadUserInput => "BAD_USER_INPUT",
            Self::ParseFailed => "GRAPHQL_PARSE_FAILED",
            Self::ValidationFailed => "GRAPHQL_VALIDATION_FAILED",
            Self::TooComplex => "OPERATION_TOO_COMPLEX",
            Self::RateLimited => "RATE_LIMITED",
            Self::Conflict => "CONFLICT",
            Self::Unavailable => "UNAVAILABLE",
            Self::Internal => "INTERNAL",
        }
    }
}

impl From<Kind> for Code {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::NotFound => Self::NotFound,
            Kind::Conflict => Self::Conflict,
            Kind::Invalid => Self::BadUserInput,
            Kind::Unauthenticated => Self::Unauthenticated,
            Kind::Forbidden => Self::Forbidden,
            Kind::RateLimited => Self::RateLimited,
            Kind::Unavailable => Self::Unavailable,
            Kind::Internal => Self::Internal,
        }
    }
}

/// A request that is not executed.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    /// The request is well-formed; its document or variables are not. Such a one is 200 to a client that
    /// accepts `application/json` only, as the GraphQL-over-HTTP audits demand.
    pub(super) of_document: bool,
    pub(super) retry_after: Option<u16>,
    pub(super) errors: Vec<ServerError>,
}

impl Refusal {
    /// A request that is refused whoever sends it: wrong on the wire, or too much.
    pub(super) fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Self {
        Self {
            status,
            of_document: false,
            retry_after: None,
            errors: vec![coded(ServerError::new(message, None), code)],
        }
    }
    /// A document, or its variables, that cannot be executed.
    pub(super) fn of_document(code: Code, message: impl Into<String>, at: Option<Pos>) -> Self {
        Self::of_errors(vec![coded(ServerError::new(message, at), code)])
    }
    /// The same, in the library's own words.
    pub(super) fn of_errors(errors: Vec<ServerError>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, of_document: true, retry_after: None, errors }
    }
    /// A document that asks for too much.
    pub(super) fn too_complex(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, Code::TooComplex, message)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let kind = error.kind();
        let mut refusal = Self::new(status(kind), kind.into(), error.message());
        refusal.retry_after = retry_after_seconds(&error);
        if let Some(wait) = error.retry_after() {
            refusal.errors.iter_mut().for_each(|refused| may_come_again(refused, wait));
        }
        if kind == Kind::Internal {
            tracing::error!(error = error.chain(), "a request could not be served");
        }
        refusal
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let error = Error::from(refused);
        Self::new(refused.status(), error.kind().into(), error.message())
    }
}

pub(super) fn coded(mut error: ServerError, code: Code) -> ServerError {
    error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code.as_str());
    error
}

/// The most errors in one answer.
const MOST_ERRORS: usize = 50;

/// Gives every error its code, the name of its request and whether asking again may help. `otherwise` is the
/// code of what the library itself found wrong.
pub(super) fn mend(errors: &mut Vec<ServerError>, otherwise: Code, name: &RequestName) {
    errors.truncate(MOST_ERRORS);
    for error in errors {
        if error.extensions.as_ref().and_then(|values| values.get("code")).is_none() {
            let wait = ours(error).and_then(Error::retry_after);
            let code = reveal(error, otherwise);
            error.extensions.get_or_insert_with(ErrorExtensionValues::default).set("code", code.as_str());
            if let Some(wait) = wait {
                may_come_again(error, wait);
            }
        }
        if let Some(values) = &mut error.extensions {
            values.set("requestId", name.as_str());
        }
        error.source = None;
    }
}

/// Says after how long it may be asked again.
fn may_come_again(error: &mut ServerError, wait: Duration) {
    let values = error.extensions.get_or_insert_with(ErrorExtensionValues::default);
    values.set("retryable", true);
    values.set("retryAfterMs", u32::try_from(wait.as_millis()).unwrap_or(u32::MAX));
}

fn ours(error: &ServerError) -> Option<&Error> {
    error.source::<Error>().or_else(|| error.source::<Arc<Error>>().map(AsRef::as_ref))
}

/// Decides what is shown of an error: ours by its kind, the library's as it is, anybody else's not at all.
fn reveal(error: &mut ServerError, otherwise: Code) -> Code {
    if let Some(ours) = ours(error) {
        let code = Code::from(ours.kind());
        if code == Code::Internal {
            tracing::error!(error = ours.chain(), path = ?error.path, "a field could not be resolved");
        }
        let message = ours.message().to_owned();
        error.message = message;
        return code;
    }
    if error.source.is_none() {
        return otherwise;
    }
    tracing::error!(error = error.message, path = ?error.path, "a field could not be resolved");
    error.message = "internal error".into();
    Code::Internal
}
