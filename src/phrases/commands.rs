//! What commands are for, and what they answer.

use super::{Language, in_three};

/// What the command of that name does, in one line; empty for one that there is not.
pub fn about(language: Language, command: &str) -> &'static str {
    let (en, uk, ru) = match command {
        "help" => ("what commands there are", "які є команди", "какие есть команды"),
        "context" => (
            "what I hear with your next message, and how large it is",
            "що я почую з вашим наступним повідомленням і скільки це займає",
            "что я услышу с вашим следующим сообщением и сколько это занимает",
        ),
        "shortterm" => (
            "the messages that I hear word for word",
            "повідомлення, які я чую дослівно",
            "сообщения, которые я слышу дословно",
        ),
        "midterm" => ("the messages before those", "повідомлення перед ними", "сообщения перед ними"),
        "wholehistory" => (
            "how much was said, or what was said about something",
            "скільки всього сказано або що сказано про щось",
            "сколько всего сказано или что сказано о чём-то",
        ),
        "historycontext" => (
            "the summary of what was said, and what I know",
            "підсумок сказаного і те, що я знаю",
            "итог сказанного и то, что я знаю",
        ),
        "analyze" => (
            "sum up now what was not summed up yet",
            "підсумувати зараз те, чого ще не підсумовано",
            "подвести сейчас итог тому, что ещё не обобщено",
        ),
        "session" => (
            "how far back I hear word for word: 3, 6 or 12 hours",
            "наскільки давнє я чую дослівно: 3, 6 чи 12 годин",
            "насколько давнее я слышу дословно: 3, 6 или 12 часов",
        ),
        "clear" => (
            "begin afresh; nothing is erased",
            "почати з чистого аркуша; нічого не стирається",
            "начать с чистого листа; ничего не стирается",
        ),
        "memory" => (
            "what I know, with numbers; correct it, delete it, take it back",
            "що я знаю, з номерами; виправити, видалити, повернути",
            "что я знаю, с номерами; исправить, удалить, вернуть",
        ),
        "forget" => (
            "erase for good what was said about something; I show it first",
            "стерти назавжди сказане про щось; спершу покажу",
            "стереть навсегда сказанное о чём-то; сначала покажу",
        ),
        "cancel" => ("stop my answer", "зупинити мою відповідь", "остановить мой ответ"),
        "export" => (
            "everything that you said here and I know, as a file",
            "усе, що ви тут сказали і що я знаю, файлом",
            "всё, что вы здесь сказали и что я знаю, файлом",
        ),
        _ => return "",
    };
    in_three(language, en, uk, ru)
}

/// There is no such command; the nearest, if one is near.
pub fn unknown(language: Language, name: &str, nearest: Option<&str>) -> String {
    let mut text = match language {
        Language::En => format!("There is no /{name}."),
        Language::Uk => format!("Команди /{name} немає."),
        Language::Ru => format!("Команды /{name} нет."),
    };
    if let Some(nearest) = nearest {
        text.push_str(&match language {
            Language::En => format!(" Did you mean /{nearest}?"),
            Language::Uk => format!(" Може, /{nearest}?"),
            Language::Ru => format!(" Может быть, /{nearest}?"),
        });
    }
    text.push(' ');
    text.push_str(in_three(
        language,
        "/help lists what there is.",
        "/help покаже, що є.",
        "/help покажет, что есть.",
    ));
    text
}

/// An answer is stopped.
pub fn cancelled(language: Language) -> &'static str {
    in_three(language, "Stopped.", "Зупинено.", "Остановлено.")
}

/// There is no answer to be stopped.
pub fn nothing_to_cancel(language: Language) -> &'static str {
    in_three(
        language,
        "There is nothing to stop: I am not answering just now.",
        "Нема чого зупиняти: зараз я не відповідаю.",
        "Нечего останавливать: сейчас я не отвечаю.",
    )
}

/// How a command is to be used.
pub fn usage(language: Language, usage: &str) -> String {
    match language {
        Language::En => format!("Like this: {usage}"),
        Language::Uk => format!("Ось так: {usage}"),
        Language::Ru => format!("Вот так: {usage}"),
    }
}

/// How large the next prompt is, in tokens.
pub fn context_size(language: Language, total: u32, budget: u32) -> String {
    match language {
        Language::En => format!("With an empty message I would hear {total} of at most {budget} tokens:"),
        Language::Uk => format!("З порожнім повідомленням я почув би {total} з найбільше {budget} токенів:"),
        Language::Ru => {
            format!("С пустым сообщением я услышал бы {total} из самое большее {budget} токенов:")
        }
    }
}

/// How many messages follow.
pub fn messages(language: Language, count: usize) -> String {
    match language {
        Language::En => format!("Messages: {count}"),
        Language::Uk => format!("Повідомлень: {count}"),
        Language::Ru => format!("Сообщений: {count}"),
    }
}

/// Only the last of them are shown.
pub fn the_last(language: Language, shown: usize) -> String {
    match language {
        Language::En => format!("The last {shown}:"),
        Language::Uk => format!("Останні {shown}:"),
        Language::Ru => format!("Последние {shown}:"),
    }
}

/// There is nothing of the kind.
pub fn nothing(language: Language) -> &'static str {
    in_three(language, "There is nothing there.", "Там нічого немає.", "Там ничего нет.")
}

/// From when to when, in days.
pub fn span(language: Language, first: &str, last: &str) -> String {
    match language {
        Language::En => format!("From {first} to {last}."),
        Language::Uk => format!("Від {first} до {last}."),
        Language::Ru => format!("С {first} по {last}."),
    }
}

/// A summary follows.
pub fn summary(language: Language) -> &'static str {
    in_three(language, "What was said, in short:", "Сказане, коротко:", "Сказанное, коротко:")
}

/// There is no summary yet.
pub fn no_summary(language: Language) -> &'static str {
    in_three(language, "There is no summary yet.", "Підсумку ще немає.", "Итога ещё нет.")
}

/// Facts follow.
pub fn facts(language: Language) -> &'static str {
    in_three(language, "What I know:", "Що я знаю:", "Что я знаю:")
}

/// No facts are known.
pub fn no_facts(language: Language) -> &'static str {
    in_three(
        language,
        "I have not written anything down yet.",
        "Я ще нічого не занотував.",
        "Я ещё ничего не записал.",
    )
}

/// What can be done with what is listed.
pub fn facts_hint(language: Language) -> &'static str {
    in_three(
        language,
        "/memory fix 3 new text · /memory delete 3 · /memory restore 3",
        "/memory виправ 3 новий текст · /memory видали 3 · /memory поверни 3",
        "/memory исправь 3 новый текст · /memory удали 3 · /memory верни 3",
    )
}

/// There is no fact of that number.
pub fn no_such_fact(language: Language, number: i64) -> String {
    match language {
        Language::En => format!("There is no number {number}. /memory lists what there is."),
        Language::Uk => format!("Номера {number} немає. /memory покаже, що є."),
        Language::Ru => format!("Номера {number} нет. /memory покажет, что есть."),
    }
}

/// A fact was corrected.
pub fn corrected(language: Language) -> &'static str {
    in_three(language, "Corrected:", "Виправлено:", "Исправлено:")
}

/// A fact is not remembered any more.
pub fn deleted(language: Language, number: i64) -> String {
    match language {
        Language::En => format!("I do not use that any more. /memory restore {number} takes it back."),
        Language::Uk => format!("Більше цим не користуюся. /memory поверни {number} поверне."),
        Language::Ru => format!("Больше этим не пользуюсь. /memory верни {number} вернёт."),
    }
}

/// A fact is remembered again.
pub fn restored(language: Language) -> &'static str {
    in_three(language, "I know it again:", "Знову знаю:", "Снова знаю:")
}

/// Somebody changed it a moment ago.
pub fn changed_meanwhile(language: Language) -> &'static str {
    in_three(
        language,
        "That was changed a moment ago. Look at /memory and try again.",
        "Це щойно змінилося. Погляньте на /memory і спробуйте ще раз.",
        "Это только что изменилось. Посмотрите в /memory и попробуйте ещё раз.",
    )
}

/// What was not summed up will be.
pub fn analyzing(language: Language) -> &'static str {
    in_three(
        language,
        "I sum up what was said. /historycontext shows it in a moment.",
        "Підсумовую сказане. За мить /historycontext покаже.",
        "Подвожу итог сказанному. Через мгновение /historycontext покажет.",
    )
}

/// How long the session is; `own` tells whether it was chosen here.
pub fn session(language: Language, hours: u32, own: bool) -> String {
    let mut text = match language {
        Language::En => format!("I hear the last {hours} hours word for word."),
        Language::Uk => format!("Я чую дослівно останні {hours} год."),
        Language::Ru => format!("Я слышу дословно последние {hours} ч."),
    };
    if !own {
        text.push(' ');
        text.push_str(in_three(
            language,
            "The bot's file says so.",
            "Так каже файл бота.",
            "Так сказано в файле бота.",
        ));
    }
    text
}

/// The window begins anew.
pub fn cleared(language: Language) -> &'static str {
    in_three(
        language,
        "We begin afresh. Nothing was erased: I can still be asked about it.",
        "Починаємо з чистого аркуша. Нічого не стерто: про все можна спитати.",
        "Начинаем с чистого листа. Ничего не стёрто: обо всём можно спросить.",
    )
}

/// What follows would be erased.
pub fn would_forget(language: Language) -> &'static str {
    in_three(
        language,
        "This would be erased for good, with everything drawn from it:",
        "Це буде стерто назавжди з усім, що з цього виведено:",
        "Это будет стёрто навсегда со всем, что из этого выведено:",
    )
}

/// There are more than are shown.
pub fn and_more(language: Language, count: usize) -> String {
    match language {
        Language::En => format!("… and {count} more"),
        Language::Uk => format!("… і ще {count}"),
        Language::Ru => format!("… и ещё {count}"),
    }
}

/// How to say yes.
pub fn confirm(language: Language) -> &'static str {
    in_three(
        language,
        "Type /forget yes to erase it.",
        "Щоб стерти, напишіть /forget так.",
        "Чтобы стереть, напишите /forget да.",
    )
}

/// It was erased.
pub fn forgotten(language: Language, messages: usize) -> String {
    match language {
        Language::En => format!("Erased. Messages: {messages}."),
        Language::Uk => format!("Стерто. Повідомлень: {messages}."),
        Language::Ru => format!("Стёрто. Сообщений: {messages}."),
    }
}

/// Nothing was asked that could be said yes to.
pub fn nothing_asked(language: Language) -> &'static str {
    in_three(
        language,
        "Say first what to forget: /forget and a few words, or a number of /memory.",
        "Спершу скажіть, що забути: /forget і кілька слів або номер з /memory.",
        "Сначала скажите, что забыть: /forget и несколько слов или номер из /memory.",
    )
}

/// How much an export holds.
pub fn exported(language: Language, lines: usize) -> String {
    match language {
        Language::En => format!("Everything is in the file, a line each: {lines}."),
        Language::Uk => format!("Усе у файлі, по рядку на кожне: {lines}."),
        Language::Ru => format!("Всё в файле, по строке на каждое: {lines}."),
    }
}
