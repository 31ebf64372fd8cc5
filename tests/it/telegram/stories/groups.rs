//! In a group: who is answered, who is heard, what is remembered of whom.

use std::time::Duration;

use super::{OPEN, in_both_modes};
use crate::harness::telegram::{Chat, Letter, Person, Telegram};
use crate::telegram::stage::{Mode, Stage};

in_both_modes!(
    whoever_addresses_the_bot_is_answered_and_nobody_else,
    it_knows_who_said_what_and_keeps_to_the_topic,
    a_file_may_have_it_answer_everything_or_nothing,
    a_group_that_is_not_listed_is_left_alone,
    a_group_that_grows_keeps_its_memory,
    a_mention_that_was_edited_in_is_no_new_question,
    what_is_between_two_is_not_told_in_a_group,
);

/// A group in which the bot hears everything.
fn family(stage: &Stage, others: &[&Person]) -> Chat {
    stage.bot.hear_all();
    let mut people = vec![&stage.ann];
    people.extend(others);
    stage.telegram.supergroup("Family", &people, &[&stage.bot])
}

/// That nothing is answered to what was said.
async fn silence(stage: &Stage, chat: &Chat) {
    let before = chat.transcript().bots().count();
    stage.heard().await;
    stage.world.idle().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(chat.transcript().bots().count(), before, "{}", chat.transcript());
}

async fn whoever_addresses_the_bot_is_answered_and_nobody_else(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    let ben = stage.telegram.person("Ben");
    let group = family(&stage, &[&ben]);
    group.say(&ben, "Is anybody there?");
    group.say(&ben, "@other_bot are you?");
    group.say(&ben, "/help@other_bot");
    group.reply(&ben, 1, "To nobody's message");
    silence(&stage, &group).await;
    stage.world.model_will_say("By name.");
    let named = group.say(&ben, "@parrot_bot, are you there?");
    let seen = group.wait_for(|chat| chat.answers() == ["By name."]).await;
    let answer = seen.bots().next().unwrap().clone();
    assert_eq!(answer.reply_to, Some(named));
    stage.world.model_will_say("By a reply.");
    group.reply(&stage.ann, answer.id, "And for me?");
    group.wait_for(|chat| chat.answers().last() == Some(&"By a reply.")).await;
    group.say(&ben, "/help@parrot_bot");
    group.wait_for(|chat| chat.bots().count() == 3 && chat.answers()[2].contains("/cancel")).await;
    let heard = stage.world.model_heard();
    assert!(heard[0].question.ends_with("are you there?") && !heard[0].question.contains("@parrot_bot"));
    stage.world.end().await;
}

async fn it_knows_who_said_what_and_keeps_to_the_topic(mode: Mode) {
    let stage = Stage::with(mode, "access: {default: open}, observe: true", "").await;
    stage.bot.hear_all();
    let (olena, ben) = (stage.telegram.person("Olena"), stage.telegram.person("Ben"));
    let forum = stage.telegram.forum("Family", &[&olena, &ben], &[&stage.bot]);
    let garden = forum.topic(&olena, "Garden");
    forum.say(&olena, "Dinner is at seven");
    forum.send(&olena, Letter::text("The roses are yellow").topic(garden));
    stage.heard().await;
    stage.world.model_will_say("At seven, says Olena.");
    let asked = forum.say(&ben, "@parrot_bot when is dinner?");
    let seen = forum.wait_for(|chat| chat.answers() == ["At seven, says Olena."]).await;
    let answer = seen.bots().next().unwrap();
    assert_eq!((answer.thread, answer.reply_to), (None, Some(asked)));
    let prompt = stage.prompt();
    assert!(prompt.contains("Olena") && prompt.contains("Dinner is at seven") && prompt.contains("Ben"));
    assert!(!prompt.contains("roses"), "another topic is another conversation: {prompt}");
    stage.world.model_will_say("Yellow.");
    let asked = forum.send(&ben, Letter::text("@parrot_bot which colour?").topic(garden));
    let seen = forum.wait_for(|chat| chat.answers().len() == 2).await;
    let answer = seen.bots().last().unwrap();
    assert_eq!((answer.thread, answer.reply_to), (Some(garden), Some(asked)));
    assert!(stage.prompt().contains("The roses are yellow"), "what it was not asked it remembers");
    stage.world.end().await;
}

async fn a_file_may_have_it_answer_everything_or_nothing(mode: Mode) {
    let always = Stage::with(mode, "access: {default: open}, groups: always", "").await;
    let group = family(&always, &[]);
    always.world.model_will_say("To everything.");
    group.say(&always.ann, "Nobody in particular");
    group.wait_for(|chat| chat.answers() == ["To everything."]).await;
    group.say(&always.ann, "/start@other_bot");
    silence(&always, &group).await;
    always.world.end().await;

    let never = Stage::with(mode, "access: {default: open}, groups: never", "").await;
    let group = family(&never, &[]);
    group.say(&never.ann, "@parrot_bot?");
    group.say(&never.ann, "/help@parrot_bot");
    silence(&never, &group).await;
    never.world.model_will_say("Here I am.");
    never.chat.say(&never.ann, "And here?");
    never.chat.wait_for(|chat| chat.answers() == ["Here I am."]).await;
    never.world.end().await;
}

async fn a_group_that_is_not_listed_is_left_alone(mode: Mode) {
    let telegram = Telegram::start().await;
    let ben = telegram.person("Ben");
    let group = telegram.supergroup("Listed", &[&ben], &[]);
    let keys = format!("access: {{default: closed, groups: [\"telegram:{}\"]}}", group.id());
    let stage = Stage::on(telegram, mode, &keys, "").await;
    let other = family(&stage, &[]);
    other.say(&stage.ann, "@parrot_bot, may you?");
    silence(&stage, &other).await;
    group.add(&ben, &stage.bot);
    stage.world.model_will_say("Here I may.");
    group.say(&ben, "@parrot_bot, may you?");
    group.wait_for(|chat| chat.answers() == ["Here I may."]).await;
    stage.world.end().await;
}

async fn a_group_that_grows_keeps_its_memory(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    stage.bot.hear_all();
    let small = stage.telegram.group("Club", &[&stage.ann], &[&stage.bot]);
    stage.world.model_will_say("I shall.");
    small.say(&stage.ann, "@parrot_bot remember the heron");
    small.wait_for(|chat| chat.answers() == ["I shall."]).await;
    let large = small.migrate(&stage.ann);
    stage.heard().await;
    stage.world.model_will_say("The heron.");
    large.say(&stage.ann, "@parrot_bot what was it?");
    large.wait_for(|chat| chat.answers() == ["The heron."]).await;
    assert!(stage.prompt().contains("remember the heron"));
    stage.world.end().await;
}

async fn a_mention_that_was_edited_in_is_no_new_question(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    let group = family(&stage, &[]);
    let id = group.say(&stage.ann, "A word among us");
    stage.heard().await;
    group.edit(&stage.ann, id, "@parrot_bot, a word");
    silence(&stage, &group).await;
    assert!(stage.world.model_heard().is_empty());
    stage.world.end().await;
}

async fn what_is_between_two_is_not_told_in_a_group(mode: Mode) {
    let stage = Stage::with(mode, OPEN, "").await;
    let group = family(&stage, &[]);
    group.say(&stage.ann, "/export@parrot_bot");
    let seen = group.wait_for(|chat| chat.bots().count() == 1).await;
    assert!(seen.answers()[0].contains("private chat"), "{seen}");
    assert_eq!(stage.asked("senddocument"), 0);
    stage.world.end().await;
}
