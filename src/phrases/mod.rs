//! Every sentence that the system itself says to a person: one function each, in English, Ukrainian and
//! Russian.
//!
//! Knows: nothing but ground. Never: when a sentence is said.

pub mod commands;
pub mod telegram;

use chrono::{DateTime, Datelike, Utc};

/// The languages that the system speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    #[default]
    En,
    Uk,
    Ru,
}

impl Language {
    /// The one that a BCP 47 tag such as `uk-UA` names, if the system speaks it.
    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.split(['-', '_']).next()?.to_lowercase().as_str() {
            "en" => Some(Self::En),
            "uk" => Some(Self::Uk),
            "ru" => Some(Self::Ru),
            _ => None,
        }
    }

    /// The language of a text, by its letters and its commonest words. English where it is in doubt.
    pub fn of(text: &str) -> Self {
        let text = text.to_lowercase();
        let cyrillic = text.chars().filter(|c| ('а'..='џ').contains(c) || "ґєії".contains(*c)).count();
        let latin = text.chars().filter(char::is_ascii_alphabetic).count();
        if cyrillic == 0 || cyrillic * 2 < latin {
            return Self::En;
        }
        let count = |letters: &str| text.chars().filter(|c| letters.contains(*c)).count();
        let (ukrainian, russian) = (count("іїєґ"), count("ыэъё"));
        if ukrainian != russian {
            return if ukrainian > russian { Self::Uk } else { Self::Ru };
        }
        let words: Vec<&str> = text.split(|c: char| !c.is_alphabetic() && c != '\'').collect();
        if UKRAINIAN.iter().any(|word| words.contains(word)) { Self::Uk } else { Self::Ru }
    }
}

fn in_three(language: Language, en: &'static str, uk: &'static str, ru: &'static str) -> &'static str {
    match language {
        Language::En => en,
        Language::Uk => uk,
        Language::Ru => ru,
    }
}

/// Common Ukrainian words that hold none of the letters that Russian lacks, and are no Russian words.
const UKRAINIAN: [&str; 22] = [
    "що",
    "де",
    "як",
    "хто",
    "чи",
    "це",
    "та",
    "коли",
    "чому",
    "скажи",
    "нагадай",
    "дякую",
    "добре",
    "будь",
    "ласка",
    "моя",
    "вона",
    "ще",
    "теж",
    "бо",
    "живе",
    "розкажи",
];

/// A day as people write it: `12 May 2026`.
pub fn day(language: Language, at: DateTime<Utc>) -> String {
    const EN: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const UK: [&str; 12] = [
        "січня",
        "лютого",
        "березня",
        "квітня",
        "травня",
        "червня",
        "липня",
        "серпня",
        "вересня",
        "жовтня",
        "листопада",
        "грудня",
    ];
    const RU: [&str; 12] = [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ];
    let months = match language {
        Language::En => EN,
        Language::Uk => UK,
        Language::Ru => RU,
    };
    let month = months.get(at.month0() as usize).copied().unwrap_or_default();
    format!("{} {month} {}", at.day(), at.year())
}

/// Words as somebody's own, in the marks of the language.
pub fn quoted(language: Language, words: &str) -> String {
    match language {
        Language::En => format!("\"{words}\""),
        Language::Uk | Language::Ru => format!("«{words}»"),
    }
}

/// Nobody configured a provider, and how to do it.
pub fn no_provider(language: Language) -> &'static str {
    match language {
        Language::En => {
            "(No AI provider is configured, so I only quote what was said here and the pinned sources. To add one, set OPENAI_API_KEY or another provider's key and start again, or run `botwright secret set OPENAI_API_KEY`.)"
        }
        Language::Uk => {
            "(Провайдера ШІ не налаштовано, тому я лише цитую сказане тут і закріплені джерела. Щоб додати його, задайте OPENAI_API_KEY чи ключ іншого провайдера і запустіть знову, або виконайте `botwright secret set OPENAI_API_KEY`.)"
        }
        Language::Ru => {
            "(Провайдер ИИ не настроен, поэтому я только цитирую сказанное здесь и закреплённые источники. Чтобы добавить его, задайте OPENAI_API_KEY или ключ другого провайдера и запустите снова, либо выполните `botwright secret set OPENAI_API_KEY`.)"
        }
    }
}

/// The provider failed, and the offline model answers in its place.
pub fn instead_of(language: Language, provider: &str) -> String {
    match language {
        Language::En => format!(
            "({provider} does not answer now, so I only quote what was said here and the pinned sources.)"
        ),
        Language::Uk => {
            format!("({provider} зараз не відповідає, тому я лише цитую сказане тут і закріплені джерела.)")
        }
        Language::Ru => format!(
            "({provider} сейчас не отвечает, поэтому я только цитирую сказанное здесь и закреплённые источники.)"
        ),
    }
}

/// What somebody sent was too long to be read at once; it became so many passages.
pub fn read_by_passages(language: Language, passages: i32) -> String {
    match language {
        Language::En => format!(
            "(What you sent is too long for me to read at once. I keep all of it, cut into passages ({passages}), and read those that fit what is asked.)"
        ),
        Language::Uk => format!(
            "(Надіслане задовге, щоб прочитати його за раз. Я зберіг його цілим, поділив на уривки ({passages}) і читаю ті, що стосуються запитання.)"
        ),
        Language::Ru => format!(
            "(Присланное слишком длинное, чтобы прочитать его за раз. Я сохранил его целиком, разделил на отрывки ({passages}) и читаю те, что относятся к вопросу.)"
        ),
    }
}

/// Neither memory nor sources hold an answer.
pub fn nothing_found(language: Language) -> &'static str {
    match language {
        Language::En => "I found nothing about that in what was said or in the sources.",
        Language::Uk => "Я нічого про це не знайшов ні в сказаному, ні в джерелах.",
        Language::Ru => "Я ничего об этом не нашёл ни в сказанном, ни в источниках.",
    }
}

/// What follows is near the question, but may not answer it.
pub fn closest(language: Language) -> &'static str {
    match language {
        Language::En => "I found no clear answer. The closest is:",
        Language::Uk => "Прямої відповіді я не знайшов. Найближче:",
        Language::Ru => "Прямого ответа я не нашёл. Ближе всего:",
    }
}

/// Several pieces of evidence follow.
pub fn several(language: Language) -> &'static str {
    match language {
        Language::En => "Here is what I found, the best first:",
        Language::Uk => "Ось що я знайшов, найкраще спершу:",
        Language::Ru => "Вот что я нашёл, лучшее сначала:",
    }
}

/// A summary follows.
pub fn in_short(language: Language) -> &'static str {
    match language {
        Language::En => "In short, in the words that were said:",
        Language::Uk => "Коротко, сказаними словами:",
        Language::Ru => "Коротко, сказанными словами:",
    }
}

/// The offline model takes note of a statement.
pub fn noted(language: Language) -> &'static str {
    match language {
        Language::En => "Noted. I keep this message and will quote it when you ask about it.",
        Language::Uk => "Занотовано. Я збережу це повідомлення і процитую його, коли спитаєте.",
        Language::Ru => "Записано. Я сохраню это сообщение и процитирую его, когда спросите.",
    }
}

/// The offline model greets.
pub fn offline_greeting(language: Language) -> &'static str {
    match language {
        Language::En => "Hello! Tell me things and ask about them later: I answer with quotes and dates.",
        Language::Uk => "Вітаю! Розповідайте, а потім питайте: я відповідаю цитатами з датами.",
        Language::Ru => "Здравствуйте! Рассказывайте, а потом спрашивайте: я отвечаю цитатами с датами.",
    }
}

/// The offline model says what it is.
pub fn offline_about(language: Language) -> &'static str {
    match language {
        Language::En => {
            "I am the built-in offline model: I find what was said or written and quote it, with who said it and when. I make nothing up."
        }
        Language::Uk => {
            "Я вбудована офлайн-модель: знаходжу сказане чи написане і цитую, хто й коли це сказав. Нічого не вигадую."
        }
        Language::Ru => {
            "Я встроенная офлайн-модель: нахожу сказанное или написанное и цитирую, кто и когда это сказал. Ничего не выдумываю."
        }
    }
}

/// The offline model is asked to do what takes a real one.
pub fn offline_cannot(language: Language) -> &'static str {
    match language {
        Language::En => {
            "That takes an AI provider: offline I can only quote what was said and what the sources hold, and I found nothing there for this."
        }
        Language::Uk => {
            "Для цього потрібен провайдер ШІ: офлайн я лише цитую сказане й джерела, а там нічого для цього не знайшов."
        }
        Language::Ru => {
            "Для этого нужен провайдер ИИ: офлайн я только цитирую сказанное и источники, а там ничего для этого не нашёл."
        }
    }
}

/// In return for thanks.
pub fn welcome(language: Language) -> &'static str {
    match language {
        Language::En => "You are welcome.",
        Language::Uk => "Прошу.",
        Language::Ru => "Пожалуйста.",
    }
}

/// In return for a farewell.
pub fn goodbye(language: Language) -> &'static str {
    match language {
        Language::En => "Goodbye!",
        Language::Uk => "До побачення!",
        Language::Ru => "До свидания!",
    }
}

/// A turn was tried too often and is given up.
pub fn gave_up(language: Language) -> &'static str {
    match language {
        Language::En => {
            "Something goes wrong whenever I try to answer this. Please try again, or say it differently."
        }
        Language::Uk => {
            "Щось іде не так щоразу, коли я пробую відповісти. Спробуйте ще раз або скажіть інакше."
        }
        Language::Ru => {
            "Что-то идёт не так каждый раз, когда я пробую ответить. Попробуйте ещё раз или скажите иначе."
        }
    }
}

/// The model said nothing at all.
pub fn empty_answer(language: Language) -> &'static str {
    match language {
        Language::En => "I could not find an answer: the model said nothing. Please try again.",
        Language::Uk => "Відповіді немає: модель нічого не сказала. Спробуйте ще раз.",
        Language::Ru => "Ответа нет: модель ничего не сказала. Попробуйте ещё раз.",
    }
}

/// The model called tools without end.
pub fn too_many_calls(language: Language) -> &'static str {
    match language {
        Language::En => {
            "I went round in circles with my tools and stopped. Please ask for one thing at a time."
        }
        Language::Uk => "Я заплутався у своїх інструментах і зупинився. Попросіть щось одне за раз.",
        Language::Ru => "Я запутался в своих инструментах и остановился. Попросите что-нибудь одно за раз.",
    }
}

/// A tool broke.
pub fn tool_failed(language: Language) -> &'static str {
    match language {
        Language::En => "One of my tools failed, so I could not finish. Please try again.",
        Language::Uk => "Один з моїх інструментів не спрацював, тож я не зміг завершити. Спробуйте ще раз.",
        Language::Ru => {
            "Один из моих инструментов не сработал, поэтому я не смог закончить. Попробуйте ещё раз."
        }
    }
}

/// The model did not answer; `passing` tells whether trying again may help.
pub fn model_failed(language: Language, passing: bool) -> &'static str {
    match (language, passing) {
        (Language::En, true) => "I cannot reach my AI model right now. Please try again in a moment.",
        (Language::En, false) => {
            "My AI model refused to answer. Its owner can see the reason in the turn's failure."
        }
        (Language::Uk, true) => "Зараз я не можу дістатися до моєї моделі ШІ. Спробуйте за мить ще раз.",
        (Language::Uk, false) => {
            "Моя модель ШІ відмовилася відповідати. Причину власник бачить у стані цього ходу."
        }
        (Language::Ru, true) => {
            "Сейчас я не могу связаться с моей моделью ИИ. Попробуйте ещё раз через мгновение."
        }
        (Language::Ru, false) => {
            "Моя модель ИИ отказалась отвечать. Причину владелец видит в состоянии этого хода."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_languages_apart() {
        for (text, language) in [
            ("Where does Anna live?", Language::En),
            ("", Language::En),
            ("42 😀", Language::En),
            ("Где живёт Анна?", Language::Ru),
            ("Привет", Language::Ru),
            ("Где Анна?", Language::Ru),
            ("Де живе Анна?", Language::Uk),
            ("Привіт", Language::Uk),
            ("Дякую", Language::Uk),
            ("What does «привет» mean in Ukrainian and in English?", Language::En),
        ] {
            assert_eq!(Language::of(text), language, "{text}");
        }
    }

    #[test]
    fn writes_days() {
        let at = "2026-05-12T23:00:00Z".parse().unwrap();
        assert_eq!(day(Language::En, at), "12 May 2026");
        assert_eq!(day(Language::Uk, at), "12 травня 2026");
        assert_eq!(day(Language::Ru, at), "12 мая 2026");
    }
}
