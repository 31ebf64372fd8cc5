//! The course of a conversation: bursts, edits, files, what cannot be read.

use std::time::Duration;

use botwright::providers::scripted::Line;
use serde_json::json;

use super::{OPEN, in_both_modes};
use crate::telegram::stage::{Mode, Stage};

in_both_modes!(
    three_quick_messages_get_one_answer_and_a_single_one_waits_for_nothing,
    an_edit_before_the_answer_shows_is_what_is_answered,
    an_edit_of_what_was_answered_corrects_the_memory,
    a_text_file_is_read,
    what_cannot_be_read_is_declined_kindly_and_once,
    what_nobody_understands_is_no_error,
);

async fn three_quick_messages_get_one_answer_and_a_single_one_waits_for_nothing(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    stage.world.model_will_say("Hello.");
    let since = std::time::Instant::now();
    stage.chat.say(&stage.ann, "Hi");
    stage.chat.wait_for(|chat| chat.answers() == ["Hello."]).await;
    assert!(since.elapsed() < Duration::from_secs(3), "{:?}", since.elapsed());
    // The first is being answered, and nothing of it shows, when the others come.
    stage.world.model_will(Line { first_ms: 1_500, keep: true, ..Line::say("To all of it.") });
    for text in ["I need three things", "milk", "and eggs"] {
        stage.chat.say(&stage.ann, text);
        stage.heard().await;
    }
    stage.chat.wait_for(|chat| chat.answers().len() == 2).await;
    stage.world.idle().await;
    assert_eq!(stage.chat.transcript().answers(), ["Hello.", "To all of it."]);
    let prompt = stage.prompt();
    assert!(["I need three things", "milk", "and eggs"].iter().all(|text| prompt.contains(text)), "{prompt}");
    stage.world.end().await;
}

async fn an_edit_before_the_answer_shows_is_what_is_answered(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    for answer in ["To Lviv.", "To Lutsk."] {
        stage.world.model_will(Line { first_ms: 2_000, ..Line::say(answer) });
    }
    let id = stage.chat.say(&stage.ann, "How do I get to Lviv?");
    stage.until("the model is asked", |stage| stage.world.model_heard().len() == 1).await;
    stage.chat.edit(&stage.ann, id, "How do I get to Lutsk?");
    stage.chat.wait_for(|chat| chat.answers() == ["To Lutsk."]).await;
    assert_eq!(stage.world.model_heard().last().unwrap().question, "How do I get to Lutsk?");
    assert!(!stage.prompt().contains("Lviv"), "{}", stage.prompt());
    stage.world.end().await;
}

async fn an_edit_of_what_was_answered_corrects_the_memory(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    stage.world.model_will_say("Noted.");
    let id = stage.chat.say(&stage.ann, "My sister lives in Lviv");
    stage.chat.wait_for(|chat| chat.answers() == ["Noted."]).await;
    stage.chat.edit(&stage.ann, id, "My sister lives in Lutsk");
    stage.heard().await;
    stage.world.idle().await;
    assert_eq!(stage.world.model_heard().len(), 1, "nobody is answered again");
    stage.world.model_will_say("In Lutsk.");
    stage.chat.say(&stage.ann, "Where does she live?");
    stage.chat.wait_for(|chat| chat.answers() == ["Noted.", "In Lutsk."]).await;
    assert!(stage.prompt().contains("Lutsk") && !stage.prompt().contains("Lviv"), "{}", stage.prompt());
    stage.world.end().await;
}

async fn a_text_file_is_read(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    stage.world.model_will_say("It is heron.");
    stage.chat.document(&stage.ann, "notes.txt", "text/plain", b"The codeword is heron.");
    stage.chat.wait_for(|chat| chat.answers() == ["It is heron."]).await;
    assert!(stage.prompt().contains("The codeword is heron.") && stage.prompt().contains("notes.txt"));
    // One that is too long for the model is read by passages, as a long message is.
    let mut long: String =
        (0..9_000).map(|n| format!("Line {n} of the log tells of nothing much.\n")).collect();
    long.insert_str(200_000, "\n\nThe albatross landed on the northern pier at dawn.\n\n");
    stage.world.model_will_say("A long log.");
    stage.chat.document(&stage.ann, "log.txt", "text/plain", long.as_bytes());
    stage.chat.wait_for(|chat| chat.answers().len() == 2).await;
    let anns = stage.world.client("chat,read", Some(&format!("telegram:{}", stage.ann.id))).await;
    anns.finds("PASSAGE", "albatross").await;
    stage.world.model_will_say("On the northern pier.");
    stage.chat.say(&stage.ann, "Where did the albatross land?");
    stage.chat.wait_for(|chat| chat.answers().len() == 3).await;
    assert!(stage.prompt().contains("landed on the northern pier"), "{}", stage.prompt());
    stage.world.end().await;
}

async fn what_cannot_be_read_is_declined_kindly_and_once(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    let count = |chat: &crate::harness::telegram::transcript::Transcript| chat.bots().count();
    stage.chat.voice(&stage.ann, b"ogg");
    let seen = stage.chat.wait_for(|chat| count(chat) == 1).await;
    assert!(seen.answers()[0].contains("only read text"), "{seen}");
    stage.chat.sticker(&stage.ann, "👋");
    stage.chat.wait_for(|chat| count(chat) == 2).await;
    stage.chat.document(&stage.ann, "song.mp3", "audio/mpeg", b"ID3");
    let seen = stage.chat.wait_for(|chat| count(chat) == 3).await;
    assert!(seen.answers()[2].contains("text files"), "{seen}");
    stage.chat.album(&stage.ann, &[b"one", b"two", b"three"], "");
    stage.chat.wait_for(|chat| count(chat) == 4).await;
    stage.heard().await;
    stage.world.idle().await;
    assert_eq!(count(&stage.chat.transcript()), 4, "an album is declined once");
    assert!(stage.world.model_heard().is_empty());
    stage.world.end().await;
}

async fn what_nobody_understands_is_no_error(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    let kinds = [
        "edited_channel_post",
        "business_message",
        "guest_message",
        "message_reaction",
        "poll",
        "purchased_paid_media",
        "from_the_future",
    ];
    for kind in kinds {
        stage.bot.update(kind, json!({ "anything": [1, { "at": "all" }] }));
    }
    stage.world.model_will_say("Still here.");
    stage.chat.say(&stage.ann, "Are you there?");
    stage.chat.wait_for(|chat| chat.answers() == ["Still here."]).await;
    stage.heard().await;
    let status = stage.world.api.ask("{ status { recentErrors { code } } }", json!({})).await;
    assert_eq!(status["status"]["recentErrors"], json!([]));
    stage.world.end().await;
}
