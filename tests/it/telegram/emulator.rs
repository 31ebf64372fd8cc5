//! The emulator itself: as strict as the service, and forgetful of nothing.

use std::time::{Duration, Instant};

use axum::Router;
use axum::http::HeaderMap;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::harness::telegram::faults::{Fault, Trouble};
use crate::harness::telegram::journal::Outcome;
use crate::harness::telegram::limits::Rate;
use crate::harness::telegram::{Bot, Chat, Letter, Person, Telegram};

/// A bot's program of a few lines, and somebody who talks to it.
struct Scene {
    telegram: Telegram,
    bot: Bot,
    ann: Person,
    chat: Chat,
}

impl Scene {
    async fn begin() -> Self {
        let telegram = Telegram::start().await;
        telegram.without_limits();
        let bot = telegram.bot("1001:secret", "polly_bot");
        let ann = telegram.person("Ann");
        let chat = telegram.private(&ann, &bot);
        chat.say(&ann, "/start");
        Self { telegram, bot, ann, chat }
    }

    /// The code and the body of an answer; 0 if the connection was cut.
    async fn call(&self, method: &str, arguments: Value) -> (u16, Value) {
        let url = format!("{}/bot{}/{method}", self.telegram.url(), self.bot.token);
        let client = reqwest::Client::builder().build().unwrap();
        match client.post(url).json(&arguments).send().await {
            Ok(answer) => (answer.status().as_u16(), answer.json().await.unwrap_or_default()),
            Err(_) => (0, Value::Null),
        }
    }

    async fn ok(&self, method: &str, arguments: Value) -> Value {
        let (code, mut body) = self.call(method, arguments).await;
        assert_eq!(code, 200, "{body}");
        body["result"].take()
    }

    async fn refused(&self, method: &str, arguments: Value) -> String {
        let (code, body) = self.call(method, arguments).await;
        assert_eq!((json!(code), &body["ok"]), (body["error_code"].clone(), &json!(false)));
        body["description"].as_str().unwrap().to_owned()
    }

    async fn send(&self, text: &str) -> Value {
        self.ok("sendMessage", json!({ "chat_id": self.chat.id(), "text": text })).await
    }

    /// Why a text is refused as HTML.
    async fn html(&self, text: &str) -> String {
        let message = json!({ "chat_id": self.chat.id(), "text": text, "parse_mode": "HTML" });
        self.refused("sendMessage", message).await
    }

    async fn updates(&self, arguments: Value) -> Vec<Value> {
        self.ok("getUpdates", arguments).await.as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn updates_wait_until_they_are_acknowledged() {
    let scene = Scene::begin().await;
    let first = scene.updates(json!({})).await;
    assert_eq!(first[0]["message"]["entities"], json!([{ "type": "bot_command", "offset": 0, "length": 6 }]));
    assert_eq!(scene.updates(json!({})).await, first, "they come again");
    let next = first[0]["update_id"].as_i64().unwrap() + 1;

    let since = Instant::now();
    let waiting = scene.updates(json!({ "offset": next, "timeout": 20 }));
    let said = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        scene.chat.say(&scene.ann, "Зустріч 😀 о @polly_bot, a@b.cd https://x.y/z #tag")
    };
    let (updates, _) = tokio::join!(waiting, said);
    assert!(since.elapsed() < Duration::from_secs(10), "a poll ends when something comes");
    let message = &updates[0]["message"];
    let kinds: Vec<String> = message["entities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| {
            format!("{} {} {}", entity["type"].as_str().unwrap(), entity["offset"], entity["length"])
        })
        .collect();
    assert_eq!(kinds, ["mention 13 10", "email 25 6", "url 32 13", "hashtag 46 4"], "in UTF-16 units");
    assert_eq!(message["from"]["first_name"], "Ann");
    assert_eq!(scene.bot.waiting(), 1, "the first is forgotten");

    assert_eq!(scene.updates(json!({ "offset": next + 1 })).await.len(), 0);
    scene.bot.restart_update_ids(5);
    scene.chat.say(&scene.ann, "after a quiet week");
    assert_eq!(scene.updates(json!({ "offset": next + 1, "limit": 1 })).await[0]["update_id"], 5);
    scene.updates(json!({ "offset": 6, "allowed_updates": ["callback_query"] })).await;
    scene.chat.say(&scene.ann, "unheard");
    scene.bot.update("shipping_query", json!({ "odd": true }));
    assert_eq!(scene.updates(json!({ "timeout": 1 })).await, [json!(null); 0], "it asked for presses alone");
    scene.updates(json!({ "offset": -1, "allowed_updates": [] })).await;
    scene.bot.update("shipping_query", json!({ "odd": true }));
    assert_eq!(scene.updates(json!({})).await[0]["shipping_query"]["odd"], true);
}

#[tokio::test]
async fn one_program_polls_and_nobody_polls_beside_a_webhook() {
    let scene = Scene::begin().await;
    let first = scene.updates(json!({})).await[0]["update_id"].as_i64().unwrap();
    let polling = scene.call("getUpdates", json!({ "offset": first + 1, "timeout": 20 }));
    let another = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        scene.call("getUpdates", json!({ "offset": first + 1 })).await
    };
    let (old, new) = tokio::join!(polling, another);
    assert_eq!((old.0, new.0), (409, 200));
    assert!(old.1["description"].as_str().unwrap().starts_with("Conflict: terminated by other getUpdates"));
    assert_eq!(scene.bot.conflicts(), 1);

    scene.ok("setWebhook", json!({ "url": "https://127.0.0.1:9/x" })).await;
    assert!(scene.refused("getUpdates", json!({})).await.contains("while webhook is active"));
    assert_eq!(
        scene.refused("setWebhook", json!({ "url": "http://a.b" })).await,
        "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
    );
    let odd = json!({ "url": "https://a.b", "secret_token": "a b" });
    assert!(scene.refused("setWebhook", odd).await.contains("unallowed characters"));
    scene.ok("deleteWebhook", json!({ "drop_pending_updates": true })).await;
    assert_eq!(scene.ok("getWebhookInfo", json!({})).await["url"], "");
}

#[tokio::test]
async fn a_webhook_gets_every_update_with_the_secret_until_it_takes_it() {
    let scene = Scene::begin().await;
    let (heard, mut hears) = mpsc::unbounded_channel();
    let door = post(async move |headers: HeaderMap, axum::Json(update): axum::Json<Value>| {
        let id = update["message"]["message_id"].as_i64().unwrap();
        heard.send((headers["X-Telegram-Bot-Api-Secret-Token"].to_str().unwrap().to_owned(), id)).unwrap();
        let answer =
            json!({ "method": "sendMessage", "chat_id": update["message"]["chat"]["id"], "text": "Taken" });
        axum::Json(answer)
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let hook =
        json!({ "url": url, "secret_token": "s3cret", "max_connections": 4, "allowed_updates": ["message"] });
    drop(listener);
    scene.ok("setWebhook", hook).await;
    let info = async || scene.ok("getWebhookInfo", json!({})).await;
    while info().await.get("last_error_message").is_none() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(info().await["pending_update_count"], 1);
    let address: std::net::SocketAddr = url[7..].trim_end_matches("/hook").parse().unwrap();
    let listener = TcpListener::bind(address).await.unwrap();
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/hook", door)).await });
    assert_eq!(hears.recv().await.unwrap(), ("s3cret".into(), 1));
    scene.chat.wait_for(|chat| chat.answers() == ["Taken"]).await;
    assert_eq!(scene.bot.waiting(), 0);
}

#[tokio::test]
async fn what_the_service_refuses_is_refused_in_its_words() {
    let scene = Scene::begin().await;
    let id = scene.chat.id();
    let send = async |message: Value| scene.refused("sendMessage", message).await;
    assert_eq!(send(json!({ "chat_id": id, "text": "" })).await, "Bad Request: message text is empty");
    assert_eq!(
        send(json!({ "chat_id": id, "text": "\u{200b} \n" })).await,
        "Bad Request: text must be non-empty"
    );
    assert_eq!(
        send(json!({ "chat_id": id, "text": "𝒳".repeat(2049) })).await,
        "Bad Request: message is too long"
    );
    assert_eq!(
        send(json!({ "chat_id": id, "text": "a".repeat(33_000) })).await,
        "Bad Request: text is too long"
    );
    assert_eq!(send(json!({ "chat_id": 7, "text": "a" })).await, "Bad Request: chat not found");
    assert_eq!(send(json!({ "text": "a" })).await, "Bad Request: chat_id is empty");
    assert_eq!(
        send(json!({ "chat_id": id, "text": "a", "parse_mode": "Odd" })).await,
        "Bad Request: unsupported parse_mode"
    );
    let missing = json!({ "message_id": 99 });
    assert_eq!(
        send(json!({ "chat_id": id, "text": "a", "reply_parameters": missing })).await,
        "Bad Request: message to be replied not found"
    );
    let bearable = json!({ "message_id": 99, "allow_sending_without_reply": true });
    scene.ok("sendMessage", json!({ "chat_id": id, "text": "a", "reply_parameters": bearable })).await;
    let button = json!({ "inline_keyboard": [[{ "text": "Yes", "callback_data": "x".repeat(65) }]] });
    assert_eq!(
        send(json!({ "chat_id": id, "text": "a", "reply_markup": button })).await,
        "Bad Request: BUTTON_DATA_INVALID"
    );
    assert_eq!(
        send(json!({ "chat_id": id, "text": "a", "message_thread_id": 4 })).await,
        "Bad Request: message thread not found"
    );
    scene.chat.block(&scene.ann);
    assert_eq!(send(json!({ "chat_id": id, "text": "a" })).await, "Forbidden: bot was blocked by the user");
    scene.chat.say(&scene.ann, "I am back");
    scene.send("Hello again").await;
    let updates = scene.updates(json!({})).await;
    let places: Vec<&Value> =
        updates.iter().map(|update| &update["my_chat_member"]["new_chat_member"]["status"]).collect();
    assert_eq!(places, [&json!(null), &json!("kicked"), &json!("member"), &json!(null)]);

    assert_eq!(scene.call("dance", json!({})).await.0, 404);
    scene.bot.revoke();
    assert_eq!(scene.call("getMe", json!({})).await.0, 401);
}

#[tokio::test]
async fn html_is_read_strictly() {
    let scene = Scene::begin().await;
    for (text, error) in [
        ("<b>a", "Can't find end tag corresponding to start tag \"b\""),
        ("a</b>", "Unexpected end tag at byte offset 1"),
        ("<b><i>a</b></i>", "Unmatched end tag at byte offset 7, expected \"</i>\", found \"</b>\""),
        ("<p>a</p>", "Unsupported start tag \"p\" at byte offset 0"),
        ("1 < 2", "Unsupported start tag \"\" at byte offset 2"),
        ("<a href=\"x", "Unclosed start tag at byte offset 0"),
        ("<span>a</span>", "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0"),
        ("<a href=x/y>a</a>", "Unexpected end of name token at byte offset 8"),
    ] {
        assert_eq!(scene.html(text).await, format!("Bad Request: can't parse entities: {error}"), "{text}");
    }
    let text = " 😀 <b>a<i>&lt;</i></b> <a href=\"https://x.y?a=1&amp;b\">l</a> <pre><code class=\"language-rust\">x \
                </code></pre> ";
    let message = json!({ "chat_id": scene.chat.id(), "text": text, "parse_mode": "HTML" });
    let sent = scene.ok("sendMessage", message).await;
    assert_eq!(sent["text"], "😀 a< l x");
    assert_eq!(
        sent["entities"],
        json!([
            { "type": "bold", "offset": 3, "length": 2 },
            { "type": "italic", "offset": 4, "length": 1 },
            { "type": "text_link", "offset": 6, "length": 1, "url": "https://x.y/?a=1&b" },
            { "type": "pre", "offset": 8, "length": 1, "language": "rust" },
        ])
    );
    let entities = json!([{ "type": "code", "offset": 0, "length": 1 }]);
    let sent =
        scene.ok("sendMessage", json!({ "chat_id": scene.chat.id(), "text": "a /b", "entities": entities }));
    assert_eq!(sent.await["entities"][1], json!({ "type": "bot_command", "offset": 2, "length": 2 }));
}

#[tokio::test]
async fn every_version_of_a_message_is_remembered() {
    let scene = Scene::begin().await;
    let chat = scene.chat.id();
    let sent = scene.send("One").await["message_id"].clone();
    let edit = |text: &str| json!({ "chat_id": chat, "message_id": sent, "text": text });
    scene.ok("editMessageText", edit("One two")).await;
    assert!(scene.refused("editMessageText", edit("One two")).await.contains("message is not modified"));
    let lost = json!({ "chat_id": chat, "message_id": 99, "text": "a" });
    assert_eq!(scene.refused("editMessageText", lost).await, "Bad Request: message to edit not found");
    let theirs = json!({ "chat_id": chat, "message_id": 1, "text": "a" });
    assert_eq!(scene.refused("editMessageText", theirs).await, "Bad Request: message can't be edited");
    let buttons = json!({ "inline_keyboard": [[{ "text": "Yes", "callback_data": "y" }]] });
    let marked = json!({ "chat_id": chat, "message_id": sent, "reply_markup": buttons });
    scene.ok("editMessageReplyMarkup", marked).await;
    scene.ok("sendChatAction", json!({ "chat_id": chat, "action": "typing" })).await;
    assert!(
        scene.refused("sendChatAction", json!({ "chat_id": chat, "action": "fly" })).await.contains("wrong")
    );
    scene.ok("sendMessageDraft", json!({ "chat_id": chat, "draft_id": 1, "text": "Thr" })).await;

    let seen = scene.chat.transcript();
    assert_eq!(seen.answers(), ["One two"]);
    let message = seen.bots().next().unwrap();
    let versions: Vec<&str> = message.versions.iter().map(|(_, text)| text.as_str()).collect();
    assert_eq!(versions, ["One", "One two"]);
    assert!(message.versions[0].0 <= message.versions[1].0);
    assert_eq!(message.buttons, [("Yes".into(), "y".into())]);
    assert_eq!((message.by.as_str(), message.reply_to, message.thread), ("polly_bot", None, None));
    assert_eq!((message.entities.len(), scene.bot.username.as_str()), (0, "polly_bot"));
    assert_eq!((seen.actions[0].1.as_str(), seen.draft.as_deref()), ("typing", Some("Thr")));
    assert!(seen.to_string().contains("polly_bot: \"One two\" [] (2 versions)"));

    let press = scene.chat.press(&scene.ann, message.id, "y");
    let updates = scene.updates(json!({})).await;
    assert_eq!(updates.last().unwrap()["callback_query"]["data"], "y");
    scene.ok("answerCallbackQuery", json!({ "callback_query_id": press })).await;
    let again = scene.refused("answerCallbackQuery", json!({ "callback_query_id": press })).await;
    assert!(again.contains("query is too old"));
    let reaction = json!([{ "type": "emoji", "emoji": "👍" }]);
    scene.ok("setMessageReaction", json!({ "chat_id": chat, "message_id": 1, "reaction": reaction })).await;
    scene.ok("deleteMessage", json!({ "chat_id": chat, "message_id": sent })).await;
    assert_eq!(scene.chat.transcript().answers(), [""; 0]);
    assert_eq!(scene.chat.calls().first().unwrap().outcome, Outcome::Done(scene.sent_first()));
}

impl Scene {
    /// The result of the first `sendMessage`.
    fn sent_first(&self) -> Value {
        let calls = self.telegram.calls();
        let sent = calls.iter().find(|call| call.method == "sendmessage").unwrap();
        assert_eq!((sent.bot.as_str(), &sent.arguments["text"]), ("polly_bot", &json!("One")));
        assert!(sent.at.elapsed() < Duration::from_secs(60));
        match &sent.outcome {
            Outcome::Done(result) => result.clone(),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn files_go_both_ways() {
    let scene = Scene::begin().await;
    scene.chat.photo(&scene.ann, b"jpeg", "Look");
    scene.chat.album(&scene.ann, &[b"one", b"two"], "Both");
    scene.chat.document(&scene.ann, "a.txt", "text/plain", b"Hello");
    scene.chat.voice(&scene.ann, b"ogg");
    scene.chat.sticker(&scene.ann, "😀");
    let updates = scene.updates(json!({})).await;
    let message = |index: usize| &updates[index]["message"];
    assert_eq!((&message(1)["caption"], message(1).get("text")), (&json!("Look"), None));
    assert_eq!(message(2)["media_group_id"], message(3)["media_group_id"]);
    assert_eq!(message(4)["document"]["file_name"], "a.txt");
    assert_eq!(
        (&message(5)["voice"]["duration"], &message(6)["sticker"]["emoji"]),
        (&json!(3), &json!("😀"))
    );

    let file = scene.ok("getFile", json!({ "file_id": message(4)["document"]["file_id"] })).await;
    let path = file["file_path"].as_str().unwrap();
    let url = format!("{}/file/bot{}/{path}", scene.telegram.url(), scene.bot.token);
    assert_eq!(reqwest::get(url).await.unwrap().bytes().await.unwrap(), "Hello");
    assert!(scene.refused("getFile", json!({ "file_id": "x" })).await.contains("wrong file_id"));

    let body = "--B\r\nContent-Disposition: form-data; name=\"chat_id\"\r\n\r\nCHAT\r\n--B\r\nContent-Disposition: \
                form-data; name=\"caption\"\r\n\r\nA file\r\n--B\r\nContent-Disposition: form-data; \
                name=\"document\"; filename=\"b.md\"\r\nContent-Type: text/plain\r\n\r\n# B\r\n--B--\r\n";
    let client = reqwest::Client::builder().build().unwrap();
    let request = client.post(format!("{}/bot{}/sendDocument", scene.telegram.url(), scene.bot.token));
    let request = request.header("content-type", "multipart/form-data; boundary=B");
    let answer: Value = request
        .body(body.replace("CHAT", &scene.chat.id().to_string()))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(answer["result"]["document"]["file_name"], "b.md");
    let photo = message(1)["photo"][0]["file_id"].clone();
    scene.ok("sendPhoto", json!({ "chat_id": scene.chat.id(), "photo": photo, "caption": "Yours" })).await;
    let long = json!({ "chat_id": scene.chat.id(), "photo": photo, "caption": "a".repeat(1025) });
    assert_eq!(scene.refused("sendPhoto", long).await, "Bad Request: message caption is too long");
    let seen = scene.chat.transcript();
    assert_eq!(seen.answers(), ["A file", "Yours"]);
    assert_eq!(seen.bots().next().unwrap().more, ["document"]);
}

#[tokio::test]
async fn groups_have_privacy_topics_and_another_id_some_day() {
    let scene = Scene::begin().await;
    let bob =
        scene.telegram.person_with(json!({ "first_name": "Bob", "username": "bob", "language_code": "uk" }));
    let group = scene.telegram.group("Team", &[&scene.ann, &bob], &[&scene.bot]);
    let seen = async || {
        let updates = scene.updates(json!({})).await;
        let last = updates.last().unwrap();
        scene.updates(json!({ "offset": last["update_id"].as_i64().unwrap() + 1 })).await;
        last.clone()
    };
    assert_eq!(seen().await["message"]["new_chat_members"][0]["id"], scene.bot.id);
    for unheard in ["Hello all", "@polly_bot hi", "/ask@other_bot x"] {
        group.say(&bob, unheard);
    }
    assert_eq!(scene.bot.waiting(), 0, "privacy mode");
    let asked = group.say(&bob, "/ask@polly_bot what");
    assert_eq!(seen().await["message"]["message_id"], asked);
    let sent = scene.ok("sendMessage", json!({ "chat_id": group.id(), "text": "This" })).await;
    group.reply(&bob, sent["message_id"].as_i64().unwrap(), "Thanks");
    assert_eq!(seen().await["message"]["reply_to_message"]["text"], "This");
    assert_eq!(scene.ok("getMe", json!({})).await["can_read_all_group_messages"], false);
    scene.bot.hear_all();
    assert_eq!(scene.ok("getMe", json!({})).await["can_read_all_group_messages"], true);
    let said = group.say(&bob, "Hello all");
    group.edit(&bob, said, "Hello everybody");
    assert_eq!(seen().await["edited_message"]["text"], "Hello everybody");
    group.join(&scene.telegram.person("Cleo"));
    assert_eq!(seen().await["message"]["new_chat_members"][0]["first_name"], "Cleo");
    group.promote(&scene.ann, &scene.bot);
    let member = json!({ "chat_id": group.id(), "user_id": scene.bot.id });
    assert_eq!(scene.ok("getChatMember", member).await["status"], "administrator");
    assert_eq!(scene.ok("getChat", json!({ "chat_id": group.id() })).await["title"], "Team");

    let moved = group.migrate(&scene.ann);
    assert_eq!(seen().await["message"]["migrate_from_chat_id"], group.id());
    let (code, body) = scene.call("sendMessage", json!({ "chat_id": group.id(), "text": "a" })).await;
    assert_eq!((code, &body["parameters"]["migrate_to_chat_id"]), (400, &json!(moved.id())));
    moved.kick(&scene.ann, &scene.bot);
    let refusal = scene.refused("sendMessage", json!({ "chat_id": moved.id(), "text": "a" })).await;
    assert_eq!(refusal, "Forbidden: bot was kicked from the supergroup chat");
}

#[tokio::test]
async fn topics_are_kept_apart() {
    let scene = Scene::begin().await;
    let forum = scene.telegram.forum("Club", &[&scene.ann], &[&scene.bot]);
    let topic = forum.topic(&scene.ann, "Books");
    let letter = || Letter::html("<b>/read</b> <i>this</i>").topic(topic);
    forum.send(&scene.ann, letter());
    let odd = json!([{ "type": "from_the_future", "offset": 0, "length": 1 }]);
    forum.send(&scene.ann, letter().field("entities", odd).reply_to(topic));
    let updates = scene.updates(json!({})).await;
    let [first, second] = &updates[updates.len() - 2..] else { panic!("{updates:?}") };
    assert_eq!(first["message"]["message_thread_id"], topic);
    assert_eq!(first["message"]["reply_to_message"]["forum_topic_created"]["name"], "Books");
    assert_eq!(second["message"]["entities"][0]["type"], "from_the_future");
    let answer = |thread: i64| json!({ "chat_id": forum.id(), "text": "Read", "message_thread_id": thread });
    scene.ok("sendMessage", answer(topic)).await;
    assert!(scene.refused("sendMessage", answer(1)).await.contains("message thread not found"));
    assert_eq!(forum.transcript().bots().next().unwrap().thread, Some(topic));
    let club = scene.telegram.supergroup("Another", &[&scene.ann], &[&scene.bot]);
    scene.ok("leaveChat", json!({ "chat_id": club.id() })).await;
    let refusal = scene.refused("sendMessage", json!({ "chat_id": club.id(), "text": "a" })).await;
    assert_eq!(refusal, "Forbidden: bot is not a member of the supergroup chat");
}

#[tokio::test]
async fn trouble_comes_when_it_is_asked_for() {
    let scene = Scene::begin().await;
    let chat = scene.chat.id();
    let message = json!({ "chat_id": chat, "text": "Hello" });
    let send = async || scene.call("sendMessage", message.clone()).await;
    let only = |trouble| scene.telegram.fault(Fault::new(trouble).on("sendMessage").in_chat(chat));

    only(Trouble::TooMany(1));
    let (code, body) = send().await;
    assert_eq!((code, &body["parameters"]["retry_after"]), (429, &json!(1)));
    assert_eq!((send().await.0, scene.telegram.violations().len()), (429, 1), "that was too soon");
    tokio::time::sleep(Duration::from_secs(1)).await;
    only(Trouble::Away);
    assert_eq!(send().await, (502, Value::Null));
    only(Trouble::CutBefore);
    assert_eq!(send().await.0, 0);
    assert_eq!(scene.chat.transcript().answers(), [""; 0], "nothing was done so far");
    only(Trouble::CutAfter);
    assert_eq!(send().await.0, 0);
    scene.chat.wait_for(|chat| chat.answers() == ["Hello"]).await;
    only(Trouble::Refused(400, "Bad Request: can't parse entities: no"));
    assert_eq!(send().await.0, 400);
    only(Trouble::Slow(Duration::from_millis(50)));
    let since = Instant::now();
    assert_eq!(send().await.0, 200);
    assert!(since.elapsed() >= Duration::from_millis(50));
    only(Trouble::Hang);
    assert!(tokio::time::timeout(Duration::from_millis(100), send()).await.is_err());
    let outcomes: Vec<bool> = scene.chat.calls().iter().map(|call| call.outcome == Outcome::Lost).collect();
    assert_eq!(outcomes, [false, false, true, true, false, false, false, true]);
    assert!(scene.chat.calls().iter().any(|call| call.outcome == Outcome::Unanswered));

    scene.telegram.without_limits();
    scene.telegram.fault(Fault::new(Trouble::Away).after(1).times(2));
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(send().await.0);
    }
    assert_eq!(codes, [200, 502, 502, 200]);
    scene.telegram.fault(Fault::new(Trouble::Away).once_in(3, 1));
    let mut away = 0;
    for _ in 0..60 {
        away += usize::from(send().await.0 == 502);
    }
    assert!((10..30).contains(&away), "{away} of 60");
    scene.telegram.no_more_faults();
    assert_eq!(send().await.0, 200);
    scene.telegram.keep_calls(3);
    send().await;
    assert_eq!(scene.telegram.calls().len(), 3);
}

#[tokio::test]
async fn who_says_too_much_is_told_to_wait() {
    let scene = Scene::begin().await;
    let second = Duration::from_secs(1);
    let wide = Rate { burst: 1000, every: second };
    scene.telegram.limit([Rate { burst: 2, every: second * 2 }, wide, wide]);
    assert_eq!(
        scene.html("<b>").await,
        "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\""
    );
    for _ in 0..2 {
        scene.send("a").await;
    }
    let (code, body) = scene.call("sendMessage", json!({ "chat_id": scene.chat.id(), "text": "a" })).await;
    assert_eq!((code, &body["parameters"]["retry_after"]), (429, &json!(1)));
    assert_eq!(scene.telegram.violations().len(), 1);
    assert!(matches!(scene.telegram.violations()[0].outcome, Outcome::Refused(429, _)));
    scene.telegram.limit([wide, Rate { burst: 2, every: second * 60 }, wide]);
    scene.send("private chats have limits of their own").await;
    let group = scene.telegram.group("Team", &[&scene.ann], &[&scene.bot]);
    let message = json!({ "chat_id": group.id(), "text": "a" });
    let codes = [
        scene.call("sendMessage", message.clone()).await.0,
        scene.call("sendChatAction", json!({ "chat_id": group.id(), "action": "typing" })).await.0,
        scene.call("sendMessage", message.clone()).await.0,
        scene.call("sendMessage", message).await.0,
    ];
    assert_eq!(codes, [200, 200, 200, 429]);
}

#[tokio::test]
async fn menus_of_commands_are_kept_by_language() {
    let scene = Scene::begin().await;
    let set = |commands: Value, language: &str| json!({ "commands": commands, "language_code": language });
    scene.ok("setMyCommands", set(json!([{ "command": "help", "description": "Help" }]), "")).await;
    scene.ok("setMyCommands", set(json!([{ "command": "dopomoha", "description": "Довідка" }]), "uk")).await;
    assert_eq!(
        (scene.bot.commands(""), scene.bot.commands("uk")),
        (vec!["help".into()], vec!["dopomoha".into()])
    );
    assert_eq!(scene.ok("getMyCommands", json!({})).await[0]["description"], "Help");
    scene.ok("deleteMyCommands", json!({})).await;
    assert_eq!(scene.bot.commands("").len(), 0);
    let bad = json!([{ "command": "Help Me", "description": "x" }]);
    assert_eq!(scene.refused("setMyCommands", set(bad, "")).await, "Bad Request: BOT_COMMAND_INVALID");
    let many = vec![json!({ "command": "a", "description": "x" }); 101];
    assert_eq!(
        scene.refused("setMyCommands", set(json!(many), "")).await,
        "Bad Request: BOT_COMMANDS_TOO_MUCH"
    );
    let form =
        format!("{}/bot{}/sendMessage?chat_id={}", scene.telegram.url(), scene.bot.token, scene.chat.id());
    let client = reqwest::Client::builder().build().unwrap();
    let request = client.post(form).header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(request.body("text=A+%26%20B").send().await.unwrap().status(), 200);
    assert_eq!(scene.chat.transcript().answers(), ["A & B"]);
}
