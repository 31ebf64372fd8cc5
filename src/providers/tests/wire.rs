//! OpenAI's chat completions, byte for byte.

use super::*;

#[tokio::test]
async fn a_good_stream() {
    let usage = json!({"prompt_tokens": 120, "completion_tokens": 30, "total_tokens": 155,
        "prompt_tokens_details": {"cached_tokens": 96}, "completion_tokens_details": {"reasoning_tokens": 5}});
    let (outcome, server) = ask_openai(vec![sse([
        ": keep-alive\n\n".into(),
        text("Hello "),
        text("there"),
        stop(),
        chunk(&json!({"choices": [], "usage": usage})),
        done(),
    ])])
    .await;
    assert_eq!(outcome.text, "Hello there");
    let (finish, usage, model) = outcome.done.unwrap();
    assert_eq!(finish, Finish::Stop);
    // The total says that the completion leaves the reasoning out.
    assert_eq!(usage, Usage { input_tokens: 120, cached_tokens: 96, output_tokens: 35, reasoning_tokens: 5 });
    assert_eq!(model, "openai/gpt-5-mini");
    let heard = server.heard();
    assert!(heard[0].starts_with("POST /v1/chat/completions HTTP/1.1"), "{}", heard[0]);
    assert!(heard[0].contains(&format!("authorization: Bearer {KEY}")));
    assert!(heard[0].contains("\"include_usage\":true"));
}

#[tokio::test]
async fn a_missing_usage_is_counted() {
    let (outcome, _) = ask_openai(vec![good("Hello there")]).await;
    let usage = outcome.done.unwrap().1;
    assert_eq!((usage.input_tokens, usage.output_tokens), (8, 2));
}

#[tokio::test]
async fn tool_calls_in_pieces_and_without_an_index() {
    let piece = |call: serde_json::Value| chunk(&json!({"choices": [{"delta": {"tool_calls": [call]}}]}));
    let (outcome, _) = ask_openai(vec![sse([
        text("I add it."),
        piece(
            json!({"index": 0, "id": "a", "type": "function", "function": {"name": "add", "arguments": ""}}),
        ),
        piece(json!({"index": 0, "function": {"arguments": "{\"item\":"}})),
        piece(json!({"index": 1, "id": "b", "function": {"name": "list", "arguments": ""}})),
        piece(json!({"index": 0, "function": {"arguments": "\"milk\"}"}})),
        piece(json!({"id": "c", "function": {"name": "odd", "arguments": "{oops"}})),
        chunk(&json!({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})),
        done(),
    ])])
    .await;
    assert_eq!(outcome.finish(), Finish::ToolCalls);
    let calls: Vec<_> =
        outcome.calls.iter().map(|call| (call.id.as_str(), call.name.as_str(), &call.arguments)).collect();
    assert_eq!(
        calls,
        [("a", "add", &json!({"item": "milk"})), ("b", "list", &json!({})), ("c", "odd", &json!("{oops"))]
    );
}

#[tokio::test]
async fn a_wrong_key_is_not_tried_twice_and_is_not_shown() {
    let body = json!({"error": {"message": format!("Incorrect API key provided: {KEY}"), "code": "invalid_api_key"}});
    for status in ["401 Unauthorized", "400 Bad Request", "403 Forbidden", "404 Not Found"] {
        let (outcome, server) =
            ask_openai(vec![Reply::status(status, &[], &body.to_string()), good("never")]).await;
        let error = outcome.error();
        assert!(matches!(error, Error::Refused { .. }), "{error:?}");
        assert!(!format!("{error} {error:?}").contains(&KEY[..12]), "{error:?}");
        assert_eq!(server.heard().len(), 1);
    }
}

#[tokio::test]
async fn a_prompt_that_is_too_long_says_so() {
    let body =
        json!({"error": {"message": "maximum context length is 8", "code": "context_length_exceeded"}});
    let (outcome, _) = ask_openai(vec![Reply::status("400 Bad Request", &[], &body.to_string())]).await;
    assert!(matches!(outcome.error(), Error::TooLong { .. }));
}

#[tokio::test]
async fn what_a_model_refuses_is_left_out_from_then_on() {
    let body = json!({"error": {"message": "Unsupported value: 'temperature' does not support 0.4 with this model."}});
    let server =
        Server::start(vec![Reply::status("400 Bad Request", &[], &body.to_string()), good("a"), good("b")])
            .await;
    let providers = Providers::new(settings(vec![endpoint("openai", server.url())])).unwrap();
    let warm = Arc::new(Request { temperature: Some(0.4), ..(*request("Hi")).clone() });
    assert_eq!(ask(&providers, "openai/gpt-5-mini", &[], warm.clone()).await.text, "a");
    assert_eq!(ask(&providers, "openai/gpt-5-mini", &[], warm).await.text, "b");
    let warm: Vec<bool> = server.heard().iter().map(|heard| heard.contains("\"temperature\"")).collect();
    assert_eq!(warm, [true, false, false]);
}

#[tokio::test]
async fn a_cut_before_the_first_word_is_tried_again_and_after_it_is_an_error() {
    for cut in [sse([]), sse([": hi\n\n".into()]), sse([stop()[..20].into()]), Reply::hang_up()] {
        let (outcome, _) = ask_openai(vec![cut, good("whole")]).await;
        assert_eq!(outcome.text, "whole");
    }
    let cuts = [
        sse([text("Half")]),
        sse([text("Half"), text("of it")[..30].into()]),
        sse([text("Half"), done()]),
        sse([text("Half")]).torn(),
    ];
    for cut in cuts {
        let (outcome, server) = ask_openai(vec![cut, good("whole")]).await;
        assert_eq!(outcome.text, "Half");
        assert!(matches!(outcome.error(), Error::Truncated { .. }));
        assert_eq!(server.heard().len(), 1);
    }
}

#[tokio::test]
async fn what_comes_after_the_reason_to_stop_cannot_spoil_the_answer() {
    for end in
        [sse([text("All"), stop()]), sse([text("All"), stop()]).torn(), sse([text("All"), stop()]).hanging()]
    {
        let (outcome, _) = ask_impatiently("openai", vec![end]).await;
        assert_eq!((outcome.text.as_str(), outcome.finish()), ("All", Finish::Stop));
    }
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error() {
    for bad in [
        "data: {\"choices\": [\n\n",
        "data: oops\n\n",
        "data: [1]\n\n",
        "data: \"x\"\n\n",
        "data: \u{fffd}{}}\n\n",
    ] {
        let (outcome, _) =
            ask_openai(vec![sse([text("Half"), bad.into(), text("rest"), stop(), done()])]).await;
        assert_eq!(outcome.text, "Half", "{bad}");
        assert!(matches!(outcome.error(), Error::Malformed { .. }), "{bad}");
    }
    let garbage = || Reply::status("200 OK", &[("content-type", "text/html")], "<html>captive portal</html>");
    let (outcome, server) = ask_openai(vec![garbage(), garbage(), garbage()]).await;
    assert!(matches!(outcome.error(), Error::Malformed { .. }));
    assert_eq!(server.heard().len(), 3);
    let json = || Reply::status("200 OK", &[("content-type", "application/json")], r#"{"hello": 1}"#);
    let (outcome, _) = ask_openai(vec![json(), json(), json()]).await;
    assert!(matches!(outcome.error(), Error::Malformed { .. }));
}

#[tokio::test]
async fn an_error_in_the_stream_is_an_error() {
    let event = chunk(&json!({"error": {"message": "overloaded", "code": 503}, "choices": []}));
    let (outcome, _) = ask_openai(vec![sse([text("Half"), event.clone()])]).await;
    assert!(matches!(outcome.error(), Error::Unavailable { .. }));
    let (outcome, _) = ask_openai(vec![sse([event]), good("ok")]).await;
    assert_eq!(outcome.text, "ok");
    let null =
        chunk(&json!({"error": null, "choices": [{"delta": {"content": "fine"}, "finish_reason": "stop"}]}));
    let (outcome, _) = ask_openai(vec![sse([null, done()])]).await;
    assert_eq!(outcome.text, "fine");
}

#[tokio::test]
async fn an_answer_that_is_not_streamed_is_read_whole() {
    let body = json!({"choices": [{"message": {"content": "whole"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3, "completion_tokens": 1}});
    let (outcome, _) =
        ask_openai(vec![Reply::status("200 OK", &[("content-type", "application/json")], &body.to_string())])
            .await;
    assert_eq!(outcome.text, "whole");
    assert_eq!(outcome.done.unwrap().1.input_tokens, 3);
}
