//! What people do on Telegram, through the whole server.

use std::sync::Arc;
use std::time::Duration;

use botwright::clock::SystemClock;
use botwright::providers::scripted::Line;
use botwright::secrets::{MasterKey, Secrets};
use botwright::store::{Account, Store};
use serde_json::{Value, json};

use super::fake::Fake;
use crate::harness::world::{Bots, Plan, World};

const BOT: &str = "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted}\n\
    memory: {facts: {extract: false}}\n";

/// A server whose bot stands on the fake, with `access` and whatever more its file says.
async fn world(fake: &Fake, telegram: &str, more: &str) -> World {
    let bot = format!("{BOT}channels: {{telegram: {{token: {{secret: PARROT_TOKEN}}, {telegram}}}}}\n{more}");
    let plan = Plan {
        bots: Bots::Written(vec![("parrot".into(), bot)]),
        variables: vec![("TELEGRAM_API_URL".into(), fake.url.clone())],
        ..Plan::default()
    };
    let world = World::with(plan).await;
    set_token(&world, "PARROT_TOKEN", "7:secret").await;
    fake.until("it polls", |fake| !fake.asked("getUpdates").is_empty()).await;
    world
}

/// Sets a secret of the operator's account, as another process would.
pub(super) async fn set_token(world: &World, name: &str, token: &str) {
    let store = Store::connect(world.database.url(), 4).await.unwrap();
    let key = MasterKey::parse(&"11".repeat(32).into()).unwrap();
    let mut tx = store.system().await.unwrap();
    let account = Account::find_by_name(&mut tx, "default").await.unwrap().unwrap();
    tx.commit().await.unwrap();
    let secrets = Secrets::new(store, Arc::new(SystemClock), key);
    secrets.put(account.id, "test", name, token.into()).await.unwrap();
}

const OPEN: &str = "access: {default: open}";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_answered_and_typing_is_seen_at_once() {
    let fake = Fake::begin().await;
    let world = world(&fake, OPEN, "").await;
    world.model_will_say("Hello **Anna**, 1 < 2!");
    fake.write("Hi");
    fake.until("an answer", |fake| !fake.texts().is_empty()).await;
    assert_eq!(fake.texts(), ["Hello <b>Anna</b>, 1 &lt; 2!"]);
    assert_eq!(fake.asked("sendMessage")[0]["chat_id"], 42);
    assert_eq!(fake.asked("sendChatAction")[0]["action"], "typing");
    assert_eq!(world.model_heard()[0].question, "Hi");
    // Acknowledged only after it was stored.
    fake.until("an acknowledgement", |fake| {
        fake.asked("getUpdates").iter().any(|body| body["offset"] == json!(2))
    })
    .await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_grows_by_edits_and_is_whole_in_the_end() {
    let fake = Fake::begin().await;
    let world = world(&fake, OPEN, "").await;
    let words: Vec<String> = (0..40).map(|n| format!("word{n} ")).collect();
    let whole = words.concat().trim_end().to_owned();
    world.model_will(Line { delay_ms: 80, ..Line::say(whole.clone()) });
    fake.write("Tell me");
    fake.until("the whole answer", |fake| fake.texts().last() == Some(&whole)).await;
    let texts = fake.texts();
    assert!(texts.len() >= 2, "{texts:?}");
    assert!(texts.iter().all(|text| whole.starts_with(text.as_str())), "{texts:?}");
    assert_eq!(fake.asked("sendMessage").len(), 1, "it is one message");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_twice_is_answered_once_and_edits_correct() {
    let fake = Fake::begin().await;
    let world = world(&fake, OPEN, "").await;
    world.model_will_say("Noted.");
    let id = fake.write("My sister lives in Lviv");
    fake.until("an answer", |fake| fake.texts().len() == 1).await;
    fake.edit(id, "My sister lives in Lutsk", 5);
    fake.edit(id, "My sister lives in Lutsk", 5);
    world.model_will_say("In Lutsk.");
    fake.write("Where does she live?");
    fake.until("a second answer", |fake| fake.texts().len() == 2).await;
    let heard = format!("{:?}", world.model_heard()[1]);
    assert!(heard.contains("Lutsk") && !heard.contains("Lviv"), "{heard}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_are_answered_without_a_model_and_a_picture_is_declined_once() {
    let fake = Fake::begin().await;
    let world = world(&fake, OPEN, "greeting: Hi {{person.name}}, I repeat things.\n").await;
    fake.write("/start");
    fake.until("a greeting", |fake| fake.texts().len() == 1).await;
    fake.write("/help");
    fake.until("help", |fake| fake.texts().len() == 2).await;
    fake.write("/cancel");
    fake.until("nothing to stop", |fake| fake.texts().len() == 3).await;
    let album = json!({ "photo": [{ "file_id": "x" }], "media_group_id": "a1" });
    fake.send(album.clone());
    fake.send(album);
    fake.until("a refusal", |fake| fake.texts().len() == 4).await;
    fake.write("/start");
    fake.until("another hello", |fake| fake.texts().len() == 5).await;
    let texts = fake.texts();
    assert_eq!(texts[0], "Hi Anna, I repeat things.");
    assert!(texts[1].contains("/memory") && texts[1].contains("/cancel"), "{texts:?}");
    assert!(texts[2].contains("nothing to stop"), "{texts:?}");
    assert!(texts[3].contains("only read text"), "{texts:?}");
    assert!(texts[4].starts_with("Hi, I am Parrot"), "{texts:?}");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_group_it_answers_who_addresses_it_and_knows_who_said_what() {
    let fake = Fake::begin().await;
    let world = world(&fake, "access: {default: open}, observe: true", "").await;
    fake.say_in_group((1, "Olena"), json!({ "text": "Dinner is at seven" }));
    world.model_will_say("At seven, says Olena.");
    world.model_will_say("At seven.");
    let mention = json!([{ "type": "mention", "offset": 0, "length": 11 }]);
    let id = fake.say_in_group(
        (2, "Ben"),
        json!({ "text": "@parrot_bot when is dinner?", "entities": mention,
        "is_topic_message": true, "message_thread_id": 9 }),
    );
    let id_general =
        fake.say_in_group((2, "Ben"), json!({ "text": "@parrot_bot when is dinner?", "entities": mention }));
    fake.until("two answers", |fake| fake.texts().len() == 2).await;
    let sent = fake.asked("sendMessage");
    let reply_to = |message: &Value| message["reply_parameters"]["message_id"].as_i64().unwrap();
    let in_topic = sent.iter().find(|message| message["message_thread_id"] == json!(9)).unwrap();
    let in_general = sent.iter().find(|message| message.get("message_thread_id").is_none()).unwrap();
    assert_eq!((reply_to(in_topic), reply_to(in_general)), (id, id_general));
    let heard: Vec<String> = world.model_heard().iter().map(|request| format!("{request:?}")).collect();
    assert!(heard.iter().any(|heard| heard.contains("Olena") && heard.contains("Dinner is at seven")));
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_and_lost_sends_are_told_apart() {
    let fake = Fake::begin().await;
    let world = world(&fake, OPEN, "").await;
    let refuse = |code: i64, why: &str| json!({ "ok": false, "error_code": code, "description": why });
    fake.will("sendMessage", refuse(400, "Bad Request: can't parse entities: unsupported start tag"));
    world.model_will_say("one **two**");
    fake.write("Hi");
    fake.until("plain words", |fake| fake.texts().len() == 2).await;
    assert_eq!(fake.texts(), ["one <b>two</b>", "one two"]);
    fake.will("sendMessage", refuse(502, "Bad Gateway"));
    let slow = json!({ "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 1",
        "parameters": { "retry_after": 1 } });
    fake.will("sendMessage", slow);
    world.model_will_say("three");
    fake.write("And?");
    fake.until("after all", |fake| fake.texts().len() == 5).await;
    assert_eq!(fake.texts()[2..], ["three", "three", "three"]);
    fake.will("sendMessage", refuse(403, "Forbidden: bot was blocked by the user"));
    world.model_will_say("four");
    fake.write("And now?");
    fake.until("a refusal for good", |fake| fake.texts().len() == 6).await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(fake.texts().len(), 6, "who blocked the bot is left alone");
    world.model_will_say("five");
    fake.write("I am back");
    fake.until("an answer again", |fake| fake.texts().len() == 7).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_get_a_code_and_who_is_not_listed_a_refusal_once() {
    let fake = Fake::begin().await;
    let paired = world(&fake, "access: {default: pairing}", "").await;
    fake.write("Hi");
    fake.until("a code", |fake| fake.texts().len() == 1).await;
    fake.write("Hi?");
    fake.until("the same code", |fake| fake.texts().len() == 2).await;
    assert_eq!(fake.texts()[0], fake.texts()[1]);
    assert!(fake.texts()[0].contains("good for an hour"), "{:?}", fake.texts());
    paired.end().await;

    let fake = Fake::begin().await;
    let closed = world(&fake, "access: {default: closed}", "").await;
    for text in ["Hi", "Hi?", "Hello?"] {
        fake.write(text);
    }
    fake.until("everything is acknowledged", |fake| {
        fake.asked("getUpdates").iter().any(|body| body["offset"] == json!(4))
    })
    .await;
    fake.until("a refusal", |fake| fake.texts().len() == 1).await;
    assert!(fake.texts()[0].contains("listed"), "{:?}", fake.texts());
    closed.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_to_be_forgotten_is_asked_with_a_button_and_texts_are_read() {
    let fake = Fake::begin().await;
    let world = world(&fake, OPEN, "").await;
    world.model_will_say("It is heron.");
    fake.send(json!({ "document": { "file_id": "f1", "file_name": "notes.txt", "file_size": 23 } }));
    fake.until("an answer", |fake| fake.texts().len() == 1).await;
    assert!(format!("{:?}", world.model_heard()[0]).contains("The codeword is heron."));
    fake.send(json!({ "document": { "file_id": "f2", "file_name": "song.mp3" } }));
    fake.until("a refusal", |fake| fake.texts().len() == 2).await;
    world.model_will_say("Noted.");
    fake.write("My PIN is 4711");
    fake.until("a second answer", |fake| fake.texts().len() == 3).await;
    fake.write("/forget PIN");
    fake.until("a question", |fake| fake.texts().len() == 4).await;
    let question = fake.asked("sendMessage").pop().unwrap();
    let button = &question["reply_markup"]["inline_keyboard"][0][0];
    assert_eq!(button["callback_data"], "do:/forget yes");
    fake.press(200, "do:/forget yes");
    fake.until("it is done", |fake| fake.texts().len() == 5 && !fake.asked("answerCallbackQuery").is_empty())
        .await;
    let edited = fake.asked("editMessageText").pop().unwrap();
    assert!(
        edited["message_id"] == 200 && edited["text"].as_str().unwrap().starts_with("Erased"),
        "{edited}"
    );
    fake.write("/export");
    fake.until("a file", |fake| fake.texts().len() == 6 && fake.asked("sendDocument").len() == 1).await;
    let menus: Vec<Value> = fake.asked("setMyCommands");
    let languages: Vec<&Value> = menus.iter().map(|menu| &menu["language_code"]).collect();
    assert_eq!(languages, [&Value::Null, &json!("uk"), &json!("ru")]);
    world.end().await;
}
