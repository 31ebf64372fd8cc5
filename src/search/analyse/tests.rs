//! What counts as the same word, by language.

use crate::search::analyse::{coverage, fold_name, pack, terms, words};

/// Each line: forms of one word that must have one term.
fn assert_alike(lines: &[&str]) {
    for line in lines {
        let found: Vec<Vec<String>> = line.split(' ').map(terms).collect();
        assert!(found.iter().all(|form| form.len() == 1), "{line}: {found:?}");
        assert!(found.iter().all(|form| *form == found[0]), "{line}: {found:?}");
    }
}

#[test]
fn english_forms_meet() {
    assert_alike(&[
        "live lives living lived",
        "sister Sisters SISTER'S sister’s",
        "running runs",
        "go went gone going",
        "buy bought",
        "café cafe CAFÉ",
    ]);
    assert_eq!(terms("Where does my sister live?"), ["sister", "live"]);
    assert_eq!(terms("I don't know, she'll say it's O'Brien's"), ["know", "say", "brien"]);
    assert!(terms("What did you do there, and why?").is_empty());
}

#[test]
fn ukrainian_forms_meet() {
    assert_alike(&[
        "зустріч зустрічі зустріччю зустрічей",
        "сестра сестри сестрі сестру сестрою",
        "Львів Львова Львові Львову Львовом",
        "Київ Києва Києві Києвом",
        "Харків Харкова Харкові",
        "робота роботу роботі роботою робіт",
        "українська українською українській українські",
        "історія історії історію історією",
        "ніч ночі",
        "кіт кота котові",
        "Україна України Україну Україні",
        "рука руку руці рукою",
        "нагадування нагадуванням",
        "пʼятниця п'ятниці п’ятницю пʼятницею",
        "подорожує подорожував подорожувала",
        "якість якості якістю",
    ]);
    assert_eq!(terms("Де живе моя сестра?").len(), 2);
    assert!(terms("А що це було, і чому ви так?").is_empty());
}

#[test]
fn russian_forms_meet() {
    assert_alike(&[
        "сестра сестры сестре сестру сестрой",
        "встреча встречи встрече встречу",
        "ёлка елка ёлки елку",
        "живёт живет",
        "работа работу работой работами",
        "Москва Москвы Москве Москву",
    ]);
    assert!(terms("А что это было и почему вы так?").is_empty());
}

#[test]
fn one_text_may_mix_languages() {
    assert_eq!(terms("Забронюй booking на п’ятницю"), ["забрн", "book", "пятник"]);
    assert_eq!(terms("сестра sisters сестри"), [&terms("сестру")[0], "sister", &terms("сестрою")[0]]);
}

#[test]
fn scripts_without_spaces_become_pairs() {
    assert_eq!(terms("我的猫住在北京"), ["的猫", "猫住", "住在", "在北", "北京"]);
    assert_eq!(terms("猫"), ["猫"]);
    assert_eq!(terms("北京2024年"), ["北京", "2024", "年"]);
    assert_eq!(terms("ｆｕｌｌ　ｗｉｄｔｈ"), ["full", "width"]);
    assert!(!terms("สวัสดีครับ").is_empty());
    let mut packed = String::new();
    pack("北京", &mut packed);
    assert_eq!(packed, "北京 北 京 ");
}

#[test]
fn what_looks_alike_is_alike() {
    assert_eq!(terms("Київ й"), terms("Киі\u{308}в и\u{306}"));
    assert_eq!(terms("за\u{301}мок"), terms("замок"));
    assert_eq!(terms("José"), terms("Jose\u{301}"));
    assert_eq!(terms("co\u{AD}operate"), terms("cooperate"));
    assert_eq!(terms("Straße"), terms("strasse"));
    assert_eq!(terms("مُحَمَّد"), terms("محمد"));
}

#[test]
fn walls_of_letters_and_empty_texts_yield_nothing() {
    assert!(terms(&"x".repeat(100_000)).is_empty());
    assert_eq!(terms(&"я".repeat(40)).len(), 1);
    assert!(terms("").is_empty());
    assert!(terms("🍕 !!! — \u{0}\u{FFFD}").is_empty());
}

#[test]
fn names_fold_without_losing_words() {
    assert_eq!(fold_name("  Dr. Anna-Maria  KOVAL’ "), "dr anna maria koval");
    assert_eq!(fold_name("Will"), "will");
    assert_eq!(words("I'm Аня"), ["i", "m", "аня"]);
}

#[test]
fn coverage_is_the_weighted_share() {
    let even = |_: &str| 1.0;
    assert_eq!(coverage("Where does Anna live?", "Anna lives in Lviv", even), 1.0);
    assert_eq!(coverage("Where does Anna live?", "Anna is tall", even), 0.5);
    assert_eq!(coverage("Where?", "Anna", even), 0.0);
    let weights = |term: &str| if term == "anna" { 3.0 } else { 1.0 };
    assert_eq!(coverage("Where does Anna live?", "Anna is tall", weights), 0.75);
}
