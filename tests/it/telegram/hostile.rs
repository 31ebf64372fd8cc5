//! What nobody expects to be written, in both directions: no text is lost, and nothing falls over.

use serde_json::json;

use super::render::{visible, words};
use super::stage::Stage;
use crate::harness::telegram::Letter;
use crate::harness::telegram::journal::Outcome;
use crate::harness::telegram::text::Formatted;

const OPEN: &str = "access: {default: open}, groups: always";
const FAMILY: &str = "👩\u{200d}👩\u{200d}👧\u{200d}👦";

/// Texts that break careless programs.
fn odd_texts() -> Vec<String> {
    let mut texts: Vec<String> = [
        "<b>bold</b> & <script>alert(1)</script> &amp; \"quotes\" <",
        "nul \0 within\0",
        "\u{202e}right to left override\u{202c} and \u{2066}isolates\u{2069}",
        "שלום עולם, مرحبا بالعالم, mixed with English (and brackets)",
        "zero\u{200b}width\u{200d}joiners\u{feff} and soft\u{ad}hyphens",
        "e\u{301}\u{302}\u{303} combining, Z\u{351}\u{36b}\u{343}\u{36a}\u{302}\u{36b}\u{33d}a\u{34f}lgo",
        "'; drop table messages; -- \\ \\0 %s {} ${x} {{person.name}}",
        "**a *b ~~c `d [e](f ![g](h ||i",
        "[a](javascript:alert(1)) <https://a.b/\"><x>",
        "\u{fffd}\u{fffe}\u{ffff} noncharacters \u{10ffff}",
        "line\r\nbreaks\rof\u{2028}every\u{2029}kind\u{b}there\u{c}are\u{85}.",
        "𝒳𝒴𝒵 ﷽ 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} 🇺🇦",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push(FAMILY.repeat(300));
    texts.push("word ".repeat(819) + "x");
    texts.push("𝒳".repeat(2048));
    texts.push(format!("a{}", "\u{301}".repeat(4000)));
    texts.push(format!("{}x{}", ">".repeat(2000), "*".repeat(2000)));
    texts.push(format!("{}deep", "- ".repeat(1500)));
    texts.push("```rust\n".to_owned() + &"let a = \"<&>\";\n".repeat(200));
    texts
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_written_reaches_the_model_word_for_word() {
    let stage = Stage::begin(OPEN).await;
    for (number, text) in odd_texts().into_iter().enumerate() {
        let answer = format!("Answer {number}.");
        stage.world.model_will_say(&answer);
        stage.chat.say(&stage.ann, &text);
        stage.chat.wait_for(|chat| chat.bots().next_back().is_some_and(|last| last.text == answer)).await;
        let heard = stage.world.model_heard().last().unwrap().question.clone();
        assert_eq!(heard.trim(), text.replace('\0', "\u{fffd}").trim(), "text {number}");
    }
    stage.world.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_model_says_is_shown_whole() {
    let stage = Stage::begin(OPEN).await;
    let mut long = odd_texts();
    long.extend(
        odd_texts().iter().map(|text| format!("# {text}\n\n> {text}\n\n```\n{text}\n```\n\n").repeat(3)),
    );
    for (number, text) in long.into_iter().enumerate() {
        let end = format!("end{number}.");
        let before = stage.chat.transcript().bots().count();
        stage.world.model_will_say(&format!("{text}\n\n{end}"));
        stage.chat.say(&stage.ann, "Say it");
        let ended = |text: &str| text.ends_with(&end);
        let seen =
            stage.chat.wait_for(|chat| chat.bots().next_back().is_some_and(|last| ended(&last.text))).await;
        let said: String = seen.bots().skip(before).map(|shown| visible(&shown.text)).collect();
        let mut rest = said.chars();
        for c in visible(&kept(&words(&text))).chars().filter(|c| *c != '|') {
            assert!(rest.any(|found| found == c), "{c:?} of text {number} is missing in {said:?}");
        }
    }
    let refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused(..));
    let refusals: Vec<_> = stage.chat.calls().into_iter().filter(|call| refused(&call.outcome)).collect();
    assert!(refusals.is_empty(), "nothing had to be sent twice: {refusals:?}");
    stage.world.end().await;
}

/// What the service leaves of a text.
fn kept(text: &str) -> String {
    Formatted { text: text.to_owned(), entities: Vec::new() }.kept().text
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_entities_captions_and_updates_lose_nothing() {
    let stage = Stage::begin(OPEN).await;
    let names =
        ["<b>Bo</b> & \"Co\"", "\u{202e}nnA", "N\0ul", "{{person.name}}", &"😀".repeat(64), "\u{200b}", "👑"];
    stage.bot.hear_all();
    for (number, name) in names.iter().enumerate() {
        let who = stage
            .telegram
            .person_with(json!({ "first_name": name, "last_name": "]]>", "language_code": "xx-@" }));
        let chat = stage.telegram.private(&who, &stage.bot);
        stage.world.model_will_say("Hello.");
        chat.say(&who, "Hi");
        chat.wait_for(|chat| chat.answers() == ["Hello."]).await;
        let group = stage.telegram.supergroup(&format!("{name} <i>"), &[&who], &[&stage.bot]);
        stage.world.model_will_say("Hello all.");
        group.say(&who, &format!("@parrot_bot, this is {number}"));
        group.wait_for(|chat| chat.answers() == ["Hello all."]).await;
        assert!(stage.world.model_heard().last().unwrap().question.contains(&format!("this is {number}")));
    }
    let entities = json!([
        { "type": "from_the_future", "offset": 0, "length": 3, "weight": {} },
        { "type": "mention", "offset": -4, "length": 99_999 },
        { "type": "bold", "offset": 1, "length": 1 },
        { "type": "text_mention", "offset": 0, "length": 2, "user": { "id": "not a number" } },
        "no entity at all",
    ]);
    stage.world.model_will_say("Odd.");
    stage.chat.send(&stage.ann, Letter::text("😀😀 odd entities").field("entities", entities));
    stage.chat.wait_for(|chat| chat.answers() == ["Odd."]).await;
    assert_eq!(stage.world.model_heard().last().unwrap().question, "😀😀 odd entities");

    for content in [json!({ "message_id": "x" }), json!(null), json!([1]), json!({ "chat": {}, "text": 5 })] {
        stage.bot.update("message", content.clone());
        stage.bot.update("edited_message", content.clone());
        stage.bot.update("callback_query", content.clone());
        stage.bot.update("from_the_future", content);
    }
    let caption = "The caption 😀 ".repeat(68);
    stage.chat.photo(&stage.ann, b"jpeg", caption.trim());
    stage.chat.wait_for(|chat| chat.bots().count() == 2).await;
    stage.world.model_will_say("Still here.");
    stage.chat.say(&stage.ann, "Are you there?");
    stage.chat.wait_for(|chat| chat.answers().last() == Some(&"Still here.")).await;
    assert_eq!(stage.bot.waiting(), 0, "nothing blocks what comes after it");
    stage.world.end().await;
}
