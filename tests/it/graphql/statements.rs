//! What the documents of a chat client cost the database: as many statements for a long list as for a short one.

use std::sync::{Mutex, PoisonError};

use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
use serde_json::{Value, json};

use crate::graphql::changes::in_account;
use crate::graphql::{Story, text};
use crate::harness::cluster::Database;
use crate::harness::door::{Client, Door};
use crate::harness::talk::Talk;

/// Every statement that this process sent. The runner gives every test a process of its own.
static STATEMENTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Listener;

impl Instrumentation for Listener {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        if let InstrumentationEvent::StartQuery { query, .. } = event {
            STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).push(query.to_string());
        }
    }
}

/// What a document's execution sent, without what opens and closes transactions and connections, and without
/// wake-ups.
async fn statements(client: &Client, query: &str, variables: Value) -> (Value, Vec<String>) {
    // Whatever is remembered for a while (the token, compiled bots) is remembered now.
    client.ask(query, variables.clone()).await;
    STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner).clear();
    let data = client.ask(query, variables).await;
    let mut sent = std::mem::take(&mut *STATEMENTS.lock().unwrap_or_else(PoisonError::into_inner));
    // What only reads ends with a rollback, behind whoever goes on.
    let frames = [
        "begin",
        "commit",
        "rollback",
        "discard",
        "set ",
        "start transaction",
        "select $1",
        "select pg_notify",
    ];
    sent.retain(|sent| !frames.iter().any(|frame| sent.to_lowercase().starts_with(frame)));
    // Whose token it is, is looked up every two seconds, in three.
    if let Some(token) = sent.iter().position(|sent| sent.contains("api_tokens")) {
        sent.drain(token..token + 3);
    }
    sent.iter_mut().for_each(|sent| *sent = sent.chars().take(120).collect());
    (data, sent)
}

/// Conversations with a bot of their own, each with so many messages and half as many turns.
async fn fill(story: &Story, client: &Client, conversations: usize, messages: usize) {
    let viewer = client.ask("{ viewer { person { name } } }", json!({})).await;
    let name = text(&viewer["viewer"]["person"]["name"]);
    in_account(
        story,
        &format!(
            "insert into bots (account_id, id, name, source, revision_id, created_at, updated_at)
                 select account_id, gen_random_uuid(), name || '-' || n || '-{name}', source, revision_id, now(), now()
                 from bots, generate_series(1, {conversations}) n where name = 'parrot';
             insert into conversations (account_id, id, bot_id, channel, key, person_id, last_ordinal, created_at, updated_at)
                 select b.account_id, gen_random_uuid(), b.id, 'graphql', b.name, p.id, {messages}, now(), now()
                 from bots b, people p where b.name like 'parrot-%-{name}' and p.name = '{name}';
             insert into turns (account_id, id, conversation_id, bot_id, revision_id, state, first_ordinal, created_at)
                 select c.account_id, gen_random_uuid(), c.id, c.bot_id, b.revision_id, 'completed', 2 * n - 1, now()
                 from conversations c join bots b on b.id = c.bot_id, generate_series(1, {messages} / 2) n
                 where b.name like 'parrot-%-{name}';
             insert into messages (account_id, id, conversation_id, ordinal, role, person_id, author, text, turn_id, sent_at)
                 select t.account_id, gen_random_uuid(), t.conversation_id, t.first_ordinal + n,
                     case n when 0 then 'person' else 'bot' end, case n when 0 then c.person_id end, 'x', 'y', t.id, now()
                 from turns t join conversations c on c.id = t.conversation_id join bots b on b.id = c.bot_id,
                     generate_series(0, 1) n where b.name like 'parrot-%-{name}';
             update turns set reply_id = m.id from messages m where m.turn_id = turns.id and m.role = 'bot'"
        ),
    )
    .await;
}

const CONVERSATIONS: &str = "{ conversations(first: 50) { nodes {
    id title updatedAt lastEventSeq bot { id displayName revision { number } } person { id name }
    messages(last: 1) { nodes { id text sentAt author { name person { name } bot { name } } turn { id state } } } } } }";

const MESSAGES: &str = "query Messages($id: ID!) { conversation(id: $id) { id bot { displayName }
    messages(last: 60) { pageInfo { hasPreviousPage startCursor } nodes {
        id ordinal role text sentAt editedAt version
        author { name person { id name } bot { id name } }
        turn { id state text usage { model } revision { number } reply { id } context { total } } } } } }";

const CHANGES: &str = "query Changes($since: String) { changes(since: $since, first: 100) { token nodes { id type
    ... on ChangeUpsert { node {
        ... on Bot { name displayName revision { number } }
        ... on Conversation { title bot { name } person { name } }
        ... on Turn { state text revision { number } conversation { id } reply { id } }
        ... on Message { text author { name person { name } bot { name } } turn { id state } conversation { id title } } } } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn long_lists_cost_as_many_statements_as_short_ones() {
    set_default_instrumentation(|| Some(Box::new(Listener))).unwrap();
    // Without the engine, which asks for work all the time.
    let database = Database::new();
    let talk = Talk::without_engine(&database).await;
    let story = Story { door: Door::open(&talk).await, talk, database };
    let (few, many) = (story.client("few").await, story.client("many").await);
    let mut tokens = Vec::new();
    for client in [&few, &many] {
        let page = client.ask("{ changes(since: \"now\", first: 1) { token } }", json!({})).await;
        tokens.push(page["changes"]["token"].clone());
    }
    fill(&story, &few, 2, 4).await;
    fill(&story, &many, 8, 20).await;
    crate::graphql::changes::quiet(&story).await;

    let mut sent = Vec::new();
    for (client, token) in [&few, &many].into_iter().zip(&tokens) {
        let (data, first) = statements(client, CONVERSATIONS, json!({})).await;
        let nodes = data["conversations"]["nodes"].as_array().unwrap();
        assert!(!nodes.is_empty() && nodes.iter().all(|node| node["messages"]["nodes"][0]["text"] == "y"));
        let (data, second) = statements(client, MESSAGES, json!({ "id": nodes[0]["id"] })).await;
        assert!(data["conversation"]["messages"]["nodes"][0]["turn"]["state"] == "COMPLETED");
        let (data, third) = statements(client, CHANGES, json!({ "since": token })).await;
        assert!(!data["changes"]["nodes"].as_array().unwrap().is_empty());
        sent.push([first, second, third]);
    }
    for (document, most) in [9, 10, 14].into_iter().enumerate() {
        let [few, many] = [&sent[0][document], &sent[1][document]];
        assert!(many.len() <= most, "document {document}, {} statements: {many:#?}", many.len());
        // What two fields ask for may or may not be there already when the second one asks.
        assert!(many.len() <= few.len() + 2, "document {document}: {few:#?} {many:#?}");
    }
    story.end().await;
}
