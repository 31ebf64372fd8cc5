//! Changing what was said: other answers, edits, ratings, titles.

use std::time::Duration;

use botwright::dialog::{Message, Role};
use botwright::providers::scripted::Line;
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::graphql::{Story, TURN_EVENTS, finished, shown, text};
use crate::harness::cluster::Database;
use crate::harness::door::{Client, Door};
use crate::harness::talk::Talk;

const REGENERATE: &str = "mutation Again($input: RegenerateInput!) { regenerate(input: $input) {
    replayed conversation { id lastEventSeq } turn { id state take againOf { id } }
    userErrors { __typename ... on UserError { message code path } } } }";

const FOLLOW: &str = "subscription Follow($id: ID!, $after: Int = 0) {
    conversationEvents(conversationId: $id, after: $after) { __typename seq
        ... on MessageAdded { message { text } }
        ... on MessageEdited { message { text version } }
        ... on MessageSuperseded { message { text supersededBy { text } } }
        ... on ConversationChanged { conversation { title version } }
        ... on TurnStateChanged { state } } }";

async fn again(client: &Client, input: Value) -> Value {
    client.ask(REGENERATE, json!({ "input": input })).await["regenerate"].take()
}

/// The turn that begins the answer anew, which must be taken.
async fn begun(client: &Client, input: Value) -> String {
    let payload = again(client, input).await;
    assert_eq!(payload["userErrors"], json!([]), "{payload}");
    text(&payload["turn"]["id"])
}

/// The code and the part of the input of the one thing that is to be mended.
fn refusal(payload: &Value) -> (String, String) {
    let error = &payload["userErrors"][0];
    (text(&error["code"]), text(&error["path"][1]))
}

/// Says something and waits for the answer: the conversation, the message, the turn.
async fn said(client: &Client, key: &str, words: &str) -> [String; 3] {
    let said = client.say(json!({"idempotencyKey": key, "bot": "parrot", "text": words})).await;
    finished(client, said["turn"]["id"].as_str().unwrap()).await;
    ["conversation", "message", "turn"].map(|part| text(&said[part]["id"]))
}

/// The messages of a conversation: text, ordinal and what took its place.
async fn transcript(client: &Client, conversation: &str) -> Vec<(String, Option<String>)> {
    let query = "query All($id: ID!) { conversation(id: $id) { messages(first: 100) { nodes {
        ordinal text supersededBy { text } } } } }";
    let page = client.ask(query, json!({ "id": conversation })).await["conversation"]["messages"].take();
    let nodes = page["nodes"].as_array().unwrap();
    let ordinals: Vec<_> = nodes.iter().map(|node| node["ordinal"].as_u64().unwrap()).collect();
    assert_eq!(ordinals, (1..=nodes.len() as u64).collect::<Vec<_>>(), "no gap in the order");
    nodes
        .iter()
        .map(|node| (text(&node["text"]), node["supersededBy"]["text"].as_str().map(str::to_owned)))
        .collect()
}

fn standing(text: &str) -> (String, Option<String>) {
    (text.to_owned(), None)
}

fn replaced(text: &str, by: &str) -> (String, Option<String>) {
    (text.to_owned(), Some(by.to_owned()))
}

fn heard(story: &Story) -> Vec<Message> {
    story.talk.providers.scripted().heard().last().unwrap().messages.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_answer_takes_the_place_of_the_first_one() {
    let story = Story::begin().await;
    for line in ["Hello.", "Two eggs.", "Three eggs.", "Four eggs.", "Stir."] {
        story.model_will(Line::say(line));
    }
    let ann = story.client("ann").await;
    said(&ann, "0", "Hi!").await;
    let [conversation, question, turn] = said(&ann, "1", "How many eggs?").await;

    let second = begun(&ann, json!({"idempotencyKey": "a", "turnId": turn})).await;
    let mut socket = ann.socket().await;
    socket.subscribe("t", TURN_EVENTS, json!({ "turn": second })).await;
    assert_eq!(shown(&socket.events("t").await), "Three eggs.");
    // It was answered as if the first answer had never been.
    let told = |role, text: &str| Message::text(role, text);
    let before = [told(Role::Person, "Hi!"), told(Role::Bot, "Hello."), told(Role::Person, "How many eggs?")];
    assert_eq!(heard(&story), before);

    // By any message of the turn, as often as one likes.
    let third = begun(&ann, json!({"idempotencyKey": "b", "messageId": question})).await;
    assert_eq!(finished(&ann, &third).await["text"], "Four eggs.");
    assert_eq!(heard(&story), before);
    let query = "query Turn($id: ID!) { turn(id: $id) { take againOf { id } reply {
        alternatives { text supersededBy { text } } turn { id } } context { sections { name } } } }";
    let seen = ann.ask(query, json!({ "id": third })).await["turn"].take();
    assert_eq!((&seen["take"], &seen["againOf"]["id"]), (&json!(3), &json!(turn)));
    let alternatives: Vec<_> =
        seen["reply"]["alternatives"].as_array().unwrap().iter().map(|reply| text(&reply["text"])).collect();
    assert_eq!(alternatives, ["Two eggs.", "Three eggs.", "Four eggs."]);
    let message =
        "query M($id: ID!) { node(id: $id) { ... on Message { turn { id } alternatives { id } } } }";
    let seen = ann.ask(message, json!({ "id": question })).await["node"].take();
    assert_eq!(seen, json!({"turn": {"id": third}, "alternatives": []}));

    said(&ann, "2", "And then?").await;
    let texts: Vec<_> = heard(&story).iter().map(|message| format!("{:?}", message.parts)).collect();
    assert_eq!(texts.len(), 5, "{texts:?}");
    assert!(texts[3].contains("Four eggs."), "{texts:?}");
    assert_eq!(
        transcript(&ann, &conversation).await,
        [
            standing("Hi!"),
            standing("Hello."),
            standing("How many eggs?"),
            replaced("Two eggs.", "Three eggs."),
            replaced("Three eggs.", "Four eggs."),
            standing("Four eggs."),
            standing("And then?"),
            standing("Stir."),
        ]
    );
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_follows_a_conversation_hears_of_the_exchange() {
    let story = Story::begin().await;
    story.model_will(Line::say("One."));
    story.model_will(Line::say("Two."));
    let ann = story.client("ann").await;
    let [conversation, _, turn] = said(&ann, "1", "Count!").await;
    let payload = again(&ann, json!({"idempotencyKey": "a", "turnId": turn})).await;
    finished(&ann, payload["turn"]["id"].as_str().unwrap()).await;
    let mut socket = ann.socket().await;
    socket.subscribe("c", FOLLOW, json!({ "id": conversation })).await;
    let mut lines = Vec::new();
    for seq in 1..=8 {
        let line = socket.event("c").await;
        assert_eq!(line["seq"], seq);
        lines.push(line);
    }
    assert_eq!(lines[4]["state"], "RUNNING", "{lines:?}");
    assert_eq!(lines[5]["message"]["text"], "Two.");
    assert_eq!(lines[6]["__typename"], "MessageSuperseded");
    assert_eq!(lines[6]["message"], json!({"text": "One.", "supersededBy": {"text": "Two."}}));
    assert_eq!(lines[7]["state"], "COMPLETED");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_or_was_stopped_is_tried_again() {
    let story = Story::begin().await;
    story.model_will(Line::fail(401));
    story.model_will(Line { delay_ms: 100, ..Line::say("a b c d e f g h i j k l m n o p") });
    story.model_will(Line::say("At last."));
    let ann = story.client("ann").await;
    let [conversation, _, turn] = said(&ann, "1", "Hello?").await;
    let failed = finished(&ann, &turn).await;
    assert_eq!(failed["state"], "FAILED");

    let stopped = begun(&ann, json!({"idempotencyKey": "a", "turnId": turn})).await;
    let mut socket = ann.socket().await;
    socket.subscribe("t", TURN_EVENTS, json!({ "turn": stopped })).await;
    socket.event("t").await;
    let cancel = "mutation Stop($id: ID!) { cancelTurn(input: {turnId: $id}) { turn { id } } }";
    ann.ask(cancel, json!({ "id": stopped })).await;
    assert_eq!(finished(&ann, &stopped).await["state"], "CANCELLED");
    // Nothing took the place of the notice so far.
    let notice = transcript(&ann, &conversation).await[1].clone();
    assert_eq!(notice.1, None);

    let last = begun(&ann, json!({"idempotencyKey": "b", "turnId": stopped})).await;
    assert_eq!(finished(&ann, &last).await["text"], "At last.");
    let expected = [standing("Hello?"), replaced(&notice.0, "At last."), standing("At last.")];
    assert_eq!(transcript(&ann, &conversation).await, expected);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_try_leaves_the_old_answer_standing() {
    let story = Story::begin().await;
    story.model_will(Line::say("Good."));
    story.model_will(Line::fail(401));
    story.model_will(Line::say("Yes."));
    let ann = story.client("ann").await;
    let [conversation, _, turn] = said(&ann, "1", "How are you?").await;
    let failed = begun(&ann, json!({"idempotencyKey": "a", "turnId": turn})).await;
    assert_eq!(finished(&ann, &failed).await["state"], "FAILED");
    assert_eq!(transcript(&ann, &conversation).await[1], standing("Good."));
    said(&ann, "2", "Really?").await;
    assert!(heard(&story).contains(&Message::text(Role::Bot, "Good.")));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_newest_turn_and_only_by_its_people() {
    let story = Story::begin().await;
    let (ann, bob) = (story.client("ann").await, story.client("bob").await);
    let stranger = story.door.client_in("elsewhere", "chat,read").await;
    for line in ["One.", "Two."] {
        story.model_will(Line::say(line));
    }
    let [_, first_message, first] = said(&ann, "1", "one").await;
    let [_, _, second] = said(&ann, "2", "two").await;
    let nothing = "turn_AaH5rX2SdbWSqIu0_YNH2A";
    let table = [
        (&ann, json!({ "turnId": first }), "CONFLICT", "turnId"),
        (&ann, json!({ "messageId": first_message }), "CONFLICT", "messageId"),
        (&ann, json!({ "turnId": nothing }), "NOT_FOUND", "turnId"),
        (&ann, json!({ "turnId": first_message }), "NOT_FOUND", "turnId"),
        (&ann, json!({"turnId": "x"}), "INVALID_INPUT", "turnId"),
        (&ann, json!({}), "INVALID_INPUT", "turnId"),
        (&ann, json!({"turnId": second, "messageId": first_message}), "INVALID_INPUT", "turnId"),
        (&bob, json!({ "turnId": second }), "NOT_FOUND", "turnId"),
        (&bob, json!({ "messageId": first_message }), "NOT_FOUND", "messageId"),
        (&stranger, json!({ "turnId": second }), "NOT_FOUND", "turnId"),
    ];
    for (number, (client, mut input, code, part)) in table.into_iter().enumerate() {
        input["idempotencyKey"] = number.to_string().into();
        let payload = again(client, input.clone()).await;
        assert_eq!(refusal(&payload), (code.to_owned(), part.to_owned()), "{input}");
        assert_eq!(payload["turn"], Value::Null);
    }
    let reader = story.door.client(&story.talk, "ann", "read").await;
    let input = json!({"input": {"idempotencyKey": "r", "turnId": second}});
    assert_eq!(reader.error(REGENERATE, input).await, "FORBIDDEN");

    // While it runs, and while it waits.
    story.model_will(Line { delay_ms: 150, ..Line::say("a b c d e f g h") });
    story.model_will(Line::say("Later."));
    let running = ann.say(json!({"idempotencyKey": "3", "bot": "parrot", "text": "three"})).await;
    let mut socket = ann.socket().await;
    socket.subscribe("t", TURN_EVENTS, json!({"turn": running["turn"]["id"]})).await;
    socket.event("t").await;
    let input = json!({"idempotencyKey": "x", "turnId": running["turn"]["id"]});
    assert_eq!(refusal(&again(&ann, input).await).0, "CONFLICT");
    let queued = ann.say(json!({"idempotencyKey": "4", "bot": "parrot", "text": "four"})).await;
    assert_eq!(queued["turn"]["state"], "QUEUED");
    let input = json!({"idempotencyKey": "y", "messageId": queued["message"]["id"]});
    assert_eq!(refusal(&again(&ann, input).await).0, "CONFLICT");
    finished(&ann, queued["turn"]["id"].as_str().unwrap()).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_greeting_and_a_bot_that_left_are_refused() {
    let story = Story::begin().await;
    let file =
        "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Heron\ngreeting: Hello!\nmodel: {use: scripted}\n";
    story.talk.apply_bot("heron", file).await;
    let ann = story.client("ann").await;
    let create = "mutation { createConversation(input: {idempotencyKey: 1, bot: \"heron\"}) { conversation {
        messages(first: 1) { nodes { id rating { rating } } } } } }";
    let made = ann.ask(create, json!({})).await;
    let greeting = &made["createConversation"]["conversation"]["messages"]["nodes"][0];
    assert_eq!(greeting["rating"], Value::Null);
    let payload = again(&ann, json!({"idempotencyKey": "a", "messageId": greeting["id"]})).await;
    assert_eq!(refusal(&payload), ("INVALID_INPUT".into(), "messageId".into()));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_words_join_an_answer_that_nobody_has_seen() {
    let story = Story::begin().await;
    story.model_will(Line::say("One egg."));
    story.model_will(Line { first_ms: 600, keep: true, ..Line::say("Two eggs and milk.") });
    let ann = story.client("ann").await;
    let [conversation, _, turn] = said(&ann, "1", "How many eggs?").await;
    let second = begun(&ann, json!({"idempotencyKey": "a", "turnId": turn})).await;
    let more = ann.say(json!({"idempotencyKey": "2", "bot": "parrot", "text": "And milk?"})).await;
    assert_eq!(more["turn"]["id"], second);
    assert_eq!(finished(&ann, &second).await["text"], "Two eggs and milk.");
    let question = &story.talk.providers.scripted().heard().last().unwrap().question.clone();
    assert_eq!(question, "How many eggs?\nAnd milk?");
    assert_eq!(
        transcript(&ann, &conversation).await,
        [
            standing("How many eggs?"),
            replaced("One egg.", "Two eggs and milk."),
            standing("And milk?"),
            standing("Two eggs and milk."),
        ]
    );
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_are_one_answer_or_one_refusal() {
    let story = Story::begin().await;
    story.model_will(Line::say("First."));
    story.model_will(Line { keep: true, first_ms: 300, ..Line::say("Again.") });
    let ann = story.client("ann").await;
    let [conversation, question, turn] = said(&ann, "1", "Go!").await;
    let input = |key: String| json!({"idempotencyKey": key, "turnId": turn});
    let answers = join_all((0..10).map(|number| again(&ann, input(format!("k{number}"))))).await;
    let taken: Vec<_> = answers.iter().filter(|answer| answer["turn"] != Value::Null).collect();
    assert_eq!(taken.len(), 1, "{answers:?}");
    for answer in answers.iter().filter(|answer| answer["turn"] == Value::Null) {
        assert_eq!(refusal(answer).0, "CONFLICT");
    }
    finished(&ann, taken[0]["turn"]["id"].as_str().unwrap()).await;
    assert_eq!(
        transcript(&ann, &conversation).await,
        [standing("Go!"), replaced("First.", "Again."), standing("Again.")]
    );
    // By the message, whose turn is another one by now, just as well.
    let input = |key: String| json!({"idempotencyKey": key, "messageId": question});
    let answers = join_all((0..10).map(|number| again(&ann, input(format!("m{number}"))))).await;
    let taken: Vec<_> = answers.iter().filter(|answer| answer["turn"] != Value::Null).collect();
    assert_eq!(taken.len(), 1, "{answers:?}");
    finished(&ann, taken[0]["turn"]["id"].as_str().unwrap()).await;
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_answer_survives_whoever_gives_it() {
    let database = Database::new();
    let first = Talk::begin(&database).await;
    first.model_will([Line::say("One.")]);
    let door = Door::open(&first).await;
    let ann = door.client(&first, "ann", "chat,read").await;
    let [conversation, _, turn] = said(&ann, "1", "Count!").await;
    // It stalls in the middle of the second answer, and another takes the turn over.
    first.model_will([Line { delay_ms: 400, ..Line::say("a b c d e f g h i j k l m n o p") }]);
    let second = begun(&ann, json!({"idempotencyKey": "a", "turnId": turn})).await;
    sleep(Duration::from_millis(900)).await;
    let other = Talk::begin(&database).await;
    for talk in [&first, &other] {
        talk.model_will([Line { keep: true, ..Line::say("Two.") }]);
    }
    let mut conn = AsyncPgConnection::establish(database.url()).await.unwrap();
    let stall = "begin; set local role botwright_system; update turns set leased_by = null,
        lease_until = now() - interval '1 second' where state = 'running'; commit";
    conn.batch_execute(stall).await.unwrap();
    assert_eq!(finished(&ann, &second).await["text"], "Two.");
    let expected = [standing("Count!"), replaced("One.", "Two."), standing("Two.")];
    assert_eq!(transcript(&ann, &conversation).await, expected);
    drop(door);
    tokio::join!(first.end(), other.end());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_before_the_answer_is_seen_is_what_is_answered() {
    let story = Story::begin().await;
    story.model_will(Line { first_ms: 600, keep: true, ..Line::say("Lviv it is.") });
    let ann = story.client("ann").await;
    let sent = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "Where is Kyiv?"})).await;
    let message = text(&sent["message"]["id"]);
    let edit = "mutation Edit($input: EditMessageInput!) { editMessage(input: $input) {
        message { text version editedAt turn { id } }
        userErrors { ... on UserError { code path message }
            ... on VersionConflictError { current { ... on Message { text version } } } } } }";
    let input = |text: &str, version: i32| json!({"input": {"messageId": message, "text": text, "expectedVersion": version}});
    let edited = ann.ask(edit, input("Where is Lviv?", 1)).await["editMessage"].take();
    assert_eq!((&edited["message"]["version"], &edited["userErrors"]), (&json!(2), &json!([])));
    finished(&ann, sent["turn"]["id"].as_str().unwrap()).await;
    let scripted = story.talk.providers.scripted();
    assert_eq!(scripted.heard().last().unwrap().question, "Where is Lviv?");
    let asked = scripted.heard().len();

    // Afterwards it is corrected, and nobody is answered again.
    let edited = ann.ask(edit, input("Where is Odesa?", 2)).await["editMessage"].take();
    assert_eq!(edited["message"]["text"], "Where is Odesa?");
    sleep(Duration::from_millis(300)).await;
    assert_eq!(scripted.heard().len(), asked);
    let stale = ann.ask(edit, input("Where?", 2)).await["editMessage"].take();
    assert_eq!(refusal(&stale), ("VERSION_CONFLICT".into(), "expectedVersion".into()));
    assert_eq!(stale["userErrors"][0]["current"], json!({"text": "Where is Odesa?", "version": 3}));

    let mut socket = ann.socket().await;
    socket.subscribe("c", FOLLOW, json!({"id": sent["conversation"]["id"], "after": 2})).await;
    assert_eq!(socket.event("c").await["__typename"], "MessageEdited");

    let bob = story.client("bob").await;
    let refused = bob.ask(edit, input("Mine!", 3)).await["editMessage"].take();
    assert_eq!(refusal(&refused), ("NOT_FOUND".into(), "messageId".into()));
    for (words, part) in [(" ", "text"), (&*"x".repeat(1_000_001), "text")] {
        let refused = ann.ask(edit, input(words, 3)).await["editMessage"].take();
        assert_eq!(refusal(&refused), ("INVALID_INPUT".into(), part.into()));
    }
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_rates_for_themselves() {
    let story = Story::begin().await;
    story.model_will(Line::say("Polly."));
    let ann = story.client("ann").await;
    let admin = story.door.client(&story.talk, "admin", "admin").await;
    let [_, question, turn] = said(&ann, "1", "Your name?").await;
    let reply = "query R($id: ID!) { turn(id: $id) { reply { id rating { rating comment version } } } }";
    let reply_of =
        async |client: &Client| client.ask(reply, json!({ "id": turn })).await["turn"]["reply"].take();
    let id = text(&reply_of(&ann).await["id"]);
    let rate = "mutation Rate($input: RateMessageInput!) { rateMessage(input: $input) {
        message { id rating { rating comment version ratedAt } }
        userErrors { ... on UserError { code path }
            ... on VersionConflictError { current { ... on Message { rating { rating version } } } } } } }";
    let rated = async |client: &Client, input: Value| {
        client.ask(rate, json!({ "input": input })).await["rateMessage"].take()
    };
    let up = rated(&ann, json!({"messageId": id, "rating": "UP", "expectedVersion": 0})).await;
    assert_eq!(
        (&up["message"]["rating"]["rating"], &up["message"]["rating"]["version"]),
        (&json!("UP"), &json!(1))
    );
    assert_eq!(reply_of(&admin).await["rating"], Value::Null, "nobody sees another's");
    let input =
        json!({"messageId": id, "rating": "DOWN", "comment": "No\u{0}t yours.", "expectedVersion": 1});
    let down = rated(&ann, input.clone()).await;
    assert_eq!(down["message"]["rating"]["comment"], "No\u{fffd}t yours.");
    let stale = rated(&ann, input).await;
    assert_eq!(refusal(&stale), ("VERSION_CONFLICT".into(), "expectedVersion".into()));
    let now = json!({"rating": {"rating": "DOWN", "version": 2}});
    assert_eq!(stale["userErrors"][0]["current"], now);
    rated(&admin, json!({"messageId": id, "rating": "UP"})).await;
    rated(&ann, json!({"messageId": id, "rating": "NONE", "comment": "Never mind."})).await;
    let mine = json!({"rating": "NONE", "comment": null, "version": 3});
    assert_eq!(reply_of(&ann).await["rating"], mine);
    assert_eq!(reply_of(&admin).await["rating"]["rating"], "UP");

    let bob = story.client("bob").await;
    let long = "x".repeat(2_001);
    let table = [
        (&bob, json!({"messageId": id, "rating": "UP"}), "NOT_FOUND", "messageId"),
        (&ann, json!({"messageId": question, "rating": "UP"}), "CONFLICT", "messageId"),
        (&ann, json!({"messageId": "7", "rating": "UP"}), "INVALID_INPUT", "messageId"),
        (&ann, json!({"messageId": id, "rating": "UP", "comment": long}), "INVALID_INPUT", "comment"),
    ];
    for (client, input, code, part) in table {
        assert_eq!(refusal(&rated(client, input).await), (code.to_owned(), part.to_owned()));
    }
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_title_is_changed_by_who_saw_the_last_one() {
    let story = Story::begin().await;
    story.model_will(Line { keep: true, ..Line::say("Yes.") });
    let (ann, bob) = (story.client("ann").await, story.client("bob").await);
    let [conversation, ..] = said(&ann, "1", "Hello!").await;
    let update = "mutation Update($input: UpdateConversationInput!) { updateConversation(input: $input) {
        conversation { id title version updatedAt }
        userErrors { ... on UserError { code path }
            ... on VersionConflictError { current { id ... on Conversation { title version } } } } } }";
    let updated = async |client: &Client, input: Value| {
        client.ask(update, json!({ "input": input })).await["updateConversation"].take()
    };
    let at = async || {
        let query = "query C($id: ID!) { conversation(id: $id) { updatedAt } }";
        text(&ann.ask(query, json!({ "id": conversation })).await["conversation"]["updatedAt"])
    };
    let before = at().await;
    let named = updated(&ann, json!({"id": conversation, "title": "Eggs", "expectedVersion": 1})).await;
    assert_eq!(
        (&named["conversation"]["title"], &named["conversation"]["version"]),
        (&json!("Eggs"), &json!(2))
    );
    assert_eq!(at().await, before, "nothing was said");
    // What is said meanwhile makes no conflict; another title does.
    said(&ann, "2", "More!").await;
    let named = updated(&ann, json!({"id": conversation, "title": "Milk", "expectedVersion": 2})).await;
    assert_eq!(named["conversation"]["version"], 3);
    let stale = updated(&ann, json!({"id": conversation, "title": "Flour", "expectedVersion": 2})).await;
    assert_eq!(refusal(&stale), ("VERSION_CONFLICT".into(), "expectedVersion".into()));
    let current = json!({"id": conversation, "title": "Milk", "version": 3});
    assert_eq!(stale["userErrors"][0]["current"], current);
    let bare = updated(&ann, json!({"id": conversation, "title": null, "expectedVersion": 3})).await;
    assert_eq!(bare["conversation"]["title"], Value::Null);
    let table = [
        (&bob, json!({"id": conversation, "title": "Mine", "expectedVersion": 4}), "NOT_FOUND", "id"),
        (&ann, json!({"id": conversation, "expectedVersion": 4}), "INVALID_INPUT", "title"),
        (
            &ann,
            json!({"id": conversation, "title": "x".repeat(201), "expectedVersion": 4}),
            "INVALID_INPUT",
            "title",
        ),
        (&ann, json!({"id": "7", "title": "x", "expectedVersion": 4}), "INVALID_INPUT", "id"),
    ];
    for (client, input, code, part) in table {
        assert_eq!(refusal(&updated(client, input).await), (code.to_owned(), part.to_owned()));
    }
    let mut socket = ann.socket().await;
    socket.subscribe("c", FOLLOW, json!({"id": conversation, "after": 4})).await;
    let line = socket.event("c").await;
    assert_eq!(line["__typename"], "ConversationChanged");
    story.end().await;
}
