//! Photos and albums: seen where the model sees, declined kindly where it does not, never lost.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse as _;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use botwright::dialog::{Part, PictureKind, Request};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::stage::{Mode, Stage};
use crate::harness::pictures::shown;
use crate::harness::telegram::Letter;
use crate::harness::telegram::faults::{Fault, Trouble};

const OPEN: &str = "access: {default: open}";
const SEEING: &str = "{use: scripted, vision: true}";
/// Within this an answer too many would have come.
const QUIET: Duration = Duration::from_millis(2_500);

fn jpeg(number: u8) -> Vec<u8> {
    vec![0xff, 0xd8, 0xff, 0xe0, number]
}

fn png() -> Vec<u8> {
    b"\x89PNG\r\n\x1a\nrest".to_vec()
}

/// A GIF of two images, which moves.
fn moving() -> Vec<u8> {
    let image = b"\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00";
    let head = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\xff\xff\xff\x00\x00\x00";
    [head.as_slice(), image, image, b"\x3b"].concat()
}

async fn seeing(mode: Mode) -> Stage {
    Stage::thinking(mode, SEEING, OPEN, Vec::new()).await
}

/// The latest request of the model's.
fn latest(stage: &Stage) -> Arc<Request> {
    stage.world.model_heard().last().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_is_seen_with_its_words_without_them_and_still_a_while_later() {
    let stage = seeing(Mode::Polling).await;
    stage.chat.photo(&stage.ann, &jpeg(1), "What is this?");
    stage.chat.wait_for(|chat| chat.answers() == ["You said: What is this?"]).await;
    let heard = latest(&stage);
    let parts = &heard.messages.last().unwrap().parts;
    assert!(matches!(&parts[0], Part::Picture(it) if it.content == jpeg(1) && it.kind == PictureKind::Jpeg));
    assert_eq!(parts[1..], [Part::Text("What is this?".into())]);

    stage.chat.photo(&stage.ann, &jpeg(2), "");
    stage.chat.wait_for(|chat| chat.answers().len() == 2).await;
    let heard = latest(&stage);
    assert_eq!(shown(&heard), [jpeg(1), jpeg(2)], "the one before is seen too");
    assert_eq!((heard.messages.last().unwrap().parts.len(), heard.question.as_str()), (1, ""));

    stage.chat.say(&stage.ann, "What was left in that photo?");
    stage.chat.wait_for(|chat| chat.answers().len() == 3).await;
    assert_eq!(shown(&latest(&stage)), [jpeg(1), jpeg(2)]);
    // Memory keeps no look of it, and knows that it was sent.
    stage.chat.say(&stage.ann, "/shortterm");
    let seen = stage.chat.wait_for(|chat| chat.answers().len() == 4).await;
    let told = seen.answers()[3];
    assert!(told.contains("Ann: What is this? [a picture: photo.jpg]\n"), "{told}");
    assert!(told.contains("Ann: [a picture: photo.jpg]\n"), "{told}");
    stage.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_album_is_answered_once_in_its_order_however_slowly_it_comes() {
    an_album_is_answered(Mode::Polling).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_is_one_that_a_webhook_brings() {
    an_album_is_answered(Mode::Webhook).await;
}

async fn an_album_is_answered(mode: Mode) {
    let stage = seeing(mode).await;
    // Slower than an album takes to count as whole.
    stage.telegram.fault(Fault::new(Trouble::Slow(Duration::from_millis(1_600))).on("getFile").after(1));
    let photos: Vec<Vec<u8>> = (1..=6).map(jpeg).collect();
    let photos: Vec<&[u8]> = photos.iter().map(Vec::as_slice).collect();
    stage.chat.album(&stage.ann, &photos, "Our flat");
    stage.chat.wait_for(|chat| !chat.answers().is_empty()).await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(stage.chat.transcript().answers(), ["You said: Our flat"]);
    let heard = stage.world.model_heard();
    assert_eq!(heard.len(), 1, "nothing of it is thought about before all of it is there");
    assert_eq!(shown(&heard[0]), photos);
    // What is said meanwhile belongs to it.
    stage.chat.album(&stage.ann, &photos[..2], "");
    stage.chat.say(&stage.ann, "Which is larger?");
    stage.chat.wait_for(|chat| chat.answers().len() == 2).await;
    assert_eq!(latest(&stage).question, "Which is larger?");
    stage.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_what_it_begins_like_whatever_it_is_called() {
    let stage = seeing(Mode::Polling).await;
    stage.chat.document(&stage.ann, "scan.PNG", "application/octet-stream", &png());
    stage.chat.wait_for(|chat| chat.answers().len() == 1).await;
    assert_eq!(shown(&latest(&stage)), [png()]);
    stage.chat.document(&stage.ann, "notes.txt", "text/plain", &jpeg(1));
    stage.chat.wait_for(|chat| chat.answers().len() == 2).await;
    assert_eq!(shown(&latest(&stage)), [png(), jpeg(1)]);
    stage.chat.document(&stage.ann, "notes.txt", "text/plain", b"The codeword is heron.");
    stage.chat.wait_for(|chat| chat.answers().len() == 3).await;
    assert!(latest(&stage).system.contains("The codeword is heron."));
    let asked = stage.world.model_heard().len();
    for (name, mime, content) in [
        ("holiday.jpg", "image/jpeg", b"The codeword is heron.".to_vec()),
        ("cat.gif", "image/gif", moving()),
        ("large.png", "image/png", [png(), vec![0; 5 << 20]].concat()),
        ("page.pdf", "application/pdf", b"%PDF-1.7".to_vec()),
    ] {
        stage.chat.document(&stage.ann, name, mime, &content);
    }
    let seen = stage.chat.wait_for(|chat| chat.answers().len() == 7).await;
    assert!(seen.answers()[3..].iter().all(|answer| answer.contains("see still pictures")), "{seen}");
    stage.chat.voice(&stage.ann, b"ogg");
    let seen = stage.chat.wait_for(|chat| chat.answers().len() == 8).await;
    assert!(seen.answers()[7].contains("read text and see pictures"), "{seen}");
    assert_eq!(stage.world.model_heard().len(), asked);
    stage.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_photo_that_cannot_be_fetched_is_told_of_and_its_words_are_answered() {
    let stage = seeing(Mode::Polling).await;
    let refused =
        || Trouble::Refused(400, "Bad Request: wrong file_id or the file is temporarily unavailable");
    stage.telegram.fault(Fault::new(refused()).on("getFile"));
    stage.chat.photo(&stage.ann, &jpeg(1), "What is this?");
    let seen = stage.chat.wait_for(|chat| chat.answers().len() == 2).await;
    assert!(seen.answers()[0].contains("send it once more"), "{seen}");
    assert_eq!(seen.answers()[1], "You said: What is this?");
    assert!(shown(&latest(&stage)).is_empty());

    // What passes is waited for.
    stage.telegram.fault(Fault::new(Trouble::Away).on("file"));
    stage.telegram.fault(Fault::new(Trouble::CutBefore).on("getFile"));
    stage.chat.photo(&stage.ann, &jpeg(2), "And this?");
    let seen = stage.chat.wait_for(|chat| chat.answers().len() == 3).await;
    assert_eq!(seen.answers()[2], "You said: And this?");
    assert_eq!(shown(&latest(&stage)), [jpeg(2)]);

    // An album without a single picture is told of once, and one without some of them is answered.
    stage.telegram.fault(Fault::new(refused()).on("getFile").times(3));
    stage.chat.album(&stage.ann, &[&jpeg(3), &jpeg(4), &jpeg(5)], "");
    stage.chat.wait_for(|chat| chat.answers().len() == 4).await;
    stage.telegram.fault(Fault::new(refused()).on("getFile"));
    stage.chat.album(&stage.ann, &[&jpeg(6), &jpeg(7), &jpeg(8)], "These?");
    stage.chat.wait_for(|chat| chat.answers().len() == 6).await;
    tokio::time::sleep(QUIET).await;
    let seen = stage.chat.transcript();
    assert_eq!(seen.answers().len(), 6, "{seen}");
    assert_eq!(shown(&latest(&stage))[1..], [jpeg(7), jpeg(8)]);
    stage.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bot_that_sees_nothing_hears_the_words_and_declines_the_rest_once() {
    let stage = Stage::begin(OPEN).await;
    stage.chat.photo(&stage.ann, &jpeg(1), "What is this?");
    stage.chat.wait_for(|chat| chat.answers() == ["You said: What is this?"]).await;
    stage.chat.album(&stage.ann, &[&jpeg(1), &jpeg(2), &jpeg(3)], "");
    let seen = stage.chat.wait_for(|chat| chat.answers().len() == 2).await;
    assert!(seen.answers()[1].contains("only read text so far"), "{seen}");
    stage.chat.album(&stage.ann, &[&jpeg(1), &jpeg(2)], "Both of them");
    stage.chat.wait_for(|chat| chat.answers().len() == 3).await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(stage.chat.transcript().answers().len(), 3);
    assert!(stage.world.model_heard().iter().all(|request| shown(request).is_empty()));
    assert!(stage.telegram.calls().iter().all(|call| call.method != "getfile"), "nothing is fetched in vain");
    stage.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn in_a_group_it_sees_what_is_shown_to_it_and_what_it_is_asked_about() {
    let stage = seeing(Mode::Polling).await;
    let ben = stage.telegram.person("Ben");
    stage.bot.hear_all();
    let group = stage.telegram.supergroup("Family", &[&stage.ann, &ben], &[&stage.bot]);
    let theirs = group.photo(&ben, &jpeg(1), "Look at my cat");
    group.album(&stage.ann, &[&jpeg(2), &jpeg(3)], "@parrot_bot which one?");
    group.wait_for(|chat| chat.answers() == ["You said: which one?"]).await;
    assert_eq!(shown(&latest(&stage)), [jpeg(2), jpeg(3)], "the whole album is meant for it");
    group.reply(&stage.ann, theirs, "@parrot_bot and whose cat is that?");
    group.wait_for(|chat| chat.answers().len() == 2).await;
    let heard = latest(&stage);
    assert_eq!(shown(&heard).last(), Some(&jpeg(1)));
    assert_eq!(heard.question, "> Ben: Look at my cat\nand whose cat is that?");
    stage.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_album_counts_as_one_message_and_a_video_in_it_is_declined() {
    let model = format!("{SEEING}\nlimits: {{messagesPerMinute: 2, per: person}}");
    let stage = Stage::thinking(Mode::Polling, &model, OPEN, Vec::new()).await;
    stage.chat.album(&stage.ann, &[&jpeg(1), &jpeg(2), &jpeg(3), &jpeg(4)], "Four");
    stage.chat.wait_for(|chat| chat.answers() == ["You said: Four"]).await;
    assert_eq!(shown(&latest(&stage)).len(), 4);
    let part = |letter: Letter| letter.field("media_group_id", json!("77"));
    stage
        .chat
        .send(&stage.ann, part(Letter::text("Both").file("photo", "photo.jpg", "image/jpeg", &jpeg(5))));
    stage.chat.send(&stage.ann, part(Letter::text("")).field("video", json!({ "file_id": "v" })));
    let seen = stage.chat.wait_for(|chat| chat.answers().len() == 3).await;
    assert!(seen.answers().iter().any(|answer| answer.contains("read text and see pictures")), "{seen}");
    assert!(seen.answers().contains(&"You said: Both"), "{seen}");
    stage.world.end().await;
}

/// A provider that remembers what it was asked, and says that it sees.
async fn provider() -> (String, Arc<Mutex<Vec<Value>>>) {
    let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
    let answer = async |State(asked): State<Arc<Mutex<Vec<Value>>>>, body: axum::body::Bytes| {
        asked.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
        let chunk = json!({ "choices": [{ "delta": { "content": "A cat." }, "finish_reason": "stop" }] });
        ([(CONTENT_TYPE, "text/event-stream")], format!("data: {chunk}\n\ndata: [DONE]\n\n")).into_response()
    };
    let router = Router::new().route("/v1/chat/completions", post(answer)).with_state(asked.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (url, asked)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_photographed_reaches_the_provider_byte_for_byte() {
    let (url, asked) = provider().await;
    let variables = vec![("OPENAI_API_KEY".into(), "sk-test".into()), ("OPENAI_BASE_URL".into(), url)];
    let stage = Stage::thinking(Mode::Polling, "{use: openai/gpt-4o-mini}", OPEN, variables).await;
    let photo: Vec<u8> = jpeg(1).into_iter().chain(0..=255).collect();
    stage.chat.photo(&stage.ann, &photo, "What is this?");
    stage.chat.wait_for(|chat| chat.answers() == ["A cat."]).await;
    let body = asked.lock().unwrap()[0].clone();
    let content = &body["messages"].as_array().unwrap().last().unwrap()["content"];
    assert_eq!(content[1], json!({ "type": "text", "text": "What is this?" }));
    let url = content[0]["image_url"]["url"].as_str().unwrap();
    let data = url.strip_prefix("data:image/jpeg;base64,").unwrap();
    assert_eq!(STANDARD.decode(data).unwrap(), photo);
    stage.world.end().await;
}
