//! Who may talk, and how fast.

use super::{OPEN, in_both_modes};
use crate::telegram::stage::{Mode, Stage};

in_both_modes!(
    strangers_get_a_code_and_the_same_one_again,
    who_is_not_listed_is_refused_once_and_who_is_listed_is_answered,
    who_writes_too_fast_is_told_once,
);

async fn strangers_get_a_code_and_the_same_one_again(mode: Mode) {
    let stage = Stage::with(mode, "access: {default: pairing}", "").await;
    stage.chat.say(&stage.ann, "Hi");
    stage.chat.wait_for(|chat| chat.bots().count() == 1).await;
    stage.chat.say(&stage.ann, "Hi?");
    let seen = stage.chat.wait_for(|chat| chat.bots().count() == 2).await;
    assert_eq!(seen.answers()[0], seen.answers()[1]);
    assert!(seen.answers()[0].contains("good for an hour"), "{seen}");
    assert!(stage.world.model_heard().is_empty());
    stage.world.end().await;
}

async fn who_is_not_listed_is_refused_once_and_who_is_listed_is_answered(mode: Mode) {
    // People are numbered in the order in which they come.
    let stage = Stage::with(mode, "access: {default: closed, allow: [\"telegram:1\"]}", "").await;
    for text in ["Hi", "Hi?", "Hello?"] {
        stage.chat.say(&stage.ann, text);
    }
    stage.heard().await;
    stage.world.idle().await;
    let seen = stage.chat.wait_for(|chat| chat.bots().count() == 1).await;
    assert!(seen.answers()[0].contains("listed"), "{seen}");
    let listed = stage.telegram.person_with(serde_json::json!({ "id": 1, "first_name": "Listed" }));
    let chat = stage.telegram.private(&listed, &stage.bot);
    stage.world.model_will_say("Welcome.");
    chat.say(&listed, "Hi");
    chat.wait_for(|chat| chat.answers() == ["Welcome."]).await;
    assert_eq!(stage.chat.transcript().bots().count(), 1);
    stage.world.end().await;
}

async fn who_writes_too_fast_is_told_once(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "limits: {messagesPerMinute: 2}\n").await;
    for number in 0..2 {
        let answer = format!("Answer {number}.");
        stage.world.model_will_say(&answer);
        stage.chat.say(&stage.ann, "Hi");
        stage.chat.wait_for(|chat| chat.answers().last() == Some(&answer.as_str())).await;
    }
    for _ in 0..3 {
        stage.chat.say(&stage.ann, "And?");
    }
    stage.chat.wait_for(|chat| chat.bots().count() == 3).await;
    stage.heard().await;
    stage.world.idle().await;
    let seen = stage.chat.transcript();
    assert_eq!(seen.bots().count(), 3);
    assert!(seen.answers()[2].contains("at most 2 messages a minute"), "{seen}");
    let ben = stage.telegram.person("Ben");
    let chat = stage.telegram.private(&ben, &stage.bot);
    stage.world.model_will_say("You may.");
    chat.say(&ben, "May I?");
    chat.wait_for(|chat| chat.answers() == ["You may."]).await;
    stage.world.end().await;
}
