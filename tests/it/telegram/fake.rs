//! A Bot API of a few lines: it takes everything, and remembers what it was asked.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::{Path, State};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// Nothing in a test takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Inner {
    updates: Mutex<Vec<Value>>,
    calls: Mutex<Vec<(String, Value)>>,
    /// Answers to the next calls of a method.
    scripted: Mutex<Vec<(String, Value)>>,
    news: Notify,
    next: Mutex<i64>,
}

/// The service.
#[derive(Clone)]
pub(crate) struct Fake {
    inner: Arc<Inner>,
    pub(crate) url: String,
}

impl Fake {
    pub(crate) async fn begin() -> Self {
        let inner = Arc::new(Inner::default());
        *inner.next.lock().unwrap() = 100;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/{token}/{method}", any(call))
            .route("/file/{token}/{*path}", any(async || "The codeword is heron."))
            .with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner, url }
    }

    /// The next call of `method` is answered so.
    pub(crate) fn will(&self, method: &str, answer: Value) {
        self.inner.scripted.lock().unwrap().push((method.into(), answer));
    }

    fn bring(&self, kind: &str, body: Value) {
        let mut updates = self.inner.updates.lock().unwrap();
        let id = updates.len() + 1;
        updates.push(json!({ "update_id": id, kind: body }));
        self.inner.news.notify_waiters();
    }

    /// Anna writes to the bot; the number of her message.
    pub(crate) fn write(&self, text: &str) -> i64 {
        let id = self.number();
        self.bring("message", private(id, json!({ "text": text })));
        id
    }

    /// Anna sends something else.
    pub(crate) fn send(&self, more: Value) -> i64 {
        let id = self.number();
        self.bring("message", private(id, more));
        id
    }

    pub(crate) fn edit(&self, id: i64, text: &str, at: i64) {
        self.bring("edited_message", private(id, json!({ "text": text, "edit_date": at })));
    }

    /// Somebody says something in a group.
    pub(crate) fn say_in_group(&self, who: (i64, &str), more: Value) -> i64 {
        let id = self.number();
        let mut message = json!({ "message_id": id, "date": 1, "from": { "id": who.0, "is_bot": false, "first_name": who.1 },
            "chat": { "id": -500, "type": "supergroup", "title": "Kitchen" } });
        message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.bring("message", message);
        id
    }

    pub(crate) fn press(&self, message: i64, data: &str) {
        let body = json!({ "id": format!("q{message}"), "from": { "id": 42, "is_bot": false, "first_name": "Anna" },
            "data": data, "message": { "message_id": message, "date": 1, "chat": { "id": 42, "type": "private" } } });
        self.bring("callback_query", body);
    }

    fn number(&self) -> i64 {
        let mut next = self.inner.next.lock().unwrap();
        *next += 1;
        *next
    }

    /// What it was asked so far of that method.
    pub(crate) fn asked(&self, method: &str) -> Vec<Value> {
        let calls = self.inner.calls.lock().unwrap();
        calls.iter().filter(|(name, _)| name == method).map(|(_, body)| body.clone()).collect()
    }

    /// The texts that were sent or edited in, in order.
    pub(crate) fn texts(&self) -> Vec<String> {
        let calls = self.inner.calls.lock().unwrap();
        let texts =
            calls.iter().filter(|(name, _)| matches!(name.as_str(), "sendMessage" | "editMessageText"));
        texts.map(|(_, body)| body["text"].as_str().unwrap().to_owned()).collect()
    }

    /// Waits until that is so.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let since = Instant::now();
        while !is_so(self) {
            assert!(since.elapsed() < PATIENCE, "{what}: {:#?}", self.inner.calls.lock().unwrap());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn private(id: i64, more: Value) -> Value {
    let mut message = json!({ "message_id": id, "date": 1,
        "from": { "id": 42, "is_bot": false, "first_name": "Anna", "language_code": "en" },
        "chat": { "id": 42, "type": "private", "first_name": "Anna" } });
    message.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    message
}

async fn call(
    State(inner): State<Arc<Inner>>,
    Path((_token, method)): Path<(String, String)>,
    body: String,
) -> Json<Value> {
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    inner.calls.lock().unwrap().push((method.clone(), body.clone()));
    let scripted = {
        let mut scripted = inner.scripted.lock().unwrap();
        let place = scripted.iter().position(|(name, _)| *name == method);
        place.map(|place| scripted.remove(place).1)
    };
    if let Some(answer) = scripted {
        return Json(answer);
    }
    let result = match method.as_str() {
        "getMe" => json!({ "id": 7, "is_bot": true, "first_name": "Parrot", "username": "parrot_bot",
            "can_read_all_group_messages": false }),
        "getUpdates" => json!(updates(&inner, &body).await),
        "getFile" => json!({ "file_id": body["file_id"], "file_path": "documents/notes.txt" }),
        "sendMessage" => {
            let mut next = inner.next.lock().unwrap();
            *next += 1;
            json!({ "message_id": *next, "chat": { "id": body["chat_id"] } })
        }
        _ => json!(true),
    };
    Json(json!({ "ok": true, "result": result }))
}

async fn updates(inner: &Inner, body: &Value) -> Vec<Value> {
    let offset = body["offset"].as_i64().unwrap_or_default();
    let wait = Duration::from_secs(body["timeout"].as_u64().unwrap_or_default());
    let since = Instant::now();
    loop {
        let news = inner.news.notified();
        let waiting: Vec<Value> = {
            let updates = inner.updates.lock().unwrap();
            updates.iter().filter(|update| update["update_id"].as_i64().unwrap() >= offset).cloned().collect()
        };
        let left = wait.saturating_sub(since.elapsed());
        if !waiting.is_empty() || left.is_zero() {
            return waiting;
        }
        let _ = tokio::time::timeout(left.min(Duration::from_millis(200)), news).await;
    }
}
