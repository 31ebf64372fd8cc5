//! Who may be found: the documents of a scope, and the statistics of the scope alone.
//!
//! In each segment the documents of a scope are a few stretches of document numbers, because the index is
//! sorted by place. They are found from the keys, which hold the account, so a scope never reaches across.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::index::SegmentId;
use tantivy::postings::BlockSegmentPostings;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, Opstamp, Searcher, SegmentReader};

use crate::id::{AccountId, BotId, ConversationId, PersonId};
use crate::search::layout::{Fields, Key, TEXTS};

/// Where to look. Only what matches every part is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    pub account: AccountId,
    /// `None` for all bots of the account: only for people who may see all of it.
    pub bot: Option<BotId>,
    pub conversation: Option<ConversationId>,
    /// The private conversations of this person.
    pub person: Option<PersonId>,
}

impl Scope {
    /// The keys that a document must have, all of them; never none.
    fn keys(&self) -> Vec<Key> {
        let Scope { account, bot, conversation, person } = *self;
        let mut keys: Vec<Key> = [
            conversation.map(|conversation| Key::Conversation(account, conversation)),
            person.map(|person| Key::Person(account, person)),
            bot.map(|bot| Key::Bot(account, bot)),
        ]
        .into_iter()
        .flatten()
        .collect();
        if keys.is_empty() {
            keys.push(Key::Account(account));
        }
        keys
    }
}

/// The documents of a scope in one segment.
#[derive(Debug, Default)]
pub(in crate::search) struct Part {
    /// Ascending, apart from each other, none empty.
    pub(in crate::search) stretches: Vec<Range<DocId>>,
    /// How many there are, without the deleted ones.
    documents: u64,
    /// The lengths of their texts, summed up per field.
    lengths: [u64; TEXTS],
    /// The deletions that the counts take into account.
    deletions: Option<Opstamp>,
}

/// The documents of a scope in each segment, in the order of the segments.
pub(in crate::search) struct View {
    pub(in crate::search) parts: Vec<Arc<Part>>,
    pub(in crate::search) documents: u64,
    pub(in crate::search) average_lengths: [f32; TEXTS],
}

/// The scopes that were asked for lately.
#[derive(Default)]
pub(in crate::search) struct Scopes(Mutex<Cache>);

#[derive(Default)]
struct Cache {
    scopes: HashMap<Scope, Entry>,
    /// Counts the uses, to tell the oldest.
    clock: u64,
}

struct Entry {
    used: u64,
    parts: HashMap<SegmentId, Arc<Part>>,
}

/// So many scopes are remembered; some 2 kB each.
const REMEMBERED: usize = 2048;
/// The counts of a smaller part follow every deletion; those of a larger one are good enough as they were.
const COUNTED_ANEW: u64 = 16_384;

impl Scopes {
    /// What `scope` sees through `searcher`. Takes about 5 ms for a part of 500,000 documents that was not
    /// asked for before, and next to nothing otherwise.
    pub(in crate::search) fn view(
        &self,
        scope: &Scope,
        searcher: &Searcher,
        fields: &Fields,
    ) -> tantivy::Result<View> {
        let known = self.known(scope);
        let mut parts = Vec::with_capacity(searcher.segment_readers().len());
        for segment in searcher.segment_readers() {
            let part = match known.get(&segment.segment_id()) {
                Some(part) if part.is_current(segment) => Arc::clone(part),
                Some(part) => Arc::new(count(part.stretches.clone(), segment, fields)?),
                None => Arc::new(count(stretches(scope, segment, fields)?, segment, fields)?),
            };
            parts.push(part);
        }
        self.remember(scope, searcher, &parts);
        let documents: u64 = parts.iter().map(|part| part.documents).sum();
        let average = |field: usize| {
            let length: u64 = parts.iter().map(|part| part.lengths[field]).sum();
            (length as f32 / documents.max(1) as f32).max(1.0)
        };
        Ok(View { documents, average_lengths: std::array::from_fn(average), parts })
    }

    fn known(&self, scope: &Scope) -> HashMap<SegmentId, Arc<Part>> {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.clock += 1;
        let now = cache.clock;
        let Some(entry) = cache.scopes.get_mut(scope) else { return HashMap::new() };
        entry.used = now;
        entry.parts.clone()
    }

    fn remember(&self, scope: &Scope, searcher: &Searcher, parts: &[Arc<Part>]) {
        let segments = searcher.segment_readers().iter().map(SegmentReader::segment_id);
        let parts = segments.zip(parts.iter().cloned()).collect();
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if cache.scopes.len() >= REMEMBERED && !cache.scopes.contains_key(scope) {
            let mut uses: Vec<u64> = cache.scopes.values().map(|entry| entry.used).collect();
            uses.sort_unstable();
            let middle = uses[uses.len() / 2];
            cache.scopes.retain(|_, entry| entry.used > middle);
        }
        let used = cache.clock;
        cache.scopes.insert(*scope, Entry { used, parts });
    }
}

impl Part {
    fn is_current(&self, segment: &SegmentReader) -> bool {
        self.documents > COUNTED_ANEW || self.deletions == segment.delete_opstamp()
    }
}

/// The stretches of documents that have every key of `scope`.
fn stretches(scope: &Scope, segment: &SegmentReader, fields: &Fields) -> tantivy::Result<Vec<Range<DocId>>> {
    let keys = segment.inverted_index(fields.keys())?;
    let mut postings = Vec::new();
    for key in scope.keys() {
        match keys.read_block_postings(&fields.key_term(key), IndexRecordOption::Basic)? {
            Some(found) => postings.push(found),
            None => return Ok(Vec::new()),
        }
    }
    postings.sort_by_key(BlockSegmentPostings::doc_freq);
    let everything = 0..segment.max_doc();
    let mut stretches: Vec<Range<DocId>> = vec![everything];
    for mut having in postings {
        let mut narrowed: Vec<Range<DocId>> = Vec::new();
        for stretch in &stretches {
            each_within(&mut having, stretch, |doc, _| match narrowed.last_mut() {
                Some(last) if last.end == doc => last.end = doc + 1,
                _ => narrowed.push(doc..doc + 1),
            });
        }
        stretches = narrowed;
    }
    Ok(stretches)
}

/// Calls `sink` with each document of `postings` in `stretch` and how often the term occurs there. Asked for
/// stretches in ascending order, it goes through the postings once.
pub(in crate::search) fn each_within(
    postings: &mut BlockSegmentPostings,
    stretch: &Range<DocId>,
    mut sink: impl FnMut(DocId, u32),
) {
    let mut from = postings.seek(stretch.start);
    loop {
        let documents = postings.docs();
        let Some(last) = documents.last() else { return };
        let is_end = *last >= stretch.end;
        let to = if is_end { documents.partition_point(|doc| *doc < stretch.end) } else { documents.len() };
        for at in from..to {
            sink(postings.doc(at), postings.freq(at));
        }
        if is_end {
            return;
        }
        postings.advance();
        from = 0;
    }
}

fn count(stretches: Vec<Range<DocId>>, segment: &SegmentReader, fields: &Fields) -> tantivy::Result<Part> {
    let mut part = Part { stretches, deletions: segment.delete_opstamp(), ..Part::default() };
    if part.stretches.is_empty() {
        return Ok(part);
    }
    let alive = segment.alive_bitset();
    let lives = |doc: &DocId| alive.is_none_or(|alive| alive.is_alive(*doc));
    let documents = || part.stretches.iter().cloned().flatten().filter(lives);
    part.documents = documents().count() as u64;
    let mut lengths = [0; TEXTS];
    for (length, field) in lengths.iter_mut().zip(fields.texts) {
        let norms = segment.get_fieldnorms_reader(field)?;
        *length = documents().map(|doc| u64::from(norms.fieldnorm(doc))).sum();
    }
    part.lengths = lengths;
    Ok(part)
}
