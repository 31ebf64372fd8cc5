//! Providers over real sockets: a small server says exactly the bytes of each test.

mod flow;
mod pictures;
mod server;
mod translated;
mod wire;

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use secrecy::SecretString;
use serde_json::json;

use super::scripted::Line;
use super::*;
use crate::dialog::{Message, Part, Returned, Role, ToolSpec};
use crate::id::AccountId;
use server::{Reply, Server, chunk, done, sse};

const KEY: &str = "sk-test-0123456789abcdef";

/// What came of one call.
#[derive(Debug, Default)]
struct Outcome {
    text: String,
    calls: Vec<Call>,
    done: Option<(Finish, Usage, String)>,
    error: Option<Error>,
}

impl Outcome {
    fn error(self) -> Error {
        assert!(self.done.is_none(), "{self:?}");
        self.error.unwrap()
    }
    fn finish(&self) -> Finish {
        assert_eq!(self.error, None);
        self.done.as_ref().unwrap().0
    }
}

async fn read(mut stream: EventStream) -> Outcome {
    let mut outcome = Outcome::default();
    while let Some(event) = stream.next().await {
        assert!(outcome.done.is_none() && outcome.error.is_none(), "nothing follows the end");
        match event {
            Ok(Event::Text(text)) => outcome.text.push_str(&text),
            Ok(Event::ToolCall(call)) => outcome.calls.push(call),
            Ok(Event::Done { finish, usage, model }) => outcome.done = Some((finish, usage, model)),
            Err(error) => outcome.error = Some(error),
        }
    }
    assert!(outcome.done.is_some() || outcome.error.is_some(), "a stream ends in an end or an error");
    outcome
}

fn request(text: &str) -> Arc<Request> {
    Arc::new(Request {
        system: "Be brief.".into(),
        messages: vec![Message::text(Role::Person, text)],
        tools: Vec::new(),
        temperature: None,
        max_output_tokens: None,
        manner: Default::default(),
        evidence: Vec::new(),
        question: text.into(),
    })
}

fn endpoint(provider: &str, url: String) -> Endpoint {
    Endpoint { provider: provider.into(), key: Some(SecretString::from(KEY)), base_url: Some(url) }
}

fn settings(env: Vec<Endpoint>) -> Settings {
    let (ms, s) = (Duration::from_millis, Duration::from_secs);
    Settings {
        env,
        timeouts: Timeouts { header: s(20), chunk: s(20), overall: s(60) },
        retry: Retry { attempts: 3, first_wait: ms(10), longest_wait: ms(1500) },
        ..Settings::default()
    }
}

/// Asks `model_use`, with fallbacks, as the operator.
async fn ask(providers: &Providers, model_use: &str, fallback: &[&str], request: Arc<Request>) -> Outcome {
    let fallback: Vec<String> = fallback.iter().map(|name| (*name).to_owned()).collect();
    let routes = providers.resolve(model_use, &fallback, &Keys::of_operator());
    read(providers.stream(routes, request, AccountId::new())).await
}

async fn ask_openai(replies: Vec<Reply>) -> (Outcome, Server) {
    let server = Server::start(replies).await;
    let providers = Providers::new(settings(vec![endpoint("openai", server.url())])).unwrap();
    (ask(&providers, "openai/gpt-5-mini", &[], request("Hi")).await, server)
}

/// Asks `provider` for its own model, and does not wait for it.
async fn ask_impatiently(provider: &str, replies: Vec<Reply>) -> (Outcome, Server) {
    let server = Server::start(replies).await;
    let mut settings = settings(vec![endpoint(provider, server.url())]);
    settings.timeouts.header = Duration::from_millis(500);
    settings.timeouts.chunk = Duration::from_millis(500);
    (ask(&Providers::new(settings).unwrap(), provider, &[], request("Hi")).await, server)
}

fn text(words: &str) -> String {
    chunk(&json!({"choices": [{"index": 0, "delta": {"content": words}, "finish_reason": null}]}))
}
fn stop() -> String {
    chunk(&json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}))
}
fn good(words: &str) -> Reply {
    sse([text(words), stop(), done()])
}
