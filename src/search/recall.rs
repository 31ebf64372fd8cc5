//! Recall: what was said that bears on a question. The recipe was measured piece by piece; its weights are
//! not to be changed by taste.
//!
//! A message is found by its own words, by those of its near neighbours (the answer seldom repeats the
//! question's words, but stands beside them) and, weaker, by those of the wider context. Whoever the question
//! names is more likely to have said it, and a month or day that it names is when. All statistics are the
//! scope's own.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tantivy::DocId;
use uuid::Uuid;

use crate::error::Result;
use crate::id::ConversationId;
use crate::search::analyse;
use crate::search::columns::Columns;
use crate::search::dates::{self, Named};
use crate::search::index::Index;
use crate::search::layout::{Kind, TEXTS};
use crate::search::postings::{Found, Ground};
use crate::search::rank::{Address, Best, Rank, Ranked};
use crate::search::scope::Scope;
use crate::search::score::{self, Wanted};

/// A question to the index.
#[derive(Debug, Clone)]
pub struct Query {
    pub scope: Scope,
    pub text: String,
    /// The name of who asks: who "I" and "my" are.
    pub asker: Option<String>,
    /// The names of those who take part, as in `Document::speaker`.
    pub participants: Vec<String>,
    /// Leaves out what is in the prompt anyway.
    pub before: Option<Before>,
    /// What is wanted. The groups are ranked each among itself, in one pass, and come one after another.
    pub groups: Vec<Group>,
}

/// What is ranked together. No kind is in two groups of one query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Group {
    pub kinds: &'static [Kind],
    /// At most so many hits.
    pub limit: usize,
}

/// Leaves out the newest of one conversation: everything from `ordinal` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Before {
    pub conversation: ConversationId,
    pub ordinal: i64,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub id: Uuid,
    pub kind: Kind,
    pub ordinal: i64,
    /// To the millisecond.
    pub at: DateTime<Utc>,
    /// Comparable within one answer only.
    pub score: f32,
    /// The share, 0 to 1, of the question's content terms that its own text holds, each weighed by how rare
    /// it is in the scope. Names of participants do not count.
    pub coverage: f32,
    /// The same share, of its text and its two neighbours' on each side.
    pub context_coverage: f32,
}

/// What each field's terms are worth: the text, ±2, ±5.
const BOOSTS: [f32; TEXTS] = [0.5, 1.0, 0.3];
const SPEAKER: f32 = 4.0;
const MONTH: f32 = 2.0;
const DAY: f32 = 4.0;
/// Of a long question so many of its rarest terms are searched for, among the first [`MOST_READ`].
const MOST_TERMS: usize = 24;
const MOST_READ: usize = 160;

impl Index {
    /// What bears on the question, group by group, the best of each first. A question without content words finds
    /// what its date or nothing names.
    ///
    /// # Errors
    /// `Unavailable` when the index is broken.
    pub fn recall(&self, query: &Query) -> Result<Vec<Hit>> {
        let question = Question::read(query);
        self.shared.guarded(|searcher| {
            let view = self.shared.scopes.view(&query.scope, searcher, &self.shared.fields)?;
            let columns = self.shared.columns.of(searcher, &self.shared.fields)?;
            let ground = Ground { searcher, fields: &self.shared.fields, view: &view, columns: &columns };
            Asked { query, question: &question, ground }.answer()
        })
    }
}

/// What a question asks for.
#[derive(Debug, PartialEq)]
struct Question {
    /// Distinct content terms.
    terms: Vec<String>,
    /// Those of them that are names of participants: they say nothing about what a text is about. Empty where
    /// there are no other terms.
    names: HashSet<String>,
    /// Folded names of those whom it names.
    speakers: Vec<String>,
    dates: Vec<Named>,
}

impl Question {
    fn read(query: &Query) -> Self {
        let words: HashSet<String> = analyse::words(&query.text).into_iter().collect();
        let mut seen = HashSet::new();
        let mut terms = analyse::terms(&query.text);
        terms.retain(|term| seen.insert(term.clone()));
        terms.truncate(MOST_READ);

        let mut speakers = Vec::new();
        let mut names: HashSet<String> = HashSet::new();
        for name in query.participants.iter().chain(&query.asker) {
            let own = analyse::terms(name);
            if own.iter().any(|term| seen.contains(term)) {
                speakers.push(analyse::fold_name(name));
                names.extend(own);
            }
        }
        if let Some(asker) = &query.asker
            && FIRST_PERSON.iter().any(|word| words.contains(*word))
        {
            speakers.push(analyse::fold_name(asker));
        }
        speakers.sort();
        speakers.dedup();
        if terms.iter().all(|term| names.contains(term)) {
            names.clear();
        }
        Self { terms, names, speakers, dates: dates::named(&query.text) }
    }
}

/// I, me, my: folded.
const FIRST_PERSON: [&str; 41] = [
    "i",
    "me",
    "my",
    "mine",
    "myself",
    "я",
    "мене",
    "мені",
    "мною",
    "мій",
    "моя",
    "моє",
    "мої",
    "мого",
    "моєї",
    "моїх",
    "моєму",
    "моїй",
    "мою",
    "моїм",
    "моїми",
    "меня",
    "мне",
    "мной",
    "мною",
    "мой",
    "мое",
    "мои",
    "моего",
    "моей",
    "моих",
    "моему",
    "моим",
    "моими",
    "моем",
    "我",
    "我的",
    "yo",
    "mi",
    "ich",
    "mein",
];

/// A question on its way through the index.
struct Asked<'a> {
    query: &'a Query,
    question: &'a Question,
    ground: Ground<'a>,
}

/// What one segment needs to know to weigh a document.
struct Local {
    speakers: Vec<u64>,
    /// The conversation whose newest messages are left out.
    before: Option<(u64, i64)>,
}

impl Asked<'_> {
    fn answer(&self) -> tantivy::Result<Vec<Hit>> {
        let found = self.ground.look_up(self.question.terms.clone(), TEXTS, MOST_TERMS)?;
        let columns = self.ground.columns.iter();
        let locals = columns.map(|columns| self.local(columns)).collect::<tantivy::Result<Vec<_>>>()?;
        let mut hits = Vec::new();
        for group in &self.query.groups {
            let mut best = self.best(group, &found, &locals)?;
            if best.is_empty() && !self.question.dates.is_empty() {
                best = self.dated(group, &locals);
            }
            hits.extend(self.hits(best.into_vec(), &found)?);
        }
        Ok(hits)
    }

    fn best(&self, group: &Group, found: &[Found], locals: &[Local]) -> tantivy::Result<Best<f32>> {
        let bonus = |address: Address| {
            let local = &locals[address.segment()];
            self.is_wanted(group, address, local).then(|| self.bonus(address, local))
        };
        let wanted = Wanted { boosts: BOOSTS, limit: group.limit, bonus, most_bonus: self.most_bonus() };
        if group.kinds.contains(&Kind::Message) {
            score::best_of_all(&self.ground, found, &wanted)
        } else {
            score::best_of(&self.ground, found, &self.beside_messages(), &wanted)
        }
    }

    /// What lives in the scope and is no message.
    fn beside_messages(&self) -> Vec<Address> {
        let mut all = Vec::new();
        for (segment, part) in self.ground.view.parts.iter().enumerate() {
            let alive = self.ground.searcher.segment_readers()[segment].alive_bitset();
            let lives = |doc: &DocId| alive.is_none_or(|alive| alive.is_alive(*doc));
            for stretch in &part.stretches {
                let documents = self.ground.columns[segment].beside_messages(stretch).iter().copied();
                all.extend(documents.filter(lives).map(|doc| Address::new(segment, doc)));
            }
        }
        all
    }

    fn local(&self, columns: &Columns) -> tantivy::Result<Local> {
        let before = match self.query.before {
            Some(before) => columns.number_of(before.conversation)?.map(|number| (number, before.ordinal)),
            None => None,
        };
        Ok(Local { speakers: columns.speakers(&self.question.speakers)?, before })
    }

    /// Whether it is of the group, and does not stand in the prompt anyway.
    fn is_wanted(&self, group: &Group, address: Address, local: &Local) -> bool {
        let (columns, doc) = (&self.ground.columns[address.segment()], address.doc);
        let is_new =
            |(conversation, ordinal)| columns.ordinal(doc) >= ordinal && columns.is_of(doc, conversation);
        group.kinds.contains(&columns.kind(doc)) && !local.before.is_some_and(is_new)
    }

    fn bonus(&self, address: Address, local: &Local) -> f32 {
        let (columns, doc) = (&self.ground.columns[address.segment()], address.doc);
        let mut bonus = 0.0;
        if columns.is_said_by(doc, &local.speakers) {
            bonus += SPEAKER;
        }
        if !self.question.dates.is_empty() {
            bonus += self.date_bonus(columns.at(doc));
        }
        bonus
    }

    /// What the best of the dates that were named is worth.
    fn date_bonus(&self, at: DateTime<Utc>) -> f32 {
        let worth = |date: &Named| match (date.is_day(at), date.is_month(at)) {
            (true, _) => MONTH + DAY,
            (false, true) => MONTH,
            (false, false) => 0.0,
        };
        self.question.dates.iter().map(worth).fold(0.0, f32::max)
    }

    fn most_bonus(&self) -> f32 {
        let speaker = if self.question.speakers.is_empty() { 0.0 } else { SPEAKER };
        let date = if self.question.dates.is_empty() { 0.0 } else { MONTH + DAY };
        speaker + date
    }

    /// What was said on the dates that were named, whatever it was: for "what did we do on 7 May?".
    fn dated(&self, group: &Group, locals: &[Local]) -> Best<f32> {
        let mut best = Best::new(group.limit);
        for (segment, part) in self.ground.view.parts.iter().enumerate() {
            let reader = &self.ground.searcher.segment_readers()[segment];
            for doc in part.stretches.iter().cloned().flatten().filter(|doc| !reader.is_deleted(*doc)) {
                let address = Address::new(segment, doc);
                let date = self.date_bonus(self.ground.columns[segment].at(doc));
                if date > 0.0 && self.is_wanted(group, address, &locals[segment]) {
                    best.offer(self.bonus(address, &locals[segment]), address);
                }
            }
        }
        best
    }

    fn hits(&self, ranked: Vec<Ranked<f32>>, found: &[Found]) -> tantivy::Result<Vec<Hit>> {
        let mut addresses: Vec<Address> = ranked.iter().map(|ranked| ranked.address).collect();
        addresses.sort_unstable();
        let [own, near] = [self.coverage(found, 0, &addresses)?, self.coverage(found, 1, &addresses)?];
        let mut hits = Vec::with_capacity(ranked.len());
        for Ranked { rank, address } in ranked {
            let Ok(at) = addresses.binary_search(&address) else { continue };
            hits.push(hit(self.ground.columns, address, rank, own[at], near[at]));
        }
        hits.sort_by(|a, b| {
            b.score.compare(&a.score).then((b.at, b.ordinal, b.id).cmp(&(a.at, a.ordinal, a.id)))
        });
        Ok(hits)
    }

    /// The share of the question's terms that a field of each document (ascending) holds, weighed by their rarity.
    fn coverage(&self, found: &[Found], field: usize, documents: &[Address]) -> tantivy::Result<Vec<f32>> {
        let mut held = vec![0.0; documents.len()];
        let mut all = 0.0;
        for term in found.iter().filter(|term| !self.question.names.contains(&term.term)) {
            all += term.idf;
            let mut at = 0;
            for of_segment in documents.chunk_by(|a, b| a.segment() == b.segment()) {
                let Some(segment) = of_segment.first().map(|address| address.segment()) else { continue };
                let held = &mut held[at..at + of_segment.len()];
                let docs = of_segment.iter().map(|address| address.doc);
                self.ground.each_of(&term.lists[field], field, segment, docs, |doc, _, _| {
                    if let Ok(at) = of_segment.binary_search_by_key(&doc, |address| address.doc) {
                        held[at] += term.idf;
                    }
                })?;
                at += of_segment.len();
            }
        }
        if all > 0.0 {
            held.iter_mut().for_each(|held| *held /= all);
        }
        Ok(held)
    }
}

/// Reads a document back.
pub(in crate::search) fn hit(
    columns: &[Arc<Columns>],
    address: Address,
    score: f32,
    coverage: f32,
    context_coverage: f32,
) -> Hit {
    let (columns, doc) = (&columns[address.segment()], address.doc);
    Hit {
        id: columns.id(doc),
        kind: columns.kind(doc),
        ordinal: columns.ordinal(doc),
        at: columns.at(doc),
        score,
        coverage,
        context_coverage,
    }
}
