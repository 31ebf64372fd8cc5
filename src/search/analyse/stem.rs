//! From a word to its stem, by the language that its own letters show: so a word has one stem wherever it
//! stands, and a text may mix languages.

use tantivy::tokenizer::{Language, RawTokenizer, Stemmer, TextAnalyzer, TokenStream};

use crate::search::analyse::{fold, irregular};

/// The stemmers of one thread.
pub(super) struct Stemmers {
    english: TextAnalyzer,
    russian: TextAnalyzer,
}

impl Stemmers {
    pub(super) fn new() -> Self {
        let of =
            |language| TextAnalyzer::builder(RawTokenizer::default()).filter(Stemmer::new(language)).build();
        Self { english: of(Language::English), russian: of(Language::Russian) }
    }

    /// The stem of a folded word. Words of neither Latin nor Cyrillic letters stay as they are.
    pub(super) fn stem(&mut self, word: &str) -> String {
        if word.is_ascii() {
            return only_token(&mut self.english, irregular::plain(word).unwrap_or(word));
        }
        if !word.chars().any(fold::is_cyrillic) {
            return word.to_owned();
        }
        if is_ukrainian(word) { ukrainian(word) } else { only_token(&mut self.russian, word) }
    }
}

fn only_token(analyzer: &mut TextAnalyzer, word: &str) -> String {
    let mut stream = analyzer.token_stream(word);
    if stream.advance() { stream.token().text.clone() } else { word.to_owned() }
}

/// Whether the letters (or an ending that Russian lacks) show a Ukrainian word.
fn is_ukrainian(word: &str) -> bool {
    word.contains(['і', 'ї', 'є', 'ґ', fold::APOSTROPHE])
        || ["увати", "ювати", "ував", "увала", "ювала", "ували", "ювали", "ття"]
            .iter()
            .any(|ending| word.ends_with(ending))
}

/// A light stemmer of our own: takes one ending off and levels the commonest changes within the stem.
fn ukrainian(word: &str) -> String {
    if let Some((_, stem)) = IRREGULAR.iter().find(|(form, _)| *form == word) {
        return (*stem).to_owned();
    }
    let word = word.strip_suffix("ся").or_else(|| word.strip_suffix("сь")).unwrap_or(word);
    let letters = word.chars().count();
    let ending = ENDINGS
        .iter()
        .filter(|ending| letters >= SHORTEST_STEM + ending.chars().count() && word.ends_with(*ending))
        .max_by_key(|ending| ending.len());
    let stem = ending.map_or(word, |ending| &word[..word.len() - ending.len()]);
    level(stem)
}

/// A stem keeps at least so many letters.
const SHORTEST_STEM: usize = 3;

/// ніч and ночі, Київ and Києва, руці and рука, знання and знань: one stem each.
fn level(stem: &str) -> String {
    let stem = stem.trim_end_matches('ь').replace(fold::APOSTROPHE, "");
    let mut letters: Vec<char> = stem.chars().collect();
    let mut doubled = letters.windows(2).rev();
    if doubled.next().is_some_and(|pair| pair[0] == pair[1] && letters.len() > SHORTEST_STEM) {
        letters.pop();
    }
    if let Some(last) = letters.last_mut()
        && *last == 'ц'
    {
        *last = 'к';
    }
    let is_vowel = |c: &char| "аеиоуюяєії".contains(*c);
    if let Some(at) = letters.iter().rposition(is_vowel)
        && at + 1 < letters.len()
        && letters[..at].iter().any(|c| !is_vowel(c))
    {
        match letters[at] {
            'і' => letters[at] = 'о',
            'ї' => letters[at] = 'є',
            _ => {}
        }
    }
    letters.into_iter().collect()
}

/// Names of towns and everyday words that no rule of endings gets right.
const IRREGULAR: &[(&str, &str)] = &[
    ("львів", "львов"),
    ("львові", "львов"),
    ("харків", "харков"),
    ("харкові", "харков"),
    ("чернігів", "чернігов"),
    ("чернігова", "чернігов"),
    ("чернігові", "чернігов"),
    ("чернігову", "чернігов"),
    ("київ", "києв"),
    ("києва", "києв"),
    ("києві", "києв"),
    ("києву", "києв"),
    ("києвом", "києв"),
    ("дні", "ден"),
    ("днів", "ден"),
    ("мені", "мені"),
    ("сімʼя", "сім"),
    ("сімʼї", "сім"),
    ("сімʼю", "сім"),
    ("сімей", "сім"),
    ("імʼя", "імен"),
    ("діти", "діт"),
    ("дітей", "діт"),
    ("дітям", "діт"),
];

/// What is taken off, the longest that fits.
#[rustfmt::skip]
const ENDINGS: &[&str] = &[
    // nouns
    "а", "я", "у", "ю", "о", "е", "є", "и", "і", "ї", "й", "ь",
    "ою", "ею", "єю", "ом", "ем", "єм", "ам", "ям", "ах", "ях", "ами", "ями", "ьми", "ів", "їв", "ей",
    "ові", "еві", "єві", "ія", "ії", "ію", "ією", "іям", "іях", "іями", "ій",
    "ість", "ості", "істю", "остей", "остям", "остями", "остях",
    "ння", "нню", "нням", "нні", "ннях", "ннями", "ття", "ттю", "ттям", "тті",
    // adjectives and pronouns
    "ий", "ого", "ому", "им", "ої", "ій", "их", "ими", "ім", "іх", "іми", "ього", "ьому", "ьої", "ьою", "ьо",
    // verbs
    "ти", "ати", "яти", "ити", "іти", "їти", "увати", "ювати", "овувати",
    "ав", "яв", "ив", "іла", "іло", "іли", "ала", "ало", "али", "ила", "ило", "или",
    "ував", "увала", "увало", "ували", "ював", "ювала", "ювали",
    "ає", "яє", "іє", "ує", "ює", "аєш", "яєш", "уєш", "юєш", "аємо", "уємо", "юємо", "аєте", "уєте", "юєте",
    "іть", "їть", "імо", "іте",
];
