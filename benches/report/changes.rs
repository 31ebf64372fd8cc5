//! What a page of changes takes in an account of a million messages.

use std::time::{Duration, Instant};

use diesel::sql_types::Text;
use diesel::{QueryableByName, sql_query};
use diesel_async::{AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};
use serde_json::{Value, json};

use super::{Door, Server, client, median};

/// Messages of the account, as many in each conversation, and how many of the newest the phone has not seen.
const MESSAGES: usize = 1_000_000;
const CONVERSATIONS: usize = 1_000;
const NEW: usize = 100_000;
const PAGE: usize = 1_000;

const QUERY: &str = "query($since: String, $types: [ChangeType!]) { changes(since: $since, first: 1000, types: $types) {
    token resetRequired pageInfo { hasNextPage } nodes { id type
        ... on ChangeDelete { deletedAt }
        ... on ChangeUpsert { node { __typename
            ... on Conversation { title updatedAt bot { id } }
            ... on Message { ordinal role text sentAt editedAt version author { name } conversation { id } } } } } } }";

#[derive(QueryableByName)]
struct Account {
    #[diesel(sql_type = Text)]
    id: String,
}

/// Measures a phone that follows, and one that begins.
pub(super) async fn measure(server: &Server, door: &Door, db: &mut AsyncPgConnection) {
    let now = page(door, json!({ "since": "now", "types": ["MESSAGE"] })).await.0;
    fill(db).await;
    indexed(server).await;
    let following = pages(door, now["token"].clone(), NEW / PAGE).await;
    println!(
        "changes, a page of 1,000 of {NEW} new ones among {MESSAGES} messages, p50 | {:.1} ms (longest {:.1} ms) | aim 20 ms",
        median(following.clone()),
        following.iter().copied().fold(0.0, f64::max)
    );
    let beginning = pages(door, Value::Null, NEW / PAGE).await;
    println!("the same for a phone that begins with nothing, p50 | {:.1} ms", median(beginning));
}

/// So many pages after `token`; the milliseconds that each took.
async fn pages(door: &Door, mut token: Value, count: usize) -> Vec<f64> {
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let (page, took) = page(door, json!({ "since": token, "types": ["MESSAGE"] })).await;
        assert_eq!((page["nodes"].as_array().unwrap().len(), &page["resetRequired"]), (PAGE, &json!(false)));
        token = page["token"].clone();
        times.push(took.as_secs_f64() * 1_000.0);
    }
    times
}

async fn page(door: &Door, variables: Value) -> (Value, Duration) {
    let body = json!({ "query": QUERY, "variables": variables });
    let began = Instant::now();
    let answer = door.client.post(&door.url).bearer_auth(&door.token).json(&body).send().await.unwrap();
    let answer = answer.bytes().await.unwrap();
    let took = began.elapsed();
    let mut answer: Value = serde_json::from_slice(&answer).unwrap();
    assert!(answer.get("errors").is_none(), "{answer}");
    (answer["data"]["changes"].take(), took)
}

/// Writes the messages, and lines of the feed for the new ones, as the trigger would have.
async fn fill(db: &mut AsyncPgConnection) {
    db.batch_execute("begin; set local role botwright_system").await.unwrap();
    let find = "select id::text as id from accounts where name = 'default'";
    let account: Account = sql_query(find).get_result(db).await.unwrap();
    db.batch_execute("commit").await.unwrap();
    let (account, old) = (account.id, MESSAGES - NEW);
    // People talk side by side, and ids are in the order of time, as the server's own are.
    db.batch_execute(&format!(
        "alter table messages disable trigger record_change;
         begin; set local role botwright_app; set local app.account_id = '{account}';
         insert into conversations (account_id, id, bot_id, channel, key, person_id, last_ordinal, created_at, updated_at)
             select b.account_id, md5('c' || n)::uuid, b.id, 'graphql', 'bench-' || n, p.person_id, 1000, now(), now()
             from bots b, identities p, generate_series(0, {CONVERSATIONS} - 1) n
             where b.name = 'bot-0' and p.channel = 'operator' and p.external_id = 'operator';
         insert into messages (account_id, id, conversation_id, ordinal, role, author, text, sent_at)
             select '{account}', lpad(to_hex(n + 1), 32, '0')::uuid, md5('c' || n % {CONVERSATIONS})::uuid,
                 n / {CONVERSATIONS} + 1, case n / {CONVERSATIONS} % 2 when 0 then 'person' else 'bot' end, 'Bench',
                 'This is what was said the ' || n || 'th time, a sentence or two of the usual length.', now()
             from generate_series(0, {MESSAGES} - 1) n;
         insert into changes (account_id, epoch, xid, kind, entity_id, operation, audience)
             select '{account}', (select max(epoch) from feed_epochs), pg_current_xact_id()::text::bigint, 'message',
                 lpad(to_hex(n + 1), 32, '0')::uuid, 'upsert', p.person_id
             from identities p, generate_series({old}, {MESSAGES} - 1) n
             where p.channel = 'operator' and p.external_id = 'operator';
         commit;
         alter table messages enable trigger record_change; analyze"
    ))
    .await
    .unwrap();
}

/// Waits until the server has taken them into its index.
async fn indexed(server: &Server) {
    let (client, began) = (client(), Instant::now());
    loop {
        let ready = client.get(format!("http://127.0.0.1:{}/readyz", server.port)).send().await.unwrap();
        if ready.text().await.unwrap().contains(" 0 changes behind") {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(300), "the index does not catch up");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
