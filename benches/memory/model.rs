//! A model that says what it is told to, and keeps what it heard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::{Json, Router, routing};
use botwright::tokens::count;
use serde_json::{Value, json};

/// What the baseline's summary takes, in tokens.
pub(crate) const SUMMARY: usize = 300;
/// What a message takes besides its text.
pub(crate) const OVERHEAD: usize = 4;

/// One request.
#[derive(Debug, Clone)]
pub(crate) struct Heard {
    /// Whether somebody is answered; else it is work in the background.
    pub(crate) is_reply: bool,
    pub(crate) tokens: usize,
    /// Of them, those of the tools that were offered.
    pub(crate) tools: usize,
    /// All of its words.
    pub(crate) text: String,
}

#[derive(Clone)]
pub(crate) struct Model {
    pub(crate) port: u16,
    /// What it answers to which words.
    replies: Arc<Mutex<HashMap<String, String>>>,
    heard: Arc<Mutex<Vec<Heard>>>,
}

impl Model {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let model = Self { port, replies: Arc::default(), heard: Arc::default() };
        let (mind, path) = (model.clone(), "/v1/chat/completions");
        let complete = routing::post(async move |Json(request): Json<Value>| Json(mind.answer(&request)));
        let router = Router::new().route(path, complete).layer(axum::extract::DefaultBodyLimit::disable());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        model
    }

    pub(crate) fn will_say(&self, reply: &str, to: &str) {
        self.replies.lock().unwrap().insert(to.to_owned(), reply.to_owned());
    }

    /// What it heard since the last time.
    pub(crate) fn take_heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }

    fn answer(&self, request: &Value) -> Value {
        let empty = Vec::new();
        let messages = request["messages"].as_array().unwrap_or(&empty);
        let texts: Vec<String> = messages.iter().map(words).collect();
        let reply = texts.last().and_then(|last| self.replies.lock().unwrap().get(last).cloned());
        let tools = request.get("tools").map_or(0, |tools| count(&tools.to_string()));
        let tokens = texts.iter().map(|text| count(text) + OVERHEAD).sum::<usize>() + tools;
        let text = texts.join("\n");
        let is_reply = reply.is_some();
        let said = reply.unwrap_or_else(|| summary(&text));
        self.heard.lock().unwrap().push(Heard { is_reply, tokens, tools, text });
        let message = json!({ "role": "assistant", "content": said });
        let usage = json!({ "prompt_tokens": tokens, "completion_tokens": count(&said), "total_tokens": tokens + count(&said) });
        let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
        json!({ "id": "1", "object": "chat.completion", "choices": [choice], "usage": usage })
    }
}

/// The words of a message.
fn words(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}

/// A summary as long as it may be that tells nothing: what the prompt knows, it knows from what was recalled.
fn summary(asked: &str) -> String {
    let mut text = String::new();
    while text.split_whitespace().count() + 10 <= most_words(asked) {
        text.push_str("They talked about this and that, and it was well. ");
    }
    let text = text.trim_end();
    if asked.contains("JSON") { json!({ "summary": text, "facts": [] }).to_string() } else { text.to_owned() }
}

/// How long a summary may be.
fn most_words(asked: &str) -> usize {
    let after = asked.split("At most ").nth(1).unwrap_or_default();
    after.split(' ').next().and_then(|words| words.parse().ok()).unwrap_or(SUMMARY)
}
