//! The posting lists of a question's terms, within a scope.
//!
//! tantivy's own queries would count with the whole server, where a name that everybody in a chat says is rare, and
//! would walk the postings of everybody. Here a list is counted and read in the scope's own stretches.

use std::sync::Arc;

use tantivy::postings::{BlockSegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, Searcher, Term};

use crate::search::columns::Columns;
use crate::search::layout::{Fields, TEXTS};
use crate::search::scope::{View, each_within};

/// One state of the index, and the scope of it that is asked.
#[derive(Clone, Copy)]
pub(in crate::search) struct Ground<'a> {
    pub(in crate::search) searcher: &'a Searcher,
    pub(in crate::search) fields: &'a Fields,
    pub(in crate::search) view: &'a View,
    pub(in crate::search) columns: &'a [Arc<Columns>],
}

/// A term of the question and where the scope holds it.
pub(in crate::search) struct Found {
    pub(in crate::search) term: String,
    /// Per field.
    pub(in crate::search) lists: [List; TEXTS],
    /// In the text field.
    pub(in crate::search) idf: f32,
}

/// The documents of the scope that hold a term in one field.
#[derive(Default)]
pub(in crate::search) struct List {
    /// Where each segment has them; empty where no segment was asked.
    places: Vec<Option<TermInfo>>,
    /// How many there are.
    pub(in crate::search) holding: u64,
}

impl Ground<'_> {
    /// Looks up `terms` in the first `depth` fields (at least one). Terms that the scope lacks are found with empty
    /// lists. Of a long question only the `most` rarest terms are looked up in all fields and kept.
    pub(in crate::search) fn look_up(
        &self,
        terms: Vec<String>,
        depth: usize,
        most: usize,
    ) -> tantivy::Result<Vec<Found>> {
        let mut found = Vec::with_capacity(terms.len());
        for term in terms {
            let lists = [self.list(&term, 0)?, List::default(), List::default()];
            let idf = self.idf(lists[0].holding);
            found.push(Found { term, lists, idf });
        }
        if found.len() > most {
            let holds = |found: &Found| found.lists[0].holding > 0;
            found.sort_by(|a, b| holds(b).cmp(&holds(a)).then(b.idf.total_cmp(&a.idf)));
            found.truncate(most);
        }
        for Found { term, lists, .. } in &mut found {
            for (field, list) in lists.iter_mut().enumerate().take(depth).skip(1) {
                *list = self.list(term, field)?;
            }
        }
        Ok(found)
    }

    /// How much a term says that so many documents of the scope hold.
    pub(in crate::search) fn idf(&self, holding: u64) -> f32 {
        // The count of documents may lag behind deletions.
        let documents = self.view.documents.max(holding);
        (1.0 + ((documents - holding) as f32 + 0.5) / (holding as f32 + 0.5)).ln()
    }

    fn list(&self, term: &str, field: usize) -> tantivy::Result<List> {
        let term = Term::from_field_text(self.fields.texts[field], term);
        let mut list = List::default();
        for (segment, part) in self.searcher.segment_readers().iter().zip(&self.view.parts) {
            let info = match part.stretches.is_empty() {
                true => None,
                false => segment.inverted_index(self.fields.texts[field])?.get_term_info(&term)?,
            };
            list.places.push(info);
        }
        for segment in 0..list.places.len() {
            list.holding += self.count(&list, field, segment)?;
        }
        Ok(list)
    }

    /// How many documents of a segment's part of the scope hold the term.
    fn count(&self, list: &List, field: usize, segment: usize) -> tantivy::Result<u64> {
        let Some(mut postings) = self.open(list, field, segment, IndexRecordOption::Basic)? else {
            return Ok(0);
        };
        let alive = self.searcher.segment_readers()[segment].alive_bitset();
        let mut count = 0;
        for stretch in &self.view.parts[segment].stretches {
            match alive {
                // The skip list knows how many stand before a document.
                None => {
                    let before = postings.rank(stretch.start);
                    count += u64::from(postings.rank(stretch.end) - before);
                }
                Some(alive) => {
                    each_within(&mut postings, stretch, |doc, _| count += u64::from(alive.is_alive(doc)));
                }
            }
        }
        Ok(count)
    }

    fn open(
        &self,
        list: &List,
        field: usize,
        segment: usize,
        option: IndexRecordOption,
    ) -> tantivy::Result<Option<BlockSegmentPostings>> {
        let Some(Some(info)) = list.places.get(segment) else { return Ok(None) };
        let inverted = self.searcher.segment_readers()[segment].inverted_index(self.fields.texts[field])?;
        Ok(Some(inverted.read_block_postings_from_terminfo(info, option)?))
    }

    /// Calls `sink` with each document of a segment's part of the scope that holds the term, in ascending order, how
    /// often it does, and the length of its field as the index notes it.
    pub(in crate::search) fn each(
        &self,
        list: &List,
        field: usize,
        segment: usize,
        mut sink: impl FnMut(DocId, u32, u8),
    ) -> tantivy::Result<()> {
        let Some(mut postings) = self.open(list, field, segment, IndexRecordOption::WithFreqs)? else {
            return Ok(());
        };
        let alive = self.searcher.segment_readers()[segment].alive_bitset();
        let norms = &self.columns[segment].norms[field];
        for stretch in &self.view.parts[segment].stretches {
            each_within(&mut postings, stretch, |doc, times| {
                if alive.is_none_or(|alive| alive.is_alive(doc)) {
                    sink(doc, times, norms.fieldnorm_id(doc));
                }
            });
        }
        Ok(())
    }

    /// The same for those of `documents` (ascending, each once) that hold the term, without looking at any other.
    pub(in crate::search) fn each_of(
        &self,
        list: &List,
        field: usize,
        segment: usize,
        documents: impl Iterator<Item = DocId>,
        mut sink: impl FnMut(DocId, u32, u8),
    ) -> tantivy::Result<()> {
        let Some(mut postings) = self.open(list, field, segment, IndexRecordOption::WithFreqs)? else {
            return Ok(());
        };
        let norms = &self.columns[segment].norms[field];
        for doc in documents {
            let at = postings.seek(doc);
            if postings.block_len() == 0 {
                break;
            }
            if postings.doc(at) == doc {
                sink(doc, postings.freq(at), norms.fieldnorm_id(doc));
            }
        }
        Ok(())
    }
}
