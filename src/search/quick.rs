//! Which searches are so quick that whoever asks may search themselves.

use crate::search::index::{Index, Mode};
use crate::search::scope::Scope;

/// Words times documents of a quick search; 100,000 documents and a question of five words take a millisecond.
const QUICK: u64 = 1_000_000;
/// About so long is a word with its space.
const BYTES_OF_WORD: usize = 6;

impl Index {
    /// Whether a search of `scope` for `text` takes less than waking another thread for it may: some two milliseconds
    /// at most. Nothing is promised of what was never searched before, and of an index that another process writes,
    /// which is opened anew after its commits.
    pub fn is_quick(&self, scope: &Scope, text: &str) -> bool {
        let documents = || self.shared.scopes.documents(scope, &self.shared.live()?.searcher());
        let words = (text.len() / BYTES_OF_WORD + 1) as u64;
        self.mode() == Mode::Writer
            && documents().is_some_and(|documents| documents.saturating_mul(words) <= QUICK)
    }
}
