//! What a question finds, and in which order.

use crate::search::tests::{Chat, Folder, ids, lines, puts, query, somewhere};
use crate::search::{Before, Change, Group, Index, Kind, Query};

/// Small talk of `count` messages that answers nothing.
fn talk(count: usize) -> String {
    let said =
        ["The weather is fine", "I had soup for lunch", "That film was long", "Let us plan the weekend"];
    let line = |at: usize| {
        let speaker = if at.is_multiple_of(2) { "Olena" } else { "Bot" };
        format!("{speaker}: {} number {at}\n", said[at % said.len()])
    };
    (0..count).map(line).collect()
}

#[test]
fn a_fact_is_found_after_sixty_messages() {
    let chat = Chat::new(&format!("Olena: My sister Anna lives in Lviv.\nBot: Nice!\n{}", talk(60)));
    for question in ["Where does Anna live?", "where is my sister living", "ANNA'S city?"] {
        let hits = chat.ask(question);
        assert_eq!(hits[0].ordinal, 1, "{question}: {hits:?}");
    }
    let hit = &chat.ask("Where does Anna live?")[0];
    assert_eq!(hit.coverage, 1.0);
    assert_eq!(hit.kind, Kind::Message);
    assert!(chat.ask("Which submarine sank?").is_empty());
    assert!(chat.ask("").is_empty());
}

#[test]
fn coverage_tells_an_answer_from_a_chance_word() {
    let chat = Chat::new(&format!("Olena: Anna lives in Lviv.\n{}", talk(40)));
    let hit = &chat.ask("Where was the weather balloon of Anna's cousin built?")[0];
    assert!(hit.coverage < 0.4, "{hit:?}");
}

#[test]
fn an_answer_is_found_beside_its_question() {
    let chat = Chat::new(&format!(
        "{}Bot: Which city did you move to last spring?\nOlena: Odesa, I love the sea.\n{}",
        talk(20),
        talk(20)
    ));
    let hits = chat.ask("Which city did Olena move to?");
    let answer = hits.iter().find(|hit| hit.ordinal == 22).unwrap();
    assert!(hits.iter().take(3).any(|hit| hit.ordinal == 22), "{hits:?}");
    assert_eq!(answer.coverage, 0.0);
    assert_eq!(answer.context_coverage, 1.0);
}

#[test]
fn the_one_who_is_named_or_asks_said_it() {
    let chat = Chat::new(&format!(
        "Bot: I like jazz most of all\n{}Olena: I like jazz most of all\n{}",
        talk(12),
        talk(12)
    ));
    assert_eq!(chat.best("What music like jazz does Olena enjoy?"), Some(14));
    assert_eq!(chat.best("What jazz does the bot like?"), Some(1));
    let mine = Query { asker: Some("Olena".into()), ..query(&chat.scope, "Do I like jazz?") };
    assert_eq!(chat.index.recall(&mine).unwrap()[0].ordinal, 14);
}

#[test]
fn a_question_that_is_only_a_name_still_finds() {
    let chat = Chat::new("Bot: Hello Olena\nOlena: hi");
    assert_eq!(chat.ask("Olena?").len(), 2);
}

#[test]
fn a_named_day_comes_first() {
    let chat = Chat::new(
        "# 2026-05-06\nOlena: We went hiking\n# 2026-05-07\nOlena: We went hiking\n# 2026-06-07\nOlena: We went hiking",
    );
    assert_eq!(chat.best("Where did we go hiking on 7 May?"), Some(2));
    assert_eq!(chat.best("Де був hiking 6 травня?"), Some(1));
    assert_eq!(chat.best("Где был hiking в июне?"), Some(3));
    // No content word but the date.
    assert_eq!(chat.best("What was on 2026-06-07?"), Some(3));
    assert_eq!(chat.ask("What was in May?").len(), 2);
}

#[test]
fn inflected_words_are_found_in_every_first_class_language() {
    let chat = Chat::new(&format!(
        "Olena: Моя сестра Ганна живе у Львові\n{0}Olena: Мой брат работает в больнице\n{0}Olena: 我的猫叫小花，住在北京\n{0}Olena: Зустріч перенесли на п'ятницю\n{0}",
        talk(12)
    ));
    assert_eq!(chat.best("Хто живе біля Львова?"), Some(1));
    assert_eq!(chat.best("Розкажи про мою сестру"), Some(1));
    assert_eq!(chat.best("Где работал мой брат?"), Some(14));
    assert_eq!(chat.best("小花是谁？"), Some(27));
    assert_eq!(chat.best("猫?"), Some(27));
    assert_eq!(chat.best("Що буде в п’ятниці? Які зустрічі?"), Some(40));
}

#[test]
fn what_is_in_the_prompt_anyway_is_left_out() {
    let chat = Chat::new("Olena: jazz one\nBot: jazz two\nOlena: jazz three");
    let conversation = chat.scope.conversation.unwrap();
    let before =
        |ordinal| Query { before: Some(Before { conversation, ordinal }), ..query(&chat.scope, "jazz") };
    let ordinals = |ordinal| {
        let hits = chat.index.recall(&before(ordinal)).unwrap();
        let mut ordinals: Vec<i64> = hits.iter().map(|hit| hit.ordinal).collect();
        ordinals.sort_unstable();
        ordinals
    };
    assert_eq!(ordinals(3), [1, 2]);
    assert_eq!(ordinals(1), [0; 0]);
    assert_eq!(ordinals(4), [1, 2, 3]);
}

#[test]
fn a_kind_can_be_asked_for() {
    let mut chat = Chat::new("Olena: jazz one\nBot: jazz two");
    let mut summary = lines(&chat.scope, "Bot: They spoke of jazz").remove(0);
    summary.kind = Kind::Summary;
    summary.ordinal = 2;
    let id = summary.id;
    chat.writer.apply(vec![Change::Put(summary)]).unwrap();
    chat.writer.commit("2").unwrap();
    let asked = |groups: Vec<Group>| {
        ids(&chat.index.recall(&Query { groups, ..query(&chat.scope, "jazz") }).unwrap())
    };
    let of = |kinds| asked(vec![Group { kinds, limit: 10 }]);
    assert_eq!(of(&[Kind::Summary]), [id]);
    assert_eq!(of(&[Kind::Message]).len(), 2);
    assert_eq!(of(&[Kind::Message, Kind::Summary]).len(), 3);
    assert!(of(&[Kind::Fact]).is_empty());
    let apart = asked(vec![
        Group { kinds: &[Kind::Message], limit: 1 },
        Group { kinds: &[Kind::Fact], limit: 5 },
        Group { kinds: &[Kind::Summary], limit: 5 },
    ]);
    assert_eq!((apart.len(), apart[1]), (2, id), "a message, no fact, the summary");
}

#[test]
fn other_chats_beside_change_nothing() {
    let text = format!("Olena: My sister Anna lives in Lviv.\n{}", talk(30));
    let chat = Chat::new(&text);
    let alone = chat.ask("Where does Anna live?");

    let folder = Folder::new();
    let (index, _) = Index::open(folder.path()).unwrap();
    let mut writer = index.writer().unwrap().unwrap();
    for number in 0..5 {
        let other = somewhere();
        writer
            .apply(puts(&lines(&other, &format!("Olena: Anna {number} lives here\n{}", talk(50)))))
            .unwrap();
        writer.commit(&number.to_string()).unwrap();
    }
    let scope = somewhere();
    writer.apply(puts(&lines(&scope, &text))).unwrap();
    writer.commit("last").unwrap();
    let beside = index.recall(&query(&scope, "Where does Anna live?")).unwrap();
    let shape =
        |hits: &[crate::search::Hit]| hits.iter().map(|hit| (hit.ordinal, hit.score)).collect::<Vec<_>>();
    assert_eq!(shape(&alone), shape(&beside));
}

#[test]
fn a_whole_book_as_a_question_is_survived() {
    let chat = Chat::new(&format!("Olena: My sister Anna lives in Lviv.\n{}", talk(30)));
    let book = format!("{} Anna Lviv sister", (0..200_000).map(|n| format!("word{n} ")).collect::<String>());
    let _ = chat.ask(&book);
    let question =
        format!("{} Where does my sister Anna live?", "weather soup film weekend lunch plan ".repeat(20));
    assert!(ids(&chat.ask(&question)).len() == 10);
}

#[test]
fn a_whole_book_as_a_message_is_survived() {
    let book = "яблуко 苹果 apple ".repeat(300_000);
    let chat = Chat::new(&format!("Olena: {book}\nBot: That is long\nOlena: My sister Anna lives in Lviv."));
    assert_eq!(chat.best("Where does my sister live?"), Some(3));
    assert_eq!(chat.index.find(&chat.scope, "apple", 10, 0).unwrap().len(), 1);
}
