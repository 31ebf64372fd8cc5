//! What is wrong, in OpenAI's shape: a status and `{"error": {"message", "type", "param", "code"}}`.

use std::time::Duration;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::chat::{NoRoom, Unanswered};
use crate::error::{Error, Kind};
use crate::http::{Refused, retry_after_seconds, status};
use crate::providers;
use crate::store::KEY_REUSED;

const INVALID: &str = "invalid_request_error";
const SERVER: &str = "server_error";
/// Tells the SDKs, which ask again after most failures, that here it cannot help.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// A request that is not answered, or an answer that broke off.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    status: StatusCode,
    message: String,
    kind: &'static str,
    param: Option<String>,
    code: Option<&'static str>,
    /// In seconds.
    retry_after: Option<u64>,
    /// Asking again cannot help, whatever the status looks like.
    is_final: bool,
}

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, code: Option<&'static str>, message: String) -> Self {
        Self { status, message, kind, param: None, code, retry_after: None, is_final: false }
    }

    /// The request is wrong; `param` is the place in it.
    pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        let param = Some(param.into());
        Self { param, ..Self::new(StatusCode::BAD_REQUEST, INVALID, None, message.into()) }
    }

    /// The same for what is right and not offered here.
    pub(super) fn unsupported(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { code: Some("unsupported_parameter"), ..Self::invalid(param, message) }
    }

    /// There is a picture, and nobody who sees it.
    pub(super) fn sees_nothing(param: String, bot: &str) -> Self {
        let message = format!(
            "`{param}` is a picture, and the model that `{bot}` is answered by sees none: leave pictures out, choose another \
             model, or, if it does see, say so with `model: {{vision: true}}` in the bot's file"
        );
        Self::unsupported(param, message)
    }

    /// The body as a whole is wrong.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID, None, message.into())
    }

    pub(super) fn no_such_model(name: &str) -> Self {
        let message = format!(
            "the model `{name}` does not exist: models are the bots of this token's account; `GET /v1/models` lists them"
        );
        let refusal = Self::new(StatusCode::NOT_FOUND, INVALID, Some("model_not_found"), message);
        Self { param: Some("model".into()), ..refusal }
    }

    pub(super) fn unknown_url(message: String) -> Self {
        Self::new(StatusCode::NOT_FOUND, INVALID, Some("unknown_url"), message)
    }

    pub(super) fn wrong_method(message: String) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, INVALID, Some("method_not_allowed"), message)
    }

    /// The process ends before the answer does.
    pub(super) fn stopping() -> Self {
        let message = "the server is being restarted; ask again".into();
        Self::new(StatusCode::SERVICE_UNAVAILABLE, SERVER, Some("server_stopping"), message).after(1)
    }

    /// An answer that was partly sent became another one.
    pub(super) fn restarted() -> Self {
        let message = "the answer began anew after a part of it was sent, and says something else now; it goes on and is kept in the conversation";
        Self::new(StatusCode::BAD_GATEWAY, SERVER, Some("answer_restarted"), message.into()).for_good()
    }

    /// Somebody stopped the turn.
    pub(super) fn cancelled() -> Self {
        let message = "the answer was cancelled".into();
        Self::new(StatusCode::CONFLICT, INVALID, Some("cancelled"), message).for_good()
    }

    /// A turn that failed. Its words are in the conversation, so the SDKs shall not say them again.
    pub(super) fn of_turn(code: &str, message: String) -> Self {
        let (status, kind, code) = match code {
            "BUDGET" => (StatusCode::TOO_MANY_REQUESTS, "insufficient_quota", "insufficient_quota"),
            "MODEL_UNAVAILABLE" => (StatusCode::SERVICE_UNAVAILABLE, SERVER, "model_unavailable"),
            "MODEL_REFUSED" => (StatusCode::BAD_GATEWAY, SERVER, "model_refused"),
            "EMPTY_ANSWER" => (StatusCode::BAD_GATEWAY, SERVER, "empty_answer"),
            "TOO_MANY_TOOL_CALLS" => (StatusCode::INTERNAL_SERVER_ERROR, SERVER, "too_many_tool_calls"),
            "TOOL_FAILED" => (StatusCode::INTERNAL_SERVER_ERROR, SERVER, "tool_failed"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, SERVER, "turn_failed"),
        };
        Self::new(status, kind, Some(code), message).for_good()
    }

    /// What is wrong with words that were to be kept.
    pub(super) fn of_words(error: Error) -> Self {
        match error.kind() {
            Kind::Invalid => too_long(error.message()),
            Kind::Conflict if error.message() == KEY_REUSED => {
                let refusal = Self::malformed(error.message().to_owned());
                Self { code: Some("idempotency_key_reused"), ..refusal }
            }
            _ => error.into(),
        }
    }

    fn after(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }

    fn for_good(self) -> Self {
        Self { is_final: true, ..self }
    }

    /// `{"error": …}`, as it stands in a body and in a stream.
    pub(super) fn body(&self) -> Value {
        let Self { message, kind, param, code, .. } = self;
        json!({ "error": { "message": message, "type": kind, "param": param, "code": code } })
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        let headers = response.headers_mut();
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if self.is_final {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let kind = error.kind();
        if kind == Kind::Internal {
            tracing::error!(error = error.chain(), "a request failed");
        }
        let (words, code) = match kind {
            Kind::Unauthenticated => (INVALID, Some("invalid_api_key")),
            Kind::Forbidden => (INVALID, Some("insufficient_permissions")),
            Kind::RateLimited => ("rate_limit_error", Some("rate_limit_exceeded")),
            Kind::NotFound | Kind::Invalid => (INVALID, None),
            Kind::Conflict => (INVALID, Some("conflict")),
            Kind::Unavailable => (SERVER, Some("unavailable")),
            Kind::Internal => (SERVER, None),
        };
        let message = match kind {
            // Clients such as LiteLLM know a wrong key by OpenAI's sentence.
            Kind::Unauthenticated => format!("Incorrect API key provided: {}", error.message()),
            _ => error.message().to_owned(),
        };
        let mut refusal = Self::new(status(kind), words, code, message);
        refusal.retry_after = retry_after_seconds(&error).map(u64::from);
        if kind == Kind::Conflict { refusal.for_good() } else { refusal }
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        let code = matches!(refused, Refused::TooLarge { .. }).then_some("request_too_large");
        Self::new(refused.status(), INVALID, code, Error::from(refused).message().to_owned())
    }
}

impl From<Unanswered> for Refusal {
    fn from(unanswered: Unanswered) -> Self {
        let server =
            |code| move |message| Self::new(StatusCode::INTERNAL_SERVER_ERROR, SERVER, code, message);
        match unanswered {
            Unanswered::Model(error) => error.into(),
            Unanswered::NoRoom(no_room) => no_room.into(),
            Unanswered::Other(error) => error.into(),
            Unanswered::ToolNameTaken(name) => {
                Self::invalid("tools", format!("the bot has a tool of its own called `{name}`: rename yours"))
            }
            Unanswered::Denied(message) => Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "insufficient_quota",
                Some("insufficient_quota"),
                message,
            )
            .for_good(),
            Unanswered::Tool(error) => {
                tracing::error!(error = error.chain(), "a tool failed");
                server(Some("tool_failed"))("a tool of the bot failed".into())
            }
            Unanswered::TooManyRounds => {
                server(Some("too_many_tool_calls"))("the model called the bot's tools without end".into())
                    .for_good()
            }
        }
    }
}

impl From<NoRoom> for Refusal {
    fn from(NoRoom { takes, room }: NoRoom) -> Self {
        let message = format!(
            "the newest message, with the instructions and tools, takes about {takes} tokens, and this bot has room for {room}; send less, or raise `model.contextBudget` in the bot's file"
        );
        too_long(&message)
    }
}

/// Clients know it by the beginning of OpenAI's sentence.
fn too_long(why: &str) -> Refusal {
    let message = format!("This model's maximum context length is exceeded: {why}");
    Refusal { code: Some("context_length_exceeded"), ..Refusal::invalid("messages", message) }
}

impl From<providers::Error> for Refusal {
    fn from(error: providers::Error) -> Self {
        let message = error.to_string();
        let failed = |status, code| Self::new(status, SERVER, Some(code), message.clone());
        match &error {
            providers::Error::RateLimited { retry_after, .. } => {
                let status = StatusCode::TOO_MANY_REQUESTS;
                Self::new(status, "rate_limit_error", Some("rate_limit_exceeded"), message)
                    .after(seconds(*retry_after, 5))
            }
            providers::Error::Unavailable { retry_after, .. } => {
                failed(StatusCode::SERVICE_UNAVAILABLE, "model_unavailable").after(seconds(*retry_after, 1))
            }
            providers::Error::Truncated { .. } | providers::Error::Malformed { .. } => {
                failed(StatusCode::BAD_GATEWAY, "model_broke_off")
            }
            providers::Error::Timeout { .. } => failed(StatusCode::GATEWAY_TIMEOUT, "model_timeout"),
            providers::Error::TooLong { .. } => too_long(&message),
            providers::Error::Unsupported { parameter, .. } => Self::unsupported(*parameter, message),
            providers::Error::Refused { .. } => failed(StatusCode::BAD_GATEWAY, "model_refused").for_good(),
        }
    }
}

/// Rounded up: whoever comes a moment early is turned away again.
fn seconds(wait: Option<Duration>, otherwise: u64) -> u64 {
    wait.map_or(otherwise, |wait| wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
}
