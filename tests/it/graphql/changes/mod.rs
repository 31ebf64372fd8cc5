//! A phone that was away: what it is told, what it is not told, and when it must begin anew.

mod copy;
mod property;

use std::time::Duration;

use botwright::clock::{Clock as _, SystemClock};
use botwright::providers::scripted::Line;
use botwright::store::{Change, Cursor, Store};
use botwright::worker;
use copy::{CHANGES, Copy, everything};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use serde_json::{Value, json};

use crate::graphql::{Story, finished, text};
use crate::harness::door::Client;

/// Runs SQL as the application does, in the account of the story.
pub(super) async fn in_account(story: &Story, statements: &str) {
    let mut conn = AsyncPgConnection::establish(story.database.url()).await.unwrap();
    let account = story.talk.actor.account;
    conn.batch_execute(&format!(
        "begin; set local role botwright_app; set local app.account_id = '{account}'; {statements}; commit"
    ))
    .await
    .unwrap();
}

/// Runs SQL as the queues do.
async fn as_system(story: &Story, statements: &str) {
    let mut conn = AsyncPgConnection::establish(story.database.url()).await.unwrap();
    conn.batch_execute(&format!("begin; set local role botwright_system; {statements}; commit"))
        .await
        .unwrap();
}

/// Waits until everything that was written can be read: other stories have transactions open in this cluster.
pub(super) async fn quiet(story: &Story) {
    for _ in 0..600 {
        let mut tx = story.talk.store.system().await.unwrap();
        let head = Cursor::head(&mut tx).await.unwrap();
        let waiting = Change::count_after(&mut tx, head, 1).await.unwrap();
        tx.commit().await.unwrap();
        if waiting == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("a transaction stays open");
}

const RENAME: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: NAME\nmodel: {use: scripted}\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_was_away_for_a_week_has_everything_after_a_few_pages() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    story.model_will(Line::say("One."));
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "Count!"})).await;
    finished(&ann, &text(&said["turn"]["id"])).await;
    quiet(&story).await;

    // One begins from nothing by the same field, one loads its first screen by the lists.
    let mut phone = Copy::default();
    phone.catch_up(&ann, 1_000).await;
    assert_eq!((phone.texts(), phone.resets), (vec!["Count!".into(), "One.".into()], 0));
    let mut other = Copy::hydrate(&ann).await;
    assert_eq!(phone.things, other.things);
    assert_eq!(phone.things.len(), 5, "a bot, a conversation, a turn and two messages: {:?}", phone.things);

    // A week passes: more is said, something is edited, something erased, a bot comes and another goes.
    story.model_will(Line::say("Two."));
    let more = ann.say(json!({"idempotencyKey": "2", "bot": "parrot", "text": "Go on!"})).await;
    finished(&ann, &text(&more["turn"]["id"])).await;
    let first = botwright::graphql::message_id(&text(&said["message"]["id"])).unwrap();
    let second = botwright::graphql::message_id(&text(&more["message"]["id"])).unwrap();
    in_account(
        &story,
        &format!(
            "update messages set text = 'Count to two!', version = 2, edited_at = now() where id = '{first}';
             update messages set text = '', erased_at = now() where id = '{second}'"
        ),
    )
    .await;
    story.talk.apply_bot("heron", &RENAME.replace("NAME", "Heron")).await;
    quiet(&story).await;
    phone.catch_up(&ann, 3).await;
    assert!(phone.pages > 3, "{}", phone.pages);
    assert_eq!(phone.texts(), ["Count to two!", "One.", "Two."]);
    assert_eq!(phone.things, everything(&ann).await);
    in_account(&story, "update bots set archived_at = now() where name = 'heron'").await;
    quiet(&story).await;
    for copy in [&mut phone, &mut other] {
        copy.catch_up(&ann, 1_000).await;
        assert_eq!(copy.things, everything(&ann).await);
    }
    // What is rated on one device is told on the other.
    let token = phone.token.clone();
    let rate =
        "mutation Rate($id: ID!) { rateMessage(input: {messageId: $id, rating: UP, expectedVersion: 0}) {
        userErrors { ... on UserError { message } } } }";
    let reply = phone.things.values().find(|thing| thing["text"] == "One.").unwrap()["id"].clone();
    ann.ask(rate, json!({ "id": reply })).await;
    quiet(&story).await;
    let rated = "query Rated($since: String) { changes(since: $since, first: 10) { nodes { id
        ... on ChangeUpsert { node { ... on Message { rating { rating } } } } } } }";
    let page = ann.ask(rated, json!({ "since": token })).await;
    assert_eq!(page["changes"]["nodes"], json!([{"id": reply, "node": {"rating": {"rating": "UP"}}}]));
    // Nothing new is an empty page, whose token goes on.
    phone.catch_up(&ann, 1_000).await;
    let before = phone.pages;
    phone.catch_up(&ann, 1_000).await;
    phone.catch_up(&ann, 1_000).await;
    assert_eq!((phone.pages - before, phone.resets), (2, 0));
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_say_when_and_types_narrow_what_comes() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "My secret."})).await;
    finished(&ann, &text(&said["turn"]["id"])).await;
    quiet(&story).await;
    let token = ann.ask(CHANGES, json!({"since": "now", "first": 1})).await["changes"]["token"].take();
    let message = botwright::graphql::message_id(&text(&said["message"]["id"])).unwrap();
    in_account(
        &story,
        &format!(
            "update messages set text = '', erased_at = '2026-01-02T03:04:05Z' where id = '{message}';
             update bots set archived_at = '2026-01-02T03:04:06Z'"
        ),
    )
    .await;
    quiet(&story).await;
    let ask = async |types: &[&str]| {
        let variables = json!({"since": token, "first": 10, "types": types});
        let page = ann.ask(CHANGES, variables).await["changes"].take();
        page["nodes"].as_array().unwrap().clone()
    };
    let erased = json!({"__typename": "ChangeDelete", "id": said["message"]["id"], "type": "MESSAGE",
        "deletedAt": "2026-01-02T03:04:05.000Z"});
    assert_eq!(ask(&["MESSAGE"]).await, std::slice::from_ref(&erased));
    assert_eq!(ask(&["TURN", "CONVERSATION"]).await, Vec::<Value>::new());
    let both = ask(&["BOT", "MESSAGE"]).await;
    assert_eq!(both[0], erased);
    assert_eq!(
        (&both[1]["type"], &both[1]["deletedAt"]),
        (&json!("BOT"), &json!("2026-01-02T03:04:06.000Z"))
    );
    // A token that left messages out cannot go on with them.
    let narrow =
        ann.ask(CHANGES, json!({"since": "now", "first": 1, "types": ["BOT"]})).await["changes"]["token"]
            .take();
    let page = ann.ask(CHANGES, json!({"since": narrow, "first": 1})).await["changes"].take();
    assert_eq!(page["resetRequired"], true);
    let page =
        ann.ask(CHANGES, json!({"since": narrow, "first": 1, "types": ["BOT"]})).await["changes"].take();
    assert_eq!(page["resetRequired"], false);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_told_what_is_somebody_elses() {
    let story = Story::begin().await;
    let (ann, bob) = (story.client("ann").await, story.client("bob").await);
    let admin = story.door.client(&story.talk, "admin", "admin").await;
    let stranger = story.door.client_in("elsewhere", "admin").await;
    let mut copies = [Copy::default(), Copy::default(), Copy::default(), Copy::default()];
    for (copy, client) in copies.iter_mut().zip([&ann, &bob, &admin, &stranger]) {
        copy.catch_up(client, 50).await;
    }
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "My secret."})).await;
    finished(&ann, &text(&said["turn"]["id"])).await;
    // A group, which belongs to nobody, is for who sees everything.
    in_account(
        &story,
        "insert into conversations (account_id, id, bot_id, channel, key, created_at, updated_at)
         select account_id, gen_random_uuid(), id, 'telegram', 'group', now(), now() from bots",
    )
    .await;
    quiet(&story).await;
    for (copy, client) in copies.iter_mut().zip([&ann, &bob, &admin, &stranger]) {
        copy.catch_up(client, 50).await;
        assert_eq!(copy.resets, 0);
    }
    let [anns, bobs, admins, strangers] = copies;
    assert_eq!(anns.things, everything(&ann).await);
    assert_eq!(bobs.things.len(), 1, "the bot: {:?}", bobs.things);
    assert_eq!(bobs.things, everything(&bob).await);
    assert_eq!(admins.things.len(), anns.things.len() + 1, "and the group");
    assert!(strangers.things.is_empty(), "{:?}", strangers.things);

    // Beginning anew shows the same walls as following.
    for (client, followed) in [(&ann, &anns), (&bob, &bobs), (&admin, &admins), (&stranger, &strangers)] {
        let mut fresh = Copy::default();
        fresh.catch_up(client, 2).await;
        assert_eq!(fresh.things, followed.things);
    }
    // With somebody else's token one begins anew, and sees one's own.
    for (client, token) in [(&bob, &anns.token), (&stranger, &admins.token), (&admin, &anns.token)] {
        let mut borrowed = Copy { token: token.clone(), ..Copy::default() };
        borrowed.catch_up(client, 50).await;
        assert_eq!(borrowed.resets, 1);
    }
    // Whoever may do neither chat nor read is told nothing.
    let planner = story.door.client(&story.talk, "planner", "config:plan").await;
    assert_eq!(planner.error(CHANGES, json!({"first": 1})).await, "FORBIDDEN");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_and_forgotten_lines_begin_anew() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    let mut old = Copy::hydrate(&ann).await;
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "Hello!"})).await;
    finished(&ann, &text(&said["turn"]["id"])).await;
    quiet(&story).await;
    let mut recent = Copy::hydrate(&ann).await;
    let mut half = Copy { token: old.token.clone(), ..Copy::default() };
    half.turn_page(&ann, 1).await;

    // Ninety days later the lines are forgotten: who has not read them cannot go on.
    as_system(&story, "update changes set at = now() - interval '91 days'").await;
    worker::prune(&story.talk.store, SystemClock.now()).await.unwrap();
    for (copy, resets) in [(&mut old, 1), (&mut half, 1), (&mut recent, 0)] {
        copy.catch_up(&ann, 10).await;
        assert_eq!((copy.resets, &copy.things), (resets, &everything(&ann).await));
    }

    // The database is restored into another cluster: its transactions count anew.
    let mut conn = AsyncPgConnection::establish(story.database.url()).await.unwrap();
    conn.batch_execute("update feed_epochs set system_identifier = 'another'").await.unwrap();
    drop(Store::connect(story.database.url(), 4).await.unwrap());
    let token = recent.token.clone();
    for copy in [&mut old, &mut recent] {
        let before = copy.resets;
        copy.catch_up(&ann, 10).await;
        assert_eq!((copy.resets, &copy.things), (before + 1, &everything(&ann).await));
    }
    // One that comes from the future of this database is as void as one from its past.
    conn.batch_execute(
        "delete from feed_epochs where epoch = 2; update feed_epochs set system_identifier =
             (select system_identifier::text from pg_control_system())",
    )
    .await
    .unwrap();
    let mut ahead = Copy { token: recent.token.clone(), ..Copy::default() };
    ahead.catch_up(&ann, 10).await;
    assert_eq!(ahead.resets, 1);
    let mut back = Copy { token, ..Copy::default() };
    back.catch_up(&ann, 10).await;
    assert_eq!(back.resets, 0, "this is the database that it knows");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_token_and_no_page_is_refused() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    let bots = ann.ask("{ bots(first: 1) { pageInfo { endCursor } } }", json!({})).await;
    let elsewhere = &bots["bots"]["pageInfo"]["endCursor"];
    let table = [
        json!({"since": "", "first": 1}),
        json!({"since": "yesterday", "first": 1}),
        json!({"since": "1.2.3", "first": 1}),
        json!({"since": elsewhere, "first": 1}),
        json!({"since": "x".repeat(10_000), "first": 1}),
        json!({"first": 0}),
        json!({"first": -1}),
        json!({"first": 1_001}),
        json!({"first": 1, "types": []}),
    ];
    for variables in table {
        assert_eq!(ann.error(CHANGES, variables.clone()).await, "BAD_USER_INPUT", "{variables}");
    }
    // Numbers that no server wrote are no harm.
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let token = ann.ask(CHANGES, json!({"since": "now", "first": 1})).await["changes"]["token"].take();
    let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text(&token)).unwrap()).unwrap();
    let (head, tail) = plain.split_once("\"c\":[").unwrap();
    let (_, tail) = tail.split_once(']').unwrap();
    for cursor in ["1,-9223372036854775808,-1", "1,9223372036854775807,9223372036854775807", "-1,0,0"] {
        let forged = URL_SAFE_NO_PAD.encode(format!("{head}\"c\":[{cursor}]{tail}"));
        let page = ann.ask(CHANGES, json!({"since": forged, "first": 1})).await["changes"].take();
        assert_eq!(page["resetRequired"], true, "{cursor}");
    }
    story.end().await;
}

const AVAILABLE: &str =
    "subscription Available($since: String!) { changesAvailable(since: $since) { since resetRequired } }";

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_told_of_what_is_theirs() {
    let story = Story::begin().await;
    let (ann, bob) = (story.client("ann").await, story.client("bob").await);
    let admin = story.door.client(&story.talk, "admin", "admin").await;
    quiet(&story).await;
    let token = async |client: &Client| {
        let page = client.ask(CHANGES, json!({"since": "now", "first": 1})).await;
        text(&page["changes"]["token"])
    };
    let (anns, bobs, admins) = (token(&ann).await, token(&bob).await, token(&admin).await);
    let (mut to_ann, mut to_bob, mut to_admin) =
        (ann.socket().await, bob.socket().await, admin.socket().await);
    to_ann.subscribe("c", AVAILABLE, json!({ "since": anns })).await;
    to_bob.subscribe("c", AVAILABLE, json!({ "since": bobs })).await;
    to_admin.subscribe("c", AVAILABLE, json!({ "since": admins })).await;
    // Let them look once, so that what comes is news and not what was there.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "Hello!"})).await;
    assert_eq!(to_ann.event("c").await, json!({"since": anns, "resetRequired": false}));
    assert_eq!(to_admin.event("c").await, json!({"since": admins, "resetRequired": false}));
    finished(&ann, &text(&said["turn"]["id"])).await;
    // Bob hears of the bot that comes, and of nothing before.
    let mut copy = Copy { token: Some(bobs.clone()), ..Copy::default() };
    copy.catch_up(&bob, 10).await;
    assert!(copy.things.is_empty(), "{:?}", copy.things);
    story.talk.apply_bot("heron", &RENAME.replace("NAME", "Heron")).await;
    assert_eq!(to_bob.event("c").await, json!({"since": bobs, "resetRequired": false}));
    quiet(&story).await;
    copy.catch_up(&bob, 10).await;
    assert_eq!(copy.things.len(), 1, "{:?}", copy.things);

    // What was there before is told at once; a token that leads nowhere ends it.
    let mut late = ann.socket().await;
    late.subscribe("c", AVAILABLE, json!({ "since": anns })).await;
    assert_eq!(late.event("c").await["resetRequired"], false);
    late.subscribe("d", AVAILABLE, json!({ "since": bobs })).await;
    let told = loop {
        let heard = late.hear().await;
        if heard["id"] == "d" {
            break heard;
        }
    };
    assert_eq!(told["payload"]["data"]["changesAvailable"]["resetRequired"], true);
    let mut wrong = ann.socket().await;
    wrong.subscribe("c", AVAILABLE, json!({"since": "now"})).await;
    assert_eq!(wrong.hear().await["payload"][0]["extensions"]["code"], "BAD_USER_INPUT");
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_at_once_is_what_is_told_otherwise() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    story.model_will(Line::say("One."));
    let said = ann.say(json!({"idempotencyKey": "1", "bot": "parrot", "text": "Count!"})).await;
    finished(&ann, &text(&said["turn"]["id"])).await;
    quiet(&story).await;
    let ask = async |more: &str| {
        let query = format!(
            "{{ changes(first: 10, types: [MESSAGE]) {{ nodes {{ __typename it: id type ... on ChangeUpsert {{
                 node {{ __typename ... on Bot {{ name }} ...Said ... on Node {{ same: id }} {more} }} }} }} }} }}
             fragment Said on Message {{ ordinal role text sentAt editedAt erasedAt version rating {{ rating }}
                 supersededBy {{ id }} author {{ __typename called: name }} turn {{ id __typename }}
                 conversation {{ id }} }}"
        );
        ann.ask(&query, json!({})).await["changes"]["nodes"].take()
    };
    let at_once = ask("").await;
    assert_eq!(at_once[1]["node"]["text"], "One.", "{at_once}");
    assert_eq!(at_once[0]["node"]["author"], json!({"__typename": "Participant", "called": "ann"}));
    // Files are loaded, and what is asked for twice is merged: neither is told at once.
    for (more, found) in [("files: attachments { id }", "files"), ("author { name }", "")] {
        let mut otherwise = ask(&format!("... on Message {{ {more} }}")).await;
        for node in otherwise.as_array_mut().unwrap() {
            let node = node["node"].as_object_mut().unwrap();
            node.remove(found);
            assert_eq!(node["author"].as_object_mut().unwrap().remove("name").is_some(), found.is_empty());
        }
        assert_eq!(otherwise, at_once);
    }
    story.end().await;
}
