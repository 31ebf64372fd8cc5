//! What people are told on channels, beside answers.

use super::{Language, in_three};

/// To somebody new, where the bot has no greeting of its own.
pub fn start(language: Language, bot: &str) -> String {
    match language {
        Language::En => format!("Hi, I am {bot}. Just write to me; /help lists the commands."),
        Language::Uk => format!("Вітаю, я {bot}. Просто пишіть мені; /help покаже команди."),
        Language::Ru => format!("Здравствуйте, я {bot}. Просто пишите мне; /help покажет команды."),
    }
}

/// What `/start` does, in one line.
pub fn about_start(language: Language) -> &'static str {
    in_three(language, "begin", "почати", "начать")
}

/// Something was sent that is no text, and no picture of those that the bot sees.
pub fn only_text(language: Language, sees: bool) -> &'static str {
    if sees {
        return in_three(
            language,
            "I can only read text and see pictures so far, so I cannot tell what this is. Please put it into words.",
            "Поки що я вмію лише читати текст і бачити зображення, тож не знаю, що це. Напишіть, будь ласка, словами.",
            "Пока я умею только читать текст и видеть изображения и не знаю, что это. Напишите, пожалуйста, словами.",
        );
    }
    in_three(
        language,
        "I can only read text so far, so I cannot tell what this is. Please put it into words.",
        "Поки що я вмію читати лише текст, тож не бачу, що це. Напишіть, будь ласка, словами.",
        "Пока я умею читать только текст и не вижу, что это. Напишите, пожалуйста, словами.",
    )
}

/// A file was sent that is no text, and no picture of those that the bot sees, or too large.
pub fn unreadable_file(language: Language, sees: bool) -> &'static str {
    if sees {
        return in_three(
            language,
            "I can only read text files of moderate size, in UTF-8 (.txt, .md, .csv, .json, .html), and see still pictures of at most 5 MB (JPEG, PNG, WebP, GIF).",
            "Я можу лише читати текстові файли помірного розміру, в UTF-8 (.txt, .md, .csv, .json, .html), і бачити нерухомі зображення до 5 МБ (JPEG, PNG, WebP, GIF).",
            "Я могу только читать текстовые файлы умеренного размера, в UTF-8 (.txt, .md, .csv, .json, .html), и видеть неподвижные изображения до 5 МБ (JPEG, PNG, WebP, GIF).",
        );
    }
    in_three(
        language,
        "I can only read text files of moderate size, in UTF-8: .txt, .md, .csv, .json, .html.",
        "Я можу читати лише текстові файли помірного розміру, в UTF-8: .txt, .md, .csv, .json, .html.",
        "Я могу читать только текстовые файлы умеренного размера, в UTF-8: .txt, .md, .csv, .json, .html.",
    )
}

/// Something that was sent could not be fetched.
pub fn lost_file(language: Language) -> &'static str {
    in_three(
        language,
        "Telegram did not hand me what you sent, so I have not seen it. Please send it once more.",
        "Telegram не передав мені того, що ви надіслали, тож я цього не бачу. Надішліть, будь ласка, ще раз.",
        "Telegram не передал мне того, что вы прислали, и я этого не вижу. Пришлите, пожалуйста, ещё раз.",
    )
}

/// A message is too long for what the bot may hear.
pub fn too_long(language: Language) -> &'static str {
    in_three(
        language,
        "This is more than I can take in at once. Please send it in parts.",
        "Це більше, ніж я можу прийняти за раз. Надішліть, будь ласка, частинами.",
        "Это больше, чем я могу принять за раз. Пришлите, пожалуйста, частями.",
    )
}

/// Somebody unknown, who may be let in by whoever has the code.
pub fn pairing(language: Language, code: &str) -> String {
    match language {
        Language::En => format!(
            "I do not know you yet. Give my owner this code, and I will talk with you: {code}\nIt is good for an hour."
        ),
        Language::Uk => format!(
            "Ми ще не знайомі. Передайте моєму власникові цей код, і я з вами говоритиму: {code}\nВін дійсний годину."
        ),
        Language::Ru => format!(
            "Мы ещё не знакомы. Передайте моему владельцу этот код, и я буду с вами говорить: {code}\nОн действует час."
        ),
    }
}

/// Somebody who is not listed.
pub fn closed(language: Language) -> &'static str {
    in_three(
        language,
        "I am sorry, I may only talk with people whom my owner has listed.",
        "Вибачте, я можу говорити лише з людьми, яких вказав мій власник.",
        "Извините, я могу говорить только с людьми, которых указал мой владелец.",
    )
}

/// More messages in a minute than are taken.
pub fn too_fast(language: Language, per_minute: u32) -> String {
    match language {
        Language::En => {
            format!("I take at most {per_minute} messages a minute. Please write that again in a moment.")
        }
        Language::Uk => format!(
            "Я приймаю щонайбільше {per_minute} повідомлень на хвилину. Напишіть це, будь ласка, ще раз трохи згодом."
        ),
        Language::Ru => format!(
            "Я принимаю не больше {per_minute} сообщений в минуту. Напишите это, пожалуйста, ещё раз чуть позже."
        ),
    }
}

/// A command that shows or changes what is somebody's own.
pub fn only_in_private(language: Language) -> &'static str {
    in_three(
        language,
        "That is between the two of us: please ask me in a private chat.",
        "Це лише між нами: запитайте мене, будь ласка, в особистому чаті.",
        "Это только между нами: спросите меня, пожалуйста, в личном чате.",
    )
}

/// A file could not be sent.
pub fn no_file(language: Language) -> &'static str {
    in_three(
        language,
        "Telegram did not take the file. Please try again in a while; if that does not help, whoever runs me can hand it to you by `botwright memory export`.",
        "Telegram не прийняв файл. Спробуйте, будь ласка, трохи згодом; якщо не допоможе, його передасть вам той, хто мене тримає: `botwright memory export`.",
        "Telegram не принял файл. Попробуйте, пожалуйста, чуть позже; если не поможет, его передаст вам тот, кто меня держит: `botwright memory export`.",
    )
}

/// Asks for a yes.
pub fn yes_erase(language: Language) -> &'static str {
    in_three(language, "Yes, erase it", "Так, стерти", "Да, стереть")
}

/// Takes a question back.
pub fn no_keep(language: Language) -> &'static str {
    in_three(language, "No", "Ні", "Нет")
}

/// A question was taken back.
pub fn kept(language: Language) -> &'static str {
    in_three(language, "Nothing was erased.", "Нічого не стерто.", "Ничего не стёрто.")
}
