//! Finding for people.

use crate::search::Scope;
use crate::search::tests::{Chat, lines, puts, somewhere};

fn ordinals(chat: &Chat, text: &str, limit: usize, after: usize) -> Vec<i64> {
    chat.index.find(&chat.scope, text, limit, after).unwrap().iter().map(|hit| hit.ordinal).collect()
}

#[test]
fn all_words_must_be_there_and_the_newest_comes_first() {
    let chat = Chat::new("Olena: red apples\nBot: green apples\nOlena: an apple, red\nBot: red cars");
    assert_eq!(ordinals(&chat, "red apple", 10, 0), [3, 1]);
    assert_eq!(ordinals(&chat, "apples", 10, 0), [3, 2, 1]);
    assert_eq!(ordinals(&chat, "apples blue", 10, 0), [0; 0]);
    assert_eq!(ordinals(&chat, "the", 10, 0), [0; 0]);
}

#[test]
fn pages_follow_each_other() {
    let chat = Chat::new(&(0..25).map(|n| format!("Olena: apple {n}\n")).collect::<String>());
    let all = ordinals(&chat, "apple", 100, 0);
    assert_eq!(all, (1..=25).rev().collect::<Vec<_>>());
    let pages: Vec<i64> = [0, 10, 20].iter().flat_map(|after| ordinals(&chat, "apple", 10, *after)).collect();
    assert_eq!(pages, all);
    assert_eq!(ordinals(&chat, "apple", 10, 25), [0; 0]);
}

#[test]
fn a_long_text_may_lack_a_word_but_what_has_all_comes_first() {
    let chat = Chat::new("Olena: one two three four\nBot: one two three\nOlena: one two");
    assert_eq!(ordinals(&chat, "one two three four", 10, 0), [1, 2]);
}

#[test]
fn a_scope_may_be_a_whole_account() {
    let mut chat = Chat::new("Olena: apple one");
    let second = Scope { account: chat.scope.account, ..somewhere() };
    let foreign = somewhere();
    for scope in [&second, &foreign] {
        chat.writer.apply(puts(&lines(scope, "Olena: apple two"))).unwrap();
    }
    chat.writer.commit("2").unwrap();
    let found = |scope: Scope| chat.index.find(&scope, "apple", 10, 0).unwrap().len();
    let account = Scope { account: chat.scope.account, bot: None, conversation: None, person: None };
    assert_eq!(found(account), 2);
    assert_eq!(found(Scope { bot: second.bot, ..account }), 1);
    assert_eq!(found(Scope { person: second.person, ..account }), 1);
    assert_eq!(found(Scope { conversation: foreign.conversation, ..account }), 0);
}
