//! Many bots in one process: they come and go while it runs, cost little, and two replicas share them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::time::sleep;

use crate::harness::api::Api;
use crate::harness::process::Place;
use crate::harness::telegram::{Bot, Chat, Person, Telegram};

const BOTS: usize = 50;
/// What a bot may cost that has nothing to do, in bytes.
const MOST_BYTES: u64 = 200_000;
const ANSWER: &str = "Here I am.";
const PATIENCE: Duration = Duration::from_secs(60);

fn place(telegram: &Telegram) -> Place {
    let mut place = Place::new();
    place.write("bots/botwright.yaml", "apiVersion: botwright/v1\nkind: Project\nsource: test/bots\n");
    place.write(
        "bots/parrot/bot.yaml",
        "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n\
         memory: {facts: {extract: false}}\nchannels: {telegram: {token: {secret: NOT_THERE}, access: {default: open}}}\n",
    );
    let script = place.write("script.jsonl", &json!({ "say": ANSWER, "keep": true }).to_string());
    place.variables = vec![
        ("TELEGRAM_API_URL".into(), telegram.url()),
        ("TELEGRAM_LIMITS".into(), "false".into()),
        ("SCRIPTED_FILE".into(), script.to_string_lossy().into_owned()),
    ];
    place
}

/// Brings a token, for the first time or once more; the id of the connection.
async fn add(api: &Api, bot: &Bot, time: usize) -> Value {
    let query =
        "mutation($key: ID!, $token: String!) { addConnection(input: { idempotencyKey: $key, bot: \"parrot\",
        token: $token }) { connection { id } userErrors { ... on UserError { message } } } }";
    let added = api.ask(query, json!({ "key": format!("{}-{time}", bot.token), "token": bot.token })).await;
    let id = added["addConnection"]["connection"]["id"].clone();
    assert!(id.is_string(), "{added}");
    id
}

async fn remove(api: &Api, id: Value) {
    let query = "mutation($id: ID!) { removeConnection(input: { id: $id }) { userErrors { __typename } } }";
    let removed = api.ask(query, json!({ "id": id })).await;
    assert_eq!(removed["removeConnection"]["userErrors"], json!([]));
}

async fn until_running(api: &Api, count: usize) {
    let since = Instant::now();
    loop {
        let found = api.ask("{ connections { origin state lastError } }", json!({})).await;
        // That of the bot's file has no token.
        let states = found["connections"].as_array().unwrap();
        let states: Vec<&Value> = states.iter().filter(|one| one["origin"] == "API").collect();
        if states.len() == count && states.iter().all(|one| one["state"] == "RUNNING") {
            return;
        }
        assert!(since.elapsed() < PATIENCE, "{count} do not run: {found}");
        sleep(Duration::from_millis(100)).await;
    }
}

async fn all_answer(people: &[(Person, Chat)]) {
    for (person, chat) in people {
        chat.say(person, "Are you there?");
    }
    for (_, chat) in people {
        let asked = chat.transcript().messages.iter().filter(|message| !message.is_bots).count();
        chat.wait_for(|chat| chat.answers().len() == asked).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_bots_come_and_go_cost_little_and_are_shared_by_two_replicas() {
    let telegram = Telegram::start().await;
    telegram.without_limits();
    // The first few bring along what all of them share.
    let bots: Vec<Bot> = (0..BOTS + 5)
        .map(|number| telegram.bot(&format!("{}:secret", 100 + number), &format!("parrot{number}_bot")))
        .collect();
    let place = place(&telegram);
    let server = place.start(&["serve"]).await;
    let token = place.run(&["token", "create", "--scopes", "admin,chat,read"], "").out.trim().to_owned();
    let api = Api::new(place.url(), token);
    let mut ids = Vec::new();
    for bot in &bots[..5] {
        ids.push(add(&api, bot, 1).await);
    }
    until_running(&api, 5).await;
    let before = server.memory();
    for bot in &bots[5..] {
        ids.push(add(&api, bot, 1).await);
    }
    until_running(&api, bots.len()).await;
    sleep(Duration::from_secs(1)).await;
    let each = server.memory().saturating_sub(before) / BOTS as u64;
    eprintln!("{each} bytes for each bot that has nothing to do");
    assert!(each <= MOST_BYTES, "{each} bytes");

    let meet = |bot: &Bot| {
        let person = telegram.person("Ann");
        let chat = telegram.private(&person, bot);
        (person, chat)
    };
    let mut people: Vec<(Person, Chat)> = bots.iter().map(meet).collect();
    all_answer(&people).await;

    // Those that are taken away hear nothing more; the others do not notice.
    for id in ids.drain(..25) {
        remove(&api, id).await;
    }
    until_running(&api, bots.len() - 25).await;
    let since = Instant::now();
    while bots[..25].iter().any(Bot::is_polled) {
        assert!(since.elapsed() < PATIENCE, "they are still polled");
        sleep(Duration::from_millis(100)).await;
    }
    let gone: Vec<(Person, Chat)> = people.drain(..25).collect();
    gone[0].1.say(&gone[0].0, "And you?");
    all_answer(&people).await;
    assert_eq!((bots[0].waiting(), gone[0].1.transcript().answers().len()), (1, 1));

    // Another replica shares them, and takes over when the first dies.
    let second = place.beside();
    let other = second.start(&["serve"]).await;
    for bot in &bots[..25] {
        add(&api, bot, 2).await;
    }
    until_running(&api, bots.len()).await;
    gone[0].1.wait_for(|chat| chat.answers().len() == 2).await;
    people.extend(gone);
    all_answer(&people).await;
    // What was on its way in that moment would be left alone for a minute: its fate would be unknown.
    sleep(Duration::from_secs(1)).await;
    server.kill();
    all_answer(&people).await;
    let conflicts: usize = bots.iter().map(Bot::conflicts).sum();
    assert_eq!(conflicts, 0, "nobody polls what another polls");
    assert_eq!(other.stop(), Some(0));
}
