//! Commands: greeting, help, menu, memory, buttons, stopping an answer.

use super::{OPEN, in_both_modes};
use crate::harness::telegram::faults::{Fault, Trouble};
use crate::harness::telegram::journal::Outcome;
use crate::telegram::stage::{Mode, Stage};

in_both_modes!(
    start_greets_and_help_lists_the_commands_of_a_menu_in_three_languages,
    an_answer_that_is_cancelled_stops,
    what_is_to_be_forgotten_is_asked_with_buttons,
    an_export_comes_as_a_file,
    a_command_that_does_not_exist_is_said_to,
);

async fn start_greets_and_help_lists_the_commands_of_a_menu_in_three_languages(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "greeting: Hi {{person.name}}, I repeat things.\n").await;
    stage.chat.say(&stage.ann, "/start");
    stage.chat.wait_for(|chat| chat.answers() == ["Hi Ann, I repeat things."]).await;
    stage.chat.say(&stage.ann, "/help");
    let seen = stage.chat.wait_for(|chat| chat.bots().count() == 2).await;
    stage.until("the menu is set", |stage| stage.asked("setmycommands") >= 3).await;
    let menu = stage.bot.commands("");
    assert!(menu.len() >= 8, "{menu:?}");
    let told = |name: &&String| seen.answers()[1].contains(&format!("/{name}"));
    // Whoever reads it has started.
    assert!(menu.iter().filter(|name| *name != "start").all(|name| told(&name)), "{menu:?}: {seen}");
    assert!(stage.bot.commands("uk") == menu && stage.bot.commands("ru") == menu);
    stage.chat.say(&stage.ann, "/start");
    let seen = stage.chat.wait_for(|chat| chat.bots().count() == 3).await;
    assert!(seen.answers()[2].starts_with("Hi, I am Parrot"), "{seen}");
    let olha = stage.telegram.person_with(serde_json::json!({ "first_name": "Olha", "language_code": "uk" }));
    let chat = stage.telegram.private(&olha, &stage.bot);
    chat.say(&olha, "/cancel");
    let seen = chat.wait_for(|chat| chat.bots().count() == 1).await;
    assert!(seen.answers()[0].chars().any(|c| ('а'..='я').contains(&c)), "in their language: {seen}");
    assert!(stage.world.model_heard().is_empty(), "no model is needed for any of it");
    stage.world.end().await;
}

async fn an_answer_that_is_cancelled_stops(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    let words: Vec<String> = (0..200).map(|n| format!("word{n}")).collect();
    stage.model_will_say_slowly(&words.join(" "), 50);
    stage.chat.say(&stage.ann, "Tell me all of it");
    stage.chat.wait_for(|chat| chat.bots().count() == 1).await;
    stage.chat.say(&stage.ann, "/cancel");
    let seen = stage.chat.wait_for(|chat| chat.bots().count() == 2).await;
    stage.world.idle().await;
    let seen_later = stage.chat.transcript();
    assert!(!seen_later.answers().concat().contains("word199"), "{seen_later}");
    assert!(seen_later.answers()[0].starts_with("word0 word1"), "what was seen stays: {seen_later}");
    assert_eq!(seen.bots().count(), seen_later.bots().count());
    stage.world.end().await;
}

async fn what_is_to_be_forgotten_is_asked_with_buttons(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    stage.world.model_will_say("Noted.");
    stage.chat.say(&stage.ann, "My PIN is 4711");
    stage.chat.wait_for(|chat| chat.answers() == ["Noted."]).await;
    let ask = async |number: usize| {
        stage.chat.say(&stage.ann, "/forget PIN");
        let seen = stage.chat.wait_for(|chat| chat.bots().count() == number).await;
        let question = seen.bots().last().unwrap().clone();
        let buttons: Vec<&str> = question.buttons.iter().map(|(_, sends)| sends.as_str()).collect();
        assert_eq!(buttons, ["do:/forget yes", "no"]);
        question
    };
    let question = ask(2).await;
    stage.chat.press(&stage.ann, question.id, "no");
    let seen = stage.chat.wait_for(|chat| chat.answers()[1].contains("Nothing was erased")).await;
    assert!(seen.bots().nth(1).unwrap().buttons.is_empty(), "what is decided is asked no more");
    let question = ask(3).await;
    stage.chat.press(&stage.ann, question.id, "do:/forget yes");
    stage.chat.wait_for(|chat| chat.answers()[2].starts_with("Erased")).await;
    stage.until("the button stops waiting", |stage| stage.asked("answercallbackquery") == 2).await;
    stage.world.model_will_say("I do not know it.");
    stage.chat.say(&stage.ann, "What is my PIN?");
    stage.chat.wait_for(|chat| chat.answers().last() == Some(&"I do not know it.")).await;
    assert!(!stage.prompt().contains("4711"), "{}", stage.prompt());
    stage.world.end().await;
}

async fn an_export_comes_as_a_file(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    stage.world.model_will_say("Noted.");
    stage.chat.say(&stage.ann, "The heron is grey");
    stage.chat.wait_for(|chat| chat.answers() == ["Noted."]).await;
    stage.chat.say(&stage.ann, "/export");
    let seen = stage.chat.wait_for(|chat| chat.bots().count() == 3).await;
    let file = seen.bots().find(|message| message.more == ["document"]).unwrap();
    assert!(file.id < seen.bots().last().unwrap().id, "first the file, then what it is");
    let content = stage.chat.document_of(file.id);
    let lines: Vec<serde_json::Value> =
        content.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().any(|line| line.to_string().contains("The heron is grey")), "{content}");
    // Where it does not get through, that is said.
    stage.telegram.fault(Fault::new(Trouble::Refused(413, "Request Entity Too Large")).on("sendDocument"));
    stage.chat.say(&stage.ann, "/export");
    let seen = stage.chat.wait_for(|chat| chat.bots().count() == 4).await;
    assert!(seen.answers()[3].contains("did not take the file"), "{seen}");
    let refused = |outcome: &Outcome| matches!(outcome, Outcome::Refused(413, _));
    assert!(stage.telegram.calls().iter().any(|call| refused(&call.outcome)));
    stage.world.end().await;
}

async fn a_command_that_does_not_exist_is_said_to(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    stage.chat.say(&stage.ann, "/memry");
    let seen = stage.chat.wait_for(|chat| chat.bots().count() == 1).await;
    assert!(
        seen.answers()[0].contains("There is no /memry") && seen.answers()[0].contains("/memory"),
        "{seen}"
    );
    stage.world.end().await;
}
