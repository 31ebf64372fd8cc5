//! Finding for people: the messages that hold the words that somebody typed, newest first.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::error::Result;
use crate::search::analyse;
use crate::search::index::Index;
use crate::search::postings::Ground;
use crate::search::rank::{Best, Rank};
use crate::search::recall::{Hit, hit};
use crate::search::scope::Scope;
use crate::search::score;

/// So many terms of a long text are searched for.
const MOST_TERMS: usize = 16;

/// More terms first, then newer, then later in the conversation.
#[derive(Debug, Clone, Copy)]
struct Fit {
    terms: u32,
    at: i64,
    ordinal: i64,
}

impl Rank for Fit {
    fn compare(&self, other: &Self) -> Ordering {
        (self.terms, self.at, self.ordinal).cmp(&(other.terms, other.at, other.ordinal))
    }
}

impl Index {
    /// What holds the words of `text`, whatever their endings: first what holds all of them, then, of three
    /// words and more, what lacks one or a few; the newest first. Skips the first `after` and gives at most
    /// `limit`. A text of nothing but stop words finds nothing.
    ///
    /// # Errors
    /// `Unavailable` when the index is broken.
    pub fn find(&self, scope: &Scope, text: &str, limit: usize, after: usize) -> Result<Vec<Hit>> {
        let mut seen = HashSet::new();
        let mut terms = analyse::terms(text);
        terms.retain(|term| seen.insert(term.clone()));
        terms.truncate(MOST_TERMS);
        let asked = terms.len();
        if asked == 0 {
            return Ok(Vec::new());
        }
        let needed = if asked < 4 { asked } else { (asked * 7).div_ceil(10) };
        self.shared.guarded(|searcher| {
            let view = self.shared.scopes.view(scope, searcher, &self.shared.fields)?;
            let columns = self.shared.columns.of(searcher, &self.shared.fields)?;
            let ground = Ground { searcher, fields: &self.shared.fields, view: &view, columns: &columns };
            let found = ground.look_up(terms, 1, MOST_TERMS)?;
            let mut best = Best::new(after.saturating_add(limit));
            score::tally(&ground, &found, |address, held| {
                if held as usize >= needed {
                    let columns = &columns[address.segment()];
                    let at = columns.at(address.doc).timestamp_millis();
                    best.offer(Fit { terms: held, at, ordinal: columns.ordinal(address.doc) }, address);
                }
            })?;
            let page = best.into_vec().into_iter().skip(after);
            let hits = page.map(|found| {
                let coverage = found.rank.terms as f32 / asked as f32;
                hit(&columns, found.address, coverage, coverage, coverage)
            });
            Ok(hits.collect())
        })
    }
}
