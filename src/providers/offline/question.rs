//! What sort of words a person said, as far as that can be told without a model.

use super::words::{is_stop, words};

/// The sorts that are answered differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Greeting,
    Thanks,
    Farewell,
    /// Wants to know something.
    Question,
    /// Wants something done.
    Request,
    /// Wants a summary.
    Summary,
    /// Says something.
    Statement,
}

const GREETINGS: &str = "hi hello hey hiya greetings morning afternoon evening good привіт вітаю здрастуйте добрий доброго день дня \
ранок ранку вечір вечора привет здравствуй здравствуйте добрый доброе утро вечер";
const THANKS: &str = "thanks thank thx дякую дяки вдячний вдячна спасибі спасибо благодарю";
const FAREWELLS: &str = "bye goodbye farewell бувай побачення прощавай пока свидания прощай";
const QUESTIONS: &str = "what who whom whose which when where why how is are was were do does did can could will would should \
have has had am що хто де куди звідки коли чому навіщо як який яка яке які якого скільки чий чия чиє чи кого кому чим \
что кто где куда откуда когда почему зачем как какой какая какое какие какого сколько чей чья разве кого кому чем";
const RECALLS: &str = "remind recall нагадай нагадайте напомни напомните";
const REQUESTS: &str = "write tell give make explain translate help show find list suggest draft review describe compare plan \
calculate count create generate name read search look open send answer check напиши розкажи розкажіть скажи скажіть дай поясни \
переклади допоможи покажи знайди перелічи запропонуй опиши порівняй порахуй створи назви прочитай шукай перевір \
расскажи расскажите скажите объясни переведи помоги найди перечисли предложи опиши сравни посчитай создай назови прочитай \
поищи проверь";
const SUMMARIES: &str = "summarise summarize summary recap tldr підсумуй підсумок підсумки резюмуй підсумуйте итог итоги \
резюмируй резюме подытожь суммируй";
/// Words that may stand before what is meant.
const OPENERS: &str =
    "and so but ok okay well please hey hi hello then а і й та ну то будь ласка прошу и да пожалуйста так";

/// The sort of `text`.
pub(super) fn sort(text: &str) -> Sort {
    let all: Vec<String> = words(text).collect();
    let among = |list: &str, word: &str| list.split_ascii_whitespace().any(|entry| entry == word);
    let asks = text.contains('?') || text.contains('？');
    if all.iter().take(6).any(|word| among(SUMMARIES, word)) && all.len() <= 20 {
        return Sort::Summary;
    }
    let first = all.iter().find(|word| !among(OPENERS, word)).map(String::as_str).unwrap_or_default();
    let content: Vec<&String> = all.iter().filter(|word| !is_stop(word)).collect();
    let only = |list: &str| {
        !content.is_empty() && content.len() <= 4 && content.iter().all(|word| among(list, word))
    };
    if !asks {
        if only(GREETINGS) {
            return Sort::Greeting;
        }
        if content.len() <= 4 && content.iter().any(|word| among(THANKS, word)) {
            return Sort::Thanks;
        }
        if only(FAREWELLS) {
            return Sort::Farewell;
        }
    }
    if asks || among(QUESTIONS, first) || among(RECALLS, first) {
        Sort::Question
    } else if among(REQUESTS, first) {
        Sort::Request
    } else {
        Sort::Statement
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorts() {
        for (text, expected) in [
            ("Hi", Sort::Greeting),
            ("Good morning!", Sort::Greeting),
            ("Добрий день", Sort::Greeting),
            ("Привет!", Sort::Greeting),
            ("Thanks a lot", Sort::Thanks),
            ("Дякую", Sort::Thanks),
            ("Bye!", Sort::Farewell),
            ("До побачення", Sort::Farewell),
            ("Where does Anna live?", Sort::Question),
            ("where does anna live", Sort::Question),
            ("Anna lives where?", Sort::Question),
            ("Hi! Where does Anna live?", Sort::Question),
            ("And how old is she", Sort::Question),
            ("Remind me when the dentist is", Sort::Question),
            ("Де живе Анна", Sort::Question),
            ("Где живёт Анна", Sort::Question),
            ("Нагадай, коли зустріч", Sort::Question),
            ("Write me a poem about the sea.", Sort::Request),
            ("Розкажи про море", Sort::Request),
            ("Summarize our chat, please", Sort::Summary),
            ("Підсумуй розмову", Sort::Summary),
            ("My sister Anna lives in Lviv.", Sort::Statement),
            ("Remember that the code is 1234", Sort::Statement),
            ("Моя сестра живе у Львові.", Sort::Statement),
            ("", Sort::Statement),
        ] {
            assert_eq!(sort(text), expected, "{text}");
        }
    }
}
