//! Whether anything that was said bears on a message at all: small talk shall cost nothing.
//!
//! The more words a message has, the surer some memory shares a few of them by chance, and the smaller is their
//! share of it. So of a long message a memory must hold a good part; of a short one any hit counts.

use crate::error::Result;
use crate::search::analyse;
use crate::search::index::Index;
use crate::search::recall::{Group, Hit, Query};

/// Messages of more content terms than this are long.
const LONG: usize = 8;
/// The share of a long message that the best of its hits must hold, together with its neighbours; and the others.
const ENOUGH: f32 = 0.22;
const ENOUGH_BESIDE: f32 = 0.18;
/// A question within a long message is asked by itself if it has so many terms, and a hit must hold this share.
const FEWEST_TERMS: usize = 3;
const ENOUGH_OF_A_QUESTION: f32 = 0.5;

impl Index {
    /// As [`Index::recall`], for a message that somebody sends: of the first group nothing where nothing bears on it.
    /// Of a long message hits must hold a good part; where none does, the questions in it are asked by themselves.
    ///
    /// # Errors
    /// `Unavailable` when the index is broken.
    pub fn recall_for_message(&self, query: &Query) -> Result<Vec<Hit>> {
        let hits = self.recall(query)?;
        let Some(first) = query.groups.first() else { return Ok(hits) };
        let is_first = |hit: &Hit| first.kinds.contains(&hit.kind);
        let (hits, beside): (Vec<Hit>, Vec<Hit>) = hits.into_iter().partition(is_first);
        let mut best = self.bearing(query, *first, hits)?;
        best.extend(beside);
        Ok(best)
    }

    fn bearing(&self, query: &Query, group: Group, hits: Vec<Hit>) -> Result<Vec<Hit>> {
        if distinct_terms(&query.text) <= LONG {
            return Ok(hits);
        }
        if best_share(&hits) >= ENOUGH {
            return Ok(hits.into_iter().filter(|hit| hit.context_coverage >= ENOUGH_BESIDE).collect());
        }
        let mut best = Vec::new();
        for question in questions(&query.text) {
            let terms = distinct_terms(question);
            if !(FEWEST_TERMS..=LONG).contains(&terms) {
                continue;
            }
            let hits =
                self.recall(&Query { text: question.to_owned(), groups: vec![group], ..query.clone() })?;
            if best_share(&hits) >= ENOUGH_OF_A_QUESTION.max(best_share(&best)) {
                best = hits;
            }
        }
        Ok(best)
    }
}

fn distinct_terms(text: &str) -> usize {
    let mut terms = analyse::terms(text);
    terms.sort_unstable();
    terms.dedup();
    terms.len()
}

fn best_share(hits: &[Hit]) -> f32 {
    hits.iter().map(|hit| hit.context_coverage).fold(0.0, f32::max)
}

/// The sentences that ask.
fn questions(text: &str) -> impl Iterator<Item = &str> {
    let ends = ['.', '!', '?', '…', '。', '！', '？', '\n'];
    text.split_inclusive(ends).map(str::trim).filter(|sentence| sentence.ends_with(['?', '？']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_are_the_sentences_that_ask() {
        let text = "It rains. Where did Anna go last summer?\nWell… Когда это было? 你去哪儿？";
        let found: Vec<&str> = questions(text).collect();
        assert_eq!(found, ["Where did Anna go last summer?", "Когда это было?", "你去哪儿？"]);
        assert_eq!(questions("No question.").count(), 0);
    }
}
