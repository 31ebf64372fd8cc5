//! What is refused, and how: OpenAI's shape, the right status, the name of what is wrong.

use botwright::providers::scripted::{Fail, Line};
use serde_json::{Value, json};

use crate::openai::{Open, asked};

fn shape(answer: &Value) -> (&str, Value, Value) {
    let error = answer["error"].as_object().unwrap_or_else(|| panic!("{answer}"));
    let keys: Vec<&str> = error.keys().map(String::as_str).collect();
    assert_eq!(keys, ["message", "type", "param", "code"]);
    assert!(error["message"].as_str().unwrap().len() > 10, "{answer}");
    (error["type"].as_str().unwrap(), error["param"].clone(), error["code"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_ask_hears_why() {
    let open = Open::begin().await;
    let mut client = open.client.clone();
    for token in ["bw_nobody", "sk-something-of-openai"] {
        client.token = token.into();
        let (status, headers, answer) = client.post(asked(json!({ "say": "Hi" }))).await;
        assert_eq!((status, headers["www-authenticate"].to_str().unwrap()), (401, "Bearer"));
        assert_eq!(shape(&answer), ("invalid_request_error", Value::Null, json!("invalid_api_key")));
    }
    let anonymous = open.client.http.get(format!("{}/models", open.client.url)).send().await.unwrap();
    assert_eq!(anonymous.status().as_u16(), 401);
    let reader = open.client("reader", "read").await;
    let (status, _, answer) = reader.post(asked(json!({ "say": "Hi" }))).await;
    assert_eq!((status, shape(&answer).2), (403, json!("insufficient_permissions")));
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    let open = Open::begin().await;
    let user = json!({ "role": "user", "content": "Hi" });
    let call = json!({ "id": "1", "type": "function", "function": { "name": "look", "arguments": "{}" } });
    let calls = json!({ "role": "assistant", "content": null, "tool_calls": [call] });
    let tool = json!({ "type": "function", "function": { "name": "look" } });
    let image = json!([{ "type": "image_url", "image_url": { "url": "https://example.com/a.png" } }]);
    for (fields, param) in [
        (json!({ "model": "", "say": "Hi" }), "model"),
        (json!({}), "messages"),
        (json!({ "messages": [] }), "messages"),
        (json!({ "messages": "Hi" }), "messages"),
        (json!({ "messages": [{ "role": "system", "content": "Hi" }] }), "messages"),
        (json!({ "messages": [user, { "role": "assistant", "content": "Yes?" }] }), "messages[1]"),
        (json!({ "messages": ["Hi"] }), "messages[0]"),
        (json!({ "messages": [{ "role": "parrot", "content": "Hi" }] }), "messages[0].role"),
        (json!({ "messages": [{ "role": "function", "content": "Hi" }] }), "messages[0].role"),
        (json!({ "messages": [{ "role": "user" }] }), "messages[0].content"),
        (
            json!({ "messages": [{ "role": "user", "content": image }] }),
            "messages[0].content[0].image_url.url",
        ),
        (json!({ "messages": [user, calls] }), "messages[1]"),
        (json!({ "messages": [user, calls, user] }), "messages[2].role"),
        (
            json!({ "messages": [user, { "role": "tool", "tool_call_id": "1", "content": "a" }] }),
            "messages[1].tool_call_id",
        ),
        (json!({ "say": "Hi", "n": 2 }), "n"),
        (json!({ "say": "Hi", "temperature": 3 }), "temperature"),
        (json!({ "say": "Hi", "temperature": "hot" }), "temperature"),
        (json!({ "say": "Hi", "max_tokens": 0 }), "max_tokens"),
        (json!({ "say": "Hi", "logprobs": true }), "logprobs"),
        (json!({ "say": "Hi", "top_logprobs": 2 }), "top_logprobs"),
        (json!({ "say": "Hi", "logit_bias": { "50256": -100 } }), "logit_bias"),
        (json!({ "say": "Hi", "stop": ["a", "b", "c", "d", "e"] }), "stop"),
        (json!({ "say": "Hi", "stop": "" }), "stop"),
        (json!({ "say": "Hi", "functions": [{ "name": "a" }] }), "functions"),
        (json!({ "say": "Hi", "audio": { "voice": "alloy" } }), "audio"),
        (json!({ "say": "Hi", "modalities": ["text", "audio"] }), "modalities"),
        (json!({ "say": "Hi", "response_format": { "type": "xml" } }), "response_format.type"),
        (json!({ "say": "Hi", "response_format": { "type": "json_schema" } }), "response_format.json_schema"),
        (json!({ "say": "Hi", "stream_options": { "include_usage": true } }), "stream_options"),
        (json!({ "say": "Hi", "tools": [{ "type": "web_search" }] }), "tools[0].type"),
        (json!({ "say": "Hi", "tools": [tool, tool] }), "tools[1].function.name"),
        (json!({ "say": "Hi", "tool_choice": "required" }), "tool_choice"),
        (json!({ "say": "Hi", "user": "" }), "user"),
        (json!({ "say": "Hi", "user": 7 }), "user"),
        (json!({ "say": "Hi", "stream": "yes" }), "stream"),
    ] {
        let (status, _, answer) = open.client.post(asked(fields.clone())).await;
        assert_eq!(status, 400, "{fields}: {answer}");
        let (kind, found, _) = shape(&answer);
        assert_eq!((kind, found), ("invalid_request_error", json!(param)), "{fields}: {answer}");
    }
    assert!(open.talk.providers.scripted().heard().is_empty(), "no model was asked");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused() {
    let open = Open::begin().await;
    let url = format!("{}/chat/completions", open.client.url);
    let post = |body: String| open.client.http.post(&url).bearer_auth(&open.client.token).body(body);
    for body in ["", "{", "[]", "\"Hi\""] {
        let answer = post(body.into()).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 400, "{body:?}");
        shape(&answer.json().await.unwrap());
    }
    let answer = post(" ".repeat(9 * 1024 * 1024)).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 413);
    assert_eq!(shape(&answer.json().await.unwrap()).2, "request_too_large");
    let answer = open.client.http.get(&url).bearer_auth(&open.client.token).send().await.unwrap();
    assert_eq!((answer.status().as_u16(), answer.headers()["allow"].to_str().unwrap()), (405, "POST"));
    shape(&answer.json().await.unwrap());
    let (status, answer) = open.client.get("/embeddings").await;
    assert_eq!((status, shape(&answer).2), (404, json!("unknown_url")));
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_models_trouble_has_the_status_that_clients_act_upon() {
    let open = Open::begin().await;
    let fail = |status, retry_after| Line {
        fail: Some(Fail { status, message: None, retry_after }),
        ..Line::default()
    };
    let busy = || fail(429, Some(30.0));
    open.talk.model_will([busy()]);
    let (status, headers, answer) = open.client.post(asked(json!({ "say": "Hi" }))).await;
    assert_eq!((status, headers["retry-after"].to_str().unwrap()), (429, "30"), "{answer}");
    assert_eq!(shape(&answer), ("rate_limit_error", Value::Null, json!("rate_limit_exceeded")));
    open.talk.model_will([fail(503, None), fail(503, None), fail(503, None)]);
    let (status, headers, answer) = open.client.post(asked(json!({ "say": "Hi" }))).await;
    assert_eq!((status, shape(&answer).2), (503, json!("model_unavailable")), "{answer}");
    assert!(headers.contains_key("retry-after"));
    open.end().await;
}
