//! Calls of the Bot API: one function that makes them, and tells what is known about those that fail.
//!
//! Our own and not a library's, because what matters here is what became of a request: whether it was ever
//! written, refused, or written and not answered. The token stands in every address, so no error ever shows one.

pub(super) mod entity;
mod file;
pub(super) mod update;

use std::time::Duration;

use reqwest::Response;
use reqwest::header::CONTENT_TYPE;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::error::Kind;
use crate::net::{Client, read_capped};

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 << 20;
/// How long an ordinary call may take.
pub(super) const ORDINARY: Duration = Duration::from_secs(20);

/// The service, or a server that speaks its language.
#[derive(Clone)]
pub(super) struct Api {
    client: Client,
    base: String,
}

/// Why a call came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Failure {
    /// Nothing was sent.
    Unwritten(String),
    /// It was sent, and no answer came.
    Unanswered(String),
    /// The service is in trouble: it did not take it.
    Away(String),
    /// It was refused, and says why.
    Refused(Refusal),
}

/// What the service says of a call that it does not take.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: i64,
    pub(super) description: String,
    pub(super) retry_after: Option<Duration>,
    /// The chat is called so now.
    pub(super) migrated_to: Option<i64>,
}

impl Refusal {
    /// Whether the description holds one of these words, which is all that tells refusals apart.
    pub(super) fn says(&self, words: &[&str]) -> bool {
        let said = self.description.to_lowercase();
        words.iter().any(|word| said.contains(word))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unwritten(why) => write!(f, "Telegram cannot be reached: {why}"),
            Self::Unanswered(why) => write!(f, "Telegram did not answer: {why}"),
            Self::Away(why) => write!(f, "Telegram is in trouble: {why}"),
            Self::Refused(Refusal { code, description, .. }) => {
                write!(f, "Telegram refused it: {code} {description}")
            }
        }
    }
}

impl Api {
    /// `base` is an address without a slash at the end.
    pub(super) fn new(client: Client, base: &str) -> Self {
        Self { client, base: base.trim_end_matches('/').to_owned() }
    }

    /// Calls a method and reads its result. Gives up after `within`.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        token: &SecretString,
        method: &str,
        body: &(impl Serialize + Sync),
        within: Duration,
    ) -> Result<T, Failure> {
        let body = serde_json::to_vec(body).map_err(|error| Failure::Unwritten(error.to_string()))?;
        let url = format!("{}/bot{}/{method}", self.base, token.expose_secret());
        let sent = self
            .client
            .post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .timeout(within)
            .send()
            .await
            .map_err(|error| failed(&error.without_url()))?;
        read_answer(sent, within).await
    }
}

async fn read_answer<T: DeserializeOwned>(sent: Response, within: Duration) -> Result<T, Failure> {
    let status = sent.status();
    let text = read_capped(sent, MAX_ANSWER, within).await;
    if status.is_server_error() {
        return Err(Failure::Away(format!("HTTP {}", status.as_u16())));
    }
    let text = text.map_err(|error| Failure::Unanswered(error.chain()))?;
    let answer: Value = serde_json::from_slice(&text)
        .map_err(|_| Failure::Unanswered(format!("HTTP {} and no JSON", status.as_u16())))?;
    read(answer)
}

impl Api {
    /// Reads a file of at most `most` bytes from where `getFile` says that it is.
    pub(super) async fn download(
        &self,
        token: &SecretString,
        path: &str,
        most: usize,
        within: Duration,
    ) -> Result<Vec<u8>, Failure> {
        let url = format!("{}/file/bot{}/{path}", self.base, token.expose_secret());
        let answer = self.client.get(url).timeout(within).send().await;
        let answer = answer.map_err(|error| failed(&error.without_url()))?;
        let status = answer.status();
        if status.is_server_error() {
            return Err(Failure::Away(format!("HTTP {}", status.as_u16())));
        }
        if !status.is_success() {
            let code = i64::from(status.as_u16());
            return Err(Failure::Refused(Refusal { code, ..Refusal::default() }));
        }
        let read = read_capped(answer, most, within).await;
        let content = read.map_err(|error| match error.kind() {
            Kind::Invalid => Failure::Refused(Refusal { code: 413, ..Refusal::default() }),
            _ => Failure::Unanswered(error.chain()),
        })?;
        Ok(content.to_vec())
    }
}

fn read<T: DeserializeOwned>(mut answer: Value) -> Result<T, Failure> {
    if answer.get("ok").and_then(Value::as_bool) == Some(true) {
        let result = answer.get_mut("result").map(Value::take).unwrap_or_default();
        return serde_json::from_value(result)
            .map_err(|error| Failure::Unanswered(format!("an answer that makes no sense: {error}")));
    }
    let code = answer.get("error_code").and_then(Value::as_i64).unwrap_or_default();
    let description = answer.get("description").and_then(Value::as_str).unwrap_or("no reason given");
    if code >= 500 {
        return Err(Failure::Away(format!("{code} {description}")));
    }
    let number = |name: &str| answer.pointer(&format!("/parameters/{name}")).and_then(Value::as_i64);
    Err(Failure::Refused(Refusal {
        code,
        description: description.to_owned(),
        retry_after: number("retry_after").and_then(|s| u64::try_from(s).ok()).map(Duration::from_secs),
        migrated_to: number("migrate_to_chat_id"),
    }))
}

/// Only a connection that never came about proves that nothing was written.
fn failed(error: &reqwest::Error) -> Failure {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    if error.is_connect() || error.is_builder() {
        Failure::Unwritten(words)
    } else {
        Failure::Unanswered(words)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_told_apart() {
        assert_eq!(read::<i64>(json!({ "ok": true, "result": 7 })), Ok(7));
        let slow = json!({ "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 5",
            "parameters": { "retry_after": 5 } });
        let Err(Failure::Refused(refusal)) = read::<Value>(slow) else { panic!() };
        assert_eq!(refusal.retry_after, Some(Duration::from_secs(5)));
        let away = json!({ "ok": false, "error_code": 502, "description": "Bad Gateway" });
        assert!(matches!(read::<Value>(away), Err(Failure::Away(_))));
        let odd = json!({ "ok": true, "result": "seven" });
        assert!(matches!(read::<i64>(odd), Err(Failure::Unanswered(_))));
    }

    #[tokio::test]
    async fn nothing_listens_means_nothing_was_written_and_no_token_is_shown() {
        let api = Api::new(crate::net::channel_client().unwrap(), "http://127.0.0.1:1/");
        let token = SecretString::from("123:secret");
        let failure =
            api.call::<Value>(&token, "getMe", &json!({}), Duration::from_secs(2)).await.unwrap_err();
        assert!(matches!(failure, Failure::Unwritten(_)), "{failure:?}");
        assert!(!format!("{failure} {failure:?}").contains("secret"));
    }
}
