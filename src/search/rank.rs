//! Ranking the documents of a scope by BM25 with the statistics of that scope alone.
//!
//! tantivy's own queries would count with the whole server, where a name that everybody in a chat says is
//! rare, and would walk the postings of everybody. Here each posting list is read once, in the scope's own
//! stretch, which yields the document frequencies; then the lists are summed up side by side.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocId, Searcher, SegmentReader, Term};

use crate::search::columns::Columns;
use crate::search::layout::{Fields, TEXTS};
use crate::search::scope::{Part, View, each_within};

/// BM25's constants, as in tantivy and Lucene.
const K1: f32 = 1.2;
const B: f32 = 0.75;

/// A document's place in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::search) struct Address {
    pub(in crate::search) segment: usize,
    pub(in crate::search) doc: DocId,
}

/// A document that was found, with what it is ranked by: greater is better.
#[derive(Debug, Clone, Copy)]
pub(in crate::search) struct Ranked<R> {
    pub(in crate::search) rank: R,
    pub(in crate::search) address: Address,
}

/// One occurrence of a term in a field of a document.
#[derive(Debug, Clone, Copy)]
struct Posting {
    doc: DocId,
    times: u16,
    norm: u8,
}

/// A term of the question and where the scope holds it.
pub(in crate::search) struct Found {
    pub(in crate::search) term: String,
    /// Per field, per segment.
    lists: [Vec<Vec<Posting>>; TEXTS],
    /// In the text field.
    pub(in crate::search) idf: f32,
}

/// Looks up `terms` in the first `depth` fields (at least one). Terms that the scope lacks are found with
/// empty lists. Of a long question only the `most` rarest terms are looked up in all fields and kept.
pub(in crate::search) fn look_up(
    searcher: &Searcher,
    fields: &Fields,
    view: &View,
    columns: &[Arc<Columns>],
    terms: Vec<String>,
    depth: usize,
    most: usize,
) -> tantivy::Result<Vec<Found>> {
    let list = |term: &str, field: usize| -> tantivy::Result<Vec<Vec<Posting>>> {
        let segments = searcher.segment_readers().iter().zip(&view.parts).zip(columns);
        let lists = segments.map(|((segment, part), columns)| {
            postings(segment, part, fields.texts[field], &columns.norms[field], term)
        });
        lists.collect()
    };
    let mut found = Vec::with_capacity(terms.len());
    for term in terms {
        let lists = [list(&term, 0)?, Vec::new(), Vec::new()];
        let idf = idf(count(&lists[0]), view.documents);
        found.push(Found { term, lists, idf });
    }
    if found.len() > most {
        found.sort_by(|a, b| (b.count() > 0).cmp(&(a.count() > 0)).then(b.idf.total_cmp(&a.idf)));
        found.truncate(most);
    }
    for term in &mut found {
        for field in 1..depth {
            term.lists[field] = list(&term.term, field)?;
        }
    }
    Ok(found)
}

fn postings(
    segment: &SegmentReader,
    part: &Part,
    field: Field,
    norms: &FieldNormReader,
    term: &str,
) -> tantivy::Result<Vec<Posting>> {
    let mut list = Vec::new();
    if part.stretches.is_empty() {
        return Ok(list);
    }
    let term = Term::from_field_text(field, term);
    let inverted = segment.inverted_index(field)?;
    let Some(mut postings) = inverted.read_block_postings(&term, IndexRecordOption::WithFreqs)? else {
        return Ok(list);
    };
    let alive = segment.alive_bitset();
    for stretch in &part.stretches {
        each_within(&mut postings, stretch, |doc, times| {
            if alive.is_none_or(|alive| alive.is_alive(doc)) {
                let times = u16::try_from(times).unwrap_or(u16::MAX);
                list.push(Posting { doc, times, norm: norms.fieldnorm_id(doc) });
            }
        });
    }
    Ok(list)
}

fn count(lists: &[Vec<Posting>]) -> u64 {
    lists.iter().map(|list| list.len() as u64).sum()
}

fn idf(holding: u64, documents: u64) -> f32 {
    // The count of documents may lag behind deletions.
    let documents = documents.max(holding);
    (1.0 + ((documents - holding) as f32 + 0.5) / (holding as f32 + 0.5)).ln()
}

impl Found {
    /// How many documents hold the term in their text.
    pub(in crate::search) fn count(&self) -> u64 {
        count(&self.lists[0])
    }

    /// Whether the document holds the term in `field`.
    pub(in crate::search) fn is_in(&self, field: usize, at: Address) -> bool {
        self.lists[field]
            .get(at.segment)
            .is_some_and(|list| list.binary_search_by_key(&at.doc, |posting| posting.doc).is_ok())
    }
}

/// A posting list on its way through the windows.
struct Cursor<'a> {
    rest: &'a [Posting],
    weight: f32,
    /// The length part of BM25, by norm.
    lengths: &'a [f32; 256],
}

/// Documents are summed up window by window, so that the sums stay in the fastest cache.
const WINDOW: DocId = 4096;

/// Calls `sink` with each document that holds a term, and its BM25 score over the fields with these boosts.
pub(in crate::search) fn score(
    found: &[Found],
    view: &View,
    boosts: [f32; TEXTS],
    mut sink: impl FnMut(Address, f32),
) {
    let lengths: [[f32; 256]; TEXTS] = std::array::from_fn(|field| {
        std::array::from_fn(|norm| {
            let length = FieldNormReader::id_to_fieldnorm(norm as u8) as f32;
            K1 * (1.0 - B + B * length / view.average_lengths[field])
        })
    });
    for segment in 0..view.parts.len() {
        let mut cursors = Vec::new();
        for (field, boost) in boosts.into_iter().enumerate() {
            for term in found {
                if let Some(rest) = term.lists[field].get(segment) {
                    let weight = boost * idf(count(&term.lists[field]), view.documents) * (1.0 + K1);
                    cursors.push(Cursor { rest, weight, lengths: &lengths[field] });
                }
            }
        }
        sum_up(cursors, |doc, sum| sink(Address { segment, doc }, sum));
    }
}

/// Calls `sink` with each document that holds a term in its text, and how many of the terms it holds.
pub(in crate::search) fn tally(found: &[Found], view: &View, mut sink: impl FnMut(Address, u32)) {
    let lengths = [0.0; 256];
    for segment in 0..view.parts.len() {
        let lists = found.iter().filter_map(|term| term.lists[0].get(segment));
        let cursors = lists.map(|rest| Cursor { rest, weight: 1.0, lengths: &lengths }).collect();
        sum_up(cursors, |doc, sum| sink(Address { segment, doc }, sum.round() as u32));
    }
}

fn sum_up(mut cursors: Vec<Cursor<'_>>, mut sink: impl FnMut(DocId, f32)) {
    let mut sums = [0.0; WINDOW as usize];
    while let Some(next) = cursors.iter().filter_map(|cursor| cursor.rest.first()).map(|next| next.doc).min()
    {
        let start = next - next % WINDOW;
        cursors.iter_mut().for_each(|cursor| cursor.add_up_to(start, &mut sums));
        for (offset, sum) in sums.iter_mut().enumerate() {
            if *sum > 0.0 {
                sink(start + offset as DocId, *sum);
                *sum = 0.0;
            }
        }
    }
}

impl Cursor<'_> {
    /// Adds the scores of the window that begins at `start`, and goes on to the next.
    fn add_up_to(&mut self, start: DocId, sums: &mut [f32; WINDOW as usize]) {
        let within = self.rest.partition_point(|posting| posting.doc < start.saturating_add(WINDOW));
        let (now, later) = self.rest.split_at(within);
        for posting in now {
            let times = f32::from(posting.times);
            let share = times / (times + self.lengths[usize::from(posting.norm)]);
            sums[(posting.doc - start) as usize] += self.weight * share;
        }
        self.rest = later;
    }
}

/// Keeps the best `limit` of what is offered.
pub(in crate::search) struct Best<R> {
    limit: usize,
    heap: BinaryHeap<Worst<R>>,
}

/// Turns the order round: the heap's top is the worst that was kept.
struct Worst<R>(Ranked<R>);

/// A total order; greater is better.
pub(in crate::search) trait Rank: Copy {
    fn compare(&self, other: &Self) -> Ordering;
}

impl Rank for f32 {
    fn compare(&self, other: &Self) -> Ordering {
        self.total_cmp(other)
    }
}

impl<R: Rank> Best<R> {
    pub(in crate::search) fn new(limit: usize) -> Self {
        Self { limit, heap: BinaryHeap::with_capacity(limit.min(4096) + 1) }
    }

    /// Whether something of this rank would be kept.
    pub(in crate::search) fn takes(&self, rank: &R) -> bool {
        self.limit > 0
            && (self.heap.len() < self.limit
                || self.heap.peek().is_some_and(|worst| rank.compare(&worst.0.rank) == Ordering::Greater))
    }

    pub(in crate::search) fn offer(&mut self, rank: R, address: Address) {
        if self.takes(&rank) {
            self.heap.push(Worst(Ranked { rank, address }));
            if self.heap.len() > self.limit {
                self.heap.pop();
            }
        }
    }

    /// Best first.
    pub(in crate::search) fn into_vec(self) -> Vec<Ranked<R>> {
        self.heap.into_sorted_vec().into_iter().map(|worst| worst.0).collect()
    }
}

impl<R: Rank> Ord for Worst<R> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.rank.compare(&self.0.rank).then_with(|| self.0.address.cmp(&other.0.address))
    }
}
impl<R: Rank> PartialOrd for Worst<R> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
impl<R: Rank> PartialEq for Worst<R> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}
impl<R: Rank> Eq for Worst<R> {}
