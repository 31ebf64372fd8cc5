//! Bots on Telegram in processes of their own: killed, two at once, with a webhook, with tokens that come and go.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::api::Api;
use crate::harness::process::{Place, Server};
use crate::harness::telegram::faults::{Fault, Trouble};
use crate::harness::telegram::{Bot, Chat, Person, Telegram};

const PROJECT: &str = "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n";
const BOT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n\
    memory: {facts: {extract: false}, summarize: {everyTurns: 1000}}\n";
const ANSWER: &str = "a reply of some twelve words that takes more than two seconds";

/// A place whose bot stands on the emulator; the model takes `delay_ms` for each word.
fn place(telegram: &Telegram, channels: &str, delay_ms: u64) -> Place {
    let mut place = Place::new();
    place.write("bots/botwright.yaml", PROJECT);
    place.write("bots/parrot/bot.yaml", &format!("{BOT}{channels}"));
    let line = json!({ "say": ANSWER, "delay_ms": delay_ms, "keep": true });
    let script = place.write("script.jsonl", &line.to_string());
    place.variables = vec![
        ("TELEGRAM_API_URL".into(), telegram.url()),
        ("TELEGRAM_LIMITS".into(), "false".into()),
        ("SCRIPTED_FILE".into(), script.to_string_lossy().into_owned()),
    ];
    place
}

const ON_TELEGRAM: &str = "channels: {telegram: {token: {secret: PARROT_TOKEN}, access: {default: open}}}\n";

/// Starts a server and gives it the token.
async fn start(place: &Place, bot: &Bot) -> Server {
    let server = place.start(&["serve"]).await;
    assert_eq!(place.run(&["secret", "set", "PARROT_TOKEN"], &bot.token).code, 0);
    server
}

fn people(telegram: &Telegram, bot: &Bot, count: usize) -> Vec<(Person, Chat)> {
    let person = |number: usize| {
        let person = telegram.person(&format!("Person {number}"));
        let chat = telegram.private(&person, bot);
        (person, chat)
    };
    (0..count).map(person).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_with_twenty_open_questions_loses_nothing_and_says_nothing_twice() {
    let telegram = Telegram::start().await;
    telegram.without_limits();
    let bot = telegram.bot("7:secret", "parrot_bot");
    let place = place(&telegram, ON_TELEGRAM, 220);
    let server = start(&place, &bot).await;
    let people = people(&telegram, &bot, 20);
    for (person, chat) in &people {
        chat.say(person, "What now?");
    }
    people[19].1.wait_for(|chat| !chat.actions.is_empty()).await;
    sleep(Duration::from_millis(1_500)).await;
    server.kill();
    assert!(people.iter().all(|(_, chat)| chat.transcript().answers() != [ANSWER]), "it was killed too late");
    let server = place.start(&["serve"]).await;
    for (_, chat) in &people {
        chat.wait_for(|chat| chat.answers() == [ANSWER]).await;
    }
    sleep(Duration::from_secs(2)).await;
    for (_, chat) in &people {
        assert_eq!(chat.transcript().answers(), [ANSWER]);
    }
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_process_was_sending_keeps_nobody_waiting() {
    let telegram = Telegram::start().await;
    telegram.without_limits();
    let bot = telegram.bot("7:secret", "parrot_bot");
    let place = place(&telegram, ON_TELEGRAM, 0);
    let server = start(&place, &bot).await;
    let people = people(&telegram, &bot, 1);
    let (ann, chat) = &people[0];
    telegram.fault(Fault::new(Trouble::Hang).on("sendMessage"));
    chat.say(ann, "One");
    until_called(&telegram, "sendmessage").await;
    server.kill();
    let server = place.start(&["serve"]).await;
    chat.say(ann, "Two");
    // A send may take a minute; that nobody is there any more who sends it shows in a few seconds.
    let answered = chat.within(Duration::from_secs(25), |chat| chat.answers() == [ANSWER]).await;
    assert!(answered.is_some(), "{:?}", chat.transcript().answers());
    let listed = place.run(&["deliveries", "list", "--output", "json"], "");
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_that_was_asked_for_outlives_the_process() {
    const SILENCE: u64 = 14;
    let telegram = Telegram::start().await;
    telegram.without_limits();
    let bot = telegram.bot("7:secret", "parrot_bot");
    let place = place(&telegram, ON_TELEGRAM, 220);
    let server = start(&place, &bot).await;
    let people = people(&telegram, &bot, 1);
    let (ann, chat) = &people[0];
    telegram.fault(Fault::new(Trouble::TooMany(SILENCE)).on("sendChatAction"));
    chat.say(ann, "One");
    let asked = until_called(&telegram, "sendchataction").await;
    // Heard, and noted.
    sleep(Duration::from_millis(300)).await;
    server.kill();
    let server = place.start(&["serve"]).await;
    chat.within(Duration::from_secs(40), |chat| chat.answers() == [ANSWER]).await.unwrap();
    let calls = telegram.calls();
    let mut calls = calls.iter().filter(|call| call.chat.is_some() && call.at > asked);
    let first = calls.next().unwrap();
    assert!(first.at - asked >= Duration::from_secs(SILENCE), "{first:?}, asked for at {asked:?}");
    assert_eq!(server.stop(), Some(0));
}

/// When `method`, in lower case, was called first.
async fn until_called(telegram: &Telegram, method: &str) -> Instant {
    loop {
        if let Some(call) = telegram.calls().iter().find(|call| call.method == method) {
            return call.at;
        }
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_never_poll_one_token_at_once_and_one_takes_over_from_the_other() {
    let telegram = Telegram::start().await;
    telegram.without_limits();
    let bot = telegram.bot("7:secret", "parrot_bot");
    let first = place(&telegram, ON_TELEGRAM, 0);
    let server = start(&first, &bot).await;
    let people = people(&telegram, &bot, 1);
    let (ann, chat) = &people[0];
    chat.say(ann, "One");
    chat.wait_for(|chat| chat.answers().len() == 1).await;
    let second = first.beside();
    second.write("bots/botwright.yaml", PROJECT);
    second.write("bots/parrot/bot.yaml", &format!("{BOT}{ON_TELEGRAM}"));
    let other = second.start(&["serve"]).await;
    chat.say(ann, "Two");
    chat.wait_for(|chat| chat.answers().len() == 2).await;
    sleep(Duration::from_secs(3)).await;
    server.kill();
    chat.say(ann, "Three");
    chat.wait_for(|chat| chat.answers().len() == 3).await;
    assert_eq!(bot.conflicts(), 0);
    assert_eq!(other.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_brings_what_people_write_and_nobody_else_does() {
    let telegram = Telegram::start().await;
    telegram.without_limits();
    let bot = telegram.bot("7:secret", "parrot_bot");
    let webhook = ON_TELEGRAM.replace("access:", "mode: webhook, access:");
    let mut place = place(&telegram, &webhook, 0);
    place.variables.push(("PUBLIC_URL".into(), place.url()));
    let server = start(&place, &bot).await;
    let people = people(&telegram, &bot, 1);
    let (ann, chat) = &people[0];
    chat.say(ann, "Hello");
    chat.wait_for(|chat| chat.answers() == [ANSWER]).await;
    assert!(telegram.calls().iter().all(|call| call.method.to_lowercase() != "getupdates"));
    let status = place.run(&["status", "--output", "json"], "");
    let status: Value = serde_json::from_str(&status.out).unwrap();
    let connection = &status["connections"][0];
    assert_eq!((&connection["state"], &connection["username"]), (&json!("running"), &json!("parrot_bot")));

    let calls = telegram.calls();
    let set = calls.iter().find(|call| call.method.to_lowercase() == "setwebhook").unwrap();
    let url = set.arguments["url"].as_str().unwrap();
    assert!(!url.contains("secret"), "{url}");
    let forged = json!({ "update_id": 1, "message": { "message_id": 99, "text": "Psst",
        "chat": { "id": ann.id, "type": "private" }, "from": { "id": ann.id, "first_name": "Ann" } } });
    let client = reqwest::Client::builder().build().unwrap();
    let bare = client.post(url).json(&forged).send().await.unwrap();
    let wrong = client.post(url).header("X-Telegram-Bot-Api-Secret-Token", "0".repeat(64)).json(&forged);
    assert_eq!((bare.status().as_u16(), wrong.send().await.unwrap().status().as_u16()), (401, 401));
    assert_eq!(chat.transcript().answers().len(), 1);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_come_and_go_while_it_runs_and_are_held_by_one() {
    let telegram = Telegram::start().await;
    telegram.without_limits();
    let bot = telegram.bot("8:another-secret", "other_bot");
    let place = place(&telegram, "", 0);
    let server = place.start(&["serve"]).await;
    let token = place.run(&["token", "create", "--scopes", "admin,chat,read"], "").out.trim().to_owned();
    let client = reqwest::Client::builder().build().unwrap();
    let ask = async |query: &str, variables: Value| -> Value {
        let body = json!({ "query": query, "variables": variables });
        let asked = client.post(format!("{}/graphql", place.url())).bearer_auth(&token).json(&body);
        asked.send().await.unwrap().json().await.unwrap()
    };
    let add = "mutation($key: ID!, $token: String!) { addConnection(input: { idempotencyKey: $key, bot: \"parrot\",
        token: $token }) { connection { id state version } replayed userErrors { __typename ... on UserError { message } } } }";
    let added = ask(add, json!({ "key": "1", "token": bot.token })).await;
    let id = added["data"]["addConnection"]["connection"]["id"].as_str().unwrap_or_else(|| panic!("{added}"));
    let again = ask(add, json!({ "key": "2", "token": bot.token })).await;
    let refused = again["data"]["addConnection"]["userErrors"][0].clone();
    assert_eq!(refused["__typename"], "ConflictError", "{again}");
    let none = ask(add, json!({ "key": "3", "token": "hunter2" })).await;
    assert_eq!(none["data"]["addConnection"]["userErrors"][0]["__typename"], "InvalidInputError", "{none}");

    let people = people(&telegram, &bot, 1);
    let (ann, chat) = &people[0];
    chat.say(ann, "Hello");
    // Nobody is let in without a code, unless the bot's file says so.
    let told = chat.wait_for(|chat| chat.answers().len() == 1).await;
    let code = told.answers()[0].split(": ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let approved = place.run(&["access", "approve", &code], "");
    assert_eq!(approved.code, 0, "{approved:?}");
    chat.say(ann, "And now?");
    chat.wait_for(|chat| chat.answers().last() == Some(&ANSWER)).await;
    assert_eq!(place.run(&["access", "approve", &code], "").code, 1, "a code is used once");

    // The same over GraphQL.
    let ben = telegram.person("Ben");
    let bens = telegram.private(&ben, &bot);
    bens.say(&ben, "Hello");
    let told = bens.wait_for(|chat| chat.answers().len() == 1).await;
    let code = told.answers()[0].split(": ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let asked = ask("{ accessRequests { name state handle } }", json!({})).await;
    let asked = asked["data"]["accessRequests"][0].clone();
    assert_eq!((&asked["name"], &asked["state"]), (&json!("Ben"), &json!("ASKED")), "{asked}");
    let approve = "mutation($code: String!) { approveAccess(input: { code: $code }) { request { state } } }";
    let approved = ask(approve, json!({ "code": code })).await;
    assert_eq!(approved["data"]["approveAccess"]["request"]["state"], "APPROVED", "{approved}");
    bens.say(&ben, "And now?");
    bens.wait_for(|chat| chat.answers().last() == Some(&ANSWER)).await;

    let remove = "mutation($id: ID!) { removeConnection(input: { id: $id }) { connection { id } userErrors { __typename } } }";
    let removed = ask(remove, json!({ "id": id })).await;
    assert_eq!(removed["data"]["removeConnection"]["connection"]["id"], json!(id), "{removed}");
    sleep(Duration::from_secs(4)).await;
    chat.say(ann, "Are you there?");
    sleep(Duration::from_secs(1)).await;
    assert_eq!(bot.waiting(), 1, "nobody asks for it any more");
    let back = ask(add, json!({ "key": "4", "token": bot.token })).await;
    assert!(back["data"]["addConnection"]["connection"]["id"].is_string(), "{back}");
    chat.wait_for(|chat| chat.answers().len() == 3).await;
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_have_arrived_is_listed_and_sent_again() {
    let telegram = Telegram::start().await;
    telegram.without_limits();
    let bot = telegram.bot("7:secret", "parrot_bot");
    let place = place(&telegram, ON_TELEGRAM, 0);
    let server = start(&place, &bot).await;
    let none = place.run(&["deliveries", "list"], "");
    assert_eq!((none.code, none.out.trim()), (0, "everything arrived"));
    let people = people(&telegram, &bot, 1);
    let (ann, chat) = &people[0];
    telegram.fault(Fault::new(Trouble::CutBefore).on("sendMessage"));
    chat.say(ann, "Hello");
    let list = || {
        let listed = place.run(&["deliveries", "list", "--output", "json"], "");
        serde_json::from_str::<Value>(&listed.out).unwrap().as_array().unwrap().clone()
    };
    let since = std::time::Instant::now();
    while list().is_empty() {
        assert!(since.elapsed() < Duration::from_secs(20), "it is not listed");
        sleep(Duration::from_millis(50)).await;
    }
    let lost = list()[0].clone();
    assert_eq!((&lost["state"], &lost["text"]), (&json!("ambiguous"), &json!(ANSWER)));
    assert!(chat.transcript().answers().is_empty());
    let id = lost["id"].as_str().unwrap();
    let sent = place.run(&["deliveries", "resend", id], "");
    assert_eq!(sent.code, 0, "{sent:?}");
    chat.wait_for(|chat| chat.answers() == [ANSWER]).await;
    let again = place.run(&["deliveries", "resend", id], "");
    assert!(again.code == 1 && again.talk.contains("it arrived"), "{again:?}");
    assert_eq!(place.run(&["deliveries", "resend", "delivery_nonsense"], "").code, 1);
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_told_that_privacy_mode_keeps_it_deaf() {
    let telegram = Telegram::start().await;
    telegram.without_limits();
    let bot = telegram.bot("7:secret", "parrot_bot");
    let place = place(&telegram, ON_TELEGRAM, 0);
    let server = start(&place, &bot).await;
    let since = std::time::Instant::now();
    let status = loop {
        let status = place.run(&["status"], "");
        if status.out.contains("running") {
            break status.out;
        }
        assert!(since.elapsed() < Duration::from_secs(20), "{status:?}");
        sleep(Duration::from_millis(100)).await;
    };
    assert!(status.contains("privacy mode") && status.contains("/setprivacy"), "{status}");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_goes_from_polling_to_a_webhook_and_back_while_it_runs() {
    let telegram = Telegram::start().await;
    telegram.without_limits();
    let bot = telegram.bot("8:another-secret", "other_bot");
    let mut place = place(&telegram, ON_TELEGRAM, 0);
    place.variables.push(("PUBLIC_URL".into(), place.url()));
    let server = place.start(&["serve"]).await;
    let token = place.run(&["token", "create", "--scopes", "admin,chat,read"], "").out.trim().to_owned();
    let api = Api::new(place.url(), token);
    let add = "mutation($token: String!) { addConnection(input: { idempotencyKey: \"1\", bot: \"parrot\",
        token: $token }) { connection { id version } } }";
    let added = api.ask(add, json!({ "token": bot.token })).await["addConnection"]["connection"].take();
    let people = people(&telegram, &bot, 1);
    let (ann, chat) = &people[0];
    let mut version = added["version"].clone();
    for (mode, method) in [("WEBHOOK", "setwebhook"), ("POLLING", "getupdates")] {
        let count = || telegram.calls().iter().filter(|call| call.method == method).count();
        let change = "mutation($id: ID!, $mode: ChannelMode!, $version: Int!) { updateConnection(input: {
            id: $id, mode: $mode, expectedVersion: $version }) {
            connection { mode version } userErrors { __typename } } }";
        let wanted = json!({ "id": added["id"], "mode": mode, "version": version });
        let before = count();
        let changed = api.ask(change, wanted.clone()).await["updateConnection"]["connection"].take();
        assert_eq!(changed["mode"], mode, "{changed}");
        let stale = api.ask(change, wanted).await;
        assert_eq!(
            stale["updateConnection"]["userErrors"][0]["__typename"], "VersionConflictError",
            "{stale}"
        );
        version = changed["version"].clone();
        let since = std::time::Instant::now();
        while count() == before {
            assert!(since.elapsed() < Duration::from_secs(20), "{mode} does not begin");
            sleep(Duration::from_millis(50)).await;
        }
        let answers = chat.transcript().answers().len();
        chat.say(ann, "And this way?");
        // Whom the bot's file lets in may talk over this connection too.
        chat.wait_for(|chat| chat.answers().len() > answers && chat.answers().last() == Some(&ANSWER)).await;
    }
    assert_eq!(server.stop(), Some(0));
}
