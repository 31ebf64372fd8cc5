//! The OpenAI-compatible door: the CPU of our process for a request that nobody remembers, against an upstream
//! that answers at once. The upstream runs in this process, so its time is not counted.

use std::fs;
use std::path::Path;

use axum::http::header::CONTENT_TYPE;
use axum::{Router, routing};
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};

use crate::{Door, Server};

/// Requests that are measured, how many are under way at once, and how many warm up.
const REQUESTS: u32 = 5_000;
const PARALLEL: usize = 32;
const WARMING: u32 = 500;

/// Starts the upstream; its port.
pub(crate) async fn upstream() -> u16 {
    let usage = json!({ "prompt_tokens": 400, "completion_tokens": 7, "total_tokens": 407 });
    let message = json!({ "role": "assistant", "content": "I am well, and how are you?" });
    let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
    let answer =
        json!({ "id": "1", "object": "chat.completion", "choices": [choice], "usage": usage }).to_string();
    let complete = routing::post(async move || ([(CONTENT_TYPE, "application/json")], answer));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let router = Router::new().route("/v1/chat/completions", complete);
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    port
}

/// Adds the bot `gateway`, which the upstream answers for.
pub(crate) fn add_bot(bots: &Path, upstream: u16) {
    let folder = bots.join("gateway");
    fs::create_dir_all(&folder).unwrap();
    let bot = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Gateway\nmodel: {use: fake/model}\n";
    fs::write(folder.join("bot.yaml"), bot).unwrap();
    let project = bots.join("botwright.yaml");
    let providers =
        format!("providers:\n  fake: {{kind: openai, url: \"http://127.0.0.1:{upstream}/v1\"}}\n");
    fs::write(&project, fs::read_to_string(&project).unwrap() + &providers).unwrap();
}

pub(crate) async fn measure(server: &Server, door: &Door) {
    for (bot, what) in [("gateway", "upstream over HTTP"), ("bot-0", "scripted model, which counts tokens")] {
        ask_often(server, door, bot, WARMING).await;
        let before = server.cpu();
        ask_often(server, door, bot, REQUESTS).await;
        let milliseconds = (server.cpu() - before) * 1_000.0 / f64::from(REQUESTS);
        println!(
            "OpenAI-compatible request with store: false, CPU of our process, {what} | {milliseconds:.3} ms | aim 0.3 ms"
        );
    }
}

async fn ask_often(server: &Server, door: &Door, bot: &str, count: u32) {
    let url = format!("http://127.0.0.1:{}/v1/chat/completions", server.port);
    stream::iter(0..count)
        .for_each_concurrent(PARALLEL, async |index| {
            let messages =
                json!([{ "role": "user", "content": format!("How are you today, for the {index}th time?") }]);
            let body = json!({ "model": bot, "messages": messages, "store": false });
            let answer = door.client.post(&url).bearer_auth(&door.token).json(&body).send().await.unwrap();
            let answer: Value = answer.json().await.unwrap();
            assert!(answer["choices"][0]["message"]["content"].is_string(), "{answer}");
        })
        .await;
}
