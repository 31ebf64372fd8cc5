//! Counting tokens with the o200k vocabulary. The vocabulary takes some 45 MB and 0.2 s, so it is loaded
//! at first use; `warm` does that off the hot path.
//!
//! A word takes as many tokens wherever it stands, and people say the same words again: what the words take that were
//! counted lately is remembered, and long texts (persona, sources) are remembered whole.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use tiktoken_rs::CoreBPE;

/// How many tokens `text` takes. Exact for OpenAI's current models, an estimate for others.
pub fn count(text: &str) -> usize {
    if text.len() < WORTH_REMEMBERING {
        return count_words(text);
    }
    let hash = *blake3::hash(text.as_bytes()).as_bytes();
    if let Some(tokens) = lock(&COUNTED).get(&hash) {
        return *tokens;
    }
    let tokens = count_words(text);
    let mut counted = lock(&COUNTED);
    if counted.len() >= REMEMBERED {
        counted.clear();
    }
    counted.insert(hash, tokens);
    tokens
}

/// No more than [`count`] says, without counting: a token holds letters or digits of one word at most.
pub fn at_least(text: &str) -> usize {
    text.split_whitespace().filter(|word| word.contains(char::is_alphanumeric)).count()
}

/// As much of the beginning of `text` as `most` tokens hold; to the end of a line or a word, if one is near.
pub fn beginning(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let mut end = text.floor_char_boundary(text.len().min(most.saturating_mul(BYTES_OF_TOKEN)));
    loop {
        let part = &text[..end];
        let tokens = count(part);
        if tokens <= most {
            let near = |at: &usize| end < text.len() && *at * 10 > end * 9;
            let cut = part.rfind('\n').filter(near).or_else(|| part.rfind(' ').filter(near));
            return &part[..cut.unwrap_or(end)];
        }
        end = text.floor_char_boundary((end * most / tokens).min(end - 1));
    }
}

/// The same of its end.
pub fn ending(text: &str, most: usize) -> &str {
    if text.len() <= most {
        return text;
    }
    let mut length = text.len().min(most.saturating_mul(BYTES_OF_TOKEN));
    loop {
        let part = &text[text.ceil_char_boundary(text.len() - length)..];
        let tokens = count(part);
        if tokens <= most {
            let near = |at: &usize| part.len() < text.len() && *at * 10 < part.len();
            let cut = part.find('\n').filter(near).or_else(|| part.find(' ').filter(near));
            return &part[cut.map_or(0, |at| at + 1)..];
        }
        length = (length * most / tokens).min(length - 1);
    }
}

/// A token is rarely longer than so many bytes, and never shorter than one.
const BYTES_OF_TOKEN: usize = 8;

/// Adding up the words of less than so many bytes costs no more than remembering the whole.
const WORTH_REMEMBERING: usize = 1_024;
/// So many texts are remembered, in some 75 kB; more than that and all are forgotten, which only costs time.
const REMEMBERED: usize = 1_024;
static COUNTED: LazyLock<Mutex<HashMap<[u8; 32], usize>>> = LazyLock::new(Mutex::default);

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count_words(text: &str) -> usize {
    let Some(vocabulary) = vocabulary() else { return text.len().div_ceil(3) };
    words(text).map(|word| WORDS.count(word, vocabulary)).sum()
}

/// The pieces that begin with a space before something that is none. The vocabulary's pattern matches such a space
/// together with what follows it, or by itself; never with what stands before it.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?.len_utf8();
        let begins = |at: &usize| rest[*at + 1..].chars().next().is_some_and(|next| !next.is_whitespace());
        let end = rest[first..].match_indices(' ').map(|(at, _)| first + at).find(begins);
        let (word, following) = rest.split_at(end.unwrap_or(rest.len()));
        rest = following;
        Some(word)
    })
}

/// What the words take that were counted lately: 65,536 places (512 kB), each a hash and a count. Words whose hashes end
/// alike share a place, which the latest of them has.
struct Words {
    hasher: RandomState,
    places: Box<[AtomicU64]>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| Words {
    hasher: RandomState::new(),
    places: (0..1 << 16).map(|_| AtomicU64::new(0)).collect(),
});

/// A place holds a count in so many of its bits; the others are those of the word's hash.
const COUNT_BITS: u32 = 8;
const COUNT: u64 = (1 << COUNT_BITS) - 1;

impl Words {
    fn count(&self, word: &str, vocabulary: &CoreBPE) -> usize {
        let hash = self.hasher.hash_one(word);
        // The bits that a place does not keep say which it is.
        let place = &self.places[hash as usize % self.places.len()];
        let known = place.load(Ordering::Relaxed);
        if known & COUNT != 0 && known & !COUNT == hash & !COUNT {
            return (known & COUNT) as usize;
        }
        let tokens = count_anew(word, vocabulary);
        if tokens as u64 <= COUNT {
            place.store(hash & !COUNT | tokens as u64, Ordering::Relaxed);
        }
        tokens
    }
}

fn count_anew(word: &str, vocabulary: &CoreBPE) -> usize {
    // The vocabulary merges within a run without spaces in quadratic time, so very long runs are estimated
    // by their bytes: nobody writes them, attackers do.
    if word.len() <= MAX_RUN_BYTES {
        return vocabulary.encode_ordinary(word).len();
    }
    word.split_inclusive(char::is_whitespace)
        .collect::<Vec<_>>()
        .chunk_by(|a, b| (a.len() > MAX_RUN_BYTES) == (b.len() > MAX_RUN_BYTES))
        .map(|runs| match runs.first() {
            Some(run) if run.len() > MAX_RUN_BYTES => runs.iter().map(|run| run.len().div_ceil(3)).sum(),
            _ => vocabulary.encode_ordinary(&runs.concat()).len(),
        })
        .sum()
}

/// Loads the vocabulary now. Call it on a blocking thread.
pub fn warm() {
    let _ = vocabulary();
}

/// The longest run without white space that is counted exactly, in bytes.
const MAX_RUN_BYTES: usize = 4096;

fn vocabulary() -> Option<&'static CoreBPE> {
    static VOCABULARY: OnceLock<Option<CoreBPE>> = OnceLock::new();
    VOCABULARY.get_or_init(|| tiktoken_rs::o200k_base().ok()).as_ref()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_much_is_taken_as_fits() {
        let text = "one two three four five six seven\n".repeat(2_000);
        for most in [0, 1, 7, 100, 5_000] {
            for part in [beginning(&text, most), ending(&text, most)] {
                assert!(count(part) <= most, "{most}");
                assert!(part.len() >= most.min(text.len()) / 2, "{most}: {}", part.len());
            }
        }
        assert_eq!((beginning("short", 100), ending("short", 100)), ("short", "short"));
        assert_eq!((beginning("ї", 1), ending("ї", 1)), ("ї", "ї"));
        let wall = "ї".repeat(100_000);
        assert!(count(beginning(&wall, 500)) <= 500 && count(ending(&wall, 500)) <= 500);
        assert_eq!((beginning(&wall, 0), ending(&wall, 0)), ("", ""));
        let words = "word ".repeat(1_000) + "the last words";
        assert!(beginning(&words, 20).ends_with("word") && ending(&words, 8).ends_with("the last words"));
    }

    #[test]
    fn there_is_a_token_for_every_word() {
        let pieces =
            ["word", "it's", "Ⓐ", "ʼ", "\u{301}", "ї", "你好", "12345", "/", "!", "🙂", "x́", "½", "ß"];
        let spaces = [" ", "\n", "\t", "\r\n", "\u{a0}", "\u{3000}", "", "  ", " \n "];
        let mut roll = dice();
        for _ in 0..2_000 {
            let text: String = (0..roll(12))
                .map(|_| [pieces[roll(pieces.len())], spaces[roll(spaces.len())]].concat())
                .collect();
            assert!(at_least(&text) <= count(&text), "{text:?}");
        }
        assert_eq!(at_least("Anna: we  met – in May"), 5);
        let walls = format!("{} {}", "a".repeat(10_000), "b ".repeat(5_000));
        assert!(at_least(&walls) <= count(&walls));
    }

    #[test]
    fn words_take_as_much_as_the_text_that_they_are_of() {
        let pieces = [
            "word", "It's", "Ⓐ", "ʼ", "\u{301}", "їжак", "你好", "12345", "/", "!", ".", "🙂", "½", "ß",
            "'S", "\u{200b}", "x/y", "...",
        ];
        let spaces = [
            " ", "\n", "\t", "\r\n", "\u{a0}", "\u{3000}", "", "  ", " \n ", "\n/", "   ", "\n\n  ", "\u{85}",
        ];
        let vocabulary = vocabulary().unwrap();
        let mut roll = dice();
        for _ in 0..5_000 {
            let text: String = (0..roll(12))
                .map(|_| {
                    [pieces[roll(pieces.len())], spaces[roll(spaces.len())], spaces[roll(spaces.len())]]
                        .concat()
                })
                .collect();
            assert_eq!(words(&text).collect::<String>(), text);
            for _ in 0..2 {
                assert_eq!(count(&text), vocabulary.encode_ordinary(&text).len(), "{text:?}");
            }
        }
        let long = "All the same, said Anna – again and again.\n  And so on… ".repeat(100);
        assert_eq!(count(&long), vocabulary.encode_ordinary(&long).len());
    }

    fn dice() -> impl FnMut(usize) -> usize {
        let mut dice = 7_usize;
        move |sides| {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (dice >> 33) % sides
        }
    }

    #[test]
    fn counts_words_and_survives_a_wall_of_letters() {
        assert_eq!(count(""), 0);
        assert_eq!(count("Hello world"), 2);
        assert!(count(&"a".repeat(100_000)) >= 10_000);
    }
}
