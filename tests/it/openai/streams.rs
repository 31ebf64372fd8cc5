//! Streamed answers, piece by piece.

use botwright::providers::scripted::Line;
use serde_json::{Value, json};

use crate::openai::{Open, asked, events, pieces};

#[tokio::test(flavor = "multi_thread")]
async fn the_pieces_have_openais_shape() {
    let open = Open::begin().await;
    open.talk.model_will([Line::say("One two")]);
    let events = open.client.stream(json!({ "say": "Count" })).await;
    let (pieces, text) = pieces(&events);
    assert_eq!(text, "One two");
    let head = |piece: &Value| {
        json!({
            "id": pieces[0]["id"], "object": "chat.completion.chunk", "created": pieces[0]["created"],
            "model": "parrot", "system_fingerprint": "revision-1", "choices": piece,
        })
    };
    let choice = |delta: Value, reason: Value| json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason }]);
    let expected = [
        choice(json!({ "role": "assistant", "content": "", "refusal": null }), Value::Null),
        choice(json!({ "content": "One " }), Value::Null),
        choice(json!({ "content": "two" }), Value::Null),
        choice(json!({}), json!("stop")),
    ];
    assert_eq!(pieces, expected.iter().map(head).collect::<Vec<_>>());
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_piece_tells_what_it_took_where_that_is_wanted() {
    let open = Open::begin().await;
    open.talk.model_will([Line::say("One two")]);
    let events =
        open.client.stream(json!({ "say": "Count", "stream_options": { "include_usage": true } })).await;
    let (pieces, _) = pieces(&events);
    let (last, others) = pieces.split_last().unwrap();
    assert!(others.iter().all(|piece| piece.get("usage") == Some(&Value::Null)), "{others:?}");
    assert_eq!(last["choices"], json!([]));
    assert_eq!(last["usage"]["completion_tokens"], 2);
    assert!(last["usage"]["prompt_tokens"].as_i64().unwrap() > 0);
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_breaks_off_ends_in_an_error_and_not_as_if_it_were_whole() {
    let open = Open::begin().await;
    open.talk.model_will([Line { truncate_after: Some(2), ..Line::say("One two three") }]);
    let events = open.client.stream(json!({ "say": "Count" })).await;
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["type"], "server_error", "{last}");
    assert_eq!(last["error"]["code"], "model_broke_off");
    assert!(!events.iter().any(|event| event == "[DONE]"));
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_before_the_first_word_has_a_status_of_its_own() {
    let open = Open::begin().await;
    open.talk.model_will([Line::fail(400)]);
    let (status, headers, answer) = open.client.post(asked(json!({ "say": "Hi", "stream": true }))).await;
    assert_eq!((status, &answer["error"]["code"]), (502, &json!("model_refused")), "{answer}");
    assert_eq!(headers["x-should-retry"], "false");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_thinks_for_long_keeps_the_line_alive() {
    let open = Open::begin().await;
    open.talk.model_will([Line { first_ms: 16_000, ..Line::say("At last") }]);
    let answer = open.client.request(&asked(json!({ "say": "Hi", "stream": true }))).send().await.unwrap();
    let text = answer.text().await.unwrap();
    assert!(text.contains("\n\n: still thinking\n\n"), "{text}");
    assert_eq!(pieces(&events(&text)).1, "At last");
    open.end().await;
}
