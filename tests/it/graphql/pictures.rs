//! Pictures as files of messages: taken for what they are, shown to models that see, told to the others.

use botwright::dialog::{Part, PictureKind};
use botwright::providers::scripted::Line;
use serde_json::{Value, json};

use crate::graphql::files::{announced, create, refusal};
use crate::graphql::{Story, finished, text};
use crate::harness::door::Client;

const SEEING: &str =
    "apiVersion: botwright/v1\nkind: Bot\ndisplayName: Parrot\nmodel: {use: scripted, vision: true}\n";

fn png(number: u8) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n\0\xff".as_slice(), &[number]].concat()
}

async fn uploaded(client: &Client, key: &str, name: &str, kind: &str, content: &[u8]) -> String {
    let upload = create(client, announced(key, name, kind, content)).await["upload"].take();
    let (status, answer) = client.put(&text(&upload["url"]), kind, content).await;
    assert_eq!(status, 200, "{answer}");
    text(&upload["id"])
}

/// The report's items of one section.
fn section(turn: &Value, name: &str) -> Value {
    let sections = turn["context"]["sections"].as_array().unwrap();
    let found = sections.iter().find(|section| section["name"] == name);
    found.map(|section| section["items"].clone()).unwrap_or_default()
}

const SEEN: &str = "query M($message: ID!, $turn: ID!) {
    node(id: $message) { ... on Message { text attachments { filename contentType size url document { title } } } }
    turn(id: $turn) { context { budget total sections { name items { kind reason included } } } } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_picture_is_sent_without_words_seen_and_downloaded() {
    let story = Story::begin().await;
    story.talk.change_bot(SEEING).await;
    story.model_will(Line { keep: true, ..Line::say("A flat.") });
    let ann = story.client("ann").await;
    let first = uploaded(&ann, "1", "flat.png", "image/png", &png(1)).await;
    let second = uploaded(&ann, "2", "plan.PNG", "Image/PNG", &png(2)).await;
    let notes = uploaded(&ann, "3", "notes.txt", "text/plain", b"The flat is in Lviv.").await;
    let said = ann
        .say(
            json!({"idempotencyKey": "4", "bot": "parrot", "text": " ", "uploadIds": [second, notes, first]}),
        )
        .await;
    assert_eq!(said["userErrors"], json!([]), "{said}");
    let turn = text(&said["turn"]["id"]);
    finished(&ann, &turn).await;
    let heard = story.talk.providers.scripted().heard().last().unwrap().clone();
    let parts = &heard.messages.last().unwrap().parts;
    let is = |part: &Part, number| matches!(part, Part::Picture(it) if it.kind == PictureKind::Png && it.content == png(number));
    assert!(parts.len() == 2 && is(&parts[0], 2) && is(&parts[1], 1), "{parts:?}");
    assert!(
        heard.system.contains("The flat is in Lviv.") && !heard.system.contains("flat.png"),
        "{}",
        heard.system
    );

    let seen = ann.ask(SEEN, json!({"message": said["message"]["id"], "turn": turn})).await;
    let items = section(&seen["turn"], "pictures");
    assert_eq!(items[0], json!({"kind": "picture", "reason": "sent with a message", "included": true}));
    assert_eq!(items.as_array().unwrap().len(), 2);
    assert!(seen["turn"]["context"]["total"].as_i64().unwrap() > 3_200);
    assert_eq!(seen["node"]["text"], "");
    let picture = &seen["node"]["attachments"][2];
    assert_eq!((&picture["filename"], &picture["contentType"]), (&json!("flat.png"), &json!("image/png")));
    let (status, headers, body) = ann.get(&text(&picture["url"])).await;
    assert_eq!((status, body), (200, png(1)));
    assert_eq!(headers["content-type"], "image/png");
    assert!(headers["content-disposition"].to_str().unwrap().starts_with("attachment"));

    // Without words and without files there is nothing to answer.
    let nothing = ann.say(json!({"idempotencyKey": "5", "bot": "parrot", "text": " "})).await;
    assert_eq!(refusal(&nothing).0, "INVALID_INPUT");
    // Later the newest are seen again, and few.
    for number in 3..6 {
        let id = uploaded(&ann, &format!("u{number}"), "more.png", "image/png", &png(number)).await;
        let said = ann.say(json!({"idempotencyKey": format!("m{number}"), "bot": "parrot", "text": "More", "uploadIds": [id]})).await;
        finished(&ann, &text(&said["turn"]["id"])).await;
    }
    let heard = story.talk.providers.scripted().heard().last().unwrap().clone();
    let shown: Vec<u8> = heard
        .messages
        .iter()
        .flat_map(|message| &message.parts)
        .filter_map(|part| match part {
            Part::Picture(picture) => picture.content.last().copied(),
            _ => None,
        })
        .collect();
    assert_eq!(shown.last(), Some(&5));
    assert!(shown.len() < 5 && shown[..shown.len() - 1].is_sorted() && shown.contains(&4), "{shown:?}");
    assert!(format!("{:?}", heard.messages).contains("not shown again]"), "{:?}", heard.messages);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_does_not_see_hears_that_there_is_a_picture() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    let id = uploaded(&ann, "1", "flat.png", "image/png", &png(1)).await;
    let said =
        ann.say(json!({"idempotencyKey": "2", "bot": "parrot", "text": "Our flat", "uploadIds": [id]})).await;
    let turn = text(&said["turn"]["id"]);
    finished(&ann, &turn).await;
    let heard = story.talk.providers.scripted().heard().last().unwrap().clone();
    let told = Part::Text("Our flat\n[a picture, flat.png, which you cannot see]".into());
    assert_eq!(heard.messages.last().unwrap().parts, [told]);
    assert_eq!(heard.question, "Our flat");
    let seen = ann.ask(SEEN, json!({"message": said["message"]["id"], "turn": turn})).await;
    let item = json!([{"kind": "picture", "reason": "its model sees no pictures", "included": false}]);
    assert_eq!(section(&seen["turn"], "pictures"), item);
    story.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_picture_or_too_large_is_refused_in_clear_words() {
    let story = Story::begin().await;
    let ann = story.client("ann").await;
    let mut large = announced("large", "a.png", "image/png", b"x");
    large["size"] = json!((5 << 20) + 1);
    let refused = create(&ann, large).await;
    assert_eq!(refusal(&refused), ("INVALID_INPUT".into(), "size".into()));
    assert!(text(&refused["userErrors"][0]["message"]).contains("5 MiB"));
    let refused = create(&ann, announced("tiff", "a.tiff", "image/tiff", b"II*\0")).await;
    assert!(
        text(&refused["userErrors"][0]["message"]).contains("image/jpeg, image/png, image/webp, image/gif")
    );
    for (number, (kind, content, words)) in [
        ("image/png", b"Hello".as_slice(), "no image/png"),
        ("image/jpeg", b"\x89PNG\r\n\x1a\n", "it is image/png"),
        (
            "image/gif",
            b"GIF89a\x01\0\x01\0\0\0\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\0\x2c\0\0\0\0\x01\0\x01\0\0\x02\0",
            "moves",
        ),
        ("text/plain", b"\xff\xd8\xff\xe0", "a JPEG image"),
        ("text/plain", b"RIFF\0\0\0\0WEBP", "WebP"),
    ]
    .into_iter()
    .enumerate()
    {
        let made = create(&ann, announced(&format!("k{number}"), "a.png", kind, content)).await;
        let (status, answer) = ann.put(&text(&made["upload"]["url"]), kind, content).await;
        let message = text(&answer["error"]["message"]);
        assert!(status == 400 && message.contains(words), "{number}: {status} {message}");
    }
    story.end().await;
}
