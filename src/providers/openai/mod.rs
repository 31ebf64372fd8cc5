//! OpenAI's chat completions over HTTP, streamed: OpenAI itself, xAI, DeepSeek, OpenRouter, Groq, Mistral,
//! Ollama, and every server that speaks the same.

mod answer;
mod body;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use tokio::time::timeout;

use super::error::remark;
use super::refused::Refused;
use super::registry::Clients;
use super::sse::Decoder;
use super::{Error, Event, EventStream, Phase, Provider, Route, Timeouts, refusal};
use crate::dialog::Request;
use crate::net;
use answer::Answer;

/// The largest error body that is read, in bytes.
const LARGEST_REFUSAL: usize = 64 << 10;
/// The largest answer that is read, in bytes: an answer of 100,000 tokens takes some 20 MB of events.
const LARGEST_ANSWER: usize = 64 << 20;
/// How long to wait for the usage and the end mark once the provider said that it stopped.
const GRACE: Duration = Duration::from_secs(2);

/// Speaks OpenAI's chat completions.
#[derive(Debug)]
pub(super) struct OpenAi {
    clients: Clients,
    timeouts: Timeouts,
    refused: Refused,
}

#[async_trait]
impl Provider for OpenAi {
    async fn stream(&self, route: &Route, request: &Arc<Request>) -> Result<EventStream, Error> {
        let response = self.ask(route, request).await?;
        let answer = Answer::new(&route.provider, route.name(), route.key().cloned());
        let is_json = content_type(&response).is_some_and(|kind| kind.starts_with("application/json"));
        let mut reading = Reading {
            body: Box::pin(stream::empty()),
            decoder: Some(Decoder::default()),
            answer,
            request: request.clone(),
            wait: self.timeouts.chunk,
            read: 0,
            state: State::Reading,
        };
        if is_json {
            // The server does not stream: the whole answer is one chunk.
            let body = net::read_capped(response, LARGEST_ANSWER, self.timeouts.chunk).await;
            let body = body.map_err(|_| Error::truncated(&route.provider))?;
            reading.whole(&body);
        } else {
            reading.body = response.bytes_stream().boxed();
        }
        Ok(stream::unfold(reading, |mut reading| async move {
            let item = reading.next().await?;
            Some((item, reading))
        })
        .boxed())
    }
}

impl OpenAi {
    pub(super) fn new(clients: Clients, timeouts: Timeouts) -> Self {
        Self { clients, timeouts, refused: Refused::default() }
    }

    /// Sends the request, and again without a parameter that the model refuses, which is remembered.
    async fn ask(&self, route: &Route, request: &Request) -> Result<Response, Error> {
        let endpoint =
            route.endpoint.as_ref().ok_or_else(|| Error::refused(&route.provider, "it has no address"))?;
        let url = endpoint
            .url()
            .map_err(|problem| Error::refused(&route.provider, format!("its entry {problem}")))?;
        let model = format!("{url} {}", route.model);
        let url = url
            .join("chat/completions")
            .map_err(|error| Error::refused(&route.provider, error.to_string()))?;
        let client = self.clients.for_url(route, &url)?;
        loop {
            let without = self.refused.by(&model);
            let body = body::body(route, request, &without);
            let mut call = client.post(url.clone()).header(ACCEPT, "text/event-stream").json(&body);
            if let Some(key) = endpoint.usable_key() {
                call = call.header(AUTHORIZATION, bearer(&route.provider, key)?);
            }
            let response = timeout(self.timeouts.header, call.send())
                .await
                .map_err(|_| Error::timeout(&route.provider, Phase::Header))?
                .map_err(|error| unsent(route, error))?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let headers = response.headers().clone();
            let said =
                net::read_capped(response, LARGEST_REFUSAL, self.timeouts.chunk).await.unwrap_or_default();
            let said = String::from_utf8_lossy(&said);
            let sent: Vec<_> = body::OPTIONAL.into_iter().filter(|name| body.get(name).is_some()).collect();
            if !self.refused.learn(&model, status.as_u16(), &said, &sent) {
                return Err(refusal::classify(&route.provider, status, &headers, &said, route.key()));
            }
        }
    }
}

fn bearer(provider: &str, key: &str) -> Result<HeaderValue, Error> {
    let mut value = HeaderValue::from_str(&format!("Bearer {key}"))
        .map_err(|_| Error::refused(provider, "the key holds characters that cannot be sent"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// Why no answer came. The URL stays out: it may hold a password.
pub(super) fn unsent(route: &Route, error: reqwest::Error) -> Error {
    let error = error.without_url();
    if net::is_forbidden(&error) {
        return Error::refused(
            &route.provider,
            "its address is private; the operator can allow that with ALLOW_PRIVATE_ADDRESSES",
        );
    }
    if error.is_timeout() {
        return Error::timeout(&route.provider, Phase::Header);
    }
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    let what = if error.is_connect() { "cannot connect" } else { "the connection failed" };
    Error::unavailable(&route.provider, format!("{what}: {}", remark(&cause.to_string(), route.key())))
}

fn content_type(response: &Response) -> Option<&str> {
    response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok())
}

/// An answer that is being read.
struct Reading {
    body: BoxStream<'static, reqwest::Result<Bytes>>,
    decoder: Option<Decoder>,
    answer: Answer,
    request: Arc<Request>,
    /// The longest wait between two pieces.
    wait: Duration,
    /// In bytes.
    read: usize,
    state: State,
}

enum State {
    Reading,
    /// To be told once everything before it was handed on.
    Failed(Error),
    Over,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Event, Error>> {
        loop {
            if let Some(event) = self.answer.events.pop_front() {
                return Some(Ok(event));
            }
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return None,
                State::Failed(error) => return Some(Err(error)),
                State::Reading => self.state = self.read().await,
            }
        }
    }

    /// Reads one piece.
    async fn read(&mut self) -> State {
        let wait = if self.answer.is_finished() { self.wait.min(GRACE) } else { self.wait };
        let result = match timeout(wait, self.body.next()).await {
            Ok(Some(Ok(bytes))) => self.take(&bytes),
            Ok(None) => self.closed().map(|()| true),
            // Whatever happens after the provider said why it stopped, the answer is whole.
            _ if self.answer.is_finished() => self.answer.end(&self.request).map(|()| true),
            Ok(Some(Err(_))) => Err(Error::truncated(&self.answer.provider)),
            Err(_) => Err(Error::timeout(&self.answer.provider, Phase::Chunk)),
        };
        match result {
            Ok(false) => State::Reading,
            Ok(true) => {
                self.drain();
                State::Over
            }
            Err(error) => State::Failed(error),
        }
    }

    /// Takes in some bytes; `true` at the end mark.
    fn take(&mut self, bytes: &[u8]) -> Result<bool, Error> {
        self.read += bytes.len();
        if self.read > LARGEST_ANSWER {
            return Err(self.answer.malformed("an endless answer"));
        }
        let Some(decoder) = &mut self.decoder else { return Ok(true) };
        let events = decoder.push(bytes).map_err(|problem| self.answer.malformed(problem))?;
        for event in events {
            if event.trim() == "[DONE]" {
                return self.answer.end(&self.request).map(|()| true);
            }
            self.answer.take(&event)?;
        }
        Ok(false)
    }

    /// The connection was closed in good order. Without a reason to stop, that is a cut all the same.
    fn closed(&mut self) -> Result<(), Error> {
        if let Some(rest) = self.decoder.take().and_then(Decoder::finish)
            && rest.trim() != "[DONE]"
            && self.answer.take(&rest).is_err()
            && !self.answer.is_finished()
        {
            return Err(Error::truncated(&self.answer.provider));
        }
        if self.read > 0 && !self.answer.begun {
            return Err(self.answer.malformed("no chat completion"));
        }
        self.answer.end(&self.request)
    }

    /// An answer that came in one piece.
    fn whole(&mut self, body: &[u8]) {
        let result = match std::str::from_utf8(body) {
            Ok(text) => self.answer.take(text),
            Err(_) => Err(self.answer.malformed("bytes that are not UTF-8")),
        };
        let result = result.and_then(|()| {
            if self.answer.begun {
                self.answer.end(&self.request)
            } else {
                Err(self.answer.malformed("no chat completion"))
            }
        });
        self.state = match result {
            Ok(()) => State::Over,
            Err(error) => State::Failed(error),
        };
    }

    /// Reads what follows the end mark, so that the connection can be used again. Nobody waits for it.
    fn drain(&mut self) {
        let mut body = std::mem::replace(&mut self.body, Box::pin(stream::empty()));
        tokio::spawn(timeout(GRACE, async move { while let Some(Ok(_)) = body.next().await {} }));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::providers::Finish;

    fn reading(bytes: &[u8], size: usize) -> Reading {
        let pieces: Vec<_> = bytes.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        Reading {
            body: stream::iter(pieces).boxed(),
            decoder: Some(Decoder::default()),
            answer: Answer::new("openai", "openai/m".into(), None),
            request: Arc::new(Request {
                system: String::new(),
                messages: Vec::new(),
                tools: Vec::new(),
                temperature: None,
                max_output_tokens: None,
                manner: Default::default(),
                evidence: Vec::new(),
                question: String::new(),
            }),
            wait: Duration::from_secs(1),
            read: 0,
            state: State::Reading,
        }
    }

    /// The text, and how it ended.
    async fn read(bytes: &[u8], size: usize) -> (String, Result<Finish, Error>) {
        let mut reading = reading(bytes, size);
        let mut text = String::new();
        loop {
            match reading.next().await.expect("an end or an error comes last") {
                Ok(Event::Text(more)) => text.push_str(&more),
                Ok(Event::ToolCall(_)) => {}
                Ok(Event::Done { finish, .. }) => return (text, Ok(finish)),
                Err(error) => return (text, Err(error)),
            }
        }
    }

    #[tokio::test]
    async fn no_beginning_of_an_answer_is_taken_for_the_whole() {
        let chunk =
            |choice: serde_json::Value| format!("data: {}\n\n", json!({"choices": [choice], "usage": null}));
        let words = ["Two ", "words, ", "привіт"];
        let mut bytes: String = words.iter().map(|word| chunk(json!({"delta": {"content": word}}))).collect();
        let stop = chunk(json!({"delta": {}, "finish_reason": "stop"}));
        bytes.push_str(&stop);
        let whole = bytes.len() - "\n\n".len();
        bytes.push_str("data: [DONE]\n\n");
        for cut in 0..bytes.len() {
            for size in [1, 7, bytes.len()] {
                let (text, end) = read(&bytes.as_bytes()[..cut], size).await;
                assert_eq!(end.is_ok(), cut >= whole, "{cut} {text:?} {end:?}");
                assert!(words.concat().starts_with(&text));
            }
        }
    }

    #[tokio::test]
    async fn one_wrong_byte_never_panics_nor_hangs() {
        let chunk = |word: &str| {
            format!("data: {}\n\n", json!({"choices": [{"delta": {"content": word}, "finish_reason": null}]}))
        };
        let good = format!("{}{}data: [DONE]\n\n", chunk("one "), chunk("two ").replace("null", "\"stop\""));
        for at in 0..good.len() {
            for byte in [b'x', b'\n', b'"', b'{', 0, 0xff] {
                let mut bytes = good.clone().into_bytes();
                bytes[at] = byte;
                let _ = read(&bytes, 16).await;
                let mut bytes = good.clone().into_bytes();
                bytes.insert(at, byte);
                let _ = read(&bytes, 16).await;
            }
        }
    }
}
