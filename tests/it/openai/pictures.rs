//! Pictures that clients bring along: shown to models that see, refused in words for the others, fetched from nowhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use botwright::dialog::{Part, PictureKind};
use botwright::providers::scripted::Line;
use botwright::store::{Message, Upload};
use serde_json::{Value, json};

use crate::harness::pictures::shown;
use crate::openai::{Open, PARROT, asked};

fn png(number: u8) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n".as_slice(), &[number]].concat()
}

/// A message of a person's with pictures.
fn looking(text: &str, pictures: &[Vec<u8>]) -> Value {
    let shown = pictures.iter().map(|picture| {
        let url = format!("data:image/png;base64,{}", STANDARD.encode(picture));
        json!({ "type": "image_url", "image_url": { "url": url, "detail": "high" } })
    });
    let words =
        Some(text).filter(|text| !text.is_empty()).map(|text| json!({ "type": "text", "text": text }));
    json!({ "role": "user", "content": words.into_iter().chain(shown).collect::<Vec<_>>() })
}

async fn seeing() -> Open {
    Open::with(Vec::new(), &PARROT.replace("scripted", "scripted, vision: true")).await
}

/// The names, kinds and contents of what the messages of `user` have, and how many messages there are.
async fn kept(open: &Open, user: &str) -> (usize, Vec<(String, String, Vec<u8>)>) {
    let Some(conversation) = open.conversation(user).await else { return (0, Vec::new()) };
    let mut tx = open.talk.store.tenant(open.talk.actor.account).await.unwrap();
    let messages = Message::list_oldest(&mut tx, conversation.id, 1, i32::MAX, 99).await.unwrap();
    let ids: Vec<_> = messages.iter().map(|message| message.id).collect();
    let mut kept = Vec::new();
    for upload in Upload::list_of_messages(&mut tx, &ids).await.unwrap() {
        let content = Upload::content(&mut tx, upload.id).await.unwrap().unwrap();
        kept.push((upload.filename, upload.content_type, content));
    }
    tx.commit().await.unwrap();
    (messages.len(), kept)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_in_the_history_is_shown() {
    let open = seeing().await;
    let messages = json!([
        looking("What is this?", &[png(1)]),
        { "role": "assistant", "content": "A cat." },
        looking("", &[png(2), png(3)]),
    ]);
    open.client.ask(json!({ "messages": messages })).await;
    let heard = open.talk.providers.scripted().heard().remove(0);
    assert_eq!(shown(&heard), [png(1), png(2), png(3)]);
    assert!(matches!(&heard.messages[0].parts[0], Part::Picture(it) if it.kind == PictureKind::Png));
    assert_eq!(heard.messages[0].parts[1], Part::Text("What is this?".into()));
    assert_eq!(heard.messages[2].parts.len(), 2);
    // They count: what does not fit is refused as too long a text is.
    let many: Vec<Vec<u8>> = (0..5).map(png).collect();
    let (status, _, answer) =
        open.client.post(asked(json!({ "messages": [looking("And these?", &many)] }))).await;
    assert_eq!((status, &answer["error"]["code"]), (400, &json!("context_length_exceeded")), "{answer}");
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_does_not_see_is_not_shown_anything() {
    let open = Open::begin().await;
    for user in [Value::Null, json!("ann")] {
        let body = json!({ "messages": [looking("What is this?", &[png(1)])], "user": user });
        let (status, _, answer) = open.client.post(asked(body)).await;
        let error = &answer["error"];
        assert_eq!((status, &error["code"]), (400, &json!("unsupported_parameter")), "{answer}");
        assert_eq!(error["param"], "messages[0].content[1]");
        assert!(error["message"].as_str().unwrap().contains("model: {vision: true}"), "{answer}");
    }
    let system = json!([{ "role": "system", "content": looking("Look", &[png(1)])["content"] },
        { "role": "user", "content": "Hi" }]);
    let (status, _, answer) = open.client.post(asked(json!({ "messages": system }))).await;
    assert_eq!((status, &answer["error"]["param"]), (400, &json!("messages[0].content[1].type")), "{answer}");
    assert!(open.talk.providers.scripted().heard().is_empty());
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_user_a_picture_is_kept_and_seen_again() {
    let open = seeing().await;
    let body = json!({ "messages": [looking("", &[png(1)])], "user": "ann" });
    let (status, _, first) = open.client.post_once("k1", asked(body.clone())).await;
    assert_eq!(status, 200, "{first}");
    let (status, _, again) = open.client.post_once("k1", asked(body)).await;
    assert_eq!((status, &again["choices"]), (200, &first["choices"]));
    let picture = ("picture.png".to_owned(), "image/png".to_owned(), png(1));
    assert_eq!(kept(&open, "ann").await, (2, vec![picture.clone()]));
    open.client.ask(json!({ "say": "What was left in it?", "user": "ann" })).await;
    let heard = open.talk.providers.scripted().heard();
    assert_eq!(heard.iter().map(|heard| shown(heard).len()).collect::<Vec<_>>(), [1, 1]);
    // The same picture again is another message's.
    open.client.ask(json!({ "messages": [looking("And now?", &[png(1)])], "user": "ann" })).await;
    assert_eq!(kept(&open, "ann").await, (6, vec![picture.clone(), picture]));
    let empty = json!({ "messages": [looking("", &[])], "user": "ann" });
    assert_eq!(open.client.post(asked(empty)).await.0, 400);
    open.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_tools_of_the_clients_a_picture_is_kept_once_the_reply_is_there() {
    let open = seeing().await;
    open.talk.model_will([Line::call("look_up", json!({})), Line::say("A tabby.")]);
    let tools = json!([{ "type": "function", "function": { "name": "look_up" } }]);
    let words = looking("Which cat is this?", &[png(1)]);
    let answer = open.client.ask(json!({ "messages": [words], "tools": tools, "user": "ann" })).await;
    let called = answer["choices"][0]["message"].clone();
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls", "{answer}");
    assert_eq!(kept(&open, "ann").await, (0, Vec::new()), "nothing is durable before the reply");
    let result = json!({ "role": "tool", "tool_call_id": called["tool_calls"][0]["id"], "content": "tabby" });
    let messages = json!([words, called, result]);
    let text = open.client.text(json!({ "messages": messages, "tools": tools, "user": "ann" })).await;
    assert_eq!(text, "A tabby.");
    for heard in open.talk.providers.scripted().heard() {
        assert_eq!(shown(&heard), [png(1)]);
    }
    let (messages, uploads) = kept(&open, "ann").await;
    assert_eq!((messages, uploads.len(), &uploads[0].2), (2, 1, &png(1)));
    open.end().await;
}
