//! What people see and change of a memory: by commands, and over the API.

use botwright::id::FactId;
use botwright::providers::scripted::Line;
use botwright::store::{Fact, FactAuthor, FactState, Message, Tenant};
use serde_json::{Value, json};

use crate::graphql::{Story, finished, text};
use crate::harness::door::Client;

const RUN: &str = "mutation Run($input: RunCommandInput!) { runCommand(input: $input) {
    answer { command text export } userErrors { ... on UserError { code path } } } }";

/// What a command answers.
async fn typed(client: &Client, conversation: &str, words: &str) -> String {
    let input = json!({ "input": { "conversationId": conversation, "text": words } });
    let ran = client.ask(RUN, input).await["runCommand"].take();
    assert_eq!(ran["userErrors"], json!([]), "{words}");
    text(&ran["answer"]["text"])
}

/// Says something and waits for the answer; the conversation.
async fn said(client: &Client, key: &str, words: &str) -> String {
    let said = client.say(json!({"idempotencyKey": key, "bot": "parrot", "text": words})).await;
    finished(client, said["turn"]["id"].as_str().unwrap()).await;
    text(&said["conversation"]["id"])
}

/// Writes facts down as a summary would, each drawn from the message of that place.
async fn learn(story: &Story, facts: &[(&str, usize)]) {
    let mut tx = story.talk.store.tenant(story.talk.actor.account).await.unwrap();
    let rows = messages(&mut tx).await;
    for (words, place) in facts {
        let of = &rows[*place];
        let conversation =
            botwright::store::Conversation::find(&tx, of.conversation_id).await.unwrap().unwrap();
        let fact = Fact {
            account_id: of.account_id,
            id: FactId::new(),
            bot_id: conversation.bot_id,
            conversation_id: conversation.id,
            person_id: conversation.person_id,
            about: of.author.clone(),
            text: (*words).into(),
            importance: 5,
            state: FactState::Active,
            superseded_by: None,
            said_at: of.sent_at,
            use_count: 0,
            last_used_at: None,
            last_used_in: None,
            last_used_ordinal: None,
            version: 1,
            created_at: of.sent_at,
            updated_at: of.sent_at,
        };
        Fact::insert(&mut tx, &fact, &[of.id], FactAuthor::Summary).await.unwrap();
    }
    tx.commit().await.unwrap();
}

async fn messages(tx: &mut Tenant) -> Vec<Message> {
    let mut rows = Message::list_backwards(tx, None, 1_000).await.unwrap();
    rows.reverse();
    rows
}

/// A talk of two rounds with two facts.
async fn begun() -> (Story, Client, String) {
    let story = Story::begin().await;
    story.model_will(Line::say("A walrus? How nice."));
    story.model_will(Line::say("Lviv is lovely."));
    let ann = story.client("ann").await;
    said(&ann, "1", "I keep a walrus in the cellar.").await;
    let conversation = said(&ann, "2", "My sister lives in Lviv.").await;
    learn(&story, &[("Ann keeps a walrus.", 0), ("Ann's sister lives in Lviv.", 2)]).await;
    (story, ann, conversation)
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_show_what_is_remembered() {
    let (story, ann, conversation) = begun().await;
    let run = async |words: &str| typed(&ann, &conversation, words).await;
    let help = run("/help").await;
    for command in [
        "/context",
        "/historycontext",
        "/shortterm",
        "/midterm",
        "/wholehistory",
        "/analyze",
        "/session",
        "/clear",
        "/memory",
        "/forget",
        "/export",
    ] {
        assert!(help.contains(command), "{help}");
    }
    assert!(run("/допомога").await.contains("/help"));
    let meant = run("/histroycontext").await;
    assert!(meant.contains("Did you mean /historycontext?"), "{meant}");
    assert!(run("/context").await.contains("tokens"));
    let short = run("/shortterm").await;
    assert!(
        short.starts_with("Messages: 4\n") && short.contains("ann: I keep a walrus in the cellar."),
        "{short}"
    );
    assert!(run("/wholehistory").await.starts_with("Messages: 4. From "));
    let known = run("/historycontext").await;
    assert!(
        known.contains("There is no summary yet.") && known.contains("2. Ann's sister lives in Lviv."),
        "{known}"
    );

    // A fresh start: nothing is heard word for word, nothing is gone.
    assert!(run("clear").await.contains("Nothing was erased"));
    assert_eq!(run("/shortterm").await, "There is nothing there.");
    assert!(run("/midterm").await.starts_with("Messages: 4\n"));
    story.model_will(Line::say("Who knows."));
    said(&ann, "3", "What do I keep?").await;
    let heard = story.talk.providers.scripted().heard().last().unwrap().messages.len();
    assert_eq!(heard, 1);

    assert!(run("/session").await.contains("The bot's file says so."));
    assert!(run("/session forever").await.contains("/session [short|medium|long]"));
    assert_eq!(run("/session довга").await, "I hear the last 12 hours word for word.");
    let query = "query C($id: ID!) { conversation(id: $id) { session windowFrom version } }";
    let stands = ann.ask(query, json!({ "id": conversation })).await["conversation"].take();
    assert_eq!(stands, json!({ "session": "LONG", "windowFrom": 5, "version": 2 }));
    assert!(run("/analyze").await.contains("/historycontext"));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_corrected_deleted_and_taken_back() {
    let (story, ann, conversation) = begun().await;
    let run = async |words: &str| typed(&ann, &conversation, words).await;
    assert!(run("/memory").await.contains("1. Ann keeps a walrus.\n2. Ann's sister lives in Lviv.\n"));
    assert!(run("/memory fix 1 Ann keeps a seal.").await.contains("1. Ann keeps a seal."));
    assert!(run("/memory видали 2").await.contains("restore 2"));
    let left = run("/memory").await;
    assert!(left.contains("1. Ann keeps a seal.") && !left.contains("Lviv"), "{left}");
    assert!(run("/memory delete 2").await.contains("no number 2"));
    assert!(run("/memory restore 2").await.contains("2. Ann's sister lives in Lviv."));
    assert!(run("/memory burn 2").await.contains("/memory [fix"));

    let query = "query F($id: ID!, $after: String) { facts(conversationId: $id, first: 1, after: $after, state: ACTIVE) {
        nodes { id text version sources { text } history { version action by text } } pageInfo { hasNextPage endCursor } } }";
    let page = ann.ask(query, json!({ "id": conversation })).await["facts"].take();
    assert_eq!(page["nodes"][0]["text"], "Ann's sister lives in Lviv.");
    assert_eq!(page["nodes"][0]["sources"], json!([{ "text": "My sister lives in Lviv." }]));
    assert_eq!(page["pageInfo"]["hasNextPage"], true);
    let next = json!({ "id": conversation, "after": page["pageInfo"]["endCursor"] });
    let node = ann.ask(query, next).await["facts"]["nodes"][0].take();
    let done: Vec<_> =
        node["history"].as_array().unwrap().iter().map(|line| (&line["action"], &line["by"])).collect();
    assert_eq!(done, [(&json!("UPDATED"), &json!("PERSON")), (&json!("ADDED"), &json!("SUMMARY"))]);

    let correct = "mutation C($input: CorrectFactInput!) { correctFact(input: $input) { fact { text version }
        userErrors { ... on UserError { code path } ... on VersionConflictError { current { ... on Fact { version } } } } } }";
    let input = |version: i64, words: &str| json!({ "input": { "id": node["id"], "text": words, "expectedVersion": version } });
    let stale = ann.ask(correct, input(1, "Ann keeps a cat.")).await["correctFact"].take();
    assert_eq!(stale["userErrors"][0]["current"]["version"], 2, "{stale}");
    let wrong = ann.ask(correct, input(2, " ")).await["correctFact"].take();
    assert_eq!(wrong["userErrors"][0]["path"], json!(["input", "text"]));
    let made = ann.ask(correct, input(2, "Ann keeps a cat.")).await["correctFact"].take();
    assert_eq!(made["fact"], json!({ "text": "Ann keeps a cat.", "version": 3 }));
    // Nobody else sees it or changes it.
    let bob = story.client("bob").await;
    let strange = bob.ask(correct, input(3, "Mine.")).await["correctFact"].take();
    assert_eq!(strange["userErrors"][0]["code"], "NOT_FOUND");
    assert_eq!(bob.ask(query, json!({ "id": conversation })).await["facts"], Value::Null);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forgetting_shows_first_and_erases_on_a_yes() {
    let (story, ann, conversation) = begun().await;
    let run = async |words: &str| typed(&ann, &conversation, words).await;
    assert!(run("/forget yes").await.contains("Say first what to forget"));
    assert_eq!(run("/forget the aardvark").await, "There is nothing there.");
    let shown = run("/forget walrus").await;
    for line in [
        "· Ann keeps a walrus.",
        "ann: I keep a walrus in the cellar.",
        "Parrot: A walrus? How nice.",
        "/forget yes",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    assert!(!shown.contains("Lviv"), "{shown}");
    assert!(run("/wholehistory").await.starts_with("Messages: 4"));
    assert_eq!(run("/forget yes").await, "Erased. Messages: 2.");
    assert!(run("/wholehistory").await.starts_with("Messages: 2"));
    let known = run("/memory").await;
    assert!(known.contains("1. Ann's sister lives in Lviv.") && !known.contains("walrus"), "{known}");
    // By a number: the fact and what it was drawn from.
    let shown = run("/forget 1").await;
    assert!(shown.contains("My sister lives in Lviv."), "{shown}");
    assert_eq!(run("/forget так").await, "Erased. Messages: 2.");
    assert!(run("/memory").await.contains("not written anything down"));
    assert_eq!(run("/wholehistory").await, "There is nothing there.");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_holds_everything_and_nothing_of_others() {
    let (story, ann, conversation) = begun().await;
    story.model_will(Line::say("A narwhal."));
    let bob = story.client("bob").await;
    said(&bob, "1", "I keep a narwhal.").await;
    assert!(typed(&ann, &conversation, "/export").await.contains('6'));
    let query = "query E($id: ID!) { export(conversationId: $id) }";
    let lines = text(&ann.ask(query, json!({ "id": conversation })).await["export"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let texts: Vec<(&str, &str)> =
        lines.iter().map(|line| (line["role"].as_str().unwrap(), line["text"].as_str().unwrap())).collect();
    assert_eq!(
        texts,
        [
            ("person", "I keep a walrus in the cellar."),
            ("bot", "A walrus? How nice."),
            ("person", "My sister lives in Lviv."),
            ("bot", "Lviv is lovely."),
            ("system", "Ann keeps a walrus."),
            ("system", "Ann's sister lives in Lviv."),
        ]
    );
    assert_eq!(lines[0]["speaker"], "ann");
    assert_eq!(lines[4]["sources"], json!([lines[0]["id"]]));
    assert_eq!(bob.ask(query, json!({ "id": conversation })).await["export"], Value::Null);
    story.end().await;
}
