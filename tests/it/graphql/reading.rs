//! Reading: walls between people, what a token opens, pages.

use std::time::{Duration, Instant};

use botwright::providers::scripted::Line;
use botwright::store::Conversation;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};

use crate::graphql::{Story, TURN_EVENTS, finished, text};
use crate::harness::cluster::Database;
use crate::harness::door::{Client, Door, code};
use crate::harness::talk::Talk;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_what_is_somebody_elses() {
    let story = Story::begin().await;
    let (ann, bob) = (story.client("ann").await, story.client("bob").await);
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "My secret."})).await;
    let ids = ["conversation", "message", "turn"].map(|part| text(&said[part]["id"]));
    finished(&ann, &ids[2]).await;
    let node = "query Node($id: ID!) { node(id: $id) { __typename id } }";
    for id in &ids {
        assert_eq!(ann.ask(node, json!({ "id": id })).await["node"]["id"], *id);
        assert_eq!(bob.ask(node, json!({ "id": id })).await["node"], Value::Null);
    }
    let viewer = ann.ask("{ viewer { person { id } account { id } } }", json!({})).await;
    let (person, account) = (&viewer["viewer"]["person"]["id"], &viewer["viewer"]["account"]["id"]);
    assert_eq!(bob.ask(node, json!({ "id": person })).await["node"], Value::Null);
    assert_eq!(bob.ask(node, json!({ "id": account })).await["node"]["__typename"], "Account");
    let both = "query Both($c: ID!, $t: ID!) { conversation(id: $c) { id } turn(id: $t) { text } conversations(first: 5) { nodes { id } } }";
    let seen = bob.ask(both, json!({"c": ids[0], "t": ids[2]})).await;
    assert_eq!(seen, json!({"conversation": null, "turn": null, "conversations": {"nodes": []}}));

    let mut socket = bob.socket().await;
    for after in [0, 1] {
        socket.subscribe("t", TURN_EVENTS, json!({"turn": ids[2], "after": after})).await;
        let heard = socket.hear().await;
        assert_eq!(
            (&heard["type"], code(&heard["payload"])),
            (&json!("error"), "NOT_FOUND".to_owned()),
            "{heard}"
        );
    }
    let follow = "subscription Follow($id: ID!) { conversationEvents(conversationId: $id) { seq } }";
    socket.subscribe("c", follow, json!({ "id": ids[0] })).await;
    let heard = socket.hear().await;
    assert_eq!(
        (&heard["type"], code(&heard["payload"])),
        (&json!("error"), "NOT_FOUND".to_owned()),
        "{heard}"
    );
    let cancel = "mutation Cancel($id: ID!) { cancelTurn(input: {turnId: $id}) { userErrors { ... on UserError { code } } } }";
    assert_eq!(
        bob.ask(cancel, json!({ "id": ids[2] })).await["cancelTurn"]["userErrors"][0]["code"],
        "NOT_FOUND"
    );
    let payload =
        bob.say(json!({"idempotencyKey": "1", "conversationId": ids[0], "text": "Let me in."})).await;
    assert_eq!(payload["userErrors"][0]["code"], "NOT_FOUND");

    let admin = story.door.client(&story.talk, "admin", "admin").await;
    assert_eq!(admin.ask(node, json!({ "id": ids[1] })).await["node"]["id"], ids[1]);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_opens_what_its_scopes_say_and_no_more() {
    let story = Story::begin().await;
    let reader = story.door.client(&story.talk, "reader", "read").await;
    let planner = story.door.client(&story.talk, "planner", "config:plan").await;
    let viewer = planner.ask("{ viewer { person { name } scopes expiresAt } }", json!({})).await;
    assert_eq!(
        viewer["viewer"],
        json!({"person": {"name": "planner"}, "scopes": ["CONFIG_PLAN"], "expiresAt": null})
    );
    assert_eq!(planner.error("{ bots(first: 1) { nodes { name } } }", json!({})).await, "FORBIDDEN");
    assert_eq!(
        reader.ask("{ bots(first: 1) { nodes { name } } }", json!({})).await["bots"]["nodes"][0]["name"],
        "parrot"
    );
    let send =
        "mutation { sendMessage(input: {idempotencyKey: 1, bot: \"parrot\", text: \"x\"}) { replayed } }";
    assert_eq!(reader.error(send, json!({})).await, "FORBIDDEN");

    let brief =
        story.door.client_for(&story.talk, "brief", "chat", Some(chrono::TimeDelta::seconds(2))).await;
    let mut socket = brief.socket().await;
    let heard = socket.hear().await;
    assert_eq!(heard["close"][0], 4403, "{heard}");
    let (status, answer) = brief.send("{ viewer { expiresAt } }", json!({})).await;
    assert_eq!((status, code(&answer["errors"])), (401, "UNAUTHENTICATED".to_owned()));
    assert!(text(&answer["errors"][0]["message"]).contains("expired"), "{answer}");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_conversations_lead_through_all_of_them_once() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    let mut begun = Vec::new();
    for _ in 0..7 {
        begun.push(begin_conversation(&ann, begun.len()).await);
    }
    begun.reverse();
    let list = "query List($after: String) { conversations(first: 3, after: $after) {
        nodes { id } edges { cursor } pageInfo { hasNextPage endCursor } } }";
    let mut found = Vec::new();
    let mut after = Value::Null;
    loop {
        let page = ann.ask(list, json!({ "after": after })).await["conversations"].take();
        let ids = page["nodes"].as_array().unwrap().iter().map(|node| text(&node["id"]));
        found.extend(ids);
        let last = page["edges"].as_array().unwrap().last().unwrap();
        assert_eq!(last["cursor"], page["pageInfo"]["endCursor"]);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!(found, begun);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_messages_are_read_from_both_ends() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    let conversation = begin_conversation(&ann, 0).await;
    for number in 1..=5 {
        story.model_will(Line::say(format!("{number}!")));
        let key = format!("m{number}");
        let input =
            json!({"idempotencyKey": key, "conversationId": conversation, "text": number.to_string()});
        let said = ann.say(input).await;
        finished(&ann, said["turn"]["id"].as_str().unwrap()).await;
    }
    let messages = async |arguments: &str| {
        let query = format!(
            "query M($id: ID!) {{ conversation(id: $id) {{ messages({arguments}) {{
                nodes {{ text }} pageInfo {{ startCursor endCursor hasNextPage hasPreviousPage }} }} }} }}"
        );
        ann.ask(&query, json!({ "id": conversation })).await["conversation"]["messages"].take()
    };
    let texts = |page: &Value| {
        page["nodes"].as_array().unwrap().iter().map(|node| text(&node["text"])).collect::<Vec<_>>()
    };
    let more = |page: &Value| {
        [&page["pageInfo"]["hasPreviousPage"], &page["pageInfo"]["hasNextPage"]].map(|more| *more == true)
    };
    let newest = messages("last: 4").await;
    assert_eq!(
        (texts(&newest), more(&newest)),
        (["4", "4!", "5", "5!"].map(String::from).to_vec(), [true, false])
    );
    let before = messages(&format!("last: 4, before: {}", newest["pageInfo"]["startCursor"])).await;
    assert_eq!(texts(&before), ["2", "2!", "3", "3!"]);
    let oldest = messages(&format!("last: 4, before: {}", before["pageInfo"]["startCursor"])).await;
    assert_eq!((texts(&oldest), more(&oldest)), (["1", "1!"].map(String::from).to_vec(), [false, true]));
    let forward = messages(&format!("first: 3, after: {}", oldest["pageInfo"]["endCursor"])).await;
    assert_eq!(texts(&forward), ["2", "2!", "3"]);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_page_and_no_id_is_refused() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    let conversation = begin_conversation(&ann, 0).await;
    let bots = ann.ask("{ bots(first: 1) { pageInfo { endCursor } } }", json!({})).await;
    let elsewhere = &bots["bots"]["pageInfo"]["endCursor"];
    let after = "query Q($c: String) { conversations(first: 1, after: $c) { nodes { id } } }";
    let table = [
        ("{ conversations { nodes { id } } }", json!({})),
        ("{ conversations(first: 0) { nodes { id } } }", json!({})),
        ("{ conversations(first: 101) { nodes { id } } }", json!({})),
        (after, json!({"c": "x"})),
        (after, json!({ "c": elsewhere })),
        (
            "query Q($c: ID!) { conversation(id: $c) { messages { nodes { id } } } }",
            json!({ "c": conversation }),
        ),
        (
            "query Q($c: ID!) { conversation(id: $c) { messages(first: 1, last: 1) { nodes { id } } } }",
            json!({ "c": conversation }),
        ),
        ("query Q($c: ID!) { conversation(id: $c) { id } }", json!({"c": "7"})),
    ];
    for (query, variables) in table {
        assert_eq!(ann.error(query, variables).await, "BAD_USER_INPUT", "{query}");
    }
    story.end().await;
}

/// A conversation with the parrot, by its id.
async fn begin_conversation(client: &Client, key: usize) -> String {
    let create =
        "mutation Create($key: ID!) { createConversation(input: {idempotencyKey: $key, bot: \"parrot\"}) {
        conversation { id } } }";
    let made = client.ask(create, json!({ "key": key.to_string() })).await;
    text(&made["createConversation"]["conversation"]["id"])
}

#[tokio::test(flavor = "multi_thread")]
async fn bots_are_listed_by_name_and_found_by_it() {
    let story = Story::begin().await;
    let bot = |name: &str| {
        format!("apiVersion: botwright/v1\nkind: Bot\ndisplayName: {name}\nmodel: {{use: scripted}}\n")
    };
    for name in ["heron", "magpie", "albatross"] {
        story.talk.apply_bot(name, &bot(name)).await;
    }
    let ann = story.client("ann").await;
    let query = "query Bots($after: String) { bots(first: 3, after: $after) { nodes { name revision { number } } pageInfo { hasNextPage endCursor } } }";
    let first = ann.ask(query, json!({})).await["bots"].take();
    let names = |page: &Value| {
        page["nodes"].as_array().unwrap().iter().map(|node| text(&node["name"])).collect::<Vec<_>>()
    };
    assert_eq!(
        (names(&first), &first["pageInfo"]["hasNextPage"]),
        (["albatross", "heron", "magpie"].map(String::from).to_vec(), &json!(true))
    );
    let rest = ann.ask(query, json!({"after": first["pageInfo"]["endCursor"]})).await["bots"].take();
    assert_eq!((names(&rest), &rest["pageInfo"]["hasNextPage"]), (vec!["parrot".to_owned()], &json!(false)));
    let found = ann.ask("{ bot(name: \"heron\") { id name displayName description greeting } missing: bot(name: \"dodo\") { id } }", json!({})).await;
    assert_eq!((&found["bot"]["displayName"], &found["missing"]), (&json!("heron"), &Value::Null));
    let node = ann
        .ask(
            "query N($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on Bot { name } } }",
            json!({"ids": [found["bot"]["id"]]}),
        )
        .await;
    assert_eq!(node["nodes"], json!([{"__typename": "Bot", "name": "heron"}]));
    let search = ann.ask("{ search(text: \"eggs\", first: 5) { nodes { text } complete } }", json!({})).await;
    assert_eq!(search["search"]["nodes"], json!([]));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_takes_too_long_is_ended_in_the_database_too() {
    let database = Database::new();
    let mut talk = Talk::begin(&database).await;
    talk.store = talk.store.clone().with_deadline(Duration::from_millis(300));
    let door = Door::open(&talk).await;
    let ann = door.client(&talk, "ann", "chat,read").await;
    let mut other = AsyncPgConnection::establish(database.url()).await.unwrap();
    other.batch_execute("begin; lock table conversations in access exclusive mode").await.unwrap();
    let list = "{ conversations(first: 1) { nodes { id } } }";
    let began = Instant::now();
    assert_eq!(ann.error(list, json!({})).await, "UNAVAILABLE");
    assert!(began.elapsed() < Duration::from_secs(5));
    // One that nobody waits for any more ends as well.
    let asked = tokio::time::timeout(Duration::from_millis(100), ann.send(list, json!({}))).await;
    assert!(asked.is_err(), "it hangs");
    tokio::time::sleep(Duration::from_millis(700)).await;
    #[derive(diesel::QueryableByName)]
    struct Waiting {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        count: i64,
    }
    let query = "select count(*) from pg_stat_activity
        where datname = current_database() and state = 'active' and wait_event_type = 'Lock'";
    let waiting: Waiting = diesel::sql_query(query).get_result(&mut other).await.unwrap();
    assert_eq!(waiting.count, 0, "nothing waits for the lock any more");
    other.batch_execute("commit").await.unwrap();
    assert_eq!(ann.ask(list, json!({})).await["conversations"]["nodes"], json!([]));
    drop(door);
    talk.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_reads_cannot_write() {
    let database = Database::new();
    let talk = Talk::begin(&database).await;
    let said = talk.say("Hello!").await;
    talk.follow(said.turn.id).await;
    let mut tx = talk.store.reading(talk.actor.account).await.unwrap();
    let id = said.conversation.id;
    assert!(Conversation::find(&tx, id).await.unwrap().is_some());
    let refused = Conversation::set_title(&mut tx, id, Some("Mine")).await.unwrap_err();
    assert!(refused.chain().contains("read-only transaction"), "{}", refused.chain());
    drop(tx);
    // The connection is as good as new for who writes.
    let mut tx = talk.store.tenant(talk.actor.account).await.unwrap();
    Conversation::set_title(&mut tx, id, Some("Mine")).await.unwrap();
    tx.commit().await.unwrap();
    talk.end().await;
}
