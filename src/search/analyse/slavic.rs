//! One stemmer for Ukrainian and Russian: most of a text's words do not show which of the two they are, and their
//! endings are the same system. A light one of our own, measured on families of forms (`probes/`).
//!
//! First goes what declines (`книгою`, `нового`, `читала`), then what conjugates (`чита-`, `работ-ал`). Nouns that end
//! like a verb (`кімната`, `канал`) lose that in all their forms alike, which is all that an index asks for. What
//! changes within a stem is levelled: `руці` and `рука`, `книзі` and `книга`, `квіток` and `квітка`.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::search::analyse::fold;

/// The stem of a folded Cyrillic word.
pub(super) fn stem(word: &str) -> String {
    let word = word.replace('ґ', "г");
    if let Some(stem) = IRREGULAR.get(word.as_str()) {
        return finish(stem);
    }
    let word = unreflexive(&word);
    if let Some(stem) = IRREGULAR.get(word) {
        return finish(stem);
    }
    // радість and радості
    let nouned = [("ість", "ость"), ("істю", "остю")].iter().find_map(|(ending, common)| {
        let stem = word.strip_suffix(ending).filter(|stem| length(stem) >= 2)?;
        Some(format!("{stem}{common}"))
    });
    let word = nouned.as_deref().unwrap_or(word);
    let declined = single(undeclined(word).trim_end_matches('ь'));
    finish(unconjugated(declined))
}

fn length(text: &str) -> usize {
    text.chars().count()
}

fn is_vowel(letter: char) -> bool {
    "аеиоуюяєіїыэ".contains(letter)
}

/// Without -ся and -сь. бабуся and дідусь are no verbs.
fn unreflexive(word: &str) -> &str {
    let verb = word.strip_suffix("ся").or_else(|| word.strip_suffix("сь"));
    verb.filter(|verb| length(verb) >= 4 && !verb.ends_with('у')).unwrap_or(word)
}

/// Without the longest ending of a declension that leaves enough: three letters, or two where they hold no vowel or
/// the ending is one letter.
fn undeclined(word: &str) -> &str {
    let fits = |ending: &&&str| {
        let Some(stem) = word.strip_suffix(**ending) else { return false };
        let left = length(stem);
        left >= 3 || (left == 2 && (length(ending) == 1 || !stem.contains(is_vowel)))
    };
    let ending = DECLINED.iter().filter(fits).max_by_key(|ending| ending.len());
    ending.map_or(word, |ending| &word[..word.len() - ending.len()])
}

/// Without the longest ending of a conjugation. A stem of two letters keeps its vowel: знати, знав and знаю are
/// зна-, not зн-.
fn unconjugated(word: &str) -> &str {
    let mut longest = 0;
    for ending in CONJUGATED {
        let Some(rest) = word.strip_suffix(ending) else { continue };
        let theme = THEMES.iter().filter_map(|theme| Some((theme, rest.strip_suffix(theme)?)));
        let whole = theme.filter(|(_, stem)| length(stem) >= 2).map(|(theme, _)| theme.len() + ending.len());
        longest = whole.max().unwrap_or_default().max(longest);
    }
    for ending in NOT_PARTED {
        if word.strip_suffix(ending).is_some_and(|stem| length(stem) >= 2) {
            longest = longest.max(ending.len());
        }
    }
    let stem = &word[..word.len() - longest];
    if longest > 0 && length(stem) == 2 {
        // Every ending begins with a vowel of two bytes.
        return &word[..stem.len() + 'а'.len_utf8()];
    }
    stem
}

/// Without the second of two equal letters at the end.
fn single(stem: &str) -> &str {
    let mut letters = stem.chars().rev();
    match (letters.next(), letters.next(), letters.next()) {
        (Some(a), Some(b), Some(_)) if a == b && length(stem) > 3 => &stem[..stem.len() - a.len_utf8()],
        _ => stem,
    }
}

/// Levels what changes at the end of a stem, and the letters that the two languages write differently.
fn finish(stem: &str) -> String {
    let stem = stem.replace(fold::APOSTROPHE, "");
    let mut letters: Vec<char> = single(stem.trim_end_matches('ь')).chars().collect();
    if let Some(last) = letters.last_mut() {
        match *last {
            'ц' => *last = 'к',
            'з' => *last = 'г',
            _ => {}
        }
    }
    drop_fleeting(&mut letters);
    if letters.ends_with(&['ж', 'д', 'н']) {
        letters.remove(letters.len() - 2);
    }
    let common = |letter| match letter {
        'ы' | 'і' | 'ї' => 'и',
        'є' | 'э' => 'е',
        letter => letter,
    };
    letters.into_iter().map(common).collect()
}

/// The vowel that comes and goes before a last к or н, and the soft sign that does: подарунок, подарунка; пісень,
/// пісня; доньок, донька.
fn drop_fleeting(letters: &mut Vec<char>) {
    let count = letters.len();
    if count < 4 || !matches!(letters[count - 1], 'к' | 'н') {
        return;
    }
    let before = &letters[..count - 3];
    let is_fleeting = matches!(letters[count - 2], 'о' | 'е')
        && !is_vowel(letters[count - 3])
        && before.iter().any(|letter| is_vowel(*letter));
    if is_fleeting || letters[count - 2] == 'ь' {
        letters.remove(count - 2);
        if letters.len() > 3 && letters[letters.len() - 2] == 'ь' {
            letters.remove(letters.len() - 2);
        }
    }
}

/// Of nouns, adjectives, pronouns and participles in both languages.
const DECLINED: &[&str] = &[
    "а", "я", "у", "ю", "о", "е", "є", "и", "і", "ї", "ы", "э", "й", "ь", "ою", "ею", "єю", "йою", "ой",
    "ей", "ій", "ий", "ый", "їй", "ом", "ем", "єм", "ам", "ям", "им", "ім", "їм", "ым", "ах", "ях", "их",
    "іх", "їх", "ых", "ами", "ями", "ими", "іми", "їми", "ыми", "има", "ого", "его", "ього", "ому", "ему",
    "ьому", "ої", "єї", "ьої", "ьою", "ьо", "ові", "еві", "єві", "ів", "їв", "ов", "ев", "ая", "яя", "ое",
    "ее", "ие", "ые", "ую", "юю", "ия", "ию", "ии", "ием", "ией", "иям", "иях", "иями", "ія", "ії", "ію",
    "ією", "ієм", "ієві", "іям", "іях", "іями", "ью", "ья", "ье", "ьи", "ьем", "ьям", "ьях", "ьями",
];

/// What a verb's stem ends in before the endings of [`CONJUGATED`].
const THEMES: &[&str] =
    &["ува", "юва", "ова", "ева", "ива", "ыва", "іва", "а", "я", "и", "і", "ї", "ы", "е", "є", "у", "ю"];

/// Of verbs, after a theme. What a vowel follows (`-ла`, `-ти`, `-ємо`) has lost that already.
const CONJUGATED: &[&str] =
    &["", "л", "в", "т", "ш", "м", "й", "єш", "єм", "єт", "ют", "ет", "еш", "ем", "ть", "вш"];

/// Endings that look alike and stand without a theme.
const NOT_PARTED: &[&str] = &["ов", "ом", "уй", "юй"];

static IRREGULAR: LazyLock<HashMap<&'static str, &'static str>> = LazyLock::new(|| {
    let lines = FORMS.split_whitespace().filter_map(|line| line.split_once(':'));
    lines.flat_map(|(stem, forms)| forms.split(',').map(move |form| (form, stem))).collect()
});

/// `stem:form,form`: everyday words whose vowels change, or that are too short for the rules.
const FORMS: &str = "\
дн:день,днів ок:оком,очі,очей,очам,очима,очах \
дит:дітьми,діти,дітей,дітям,дітьми,дітях,дети,детей,детям,детьми імн:імʼя рок:рік ноч:ніч,ніччю вечор:вечір \
дом:дім стол:стіл двор:двір кот:кіт нос:ніс бок:бік сок:сік нож:ніж печ:піч реч:річ,річчю кон:кінь \
сол:сіль,сіллю мост:мосту,мостом осен:осінь,осінню камен:камінь корен:корінь папер:папір кольор:колір \
вибор:вибір договор:договір порог:поріг пирог:пиріг дорог:доріг робот:робіт школ:шкіл гор:гір ног:ніг \
сел:сіл сло:слів,слові зор:зір сестр:сестер вітр:вітер ветр:ветер вікн:вікон церкв:церков земл:земель \
люд:людьми птах:птах дівчин:дівчат сім:сімʼя,сімʼї,сімʼю,сімʼєю,сімей зим:зим вух:вусі,вусами \
жи:жити,жив,жила,жило,жили,жить,жил пи:пити,пив,пила,пило,пили,пить,пил \
допомог:допоміг,допомогти,допомогла,допомогли помог:помог,помогла,помогли,помочь гр:ігор,іграм,іграми,іграх \
київ:київ,києва,києву,києвом,києві,киев,киева,киеву,киевом,киеве доч:дочери,дочерью,дочерей,дочерям";
