//! Words and sentences for the offline model: light, for three languages, and without the index's analyser,
//! which this room does not know. It only chooses among sentences that recall has found.

/// Words without a content of their own, question words and pronouns among them.
const STOP: &str = "a an the and or but if of to in on at by for with from about into as is are was were be been being am do \
does did has have had having i you he she it we they me him her us them my your his its our their mine yours this that these \
those there here what who whom whose which when where why how many much not no so than then too very can could will would \
shall should may might must just only also any some all please tell say said know remember remind find show give let s t \
m re ve d ll \
і й та а але або чи що хто де коли чому як який яка яке які скільки чий чия чиє чого чому це той та те ті цей ця ці я ти він вона \
воно ми ви вони мене мені тебе тобі його її їх йому їй нас нам вас вам їм мій моя моє мої твій твоя твоє твої свій наш наша ваш \
ваша в у на з із зі до від по про для за над під при без не ні так же ж б би був була було були є буде бути ще вже тільки лише \
дуже мною тобою собою там тут скажи нагадай знаєш пам'ятаєш памятаєш розкажи \
и но или что кто где когда почему как какой какая какое какие сколько чей чья чьё это тот та то те этот эта эти я ты он она оно мы \
вы они меня мне тебя тебе его ее её их ему ей нас нам вас вам им мой моя мое моё мои твой твоя твое твоё твои свой наш наша ваш \
ваша в во на с со из до от по о об про для за над под при без не ни да же ж бы был была было были есть будет быть еще ещё уже только \
лишь очень там тут ли скажи напомни знаешь помнишь расскажи";

/// The words of a text, in small letters, `ё` as `е`, without apostrophes.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|c: char| !c.is_alphanumeric() && !is_apostrophe(c))
        .map(|word| {
            let word: String =
                word.chars().filter(|c| !is_apostrophe(*c)).flat_map(char::to_lowercase).collect();
            word.replace('ё', "е")
        })
        .filter(|word| !word.is_empty())
}

/// The stems of the words that carry content, each once, in order.
pub(super) fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    for word in words(text).filter(|word| !is_stop(word)) {
        let stem = stem(&word);
        if !terms.contains(&stem) {
            terms.push(stem);
        }
    }
    terms
}

pub(super) fn is_stop(word: &str) -> bool {
    STOP.split_ascii_whitespace()
        .any(|stop| stop == word || (stop.contains('ё') && stop.replace('ё', "е") == word))
}

/// Whether two stems are forms of one word.
pub(super) fn same(a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    if a.is_ascii() || b.is_ascii() {
        return false;
    }
    // Slavic words change at their end: most of the longer one has to agree.
    let (a_length, b_length) = (a.chars().count(), b.chars().count());
    let longest = a_length.max(b_length);
    let common = a.chars().zip(b.chars()).take_while(|(a, b)| a == b).count();
    common >= 3 && common + 3 >= longest && common * 10 >= longest * 6
}

/// The share of `terms` that `text` holds.
pub(super) fn coverage(terms: &[String], text: &str) -> f32 {
    if terms.is_empty() {
        return 0.0;
    }
    let held: Vec<String> = words(text).map(|word| stem(&word)).collect();
    let found = terms.iter().filter(|term| held.iter().any(|word| same(term, word))).count();
    found as f32 / terms.len() as f32
}

/// The sentences of a text, with their closing marks. A line is a sentence too.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut sentences = Vec::new();
    for line in text.lines() {
        let mut start = 0;
        let mut characters = line.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let ends = matches!(c, '.' | '!' | '?' | '…')
                && characters.peek().is_none_or(|(_, next)| next.is_whitespace());
            if ends {
                let end = at + c.len_utf8();
                sentences.extend(line.get(start..end).map(str::trim));
                start = end;
            }
        }
        sentences.extend(line.get(start..).map(str::trim));
    }
    sentences.retain(|sentence| sentence.chars().any(char::is_alphanumeric));
    sentences
}

/// A plain English stemmer; other alphabets are compared by their beginnings instead.
fn stem(word: &str) -> String {
    if !word.is_ascii() || word.len() < 4 {
        return word.to_owned();
    }
    let cut = |ending: &str| word.strip_suffix(ending).filter(|rest| rest.len() >= 3);
    let stem = if let Some(rest) = cut("ies").or_else(|| cut("ied")) {
        format!("{rest}y")
    } else if let Some(rest) = cut("ing").or_else(|| cut("ed")).or_else(|| cut("es")) {
        rest.to_owned()
    } else if let Some(rest) = cut("s").filter(|rest| !rest.ends_with('s')) {
        rest.to_owned()
    } else {
        word.to_owned()
    };
    stem.strip_suffix('e').map_or_else(|| stem.clone(), str::to_owned)
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_word_meet() {
        for (a, b) in
            [("live", "lives"), ("live", "living"), ("live", "lived"), ("city", "cities"), ("move", "moved")]
        {
            assert!(same(&stem(a), &stem(b)), "{a} {b}");
        }
        for (a, b) in [("сестра", "сестри"), ("сестра", "сестрой"), ("живе", "живу"), ("Анна", "Анни")]
        {
            assert!(same(a, b), "{a} {b}");
        }
        for (a, b) in [("work", "word"), ("cat", "car"), ("live", "life"), ("кит", "кот"), ("школа", "книга")]
        {
            assert!(!same(&stem(a), &stem(b)), "{a} {b}");
        }
    }

    #[test]
    fn cuts_sentences_but_not_numbers() {
        assert_eq!(
            sentences("It costs 3.50 today. Really? Yes… ok\n- a list\n\n***"),
            ["It costs 3.50 today.", "Really?", "Yes…", "ok", "- a list"]
        );
    }

    #[test]
    fn content_words_are_left() {
        assert_eq!(terms("Where does my sister Anna live?"), ["sister", "anna", "liv"]);
        assert_eq!(terms("Де живе моя сестра?"), ["живе", "сестра"]);
        assert!(
            (coverage(&terms("Where does Anna live?"), "My sister Anna lives in Lviv.") - 1.0).abs()
                < f32::EPSILON
        );
    }
}
