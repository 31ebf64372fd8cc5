//! The API through its front door: what an app does, what it must not be able to do, and what it is told.

mod changes;
mod config;
mod oversight;
mod files;
mod once;
mod pictures;
mod reading;
mod remembered;
mod revising;
mod statements;

use std::time::Duration;

use botwright::graphql::Settings;
use botwright::providers::scripted::Line;
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::harness::cluster::Database;
use crate::harness::door::{Client, Door};
use crate::harness::talk::Talk;

const TURN_EVENTS: &str = "subscription Events($turn: ID!, $after: Int = 0) {
    turnEvents(turnId: $turn, after: $after) {
        __typename turnId seq
        ... on TurnTextDelta { fromSeq text }
        ... on TurnCompleted { reply { id text ordinal turn { id } } }
        ... on TurnFailed { code message retryable }
    } }";

struct Story {
    // Before the database, which it uses.
    door: Door,
    talk: Talk,
    database: Database,
}

impl Story {
    async fn begin() -> Self {
        let database = Database::new();
        let talk = Talk::begin(&database).await;
        let door = Door::open(&talk).await;
        Self { door, talk, database }
    }

    /// The same, for pages of these origins too.
    async fn begin_for(origins: &[&str]) -> Self {
        let database = Database::new();
        let talk = Talk::begin(&database).await;
        let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
        let door = Door::open_with(&talk, Settings { origins, ..Settings::default() }).await;
        Self { door, talk, database }
    }

    async fn client(&self, person: &str) -> Client {
        self.door.client(&self.talk, person, "chat,read").await
    }

    fn model_will(&self, line: Line) {
        self.talk.model_will([line]);
    }

    async fn end(self) {
        self.talk.end().await;
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("{value} is no text")).to_owned()
}

fn shown(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["text"].as_str()).collect()
}

/// Waits for the end of a turn.
async fn finished(client: &Client, turn: &str) -> Value {
    let query = "query Turn($id: ID!) { turn(id: $id) { state isTerminal text lastSeq reply { text } } }";
    for _ in 0..300 {
        let turn = client.ask(query, json!({ "id": turn })).await["turn"].take();
        if turn["isTerminal"] == true {
            return turn;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the turn does not end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_followed_and_read() {
    let story = Story::begin().await;
    story.model_will(Line { delay_ms: 40, ..Line::say("Pancakes need two eggs and some milk.") });
    let ann = story.client("ann").await;
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "How many eggs?"})).await;
    assert_eq!(
        (&said["replayed"], &said["userErrors"], &said["message"]["ordinal"]),
        (&json!(false), &json!([]), &json!(1))
    );
    let turn = text(&said["turn"]["id"]);

    let mut socket = ann.socket().await;
    socket.subscribe("t", TURN_EVENTS, json!({ "turn": turn })).await;
    let events = socket.events("t").await;
    assert!(events.len() > 2, "it streamed: {events:?}");
    assert_eq!(shown(&events), "Pancakes need two eggs and some milk.");
    let last = events.last().unwrap();
    assert_eq!((&last["__typename"], &last["reply"]["turn"]["id"]), (&json!("TurnCompleted"), &json!(turn)));
    assert_eq!(last["reply"]["ordinal"], 2);

    // Whoever comes back goes on from where it was, and misses nothing.
    let place = &events[0]["seq"];
    socket.subscribe("t", TURN_EVENTS, json!({ "turn": turn, "after": place })).await;
    let rest = socket.events("t").await;
    assert_eq!(shown(&events[..1]) + &shown(&rest), "Pancakes need two eggs and some milk.");
    assert_eq!(rest[0]["fromSeq"].as_i64(), place.as_i64().map(|seq| seq + 1));
    // And who has heard all of it hears that it is over.
    socket.subscribe("t", TURN_EVENTS, json!({ "turn": turn, "after": last["seq"] })).await;
    assert_eq!(socket.events("t").await, Vec::<Value>::new());

    let turn = finished(&ann, &turn).await;
    assert_eq!((&turn["state"], &turn["lastSeq"]), (&json!("COMPLETED"), &last["seq"]));
    assert_eq!((&turn["text"], &turn["reply"]["text"]), (&last["reply"]["text"], &last["reply"]["text"]));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_tells_what_it_heard_and_what_it_took() {
    let story = Story::begin().await;
    story.model_will(Line::say("Hello, Ann."));
    let ann = story.client("ann").await;
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "Hello!"})).await;
    let id = text(&said["turn"]["id"]);
    finished(&ann, &id).await;
    let query = "query Turn($id: ID!) { turn(id: $id) {
        attempt createdAt startedAt finishedAt failure { code } revision { number }
        usage { model inputTokens cachedTokens outputTokens costUsd }
        conversation { bot { name displayName source revision { number } } person { name } channel }
        context { budget total recallComplete sections { name tokens items {
            kind label tokens included reason message { text } } } } } }";
    let turn = ann.ask(query, json!({ "id": id })).await["turn"].take();
    assert_eq!(
        (&turn["attempt"], &turn["failure"], &turn["revision"]["number"]),
        (&json!(1), &Value::Null, &json!(1))
    );
    assert_eq!(turn["conversation"]["bot"]["displayName"], "Parrot");
    assert_eq!(turn["conversation"]["bot"]["source"], "git:test/bots");
    assert_eq!(
        (&turn["conversation"]["person"]["name"], &turn["conversation"]["channel"]),
        (&json!("ann"), &json!("graphql"))
    );
    assert_eq!(turn["usage"]["model"], "scripted");
    let at = text(&turn["finishedAt"]);
    assert!(at.len() == 24 && at.ends_with('Z'), "{at}");
    let context = &turn["context"];
    let sections = context["sections"].as_array().unwrap();
    let sum: i64 = sections.iter().map(|section| section["tokens"].as_i64().unwrap()).sum();
    assert_eq!((context["total"].as_i64(), &context["budget"]), (Some(sum), &json!(6000)), "{context}");
    let items = sections.iter().flat_map(|section| section["items"].as_array().unwrap());
    let heard: Vec<_> = items.filter_map(|item| item["message"]["text"].as_str()).collect();
    assert_eq!(heard, ["Hello!"]);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_is_followed_line_by_line() {
    let story = Story::begin().await;
    story.model_will(Line::say("One."));
    let ann = story.client("ann").await;
    let create = "mutation Create($input: CreateConversationInput!) { createConversation(input: $input) {
        conversation { id title bot { name } } replayed userErrors { __typename } } }";
    let input = json!({"input": {"idempotencyKey": "c", "bot": "parrot", "title": "Breakfast"}});
    let made = ann.ask(create, input.clone()).await["createConversation"].take();
    assert_eq!((&made["conversation"]["title"], &made["replayed"]), (&json!("Breakfast"), &json!(false)));
    let again = ann.ask(create, input).await["createConversation"].take();
    assert_eq!(
        (&again["conversation"]["id"], &again["replayed"]),
        (&made["conversation"]["id"], &json!(true))
    );

    let id = text(&made["conversation"]["id"]);
    let follow = "subscription Follow($id: ID!, $after: Int = 0) { conversationEvents(conversationId: $id, after: $after) {
        __typename conversationId seq
        ... on MessageAdded { message { role text author { name person { name } bot { name } } } }
        ... on TurnStateChanged { state turn { id isTerminal } } } }";
    let mut socket = ann.socket().await;
    socket.subscribe("c", follow, json!({ "id": id })).await;
    ann.say(json!({"idempotencyKey": "1", "conversationId": id, "text": "Count!"})).await;
    let mut lines = Vec::new();
    while lines.last().is_none_or(|line: &Value| line["state"] != "COMPLETED") {
        lines.push(socket.event("c").await);
    }
    let numbers: Vec<_> = lines.iter().map(|line| line["seq"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=lines.len() as u64).collect::<Vec<_>>(), "{lines:?}");
    let said: Vec<_> = lines
        .iter()
        .filter(|line| line["__typename"] == "MessageAdded")
        .map(|line| &line["message"])
        .collect();
    assert_eq!((&said[0]["role"], &said[0]["author"]["person"]["name"]), (&json!("PERSON"), &json!("ann")));
    assert_eq!(
        (&said[1]["role"], &said[1]["author"]["bot"]["name"], &said[1]["text"]),
        (&json!("BOT"), &json!("parrot"), &json!("One."))
    );

    socket.complete("c").await;
    socket.subscribe("d", follow, json!({ "id": id, "after": 2 })).await;
    assert_eq!(socket.event("d").await["seq"], 3);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_repetitions_have_one_effect_and_a_reused_key_is_told() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    let input = json!({"idempotencyKey": "same", "bot": "parrot", "text": "Once."});
    let answers = join_all((0..50).map(|_| ann.say(input.clone()))).await;
    let first = &answers[0]["message"]["id"];
    assert!(answers.iter().all(|answer| answer["message"]["id"] == *first), "{answers:?}");
    assert_eq!(answers.iter().filter(|answer| answer["replayed"] == false).count(), 1);
    let other = ann.say(json!({"idempotencyKey": "same", "bot": "parrot", "text": "Twice."})).await;
    assert_eq!(
        (&other["message"], &other["userErrors"][0]["code"]),
        (&Value::Null, &json!("IDEMPOTENCY_KEY_REUSED"))
    );
    assert_eq!(other["userErrors"][0]["path"], json!(["input", "idempotencyKey"]));
    finished(&ann, answers[0]["turn"]["id"].as_str().unwrap()).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_person_can_mend_comes_as_data() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    let large = "x".repeat(1_000_001);
    let table = [
        (json!({"idempotencyKey": "1", "bot": "nobody", "text": "x"}), "NotFoundError", "bot"),
        (json!({"idempotencyKey": "1", "bot": "parrot", "text": " \n"}), "InvalidInputError", "text"),
        (json!({"idempotencyKey": "1", "bot": "parrot", "text": large}), "InvalidInputError", "text"),
        (json!({"idempotencyKey": "", "bot": "parrot", "text": "x"}), "InvalidInputError", "idempotencyKey"),
        (json!({"idempotencyKey": "1", "text": "x"}), "InvalidInputError", "bot"),
        (
            json!({"idempotencyKey": "1", "bot": "parrot", "conversationId": "x", "text": "x"}),
            "InvalidInputError",
            "bot",
        ),
        (
            json!({"idempotencyKey": "1", "conversationId": "7", "text": "x"}),
            "InvalidInputError",
            "conversationId",
        ),
        (
            json!({"idempotencyKey": "1", "conversationId": "turn_AaH5rX2SdbWSqIu0_YNH2A", "text": "x"}),
            "NotFoundError",
            "conversationId",
        ),
        (
            json!({"idempotencyKey": "1", "conversationId": "conversation_AaH5rX2SdbWSqIu0_YNH2A", "text": "x"}),
            "NotFoundError",
            "conversationId",
        ),
        (
            json!({"idempotencyKey": "1", "bot": "parrot", "text": "x", "uploadIds": ["a"]}),
            "InvalidInputError",
            "uploadIds",
        ),
    ];
    for (input, kind, part) in table {
        let shown = input.to_string().chars().take(120).collect::<String>();
        let payload = ann.say(input).await;
        let error = &payload["userErrors"][0];
        assert_eq!(
            (&error["__typename"], &error["path"]),
            (&json!(kind), &json!(["input", part])),
            "{shown}"
        );
        assert!(!text(&error["message"]).is_empty() && payload["turn"].is_null());
    }
    // NUL is not what a person can mend; it is replaced.
    let payload = ann.say(json!({"idempotencyKey": "nul", "bot": "parrot", "text": "a\u{0}b"})).await;
    assert_eq!(payload["message"]["text"], "a\u{fffd}b");
    let cancel = "mutation Cancel($id: ID!) { cancelTurn(input: {turnId: $id}) { turn { state } userErrors { ... on UserError { code } } } }";
    for id in ["turn_AaH5rX2SdbWSqIu0_YNH2A", "message_AaH5rX2SdbWSqIu0_YNH2A"] {
        let payload = ann.ask(cancel, json!({ "id": id })).await;
        assert_eq!(payload["cancelTurn"]["userErrors"][0]["code"], "NOT_FOUND");
    }
    finished(&ann, payload["turn"]["id"].as_str().unwrap()).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_is_stopped() {
    let story = Story::begin().await;
    story.model_will(Line {
        delay_ms: 100,
        ..Line::say("a b c d e f g h i j k l m n o p q r s t u v w x y z")
    });
    let ann = story.client("ann").await;
    let said =
        ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "The alphabet, please."})).await;
    let turn = text(&said["turn"]["id"]);
    let mut socket = ann.socket().await;
    socket.subscribe("t", TURN_EVENTS, json!({ "turn": turn })).await;
    socket.event("t").await;
    let cancel = "mutation Cancel($id: ID!) { cancelTurn(input: {turnId: $id}) { turn { id } userErrors { __typename } } }";
    let payload = ann.ask(cancel, json!({ "id": turn })).await;
    assert_eq!(payload["cancelTurn"], json!({"turn": {"id": turn}, "userErrors": []}));
    let rest = socket.events("t").await;
    assert_eq!(rest.last().unwrap()["__typename"], "TurnCancelled");
    assert_eq!(finished(&ann, &turn).await["state"], "CANCELLED");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_told_with_its_reason() {
    let story = Story::begin().await;
    story.model_will(Line::fail(401));
    let ann = story.client("ann").await;
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "Hello?"})).await;
    let turn = text(&said["turn"]["id"]);
    let mut socket = ann.socket().await;
    socket.subscribe("t", TURN_EVENTS, json!({ "turn": turn })).await;
    let events = socket.events("t").await;
    let last = events.last().unwrap();
    assert_eq!(last["__typename"], "TurnFailed");
    let query = "query Turn($id: ID!) { turn(id: $id) { state text failure { code message retryable } usage { model } } }";
    let turn = ann.ask(query, json!({ "id": turn })).await["turn"].take();
    assert_eq!((&turn["state"], &turn["failure"]["code"]), (&json!("FAILED"), &last["code"]));
    assert_eq!(turn["failure"]["message"], last["message"]);
    story.end().await;
}
