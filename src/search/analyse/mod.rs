//! From text to terms: what the index holds and what a question is matched by.
//!
//! Words are folded (case, apostrophes, accents, ё), stop words and very long tokens go, and each word is
//! stemmed by the language that its own letters show, so that a text may mix languages and a word has the
//! same term wherever it stands. Scripts without spaces become pairs of characters. Pure.

mod fold;
mod irregular;
#[cfg(test)]
mod probes;
mod slavic;
mod stem;
mod stop;
#[cfg(test)]
mod tests;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use stem::Stemmers;

/// The content terms of `text`, in order and with repetitions: no stop words, stemmed.
///
/// Two words that mean the same to the index have equal terms: `terms("сестри")` and `terms("сестру")`.
pub fn terms(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    each_term(text, &mut |term| found.push(term.to_owned()));
    found
}

/// The share, 0 to 1, of the question's content terms that `text` holds, weighted by `weights` (a term's
/// worth, such as its inverse document frequency; `|_| 1.0` counts them alike). 0 for a question without any.
pub fn coverage(question: &str, text: &str, weights: impl Fn(&str) -> f32) -> f32 {
    let asked: HashSet<String> = terms(question).into_iter().collect();
    let held: HashSet<String> = terms(text).into_iter().collect();
    let (mut all, mut covered) = (0.0, 0.0);
    for term in &asked {
        let weight = weights(term);
        all += weight;
        if held.contains(term) {
            covered += weight;
        }
    }
    if all > 0.0 { covered / all } else { 0.0 }
}

/// The folded words of `text`, stop words included, unstemmed. A run of a script without spaces is one word.
pub(in crate::search) fn words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    fold::each_word(text, &mut |word| found.push(word.text.to_owned()));
    found
}

/// A name as the index compares it: folded words with one space between them.
pub(in crate::search) fn fold_name(name: &str) -> String {
    words(name).join(" ")
}

/// Calls `sink` with each content term of `text`.
pub(in crate::search) fn each_term(text: &str, sink: &mut dyn FnMut(&str)) {
    MEMO.with_borrow_mut(|memo| {
        fold::each_word(text, &mut |word| match word.unspaced {
            true => each_pair(word.text, sink),
            false => memo.term(word.text, sink),
        });
    });
}

/// Writes what the index holds for `text` to `out`, separated by spaces: its terms and, for scripts without
/// spaces, each character too, so that a question of one character finds something.
pub(in crate::search) fn pack(text: &str, out: &mut String) {
    let mut push = |term: &str| {
        out.push_str(term);
        out.push(' ');
    };
    MEMO.with_borrow_mut(|memo| {
        fold::each_word(text, &mut |word| {
            if !word.unspaced {
                return memo.term(word.text, &mut push);
            }
            each_pair(word.text, &mut push);
            if word.text.chars().nth(1).is_some() {
                let mut buffer = [0; 4];
                word.text.chars().for_each(|c| push(c.encode_utf8(&mut buffer)));
            }
        });
    });
}

/// Overlapping pairs of characters; a single character stands for itself.
fn each_pair(run: &str, sink: &mut dyn FnMut(&str)) {
    let mut starts = run.char_indices().map(|(at, _)| at).collect::<Vec<_>>();
    starts.push(run.len());
    if starts.len() == 2 {
        return sink(run);
    }
    for pair in starts.windows(3) {
        let pair = &run[pair[0]..pair[2]];
        if !stop::is_stop_pair(pair) {
            sink(pair);
        }
    }
}

/// Words and their terms that were met lately: texts repeat themselves, and the context fields repeat texts.
struct Memo {
    stemmers: Stemmers,
    /// `None` marks a stop word.
    terms: HashMap<String, Option<Box<str>>>,
}

/// How many words one thread remembers; some 5 MB.
const REMEMBERED_WORDS: usize = 40_000;

thread_local! {
    static MEMO: RefCell<Memo> = RefCell::new(Memo { stemmers: Stemmers::new(), terms: HashMap::new() });
}

impl Memo {
    fn term(&mut self, word: &str, sink: &mut dyn FnMut(&str)) {
        if let Some(known) = self.terms.get(word) {
            if let Some(term) = known {
                sink(term);
            }
            return;
        }
        let term = (!stop::is_stop(word)).then(|| self.stemmers.stem(word).into_boxed_str());
        if let Some(term) = &term {
            sink(term);
        }
        if self.terms.len() >= REMEMBERED_WORDS {
            self.terms.clear();
        }
        self.terms.insert(word.to_owned(), term);
    }
}
