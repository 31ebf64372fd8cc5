//! With `user`: a conversation that lasts, of that person and nobody else.

use std::time::Duration;

use botwright::dialog::{Form, Role};
use botwright::providers::scripted::{Fail, Line, ScriptedFinish};
use botwright::store::{Turn, TurnState};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::openai::{Open, asked, pieces};

fn weather() -> Value {
    json!([{ "type": "function", "function": { "name": "weather" } }])
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bot_remembers_and_takes_only_the_last_words() {
    let open = Open::begin().await;
    open.talk.model_will([Line::say("Hello Ann."), Line::say("Lviv.")]);
    assert_eq!(open.client.text(json!({ "say": "I live in Lviv.", "user": "ann" })).await, "Hello Ann.");
    let messages = json!([
        { "role": "user", "content": "Something that nobody said here" },
        { "role": "assistant", "content": "And nobody answered" },
        { "role": "user", "content": "Where do I live?" },
    ]);
    let answer = open.client.ask(json!({ "messages": messages, "user": "ann" })).await;
    assert_eq!(answer["choices"][0]["message"]["content"], "Lviv.");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert!(answer["usage"]["prompt_tokens"].as_i64().unwrap() > 0, "{answer}");
    let expected = ["person: I live in Lviv.", "bot: Hello Ann.", "person: Where do I live?", "bot: Lviv."];
    assert_eq!(open.transcript("ann").await, expected);
    let heard = open.talk.providers.scripted().heard().remove(1);
    assert!(heard.system.contains("talking with ann"), "{}", heard.system);
    let texts = format!("{:?}", heard.messages);
    assert!(texts.contains("I live in Lviv.") && !texts.contains("nobody"), "{texts}");
    assert_eq!(open.conversation("ann").await.unwrap().channel, "openai");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_hears_what_another_said() {
    let open = Open::begin().await;
    let (other_app, other_account) =
        (open.client("other-app", "chat").await, open.client_in("elsewhere").await);
    open.client.ask(json!({ "say": "The code is 1234.", "user": "ann" })).await;
    open.client.ask(json!({ "say": "What is the code?", "user": "bob" })).await;
    other_app.ask(json!({ "say": "What is the code?", "user": "ann" })).await;
    for heard in open.talk.providers.scripted().heard().iter().skip(1) {
        assert!(!format!("{heard:?}").contains("1234"), "{heard:?}");
    }
    let (status, _, answer) = other_account.post(asked(json!({ "say": "Code?", "user": "ann" }))).await;
    assert_eq!((status, &answer["error"]["code"]), (404, &json!("model_not_found")));
    assert_eq!(open.transcript("ann").await.len(), 2);
    assert_eq!(open.transcript("bob").await.len(), 2);
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wishes_reach_the_model_through_the_queue_and_are_forgotten() {
    let open = Open::begin().await;
    open.talk.model_will([Line { finish: ScriptedFinish::Length, ..Line::say("{\"a\":") }]);
    let messages = json!([
        { "role": "system", "content": "Answer in French." },
        { "role": "user", "content": "Hi" },
    ]);
    let answer = open
        .client
        .ask(json!({
            "messages": messages, "user": "ann", "temperature": 0.1, "max_tokens": 3, "seed": 7,
            "response_format": { "type": "json_object" },
        }))
        .await;
    assert_eq!(answer["choices"][0]["finish_reason"], "length");
    let heard = open.talk.providers.scripted().heard().remove(0);
    assert!(heard.system.contains("Answer in French."), "{}", heard.system);
    assert_eq!((heard.temperature, heard.max_output_tokens), (Some(0.1), Some(3)));
    assert_eq!((heard.manner.seed, &heard.manner.form), (Some(7), &Form::Json));
    let conversation = open.conversation("ann").await.unwrap();
    let mut tx = open.talk.store.tenant(conversation.account_id).await.unwrap();
    let turn = Turn::find_newest(&mut tx, conversation.id).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!((turn.state, turn.wishes), (TurnState::Completed, None));
    assert_eq!(open.transcript("ann").await, ["person: Hi", "bot: {\"a\":"]);
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lasting_answer_streams_like_any_other() {
    let open = Open::begin().await;
    open.talk.model_will([Line { delay_ms: 60, ..Line::say("One two three four") }]);
    let fields = json!({ "say": "Count", "user": "ann", "stream_options": { "include_usage": true } });
    let (pieces, text) = pieces(&open.client.stream(fields).await);
    assert_eq!(text, "One two three four");
    assert!(pieces.len() > 4, "it came in pieces: {pieces:?}");
    assert_eq!(pieces[0]["choices"][0]["delta"]["role"], "assistant");
    assert_eq!(pieces[pieces.len() - 2]["choices"][0]["finish_reason"], "stop");
    assert_eq!(pieces.last().unwrap()["usage"]["completion_tokens"], 4);
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_becomes_another_after_it_was_sent_ends_in_an_error() {
    let open = Open::begin().await;
    let broken = Line { truncate_after: Some(3), delay_ms: 60, ..Line::say("One two three four") };
    open.talk.model_will([broken.clone(), Line::say("Five six seven")]);
    let events = open.client.stream(json!({ "say": "Count", "user": "ann" })).await;
    let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "answer_restarted", "{last}");
    assert!(!events.iter().any(|event| event == "[DONE]"));

    open.talk.model_will([broken, Line::say("One two three four five")]);
    let (_, text) = pieces(&open.client.stream(json!({ "say": "Again", "user": "bob" })).await);
    assert_eq!(text, "One two three four five", "it said the same and went on");
    let mut kept = Vec::new();
    for _ in 0..100 {
        kept = open.transcript("ann").await;
        if kept.len() == 2 {
            break;
        }
        sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(kept, ["person: Count", "bot: Five six seven"], "the answer was kept all the same");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_with_the_same_key_has_one_effect_and_the_same_answer() {
    let open = Open::begin().await;
    open.talk.model_will([Line { first_ms: 200, ..Line::say("Once.") }]);
    let body = || asked(json!({ "say": "Only once", "user": "ann" }));
    let all = futures_util::future::join_all((0..10).map(|_| open.client.post_once("k", body()))).await;
    for (status, _, answer) in all {
        assert_eq!((status, &answer["choices"][0]["message"]["content"]), (200, &json!("Once.")));
    }
    let (_, _, later) = open.client.post_once("k", body()).await;
    assert_eq!(later["choices"][0]["message"]["content"], "Once.");
    assert_eq!(open.transcript("ann").await, ["person: Only once", "bot: Once."]);
    let other = asked(json!({ "say": "Something else", "user": "ann" }));
    let (status, _, answer) = open.client.post_once("k", other).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("idempotency_key_reused")), "{answer}");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_up_cancels_the_turn_unless_they_may_come_back() {
    let open = Open::begin().await;
    let slow = |words| Line { delay_ms: 50, ..Line::say("word ".repeat(words)) };
    for is_streamed in [true, false] {
        open.talk.model_will([slow(200)]);
        let user = format!("ann-{is_streamed}");
        open.hang_up(json!({ "say": "Talk", "user": user, "stream": is_streamed })).await;
        let conversation = open.conversation(&user).await.unwrap();
        let mut state = TurnState::Running;
        for _ in 0..100 {
            let mut tx = open.talk.store.tenant(conversation.account_id).await.unwrap();
            state = Turn::find_newest(&mut tx, conversation.id).await.unwrap().unwrap().state;
            tx.commit().await.unwrap();
            if state.is_terminal() {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(state, TurnState::Cancelled, "long before its ten seconds are over");
    }
    open.talk.model_will([slow(40)]);
    let body = asked(json!({ "say": "Talk", "user": "bob" }));
    let gone = timeout(Duration::from_millis(300), open.client.post_once("k", body.clone()));
    assert!(gone.await.is_err());
    let (status, _, answer) = open.client.post_once("k", body).await;
    let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
    assert_eq!((status, text.split(' ').filter(|word| *word == "word").count()), (200, 40), "{answer}");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_turn_is_not_asked_again_by_itself() {
    let open = Open::begin().await;
    open.talk.model_will([Line {
        fail: Some(Fail { status: 400, message: None, retry_after: None }),
        ..Line::default()
    }]);
    let (status, headers, answer) = open.client.post(asked(json!({ "say": "Hi", "user": "ann" }))).await;
    assert_eq!((status, &answer["error"]["code"]), (502, &json!("model_refused")), "{answer}");
    assert_eq!(headers["x-should-retry"], "false");
    let (status, _, answer) =
        open.client.post(asked(json!({ "say": "word ".repeat(300_000), "user": "ann" }))).await;
    assert_eq!((status, &answer["error"]["type"]), (400, &json!("invalid_request_error")), "{answer}");
    let (status, _, answer) = open.client.post(asked(json!({ "say": " ", "user": "ann" }))).await;
    assert_eq!((status, &answer["error"]["param"]), (400, &json!("messages")), "{answer}");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tools_the_words_and_the_final_reply_are_kept_once() {
    let open = Open::begin().await;
    open.client.ask(json!({ "say": "I live in Lviv.", "user": "ann" })).await;
    open.talk.model_will([Line::call("weather", json!({})), Line::say("It rains.")]);
    let first = json!({ "role": "user", "content": "How is the weather?" });
    let answer = open.client.ask(json!({ "messages": [first], "user": "ann", "tools": weather() })).await;
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    assert_eq!(open.transcript("ann").await.len(), 2, "nothing is kept while tools are being called");
    let result = json!({ "role": "tool", "tool_call_id": "call_1", "content": "rain" });
    let messages = json!([first, answer["choices"][0]["message"], result]);
    let body = || asked(json!({ "messages": messages, "user": "ann", "tools": weather() }));
    let (status, _, last) = open.client.post_once("k", body()).await;
    assert_eq!((status, &last["choices"][0]["message"]["content"]), (200, &json!("It rains.")), "{last}");
    let (_, _, again) = open.client.post_once("k", body()).await;
    assert_eq!(again["choices"][0]["message"]["content"], "It rains.", "as it was stored");
    let kept = open.transcript("ann").await;
    assert_eq!(kept[2..], ["person: How is the weather?", "bot: It rains."]);
    let heard = open.talk.providers.scripted().heard();
    assert_eq!(heard.len(), 3, "the repetition asked no model");
    let roles: Vec<Role> = heard[2].messages.iter().map(|message| message.role).collect();
    assert_eq!(
        roles,
        [Role::Person, Role::Bot, Role::Person, Role::Bot, Role::Tool],
        "memory, then the exchange"
    );
    open.talk.model_will([Line::say("Yes, it did.")]);
    let next = open.client.text(json!({ "say": "Did it rain?", "user": "ann" })).await;
    assert_eq!(next, "Yes, it did.");
    assert!(format!("{:?}", open.talk.providers.scripted().heard()[3].messages).contains("It rains."));
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_do_not_fit_are_read_by_passages_with_tools_and_without() {
    let open = Open::begin().await;
    let filler = "All of it is told at length and nothing of it matters much.\n\n".repeat(2_000);
    let words = format!("Where is the walrus?\n\n{filler}The walrus hides in the bathtub.\n\n{filler}");
    for (user, tools) in [("ann", json!([])), ("bob", weather())] {
        open.talk.model_will([Line::say("In the bathtub.")]);
        let mut body = json!({ "say": words, "user": user });
        if tools != json!([]) {
            body["tools"] = tools;
        }
        let answer = open.client.ask(body).await;
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        assert!(
            text.starts_with("(What you sent is too long") && text.ends_with("\n\nIn the bathtub."),
            "{text}"
        );
        let heard = open.talk.providers.scripted().heard().last().unwrap().clone();
        assert!(heard.system.contains("The walrus hides in the bathtub."), "{}", heard.system);
        assert_eq!(open.transcript(user).await[0].len(), "person: ".len() + words.len());
        open.talk.model_will([Line::say("Still there.")]);
        let next = open.client.text(json!({ "say": "And now?", "user": user })).await;
        assert_eq!(next, "Still there.");
        let heard = open.talk.providers.scripted().heard().last().unwrap().clone();
        let shown = format!("{:?}", heard.messages);
        assert!(shown.contains("It became the document") && shown.len() < 4_000, "{shown}");
    }
    open.end().await;
}
