//! The part of GitHub's REST API that a comment needs.

use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, Kind, Result};
use crate::net::{Client, operator_client};

/// How many comments a page holds, and how many pages are looked through.
const PAGE: usize = 100;
const PAGES: usize = 100;

/// One pull request's conversation.
pub(super) struct Conversation {
    pub(super) api: String,
    /// `acme/bots`
    pub(super) repository: String,
    pub(super) number: u64,
    pub(super) token: SecretString,
}

/// What became of the comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Posted {
    Created,
    Updated,
    Unchanged,
    /// There was nothing to say, and nothing had been said before.
    Skipped,
}

#[derive(Debug, Deserialize)]
struct Comment {
    id: u64,
    body: Option<String>,
}

impl Conversation {
    /// Makes the comment say `body`: the one that begins with `marker`, or a new one. `silent`: a comment that
    /// is not there is not needed.
    ///
    /// # Errors
    /// `Forbidden` where the token may not, `NotFound` where there is no such pull request, `Unavailable` where
    /// GitHub does not answer.
    pub(super) async fn post(&self, marker: &str, body: &str, silent: bool) -> Result<Posted> {
        let client = operator_client()?;
        let found = self.find(&client, marker).await?;
        let (method, path, posted) = match found {
            Some(comment) if comment.body.as_deref().map(plain) == Some(plain(body)) => {
                return Ok(Posted::Unchanged);
            }
            Some(Comment { id, .. }) => ("PATCH", format!("issues/comments/{id}"), Posted::Updated),
            None if silent => return Ok(Posted::Skipped),
            None => ("POST", format!("issues/{}/comments", self.number), Posted::Created),
        };
        self.call(&client, method, &path, Some(json!({ "body": body }))).await?;
        Ok(posted)
    }

    async fn find(&self, client: &Client, marker: &str) -> Result<Option<Comment>> {
        for page in 1..=PAGES {
            let path = format!("issues/{}/comments?per_page={PAGE}&page={page}", self.number);
            let answer = self.call(client, "GET", &path, None).await?;
            let comments: Vec<Comment> = serde_json::from_value(answer).map_err(|error| {
                Error::unavailable("GitHub answered with no list of comments").with_source(error)
            })?;
            let last = comments.len() < PAGE;
            let begins =
                |comment: &Comment| comment.body.as_deref().is_some_and(|body| body.starts_with(marker));
            if let Some(found) = comments.into_iter().find(begins) {
                return Ok(Some(found));
            }
            if last {
                break;
            }
        }
        Ok(None)
    }

    async fn call(&self, client: &Client, method: &str, path: &str, body: Option<Value>) -> Result<Value> {
        let url = format!("{}/repos/{}/{path}", self.api.trim_end_matches('/'), self.repository);
        let request = match method {
            "POST" => client.post(&url),
            "PATCH" => client.patch(&url),
            _ => client.get(&url),
        };
        let request = match &body {
            Some(body) => request.json(body),
            None => request,
        };
        let answer = request
            .bearer_auth(self.token.expose_secret())
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .header("user-agent", concat!("botwright/", env!("CARGO_PKG_VERSION")))
            .timeout(std::time::Duration::from_secs(30))
            .send()
            .await
            .map_err(|error| {
                Error::unavailable(format!("`{}` does not answer", self.api)).with_source(error.without_url())
            })?;
        let status = answer.status();
        let told: Value = answer.json().await.unwrap_or(Value::Null);
        if status.is_success() { Ok(told) } else { Err(self.refusal(status.as_u16(), &told)) }
    }

    fn refusal(&self, status: u16, told: &Value) -> Error {
        let said = told.get("message").and_then(Value::as_str).unwrap_or("no reason");
        let kind = match status {
            401 => Kind::Unauthenticated,
            403 | 429 => Kind::Forbidden,
            404 => Kind::NotFound,
            422 => Kind::Invalid,
            _ => Kind::Unavailable,
        };
        let what = match status {
            404 => {
                format!("GitHub knows no pull request {} in `{}`, or hides it", self.number, self.repository)
            }
            _ => {
                format!("GitHub refuses the comment on pull request {} of `{}`", self.number, self.repository)
            }
        };
        Error::new(kind, format!("{what} ({status}: {said})"))
    }
}

/// GitHub keeps line ends as a browser sends them, and no space at the end.
fn plain(body: &str) -> String {
    body.replace("\r\n", "\n").trim_end().to_owned()
}
