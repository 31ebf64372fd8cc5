//! An answer: seen at once, growing, whole, well set; whatever happens on its way.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{OPEN, in_both_modes};
use crate::harness::telegram::faults::{Fault, Trouble};
use crate::harness::telegram::text::units;
use crate::telegram::stage::{Mode, Stage};

in_both_modes!(
    typing_is_seen_at_once_and_the_answer_grows,
    what_was_said_is_set_well,
    a_long_answer_comes_whole_and_its_code_stays_code,
    what_is_refused_is_said_in_plain_words,
    a_line_in_trouble_says_it_once,
    whoever_blocked_the_bot_is_left_alone_until_they_write,
);

async fn typing_is_seen_at_once_and_the_answer_grows(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    let words: Vec<String> = (0..40).map(|n| format!("word{n} ")).collect();
    let whole = words.concat().trim_end().to_owned();
    stage.model_will_say_slowly(&whole, 80);
    stage.chat.say(&stage.ann, "Tell me");
    let seen = stage.chat.wait_for(|chat| chat.answers() == [&whole]).await;
    let answer = seen.bots().next().unwrap();
    let (typing, begun) = (&seen.actions[0], &answer.versions[0]);
    assert!(typing.1 == "typing" && typing.0 < begun.0, "it types before it says anything");
    assert!(answer.versions.len() >= 2, "{:?}", answer.versions);
    assert!(answer.versions.iter().all(|(_, text)| whole.starts_with(text.trim_end_matches('…').trim_end())));
    assert_eq!(stage.world.model_heard()[0].question, "Tell me");
    stage.heard().await;
    stage.world.end().await;
}

async fn what_was_said_is_set_well(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    stage.world.model_will_say("Hello **Ann**, 1 < 2 & `x`!\n\n- one\n- [two](https://a.example/?b=1&c=2)");
    stage.chat.say(&stage.ann, "Hi");
    let seen = stage.chat.wait_for(|chat| chat.bots().count() == 1).await;
    let answer = seen.bots().next().unwrap();
    assert!(answer.text.starts_with("Hello Ann, 1 < 2 & x!"), "{}", answer.text);
    assert!(answer.text.contains("• one") && answer.text.contains("• two"), "{}", answer.text);
    let kinds: Vec<&str> = answer.entities.iter().map(|entity| entity.kind.as_str()).collect();
    assert_eq!(kinds, ["bold", "code", "text_link"]);
    assert_eq!(answer.entities[2].argument.as_deref(), Some("https://a.example/?b=1&c=2"));
    stage.world.end().await;
}

async fn a_long_answer_comes_whole_and_its_code_stays_code(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    let prose: Vec<String> = (0..60)
        .map(|n| format!("Paragraph {n} says something that takes a line of its own to be said."))
        .collect();
    let code: Vec<String> = (0..200).map(|n| format!("let value_{n} = compute(\"<&>\", {n});")).collect();
    let end = "And that is all.";
    stage.world.model_will_say(&format!(
        "{}\n\n```rust\n{}\n```\n\n{end}",
        prose.join("\n\n"),
        code.join("\n")
    ));
    stage.chat.say(&stage.ann, "Tell me everything");
    let seen =
        stage.chat.wait_for(|chat| chat.bots().last().is_some_and(|last| last.text.ends_with(end))).await;
    let parts: Vec<_> = seen.bots().collect();
    assert!(parts.len() > 2, "it is more than one message holds");
    let all: Vec<&str> =
        parts.iter().flat_map(|part| part.text.lines()).filter(|line| !line.is_empty()).collect();
    let expected: Vec<&str> = prose.iter().chain(&code).map(String::as_str).chain([end]).collect();
    assert_eq!(all, expected, "every line is there once, whole and in order");
    for part in parts {
        let stretches = part.entities.iter().filter(|entity| entity.kind == "pre");
        let stretches: Vec<_> = stretches.map(|pre| (pre.offset, pre.offset + pre.length)).collect();
        for (at, _) in part.text.match_indices("let value_") {
            let at = units(&part.text[..at]);
            assert!(stretches.iter().any(|(from, to)| (from..to).contains(&&at)), "{}", part.text);
        }
    }
    stage.world.end().await;
}

async fn what_is_refused_is_said_in_plain_words(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    let why = "Bad Request: can't parse entities: unsupported start tag";
    stage.telegram.fault(Fault::new(Trouble::Refused(400, why)).on("sendMessage"));
    stage.world.model_will_say("one **two** <three>");
    stage.chat.say(&stage.ann, "Hi");
    let seen = stage.chat.wait_for(|chat| chat.answers() == ["one two <three>"]).await;
    assert!(seen.bots().next().unwrap().entities.is_empty());
    stage.world.end().await;
}

async fn a_line_in_trouble_says_it_once(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    for trouble in [Trouble::Away, Trouble::TooMany(1), Trouble::Away] {
        stage.telegram.fault(Fault::new(trouble).on("sendMessage"));
    }
    stage.world.model_will_say("one");
    stage.chat.say(&stage.ann, "Hi");
    stage.chat.wait_for(|chat| chat.answers() == ["one"]).await;
    assert_eq!(listed(&stage).await, 0);
    // Nobody can know whether what was cut off arrived, so it is not said again: it is listed.
    for (trouble, shown) in [(Trouble::CutBefore, 1), (Trouble::CutAfter, 2)] {
        let before = listed(&stage).await;
        stage.telegram.fault(Fault::new(trouble).on("sendMessage"));
        stage.world.model_will_say("two");
        stage.chat.say(&stage.ann, "And?");
        let since = Instant::now();
        while listed(&stage).await == before {
            assert!(since.elapsed() < Duration::from_secs(20), "it is not listed");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(stage.chat.transcript().answers().len(), shown);
    }
    stage.world.model_will_say("three");
    stage.chat.say(&stage.ann, "And now?");
    stage.chat.wait_for(|chat| chat.answers() == ["one", "two", "three"]).await;
    // Whoever runs the bot may have it said again.
    let admin = stage.world.client("admin,chat,read", None).await;
    let query = "{ undelivered { id state isResendable turn { id } } }";
    let lost = admin.ask(query, json!({})).await["undelivered"].as_array().unwrap().clone();
    assert!(lost.len() == 2 && lost.iter().all(|lost| lost["state"] == "AMBIGUOUS"), "{lost:?}");
    let resend = "mutation($id: ID!) { resendDelivery(input: { id: $id }) {
        delivery { state } userErrors { __typename } } }";
    let resent = admin.ask(resend, json!({ "id": lost[1]["id"] })).await;
    assert_eq!(resent["resendDelivery"]["delivery"]["state"], "QUEUED", "{resent}");
    stage.chat.wait_for(|chat| chat.answers() == ["one", "two", "three", "two"]).await;
    let again = admin.ask(resend, json!({ "id": lost[1]["id"] })).await;
    assert_eq!(again["resendDelivery"]["userErrors"][0]["__typename"], "ConflictError", "{again}");
    assert_eq!(listed(&stage).await, 1);
    stage.world.end().await;
}

/// How many deliveries are listed whose fate nobody knows.
async fn listed(stage: &Stage) -> usize {
    let status = stage.world.api.ask("{ status { recentErrors { code } } }", json!({})).await;
    let errors = status["status"]["recentErrors"].as_array().unwrap().clone();
    errors.iter().filter(|error| error["code"] == "ambiguous").count()
}

async fn whoever_blocked_the_bot_is_left_alone_until_they_write(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    stage.model_will_say_slowly("four words that grow", 300);
    stage.chat.say(&stage.ann, "Hi");
    stage.until("it was taken in", |stage| !stage.world.model_heard().is_empty()).await;
    stage.chat.block(&stage.ann);
    stage.world.idle().await;
    let sent = stage.asked("sendmessage");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(stage.asked("sendmessage"), sent, "nobody who blocked it is written to again and again");
    stage.world.model_will_say("five");
    stage.chat.say(&stage.ann, "I am back");
    stage.chat.wait_for(|chat| chat.answers().last() == Some(&"five")).await;
    stage.world.end().await;
}
