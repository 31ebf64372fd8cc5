//! Telegram: people who write to a bot, against a Bot API of a few lines without limits. It runs in this process, so
//! its time is not counted.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::extract::{Path as UrlPath, State};
use axum::routing::any;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use crate::{Server, command, median};

/// People, and what each of them writes, one message after the other's answer.
const PEOPLE: i64 = 50;
const MESSAGES: usize = 10;
/// Messages that one person writes alone.
const SINGLE: usize = 100;
/// Alone, with a past of so many messages more.
const PAST: usize = 500;

/// Where the service listens, for every command of this bench.
pub(crate) static ADDRESS: OnceLock<String> = OnceLock::new();

#[derive(Default)]
struct Service {
    updates: Mutex<Vec<Value>>,
    news: Notify,
    answers: Mutex<HashMap<i64, mpsc::UnboundedSender<()>>>,
    numbers: Mutex<i64>,
}

/// Starts the service.
pub(crate) async fn begin() {
    let service = Arc::new(Service::default());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    ADDRESS.set(format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let router = Router::new().route("/{token}/{method}", any(call)).with_state(service.clone());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    assert!(SERVICE.set(service).is_ok());
}

static SERVICE: OnceLock<Arc<Service>> = OnceLock::new();

/// Adds the bot `telegram`.
pub(crate) fn add_bot(bots: &Path) {
    let folder = bots.join("telegram");
    fs::create_dir_all(&folder).unwrap();
    let bot = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Telegram\nmodel: {use: scripted}\n\
               channels: {telegram: {token: {secret: BENCH_TELEGRAM}, access: {default: open}}}\n";
    fs::write(folder.join("bot.yaml"), bot).unwrap();
}

pub(crate) async fn measure(server: &Server, home: &Path) {
    let service = SERVICE.get().unwrap();
    let mut set = command(home);
    set.args(["secret", "set", "BENCH_TELEGRAM"]).stdin(Stdio::piped()).stdout(Stdio::null());
    let mut set = set.stderr(Stdio::null()).spawn().unwrap();
    set.stdin.take().unwrap().write_all(b"7:bench").unwrap();
    assert!(set.wait().unwrap().success());
    talk(service, 1, 20).await;
    let alone = median(talk(service, 1, SINGLE).await);
    println!("Telegram, one at a time, message to final text, p50 | {alone:.1} ms | aim 15 ms");
    let (cpu, began) = (server.cpu(), Instant::now());
    let mut people = tokio::task::JoinSet::new();
    for person in 1..=PEOPLE {
        people.spawn(async move { talk(SERVICE.get().unwrap(), 100 + person, MESSAGES).await });
    }
    let mut waits = Vec::new();
    while let Some(talk) = people.join_next().await {
        waits.extend(talk.unwrap());
    }
    let replies = f64::from(u32::try_from(waits.len()).unwrap());
    let (seconds, used) = (began.elapsed().as_secs_f64(), server.cpu() - cpu);
    println!(
        "Telegram, {PEOPLE} people with {MESSAGES} messages each, replies a second | {:.0} | aim 150",
        replies / seconds
    );
    waits.sort_by(f64::total_cmp);
    println!(
        "the same, from message to final text, p50 / longest | {:.0} / {:.0} ms",
        waits[waits.len() / 2],
        waits[waits.len() - 1]
    );
    println!("the same, CPU of our process per message | {:.2} ms | aim 6 ms", used * 1_000.0 / replies);
    talk(service, 1, PAST).await;
    let later = median(talk(service, 1, SINGLE).await);
    println!(
        "Telegram, one at a time, after {} messages more, p50 | {later:.1} ms | aim as before",
        PAST + SINGLE
    );
}

/// Writes so many messages, each once the last was answered; how long each answer took, in milliseconds.
async fn talk(service: &Service, person: i64, messages: usize) -> Vec<f64> {
    let (answered, mut answers) = mpsc::unbounded_channel();
    service.answers.lock().unwrap().insert(person, answered);
    let mut times = Vec::new();
    for _ in 0..messages {
        let began = Instant::now();
        service.write(person);
        let answer = tokio::time::timeout(Duration::from_secs(60), answers.recv()).await;
        assert!(answer.is_ok_and(|answer| answer.is_some()), "no answer within a minute");
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
    }
    times
}

impl Service {
    fn write(&self, person: i64) {
        let mut updates = self.updates.lock().unwrap();
        let id = updates.len() + 1;
        updates.push(json!({ "update_id": id, "message": { "message_id": id, "date": 1, "text": "How are you today?",
            "from": { "id": person, "is_bot": false, "first_name": format!("Person {person}"), "language_code": "en" },
            "chat": { "id": person, "type": "private" } } }));
        self.news.notify_waiters();
    }

    async fn updates(&self, body: &Value) -> Vec<Value> {
        let offset = usize::try_from(body["offset"].as_i64().unwrap_or(1).max(1)).unwrap();
        let wait = Duration::from_secs(body["timeout"].as_u64().unwrap_or_default());
        let since = Instant::now();
        loop {
            let news = self.news.notified();
            let waiting: Vec<Value> =
                self.updates.lock().unwrap().iter().skip(offset - 1).take(100).cloned().collect();
            let left = wait.saturating_sub(since.elapsed());
            if !waiting.is_empty() || left.is_zero() {
                return waiting;
            }
            let _ = tokio::time::timeout(left.min(Duration::from_millis(500)), news).await;
        }
    }
}

async fn call(
    State(service): State<Arc<Service>>,
    UrlPath((_token, method)): UrlPath<(String, String)>,
    body: String,
) -> Json<Value> {
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let result = match method.as_str() {
        "getMe" => json!({ "id": 7, "is_bot": true, "first_name": "Bench", "username": "bench_bot" }),
        "getUpdates" => json!(service.updates(&body).await),
        "sendMessage" => {
            let answered = service.answers.lock().unwrap().get(&body["chat_id"].as_i64().unwrap()).cloned();
            let number = {
                let mut numbers = service.numbers.lock().unwrap();
                *numbers += 1;
                *numbers
            };
            let _ = answered.map(|answered| answered.send(()));
            json!({ "message_id": 1_000_000 + number })
        }
        _ => json!(true),
    };
    Json(json!({ "ok": true, "result": result }))
}
