//! Anthropic and Gemini, as genai speaks them.

use super::*;

fn event(name: &str, data: serde_json::Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

fn anthropic(words: &[&str], stop: Option<&str>) -> Vec<String> {
    let mut events = vec![
        event(
            "message_start",
            json!({"type": "message_start", "message": {"usage": {"input_tokens": 20, "cache_read_input_tokens": 5, "output_tokens": 1}}}),
        ),
        event("content_block_start", json!({"index": 0, "content_block": {"type": "text", "text": ""}})),
        event("ping", json!({"type": "ping"})),
    ];
    events.extend(words.iter().map(|word| {
        event("content_block_delta", json!({"index": 0, "delta": {"type": "text_delta", "text": word}}))
    }));
    events.push(event("content_block_stop", json!({"index": 0})));
    if let Some(stop) = stop {
        events.push(event(
            "message_delta",
            json!({"delta": {"stop_reason": stop}, "usage": {"output_tokens": 7}}),
        ));
        events.push(event("message_stop", json!({"type": "message_stop"})));
    }
    events
}

fn gemini(parts: serde_json::Value, finish: Option<&str>) -> String {
    chunk(&json!({
        "candidates": [{"content": {"role": "model", "parts": parts}, "finishReason": finish}],
        "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 3, "thoughtsTokenCount": 2, "totalTokenCount": 16},
    }))
}

async fn ask_one(provider: &str, replies: Vec<Reply>, request: Arc<Request>) -> (Outcome, Server) {
    let server = Server::start(replies).await;
    let providers = Providers::new(settings(vec![endpoint(provider, server.url())])).unwrap();
    (ask(&providers, provider, &[], request).await, server)
}

#[tokio::test]
async fn anthropic_answers() {
    let mut messages = vec![Message::text(Role::Bot, "Welcome!"), Message::text(Role::Person, "Hi")];
    messages.push(Message::text(Role::Bot, "Hello."));
    messages.push(Message::text(Role::Person, "And?"));
    let request = Arc::new(Request { messages, ..(*request("And?")).clone() });
    let (outcome, server) =
        ask_one("anthropic", vec![sse(anthropic(&["Hello ", "there"], Some("end_turn")))], request).await;
    assert_eq!(outcome.text, "Hello there");
    let (finish, usage, model) = outcome.done.unwrap();
    assert_eq!((finish, model.as_str()), (Finish::Stop, "anthropic/claude-haiku-4-5"));
    assert_eq!((usage.input_tokens, usage.cached_tokens, usage.output_tokens), (25, 5, 7));
    let heard = &server.heard()[0];
    assert!(
        heard.starts_with("POST /v1/messages HTTP/1.1") && heard.contains(&format!("x-api-key: {KEY}")),
        "{heard}"
    );
    let body: serde_json::Value = serde_json::from_str(heard.split_once("\r\n\r\n").unwrap().1).unwrap();
    assert_eq!(body["max_tokens"], 8192);
    assert_eq!(body["messages"][0]["role"], "user");
    assert!(body["system"].as_str().unwrap().contains("Welcome!"));
}

#[tokio::test]
async fn anthropic_calls_tools_and_hears_their_results() {
    let block = |index: u32, id: &str, pieces: &[&str]| {
        let mut events = vec![event(
            "content_block_start",
            json!({"index": index, "content_block": {"type": "tool_use", "id": id, "name": "add", "input": {}}}),
        )];
        events.extend(pieces.iter().map(|piece| {
            event(
                "content_block_delta",
                json!({"delta": {"type": "input_json_delta", "partial_json": piece}}),
            )
        }));
        events.push(event("content_block_stop", json!({"index": index})));
        events
    };
    let mut events = anthropic(&["I add it."], None);
    events.extend(block(1, "tu_1", &["", "{\"item\":", "\"milk\"}"]));
    events.extend(block(2, "tu_2", &[]));
    events.push(event(
        "message_delta",
        json!({"delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 7}}),
    ));
    events.push(event("message_stop", json!({})));
    let returned =
        Returned { call_id: "tu_0".into(), name: "add".into(), content: "done".into(), is_error: false };
    let mut asked = (*request("add milk")).clone();
    asked.tools = vec![ToolSpec {
        name: "add".into(),
        description: "Adds".into(),
        parameters: json!({"type": "object"}),
        strict: false,
    }];
    asked.messages.push(Message {
        role: Role::Bot,
        parts: vec![Part::Call(Call { id: "tu_0".into(), name: "add".into(), arguments: json!("bad") })],
    });
    asked.messages.push(Message { role: Role::Tool, parts: vec![Part::Returned(returned)] });
    let (outcome, server) = ask_one("anthropic", vec![sse(events)], Arc::new(asked)).await;
    assert_eq!(outcome.finish(), Finish::ToolCalls);
    let calls: Vec<_> = outcome.calls.iter().map(|call| (call.id.as_str(), &call.arguments)).collect();
    assert_eq!(calls, [("tu_1", &json!({"item": "milk"})), ("tu_2", &json!({}))]);
    let heard = &server.heard()[0];
    assert!(heard.contains(r#""tool_use_id":"tu_0""#) && heard.contains(r#""input":{}"#), "{heard}");
}

#[tokio::test]
async fn anthropic_that_breaks_off_or_fails_is_no_answer() {
    let (outcome, _) = ask_one("anthropic", vec![sse(anthropic(&["Half"], None))], request("Hi")).await;
    assert_eq!((outcome.text.as_str(), outcome.error), ("Half", Some(Error::truncated("anthropic"))));
    let (outcome, _) =
        ask_one("anthropic", vec![sse(anthropic(&["Half"], None)).torn()], request("Hi")).await;
    assert_eq!((outcome.text.as_str(), outcome.error), ("Half", Some(Error::truncated("anthropic"))));
    let (outcome, _) = ask_impatiently("anthropic", vec![sse(anthropic(&["Half"], None)).hanging()]).await;
    assert_eq!(outcome.error(), Error::timeout("anthropic", Phase::Chunk));
    let bad = "event: content_block_delta\ndata: {oops\n\n".to_owned();
    let mut events = anthropic(&["Half"], None);
    events.insert(4, bad);
    let (outcome, _) = ask_one("anthropic", vec![sse(events)], request("Hi")).await;
    assert!(matches!(outcome.error(), Error::Malformed { .. }));
    let overloaded = event(
        "error",
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    );
    let (outcome, _) = ask_one(
        "anthropic",
        vec![sse([overloaded]), sse(anthropic(&["ok"], Some("end_turn")))],
        request("Hi"),
    )
    .await;
    assert_eq!(outcome.text, "ok");
    let garbage = || Reply::status("200 OK", &[("content-type", "text/html")], "<html>portal</html>");
    let (outcome, _) = ask_one("anthropic", vec![garbage(), garbage(), garbage()], request("Hi")).await;
    assert!(outcome.error().is_retryable());
}

#[tokio::test]
async fn a_streamed_refusal_shows_its_status_and_wait() {
    for provider in ["anthropic", "gemini"] {
        let body = format!(r#"{{"error":{{"message":"slow down {KEY}"}}}}"#);
        let busy = Reply::status("429 Too Many Requests", &[("retry-after", "600")], &body);
        let (outcome, _) = ask_one(provider, vec![busy], request("Hi")).await;
        let error = outcome.error();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(600)), "{error:?}");
        assert!(!format!("{error:?}").contains(KEY), "{error:?}");
        let (outcome, _) =
            ask_one(provider, vec![Reply::status("401 Unauthorized", &[], &body)], request("Hi")).await;
        assert!(matches!(outcome.error(), Error::Refused { .. }));
        let (outcome, server) = ask_impatiently(provider, vec![Reply::silence(), Reply::silence()]).await;
        assert_eq!(outcome.error(), Error::timeout(provider, Phase::Header));
        assert_eq!(server.heard().len(), 2);
    }
}

#[tokio::test]
async fn a_temperature_that_is_refused_is_left_out() {
    let body = json!({"error": {"type": "invalid_request_error", "message": "`temperature` is deprecated for this model."}});
    let replies = vec![
        Reply::status("400 Bad Request", &[], &body.to_string()),
        sse(anthropic(&["ok"], Some("end_turn"))),
    ];
    let warm = Arc::new(Request { temperature: Some(0.4), ..(*request("Hi")).clone() });
    let (outcome, server) = ask_one("anthropic", replies, warm).await;
    assert_eq!(outcome.text, "ok");
    assert_eq!(server.heard().iter().filter(|heard| heard.contains("temperature")).count(), 1);
}

#[tokio::test]
async fn gemini_answers_and_keeps_its_signature() {
    let parts = json!([{"text": "I add it."}, {"functionCall": {"name": "add", "args": {"item": "milk"}}, "thoughtSignature": "c2ln"}]);
    let (outcome, server) =
        ask_one("gemini", vec![sse([gemini(parts, Some("STOP"))])], request("add milk")).await;
    assert_eq!((outcome.text.as_str(), outcome.finish()), ("I add it.", Finish::ToolCalls));
    let usage = outcome.done.unwrap().1;
    assert_eq!((usage.input_tokens, usage.output_tokens, usage.reasoning_tokens), (11, 5, 2));
    assert!(
        server.heard()[0].starts_with("POST /v1/models/gemini-flash-latest:streamGenerateContent?alt=sse")
    );

    let call = outcome.calls[0].clone();
    let returned =
        Returned { call_id: call.id.clone(), name: "add".into(), content: "done".into(), is_error: false };
    let mut next = (*request("add milk")).clone();
    next.messages.push(Message { role: Role::Bot, parts: vec![Part::Call(call)] });
    next.messages.push(Message { role: Role::Tool, parts: vec![Part::Returned(returned)] });
    let (outcome, server) =
        ask_one("gemini", vec![sse([gemini(json!([{"text": "Done."}]), Some("STOP"))])], Arc::new(next))
            .await;
    assert_eq!(outcome.text, "Done.");
    let heard = &server.heard()[0];
    assert!(heard.contains(r#""thoughtSignature":"c2ln""#), "{heard}");
    assert!(heard.contains(r#""functionResponse":{"name":"add""#), "{heard}");
}

#[tokio::test]
async fn gemini_that_breaks_off_is_no_answer() {
    let half = || sse([gemini(json!([{"text": "Half"}]), None)]);
    for reply in [half(), half().torn()] {
        let (outcome, _) = ask_one("gemini", vec![reply], request("Hi")).await;
        assert_eq!((outcome.text.as_str(), outcome.error), ("Half", Some(Error::truncated("gemini"))));
    }
    let (outcome, _) = ask_one(
        "gemini",
        vec![sse([gemini(json!([{"text": "Half"}]), None), "data: {oops\n\n".into()])],
        request("Hi"),
    )
    .await;
    assert!(matches!(outcome.error(), Error::Malformed { .. }));
}
