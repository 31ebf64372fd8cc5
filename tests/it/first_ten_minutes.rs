//! What a newcomer does in the first ten minutes, told as the stories that they are.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::CONTENT_TYPE;
use axum::routing::post;
use botwright::clock::ManualClock;
use chrono::TimeDelta;
use serde_json::{Value, json};

use crate::harness::api::{Api, shown};
use crate::harness::process::Place;
use crate::harness::world::{Bots, Plan, World, copy};

#[tokio::test(flavor = "multi_thread")]
async fn without_any_key_the_companion_remembers_and_says_where_it_knows_it_from() {
    let clock = ManualClock::at("2026-05-12T09:30:00Z".parse().unwrap());
    let plan = Plan { bots: Bots::Ours, clock: Some(clock.clone()), ..Plan::default() };
    let world = World::with(plan).await;
    let first = world.say("companion", "My sister Anna lives in Lviv.").await;
    assert!(first.contains("OPENAI_API_KEY"), "it says how to add a provider: {first}");
    for number in 0..60 {
        clock.advance(TimeDelta::minutes(30));
        world.say("companion", &format!("Today I walked {number} kilometres along the river.")).await;
    }
    world.indexed().await;
    let answer = world.say("companion", "Where does Anna live?").await;
    assert!(answer.contains("My sister Anna lives in Lviv."), "{answer}");
    assert!(answer.contains("12 May 2026"), "the date stands with it: {answer}");
    let unknown = world.say("companion", "Which violin did Paganini play in Genoa?").await;
    assert!(!unknown.contains("Lviv") && !unknown.contains("river"), "it does not guess: {unknown}");
    world.end().await;
}

/// What the provider was asked.
type Asked = Arc<Mutex<Vec<(HeaderMap, Value)>>>;

/// A provider that speaks as OpenAI does.
async fn provider(asked: Asked) -> String {
    async fn complete(
        State(asked): State<Asked>,
        headers: HeaderMap,
        body: axum::Json<Value>,
    ) -> impl axum::response::IntoResponse {
        asked.lock().unwrap().push((headers, body.0));
        let chunk = |delta: Value, finish: Value| {
            let choice = json!({ "index": 0, "delta": delta, "finish_reason": finish });
            let chunk = json!({ "id": "c1", "object": "chat.completion.chunk", "model": "gpt-5-mini", "choices": [choice] });
            format!("data: {chunk}\n\n")
        };
        let stream = [
            chunk(json!({ "role": "assistant", "content": "In Lviv, " }), Value::Null),
            chunk(json!({ "content": "as you said." }), Value::Null),
            chunk(json!({}), json!("stop")),
            "data: [DONE]\n\n".into(),
        ];
        ([(CONTENT_TYPE, "text/event-stream")], stream.concat())
    }
    let router = Router::new().route("/v1/chat/completions", post(complete)).with_state(asked);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}/v1")
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_the_same_bot_answers_through_the_provider() {
    let asked = Asked::default();
    let variables = vec![
        ("OPENAI_API_KEY".into(), "sk-test-0123456789".into()),
        ("OPENAI_BASE_URL".into(), provider(asked.clone()).await),
    ];
    let world = World::with(Plan { bots: Bots::Ours, variables, ..Plan::default() }).await;
    let answer = world.say("companion", "Where does Anna live?").await;
    assert_eq!(answer, "In Lviv, as you said.");
    let (headers, body) = asked.lock().unwrap().first().cloned().unwrap();
    assert_eq!(headers["authorization"], "Bearer sk-test-0123456789");
    assert_eq!(body["stream"], json!(true));
    let said = body["messages"].as_array().unwrap().last().unwrap();
    assert_eq!(said["content"], json!("Where does Anna live?"));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_finds_an_explorer_that_needs_nobody_else() {
    let world = World::begin().await;
    let (status, page) = world.api.get("/graphql", "text/html").await;
    assert_eq!(status, 200);
    assert!(!page.contains("src=\"http") && !page.contains("href=\"http"), "assets are our own: {page}");
    world.model_will_say("Hello yourself.");
    assert_eq!(world.say("parrot", "Hello").await, "Hello yourself.");
    assert_eq!(world.transcript("parrot").await, ["PERSON: Hello", "BOT: Hello yourself."]);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_started_again_knows_what_was_said() {
    let mut world = World::begin().await;
    world.model_will_say("I will keep that.");
    world.say("parrot", "The key is under the mat.").await;
    world.restart().await;
    world.model_will_say("Under the mat.");
    world.say("parrot", "Where is the key?").await;
    let heard = world.model_heard().last().unwrap().clone();
    let words: Vec<String> = heard.messages.iter().map(|message| format!("{:?}", message.parts)).collect();
    assert!(words[0].contains("under the mat"), "{words:?}");
    world.end().await;
}

/// A place with a copy of our own bots.
fn place_with_bots() -> Place {
    let place = Place::new();
    copy(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("bots"), &place.home.join("bots"));
    place
}

/// The operator's client of a server that runs at `place`.
fn client(place: &Place) -> Api {
    let made = place.run(&["token", "create", "--scopes", "chat,read"], "");
    assert_eq!(made.code, 0, "{}", made.talk);
    Api::new(place.url(), made.out.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_saved_is_live_and_a_typo_touches_nothing() {
    let place = place_with_bots();
    let server = place.start(&["up"]).await;
    server.will_say("community, companion, friend, lawyer, support, ux-advisor").await;
    let api = client(&place);
    let described = async || {
        let bot =
            api.ask("{ bot(name: \"companion\") { displayName revision { number } } }", json!({})).await;
        (bot["bot"]["displayName"].clone(), bot["bot"]["revision"]["number"].clone())
    };
    assert_eq!(described().await, (json!("Companion"), json!(1)));
    let file = place.home.join("bots/companion/bot.yaml");
    let text = std::fs::read_to_string(&file).unwrap();

    std::fs::write(&file, text.replace("displayName: Companion", "displayName: Old friend")).unwrap();
    server.will_say("generation 2").await;
    assert_eq!(described().await, (json!("Old friend"), json!(2)));

    std::fs::write(&file, text.replace("displayName:", "displayNam:")).unwrap();
    server.will_say("what ran before runs on").await;
    let said = server.said();
    assert!(said.contains("companion/bot.yaml:") && said.contains("did you mean `displayName`?"), "{said}");
    assert_eq!(described().await, (json!("Old friend"), json!(2)));

    std::fs::write(&file, text).unwrap();
    server.will_say("generation 3").await;
    assert_eq!(described().await.0, json!("Companion"));
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_that_a_kill_cut_off_is_completed_once() {
    let mut place = Place::new();
    place.write("bots/botwright.yaml", "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n");
    place.write(
        "bots/parrot/bot.yaml",
        "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n",
    );
    let line =
        r#"{"say": "one two three four five six seven eight nine ten", "delay_ms": 100, "keep": true}"#;
    let script = place.write("script.jsonl", line);
    place.variables.push(("SCRIPTED_FILE".into(), script.to_string_lossy().into_owned()));

    let server = place.start(&["up"]).await;
    let api = client(&place);
    let (turn, conversation) = api.send("parrot", "Count to ten.").await;
    let text = async || {
        let found = api.ask("query($id: ID!) { turn(id: $id) { text } }", json!({ "id": turn })).await;
        found["turn"]["text"].as_str().unwrap().to_owned()
    };
    while !text().await.contains("three") {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    server.kill();
    let server = place.start(&["up"]).await;
    let events = api.follow(&turn, 0).await;
    assert_eq!(shown(&events), "one two three four five six seven eight nine ten");
    let restarts = events.iter().filter(|event| event["__typename"] == "TurnRestarted").count();
    assert_eq!(restarts, 1, "{events:?}");
    let query = "query($id: ID!) { conversation(id: $id) { messages(first: 10) { nodes { role text } } } }";
    let found = api.ask(query, json!({ "id": conversation })).await;
    let messages = found["conversation"]["messages"]["nodes"].as_array().unwrap().clone();
    assert_eq!(messages.len(), 2, "the message and one reply: {messages:?}");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_up_on_one_folder_is_refused() {
    let place = place_with_bots();
    let server = place.start(&["up"]).await;
    let second = place.run(&["up"], "");
    assert_eq!(second.code, 1);
    assert!(second.talk.contains("another `botwright up`"), "{}", second.talk);
    assert_eq!(server.stop(), Some(0));
}
