//! Without `user`: the request is the whole history, and nothing is remembered but what it took.

use std::time::Duration;

use botwright::dialog::{Form, Role, ToolChoice};
use botwright::providers::scripted::{Line, ScriptedFinish};
use botwright::store::Conversation;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::openai::{Open, asked};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_in_openais_shape() {
    let open = Open::begin().await;
    open.talk.model_will([Line::say("Polly wants a cracker.")]);
    let (status, headers, answer) = open.client.post(asked(json!({ "say": "Hello" }))).await;
    assert_eq!(status, 200);
    assert!(headers.contains_key("x-request-id"));
    assert_eq!(headers["content-type"], "application/json");
    assert!(answer["id"].as_str().unwrap().starts_with("chatcmpl-"), "{answer}");
    assert!(answer["created"].as_i64().unwrap() > 1_700_000_000, "{answer}");
    let usage = &answer["usage"];
    let total = usage["prompt_tokens"].as_i64().unwrap() + usage["completion_tokens"].as_i64().unwrap();
    assert_eq!(usage["total_tokens"], total);
    assert_eq!(usage["prompt_tokens_details"]["cached_tokens"], 0);
    let message = json!({ "role": "assistant", "content": "Polly wants a cracker.", "refusal": null });
    let expected = json!({
        "id": answer["id"],
        "object": "chat.completion",
        "created": answer["created"],
        "model": "parrot",
        "system_fingerprint": "revision-1",
        "choices": [{ "index": 0, "message": message, "logprobs": null, "finish_reason": "stop" }],
        "usage": usage,
    });
    assert_eq!(answer, expected);
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_clients_history_stands_after_the_bots_own_words() {
    let bot = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted, temperature: 0.3}\npersona: You are a green parrot.\nrules: [Never bite.]\n";
    let open = Open::with(Vec::new(), bot).await;
    let messages = json!([
        { "role": "system", "content": "Answer in French." },
        { "role": "user", "content": "Who are you?" },
        { "role": "assistant", "content": "A parrot." },
        { "role": "developer", "content": [{ "type": "text", "text": "Be brief." }] },
        { "role": "user", "content": [{ "type": "text", "text": "And" }, { "type": "text", "text": "now?" }] },
    ]);
    open.client.ask(json!({ "messages": messages })).await;
    let heard = open.talk.providers.scripted().heard().remove(0);
    let places: Vec<usize> = ["You are a green parrot.", "Never bite.", "Answer in French.", "Be brief."]
        .map(|text| heard.system.find(text).unwrap_or_else(|| panic!("{text}: {}", heard.system)))
        .into();
    assert!(places.is_sorted(), "{}", heard.system);
    let roles: Vec<Role> = heard.messages.iter().map(|message| message.role).collect();
    assert_eq!(roles, [Role::Person, Role::Bot, Role::Person]);
    assert_eq!(heard.question, "And\nnow?");
    assert_eq!(heard.temperature, Some(0.3), "the bot's own");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_wishes_reaches_the_model() {
    let open = Open::begin().await;
    let schema = json!({ "type": "object", "properties": {} });
    let format =
        json!({ "type": "json_schema", "json_schema": { "name": "a", "schema": schema, "strict": true } });
    open.client
        .ask(json!({
            "say": "Hi", "temperature": 0.7, "top_p": 0.5, "max_tokens": 10, "max_completion_tokens": 20,
            "stop": "END", "seed": 7, "n": 1, "presence_penalty": 0.5, "frequency_penalty": 0,
            "response_format": format, "reasoning_effort": "low", "logprobs": false, "logit_bias": {},
            "metadata": { "a": "b" }, "service_tier": "auto", "store": false, "user": "me", "unheard_of": 1,
            "tools": null, "tool_choice": "none", "modalities": ["text"],
        }))
        .await;
    let heard = open.talk.providers.scripted().heard().remove(0);
    assert_eq!((heard.temperature, heard.max_output_tokens), (Some(0.7), Some(20)));
    let manner = &heard.manner;
    assert_eq!((manner.top_p, manner.seed, manner.presence_penalty), (Some(0.5), Some(7), Some(0.5)));
    assert_eq!(manner.frequency_penalty, None, "0 is what a model does anyway");
    assert_eq!((manner.stop.as_slice(), manner.effort.as_deref()), (&["END".to_owned()][..], Some("low")));
    assert_eq!(manner.tool_choice, ToolChoice::None);
    assert!(matches!(&manner.form, Form::Schema(form) if form.schema == schema && form.strict == Some(true)));
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_stored_but_what_it_took() {
    let open = Open::begin().await;
    for _ in 0..3 {
        open.client.ask(json!({ "say": "Remember this", "user": "me", "store": false })).await;
    }
    open.client.ask(json!({ "say": "And this" })).await;
    let used = open.usage(4).await;
    assert!(used.iter().all(|line| line.purpose == "request" && line.turn_id.is_none()), "{used:?}");
    assert!(
        used.iter().all(|line| line.input_tokens > 0 && line.output_tokens > 0 && line.model == "scripted")
    );
    let mut tx = open.talk.store.tenant(open.talk.actor.account).await.unwrap();
    let person = used[0].person_id.unwrap();
    assert!(Conversation::list_recent(&mut tx, person, None, None, 9).await.unwrap().is_empty());
    tx.commit().await.unwrap();
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_cuts_the_oldest_and_never_the_newest() {
    let bot = crate::openai::PARROT.replace("scripted", "scripted, contextBudget: 600");
    let open = Open::with(Vec::new(), &bot).await;
    let user = |text: String| json!({ "role": "user", "content": text });
    let old = user("word ".repeat(600));
    let messages = json!([old, { "role": "assistant", "content": "Yes." }, user("And now?".into())]);
    open.client.ask(json!({ "messages": messages })).await;
    let heard = open.talk.providers.scripted().heard().remove(0);
    assert_eq!(heard.messages.len(), 1, "{:?}", heard.messages);
    let (status, _, answer) =
        open.client.post(asked(json!({ "messages": [user("Hi".into()), user("word ".repeat(700))] }))).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("context_length_exceeded")), "{answer}");
    assert_eq!(answer["error"]["param"], "messages");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_was_cut_says_so() {
    let open = Open::begin().await;
    for (finish, reason) in [(ScriptedFinish::Length, "length"), (ScriptedFinish::Filtered, "content_filter")]
    {
        open.talk.model_will([Line { finish, ..Line::say("Once upon a") }]);
        let answer = open.client.ask(json!({ "say": "Tell" })).await;
        assert_eq!(answer["choices"][0]["finish_reason"], reason);
    }
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bots_of_the_account_are_the_models() {
    let open = Open::begin().await;
    open.talk.apply_bot("owl", &crate::openai::PARROT.replace("Parrot", "Owl")).await;
    let (status, list) = open.client.get("/models").await;
    assert_eq!((status, &list["object"]), (200, &json!("list")));
    let ids: Vec<&str> =
        list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["owl", "parrot"]);
    let (status, owl) = open.client.get("/models/owl").await;
    assert_eq!(status, 200);
    assert_eq!(
        (&owl["object"], &owl["owned_by"], &owl["name"]),
        (&json!("model"), &json!("default"), &json!("Owl"))
    );
    assert!(owl["created"].as_i64().unwrap() > 1_700_000_000);
    let (status, unknown) = open.client.get("/models/eagle").await;
    assert_eq!((status, &unknown["error"]["code"]), (404, &json!("model_not_found")));

    let stranger = open.client_in("elsewhere").await;
    assert_eq!(stranger.get("/models").await.1["data"], json!([]));
    let (status, _, answer) = stranger.post(asked(json!({ "say": "Hi" }))).await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("model_not_found")), "accounts are walls");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_state_of_a_bot_answers_at_once() {
    let open = Open::begin().await;
    assert_eq!(open.client.ask(json!({ "say": "Hi" })).await["system_fingerprint"], "revision-1");
    let louder = format!("{}persona: You shout.\n", crate::openai::PARROT);
    open.talk.change_bot(&louder).await;
    open.talk.chat.bots().list(open.talk.actor.account).await.unwrap();
    assert_eq!(open.client.ask(json!({ "say": "Hi" })).await["system_fingerprint"], "revision-2");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_up_stops_the_model_and_is_charged_for_what_was_said() {
    let open = Open::begin().await;
    let slow = || Line { delay_ms: 50, ..Line::say("word ".repeat(200)) };
    for is_streamed in [true, false] {
        open.talk.model_will([slow()]);
        open.hang_up(json!({ "say": "Talk", "stream": is_streamed })).await;
    }
    let since = Instant::now();
    let used = open.usage(2).await;
    assert!(since.elapsed() < Duration::from_secs(8), "it is known at once that nobody listens");
    assert!(used.iter().all(|line| (2..100).contains(&line.output_tokens)), "{used:?}");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_built_in_model_answers_from_the_history_that_it_is_given() {
    let open = Open::with(Vec::new(), &crate::openai::PARROT.replace("scripted", "offline")).await;
    let messages = json!([
        { "role": "user", "content": "My sister Anna lives in Lviv." },
        { "role": "assistant", "content": "Noted." },
        { "role": "user", "content": "Where does Anna live?" },
    ]);
    let answer: Value = open.client.ask(json!({ "messages": messages })).await;
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert!(text.contains("My sister Anna lives in Lviv."), "{text}");
    let (status, _, refused) =
        open.client.post(asked(json!({ "say": "Hi", "response_format": { "type": "json_object" } }))).await;
    assert_eq!((status, &refused["error"]["param"]), (400, &json!("response_format")), "{refused}");
    open.end().await;
}
