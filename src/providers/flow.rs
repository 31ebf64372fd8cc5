//! One answer from a list of routes: retries, waits, the circuit and fallback until something was said,
//! nothing of it afterwards.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::time::{Instant, sleep, timeout_at};

use super::circuit::Permit;
use super::{Error, Event, EventStream, Finish, Kind, Notice, Phase, Providers, Retry, Route};
use super::{manner, sight};
use crate::dialog::{Call, Request, Role};
use crate::id::{AccountId, random_bytes};

/// Attempts at a route that times out: each costs a person a minute.
const ATTEMPTS_IN_TIME: u32 = 2;

pub(super) struct Flow {
    providers: Providers,
    /// The one being asked, then those to fall back on.
    routes: VecDeque<Route>,
    request: Arc<Request>,
    account: AccountId,
    deadline: Instant,
    /// Attempts at the first route so far.
    attempt: u32,
    answer: Option<Answer>,
    /// Whether a text or a call was handed on.
    said: bool,
    /// What the first route that was tried said: the reason that people are told.
    first: Option<Error>,
    over: bool,
}

/// An answer that is coming in.
struct Answer {
    stream: EventStream,
    permit: Option<Permit>,
}

impl Flow {
    pub(super) fn new(
        providers: Providers,
        routes: Vec<Route>,
        request: Arc<Request>,
        account: AccountId,
    ) -> Self {
        let deadline = Instant::now() + providers.0.timeouts.overall;
        let routes = routes.into();
        Self {
            providers,
            routes,
            request,
            account,
            deadline,
            attempt: 0,
            answer: None,
            said: false,
            first: None,
            over: false,
        }
    }

    pub(super) fn into_stream(self) -> EventStream {
        stream::unfold(self, |mut flow| async move {
            if flow.over {
                return None;
            }
            let item = flow.next().await;
            flow.over = !matches!(item, Ok(Event::Text(_) | Event::ToolCall(_)));
            Some((item, flow))
        })
        .boxed()
    }

    async fn next(&mut self) -> Result<Event, Error> {
        loop {
            let mut answer = match self.answer.take() {
                Some(answer) => answer,
                None => self.begin().await?,
            };
            let provider = self.routes.front().map(|route| route.provider.clone()).unwrap_or_default();
            let item = match timeout_at(self.deadline, answer.stream.next()).await {
                Ok(Some(item)) => item,
                Ok(None) => Err(Error::truncated(&provider)),
                Err(_) => Err(Error::timeout(&provider, Phase::Overall)),
            };
            match item {
                Ok(Event::Text(text)) if text.is_empty() => self.answer = Some(answer),
                Ok(event @ (Event::Text(_) | Event::ToolCall(_))) => {
                    self.said = true;
                    self.answer = Some(answer);
                    return Ok(storable(event));
                }
                Ok(Event::Done { finish, .. }) if !self.said && !self.may_be_empty(finish) => {
                    settle(answer.permit, None);
                    self.go_on(empty(&provider, finish)).await?;
                }
                Ok(done) => {
                    settle(answer.permit, None);
                    return Ok(done);
                }
                Err(error) => {
                    settle(answer.permit, Some(&error));
                    if self.said {
                        return Err(error);
                    }
                    self.go_on(error).await?;
                }
            }
        }
    }

    /// Asks until a provider begins to answer.
    async fn begin(&mut self) -> Result<Answer, Error> {
        loop {
            let Some(route) = self.routes.front() else {
                return Err(self
                    .first
                    .take()
                    .unwrap_or_else(|| Error::refused("nobody", "no model is named")));
            };
            if let Some(missing) = &route.missing {
                let error = Error::refused(&route.provider, format!("it {missing}"));
                self.fall_back(error);
                continue;
            }
            if let Some(parameter) = manner::unsupported(route.kind, &self.request) {
                let error = Error::Unsupported { provider: route.provider.clone(), parameter };
                self.fall_back(error);
                continue;
            }
            let permit = match self.admit(route) {
                Ok(permit) => permit,
                Err(error) => {
                    self.fall_back(error);
                    continue;
                }
            };
            self.attempt += 1;
            let request = sight::as_seen(route, &self.request);
            let result = match timeout_at(self.deadline, self.providers.ask(route, &request)).await {
                Ok(result) => result,
                Err(_) => Err(Error::timeout(&route.provider, Phase::Overall)),
            };
            match result {
                Ok(stream) => return Ok(Answer { stream, permit }),
                Err(error) => {
                    settle(permit, Some(&error));
                    self.go_on(error).await?;
                }
            }
        }
    }

    fn admit(&self, route: &Route) -> Result<Option<Permit>, Error> {
        if matches!(route.kind, Kind::Offline | Kind::Scripted) {
            return Ok(None);
        }
        let admitted = self.providers.0.circuits.admit(self.account, &route.provider);
        admitted.map(Some).map_err(|wait| Error::Unavailable {
            provider: route.provider.clone(),
            reason: "it failed often and is left alone for a moment".into(),
            retry_after: Some(wait),
        })
    }

    /// After a failure before anything was said: waits for the next attempt, or moves to the next route, or
    /// gives up.
    async fn go_on(&mut self, error: Error) -> Result<(), Error> {
        if matches!(error, Error::Timeout { phase: Phase::Overall, .. }) {
            return Err(error);
        }
        if let Some(wait) = wait(self.providers.0.retry, self.attempt, &error)
            && Instant::now() + wait < self.deadline
        {
            tracing::info!(%error, attempt = self.attempt, ?wait, "asking the model again");
            sleep(wait).await;
            return Ok(());
        }
        self.fall_back(error);
        Ok(())
    }

    fn fall_back(&mut self, error: Error) {
        let failed = self.routes.pop_front();
        self.attempt = 0;
        if let (Some(failed), Some(next)) = (&failed, self.routes.front_mut()) {
            tracing::warn!(%error, model = failed.name(), instead = next.name(), "falling back to another model");
            if next.kind == Kind::Offline {
                let has_key = failed.is_usable();
                next.notice =
                    if has_key { Notice::Instead(failed.provider.clone()) } else { Notice::NoProvider };
            }
        }
        self.first.get_or_insert(error);
    }

    /// After a tool a model may have nothing to add, and before a word to stop at nothing to say.
    fn may_be_empty(&self, finish: Finish) -> bool {
        let after_a_tool = self.request.messages.last().is_some_and(|message| message.role == Role::Tool);
        finish == Finish::Stop && (after_a_tool || !self.request.manner.stop.is_empty())
    }
}

/// The event without NUL, which Postgres does not hold: one of them would keep back the events of every turn.
fn storable(event: Event) -> Event {
    match event {
        Event::Text(text) => Event::Text(without_nul(text)),
        Event::ToolCall(Call { id, name, arguments }) => Event::ToolCall(Call {
            id: without_nul(id),
            name: without_nul(name),
            arguments: value_without_nul(arguments),
        }),
        done @ Event::Done { .. } => done,
    }
}

fn value_without_nul(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(without_nul(text)),
        Value::Array(items) => Value::Array(items.into_iter().map(value_without_nul).collect()),
        Value::Object(entries) => Value::Object(
            entries.into_iter().map(|(key, value)| (without_nul(key), value_without_nul(value))).collect(),
        ),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

fn without_nul(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
}

/// What an answer without a word means.
fn empty(provider: &str, finish: Finish) -> Error {
    match finish {
        Finish::Length => Error::refused(
            provider,
            "it reached the limit of output tokens (`maxOutputTokens`, or the client's) before it said a word; raise it",
        ),
        Finish::Filtered => Error::refused(provider, "its filter stopped the answer"),
        Finish::Stop | Finish::ToolCalls => Error::malformed(provider, "an empty answer"),
    }
}

/// Tells the circuit how it went.
fn settle(permit: Option<Permit>, error: Option<&Error>) {
    let Some(permit) = permit else { return };
    match error {
        Some(error) if error.is_outage() || matches!(error, Error::Timeout { .. }) => permit.failed(),
        Some(Error::RateLimited { .. }) => drop(permit),
        _ => permit.succeeded(),
    }
}

/// How long to wait before the next attempt at the same route; `None` when there is none.
fn wait(retry: Retry, attempt: u32, error: &Error) -> Option<Duration> {
    let attempts = match error {
        Error::Timeout { .. } => retry.attempts.min(ATTEMPTS_IN_TIME),
        _ => retry.attempts,
    };
    if !error.is_retryable() || attempt >= attempts {
        return None;
    }
    let doubled =
        retry.first_wait.saturating_mul(1 << attempt.saturating_sub(1).min(16)).min(retry.longest_wait);
    let chance = random_bytes().first().map_or(1.0, |&byte| f64::from(byte) / 255.0);
    let backoff = doubled.mul_f64(0.5 + 0.5 * chance);
    let wait = error.retry_after().map_or(backoff, |wanted| wanted.max(backoff));
    (wait <= retry.longest_wait).then_some(wait)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_handed_on_holds_no_nul() {
        assert_eq!(storable(Event::Text("a\0b".into())), Event::Text("a\u{fffd}b".into()));
        let call = |nul: &str| {
            Event::ToolCall(Call {
                id: format!("1{nul}"),
                name: format!("add{nul}"),
                arguments: json!({ format!("k{nul}"): [1, null, { "deep": format!("v{nul}") }] }),
            })
        };
        assert_eq!(storable(call("\0")), call("\u{fffd}"));
    }

    #[test]
    fn waits_longer_each_time_and_as_long_as_it_is_told() {
        let retry = Retry::default();
        let busy = |seconds| Error::RateLimited {
            provider: "p".into(),
            reason: String::new(),
            retry_after: Some(Duration::from_secs(seconds)),
        };
        let down = Error::unavailable("p", "down");
        let first = wait(retry, 1, &down).unwrap();
        assert!(first >= retry.first_wait / 2 && first <= retry.first_wait);
        assert!(wait(retry, 2, &down).unwrap() >= retry.first_wait);
        assert_eq!(wait(retry, 3, &down), None);
        assert_eq!(wait(retry, 1, &busy(7)), Some(Duration::from_secs(7)));
        assert_eq!(wait(retry, 1, &busy(600)), None, "somebody waits for the answer");
        assert_eq!(wait(retry, 1, &Error::refused("p", "no")), None);
        assert_eq!(wait(retry, 2, &Error::timeout("p", Phase::Header)), None);
    }
}
