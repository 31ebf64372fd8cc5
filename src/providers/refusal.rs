//! From an HTTP status, its headers and its body to the kind of failure.

use std::time::Duration;

use chrono::DateTime;
use reqwest::StatusCode;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use secrecy::SecretString;
use serde_json::Value;

use super::error::{Error, remark};

/// What an answer with `status` means. `body` is what came with it, cut.
pub(super) fn classify(
    provider: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    key: Option<&SecretString>,
) -> Error {
    let provider = provider.to_owned();
    let said = complaint(body);
    let reason = match &said {
        Some(said) => format!("{} ({})", remark(said, key), status.as_u16()),
        None => format!("status {}", status.as_u16()),
    };
    let retry_after = retry_after(headers);
    match status.as_u16() {
        401 => Error::Refused { provider, reason: "the key is not accepted (401)".into() },
        402 => Error::Refused { provider, reason },
        403 => Error::Refused { provider, reason: "the key may not do this (403)".into() },
        413 => Error::TooLong { provider, reason },
        // A spent quota is a 429 too, but waiting does not refill it.
        429 if code_of(body).is_some_and(|code| code == "insufficient_quota") => {
            Error::Refused { provider, reason }
        }
        429 => Error::RateLimited { provider, reason, retry_after },
        408 | 409 | 425 | 500.. => Error::Unavailable { provider, reason, retry_after },
        _ if code_of(body).is_some_and(|code| code == "context_length_exceeded")
            || said.as_deref().is_some_and(speaks_of_length) =>
        {
            Error::TooLong { provider, reason }
        }
        _ => Error::Refused { provider, reason },
    }
}

/// An error object in the middle of a stream: `{"message", "code" | "type"}`, or a bare string.
pub(super) fn classify_event(provider: &str, error: &Value, key: Option<&SecretString>) -> Error {
    let said =
        error.get("message").and_then(Value::as_str).or_else(|| error.as_str()).unwrap_or("an error event");
    let reason = remark(said, key);
    let code = error.get("code").or_else(|| error.get("type")).cloned().unwrap_or_default();
    let status = code.as_u64().or_else(|| code.as_str().and_then(|code| code.parse().ok()));
    if let Some(status) =
        status.and_then(|code| u16::try_from(code).ok()).and_then(|code| StatusCode::from_u16(code).ok())
        && !status.is_success()
    {
        return classify(provider, status, &HeaderMap::new(), &Value::from(said).to_string(), key);
    }
    let provider = provider.to_owned();
    match code.as_str().unwrap_or_default() {
        "context_length_exceeded" => Error::TooLong { provider, reason },
        "rate_limit_error" | "rate_limit_exceeded" => {
            Error::RateLimited { provider, reason, retry_after: None }
        }
        "authentication_error" | "permission_error" | "not_found_error" | "insufficient_quota" => {
            Error::Refused { provider, reason }
        }
        "invalid_request_error" if speaks_of_length(said) => Error::TooLong { provider, reason },
        "invalid_request_error" => Error::Refused { provider, reason },
        _ => Error::Unavailable { provider, reason, retry_after: None },
    }
}

/// `Retry-After`: seconds, or a date, which is read against the answer's own `Date` so that clocks may differ.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(milliseconds) =
        headers.get("retry-after-ms").and_then(|v| v.to_str().ok()).and_then(|v| v.parse().ok())
    {
        return Some(Duration::from_millis(milliseconds));
    }
    let wanted = text(RETRY_AFTER)?;
    if let Ok(seconds) = wanted.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let until = DateTime::parse_from_rfc2822(wanted).ok()?;
    let now = DateTime::parse_from_rfc2822(text(DATE)?).ok()?;
    Some((until - now).to_std().unwrap_or_default())
}

/// The sentence in an error body: `{"error": {"message"}}`, `{"error": "…"}`, `{"message"}`, `{"detail"}`,
/// a list of one of these, or a JSON string.
fn complaint(body: &str) -> Option<String> {
    let mut value: Value = serde_json::from_str(body).ok()?;
    if let Some(first) = value.as_array_mut().and_then(|list| list.first_mut()) {
        value = first.take();
    }
    let error = value.get("error").unwrap_or(&value);
    let text = error.get("message").or_else(|| error.get("detail")).unwrap_or(error);
    text.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

fn code_of(body: &str) -> Option<String> {
    let value: Value = serde_json::from_str(body).ok()?;
    let error = value.get("error")?;
    error.get("code").or_else(|| error.get("type"))?.as_str().map(str::to_owned)
}

/// Most providers say that a prompt is too long in prose only.
fn speaks_of_length(said: &str) -> bool {
    let said = said.to_lowercase();
    [
        "context length",
        "context window",
        "context_length",
        "prompt is too long",
        "too many tokens",
        "input token count",
        "maximum prompt length",
    ]
    .iter()
    .any(|phrase| said.contains(phrase))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(status: u16, body: &str) -> &'static str {
        let status = StatusCode::from_u16(status).unwrap();
        match classify("openai", status, &HeaderMap::new(), body, None) {
            Error::RateLimited { .. } => "rate",
            Error::Unavailable { .. } => "unavailable",
            Error::TooLong { .. } => "long",
            Error::Refused { .. } => "refused",
            _ => "other",
        }
    }

    #[test]
    fn statuses_become_kinds() {
        for (status, body, expected) in [
            (401, r#"{"error":{"message":"Incorrect API key provided: sk-abcdef123"}}"#, "refused"),
            (403, "", "refused"),
            (404, r#"{"error":{"message":"The model `x` does not exist"}}"#, "refused"),
            (400, r#"{"error":{"message":"too many","code":"context_length_exceeded"}}"#, "long"),
            (
                400,
                r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 9 > 8"}}"#,
                "long",
            ),
            (
                400,
                r#"[{"error":{"code":400,"message":"The input token count exceeds the maximum"}}]"#,
                "long",
            ),
            (400, r#"{"error":"bad"}"#, "refused"),
            (413, "<html>", "long"),
            (429, "", "rate"),
            (
                429,
                r#"{"error":{"message":"You exceeded your quota","code":"insufficient_quota"}}"#,
                "refused",
            ),
            (500, "<html>oops</html>", "unavailable"),
            (529, "", "unavailable"),
        ] {
            assert_eq!(kind(status, body), expected, "{status} {body}");
        }
    }

    #[test]
    fn events_become_kinds() {
        for (event, retryable) in [
            (serde_json::json!({"message": "slow down", "code": 429}), true),
            (serde_json::json!({"message": "no", "code": "401"}), false),
            (serde_json::json!({"type": "overloaded_error", "message": "Overloaded"}), true),
            (serde_json::json!("exploded"), true),
            (serde_json::json!({"type": "invalid_request_error", "message": "no"}), false),
        ] {
            assert_eq!(classify_event("p", &event, None).is_retryable(), retryable, "{event}");
        }
    }

    #[test]
    fn reads_every_kind_of_retry_after() {
        for (name, value, expected) in [
            ("retry-after", "7", Some(7000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after", "Wed, 21 Oct 2026 07:28:30 GMT", Some(30_000)),
            ("retry-after", "soon", None),
            ("retry-after", "-1", None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            headers.insert(DATE, "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap());
            assert_eq!(retry_after(&headers), expected.map(Duration::from_millis), "{value}");
        }
    }
}
