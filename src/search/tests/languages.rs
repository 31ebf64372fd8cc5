//! Questions in Ukrainian, Russian, Chinese and mixtures find what a person would expect, in whatever form the words
//! stand.

use crate::search::tests::Chat;

/// Facts between small talk; each question names the line that answers it.
fn assert_answers(said: &[&str], asked: &[(&str, i64)]) {
    let chat = Chat::new(&said.iter().map(|line| format!("Olena: {line}\n")).collect::<String>());
    for (question, line) in asked {
        let hits = chat.ask(question);
        let found: Vec<i64> = hits.iter().map(|hit| hit.ordinal).collect();
        assert_eq!(found.first(), Some(line), "{question}: {found:?}");
    }
}

#[test]
fn ukrainian_questions_find_inflected_answers() {
    assert_answers(
        &[
            "Погода сьогодні така собі",
            "Моя сестра переїхала до Львова торік восени",
            "Я довго шукала ту парасолю",
            "Бабуся подарувала мені срібну каблучку на вісімнадцятиріччя",
            "На роботі знову затримали зарплату",
            "Ми з подругами відпочивали в Карпатах біля озера",
            "Учора був концерт, дуже гучний",
            "Кішка з’їла рибу, яку приготував дідусь",
            "Лікарка сказала пити більше води й не їсти солодкого",
            "Я купила квитки на потяг до Одеси",
        ],
        &[
            ("Куди переїжджала сестра, до якого міста? Львів?", 2),
            ("Хто подарував каблучку?", 4),
            ("Що було із зарплатою?", 5),
            ("Де ти відпочивала з подругою?", 6),
            ("Що з'їли кішки?", 8),
            ("Що казали лікарі про солодке?", 9),
            ("Квиток на який потяг?", 10),
        ],
    );
}

#[test]
fn russian_questions_find_inflected_answers() {
    assert_answers(
        &[
            "Погода сегодня так себе",
            "Моя дочь поступила в университет в Киеве",
            "Весь вечер шёл дождь",
            "Бабушка испекла пирог с яблоками",
            "На встрече обсуждали новый договор с поставщиком",
            "Мы ездили на море в сентябре",
            "Кот опять разбил вазу с цветами",
        ],
        &[
            ("Где учится дочка, в каком университете?", 2),
            ("Кто пёк пироги с яблоком?", 4),
            ("О каких договорах говорили на встречах?", 5),
            ("Когда была поездка к морю, в сентябре?", 6),
            ("Что случилось с вазой?", 7),
        ],
    );
}

#[test]
fn languages_mix_within_a_talk_and_within_a_sentence() {
    assert_answers(
        &[
            "Завтра дедлайн, треба задеплоїти новий release",
            "My brother Тарас працює в Google з весни",
            "Я забукала столик у ресторані на п'ятницю",
            "Вчера смотрели фильм про космос, і він мені сподобався",
        ],
        &[
            ("Де працює брат Тарас? Google?", 2),
            ("Where does Taras's brother work, Google?", 2),
            ("Какой фильм о космосе смотрели?", 4),
            ("На коли заброньовано столик в ресторані?", 3),
            ("Коли release?", 1),
        ],
    );
}

#[test]
fn every_apostrophe_is_the_same() {
    for said in ["'", "\u{2019}", "\u{02BC}"] {
        for asked in ["'", "\u{2019}", "\u{02BC}"] {
            let chat = Chat::new(&format!(
                "Olena: Погода гарна\nOlena: Купила комп{said}ютер у п{said}ятницю для сім{said}ї\nOlena: Добре\n"
            ));
            for question in ["комп_ютери", "Що було в п_ятницю?", "Сім_я"] {
                let question = question.replace('_', asked);
                assert_eq!(chat.best(&question), Some(2), "{question} in {said}");
            }
        }
    }
}

#[test]
fn chinese_is_found_by_a_part_of_a_sentence() {
    assert_answers(
        &[
            "今天天气不错",
            "我妹妹去年搬到了上海，在一家医院工作",
            "我们周末去爬山吧",
            "奶奶送给我一条银项链",
            "他最喜欢的运动是游泳",
        ],
        &[("妹妹在哪里工作？", 2), ("谁搬到了上海", 2), ("银项链", 4), ("喜欢什么运动", 5), ("爬山", 3)],
    );
}
