//! Counting tokens with the o200k vocabulary. The vocabulary takes some 45 MB and 0.2 s, so it is loaded
//! at first use; `warm` does that off the hot path.
//!
//! Persona, rules, sources and window come again with every message, so what was counted lately is remembered.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};

use tiktoken_rs::CoreBPE;

/// How many tokens `text` takes. Exact for OpenAI's current models, an estimate for others.
pub fn count(text: &str) -> usize {
    if text.len() < WORTH_REMEMBERING {
        return count_anew(text);
    }
    let hash = *blake3::hash(text.as_bytes()).as_bytes();
    if let Some(tokens) = lock(&COUNTED).get(&hash) {
        return *tokens;
    }
    let tokens = count_anew(text);
    let mut counted = lock(&COUNTED);
    if counted.len() >= REMEMBERED {
        counted.clear();
    }
    counted.insert(hash, tokens);
    tokens
}

/// Counting less than so many bytes costs no more than remembering them.
const WORTH_REMEMBERING: usize = 32;
/// So many texts are remembered, in some 600 kB; more than that and all are forgotten, which only costs time.
const REMEMBERED: usize = 8_192;
static COUNTED: LazyLock<Mutex<HashMap<[u8; 32], usize>>> = LazyLock::new(Mutex::default);

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn count_anew(text: &str) -> usize {
    // The vocabulary merges within a run without spaces in quadratic time, so very long runs are estimated
    // by their bytes: nobody writes them, attackers do.
    let Some(vocabulary) = vocabulary() else { return text.len().div_ceil(3) };
    if text.len() <= MAX_RUN_BYTES {
        return vocabulary.encode_ordinary(text).len();
    }
    text.split_inclusive(char::is_whitespace)
        .collect::<Vec<_>>()
        .chunk_by(|a, b| (a.len() > MAX_RUN_BYTES) == (b.len() > MAX_RUN_BYTES))
        .map(|words| match words.first() {
            Some(word) if word.len() > MAX_RUN_BYTES => words.iter().map(|w| w.len().div_ceil(3)).sum(),
            _ => vocabulary.encode_ordinary(&words.concat()).len(),
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
    use super::count;

    #[test]
    fn counts_words_and_survives_a_wall_of_letters() {
        assert_eq!(count(""), 0);
        assert_eq!(count("Hello world"), 2);
        assert!(count(&"a".repeat(100_000)) >= 10_000);
    }
}
