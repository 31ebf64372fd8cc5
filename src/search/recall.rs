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
use tantivy::Searcher;
use uuid::Uuid;

use crate::error::Result;
use crate::id::ConversationId;
use crate::search::analyse;
use crate::search::columns::Columns;
use crate::search::dates::{self, Named};
use crate::search::index::Index;
use crate::search::layout::{Kind, TEXTS};
use crate::search::rank::{self, Address, Best, Found, Rank, Ranked};
use crate::search::scope::{Scope, View};

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
    /// Only these.
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
    pub conversation: ConversationId,
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
    /// What bears on the question, best first. A question without content words finds what its date or
    /// nothing names.
    ///
    /// # Errors
    /// `Unavailable` when the index is broken.
    pub fn recall(&self, query: &Query) -> Result<Vec<Hit>> {
        let question = Question::read(query);
        self.shared.guarded(|searcher| {
            let view = self.shared.scopes.view(&query.scope, searcher, &self.shared.fields)?;
            let columns = self.shared.columns.of(searcher, &self.shared.fields)?;
            let asked = Asked { query, question: &question, view: &view, columns: &columns };
            asked.answer(searcher, &self.shared.fields)
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
    view: &'a View,
    columns: &'a [Arc<Columns>],
}

/// What one segment needs to know to weigh a document.
struct Local {
    speakers: Vec<u64>,
    /// The conversation whose newest messages are left out.
    before: Option<(u64, i64)>,
}

impl Asked<'_> {
    fn answer(
        &self,
        searcher: &Searcher,
        fields: &crate::search::layout::Fields,
    ) -> tantivy::Result<Vec<Hit>> {
        let terms = self.question.terms.clone();
        let found = rank::look_up(searcher, fields, self.view, self.columns, terms, TEXTS, MOST_TERMS)?;
        let locals =
            self.columns.iter().map(|columns| self.local(columns)).collect::<tantivy::Result<Vec<_>>>()?;
        let mut best = Best::new(self.query.limit);
        let most = self.most_bonus();
        rank::score(&found, self.view, BOOSTS, |address, score| {
            if best.takes(&(score + most)) {
                let local = &locals[address.segment];
                if self.is_wanted(address, local) {
                    best.offer(score + self.bonus(address, local), address);
                }
            }
        });
        let mut ranked = best.into_vec();
        if ranked.is_empty() && !self.question.dates.is_empty() {
            ranked = self.dated(searcher, &locals);
        }
        self.hits(ranked, &found)
    }

    fn local(&self, columns: &Columns) -> tantivy::Result<Local> {
        let before = match self.query.before {
            Some(before) => columns.number_of(before.conversation)?.map(|number| (number, before.ordinal)),
            None => None,
        };
        Ok(Local { speakers: columns.speakers(&self.question.speakers)?, before })
    }

    fn is_wanted(&self, Address { segment, doc }: Address, local: &Local) -> bool {
        let columns = &self.columns[segment];
        let is_new =
            |(conversation, ordinal)| columns.ordinal(doc) >= ordinal && columns.is_of(doc, conversation);
        self.query.kinds.contains(&columns.kind(doc)) && !local.before.is_some_and(is_new)
    }

    fn bonus(&self, Address { segment, doc }: Address, local: &Local) -> f32 {
        let columns = &self.columns[segment];
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
    fn dated(&self, searcher: &Searcher, locals: &[Local]) -> Vec<Ranked<f32>> {
        let mut best = Best::new(self.query.limit);
        for (segment, part) in self.view.parts.iter().enumerate() {
            let reader = &searcher.segment_readers()[segment];
            for doc in part.stretches.iter().cloned().flatten().filter(|doc| !reader.is_deleted(*doc)) {
                let address = Address { segment, doc };
                let date = self.date_bonus(self.columns[segment].at(doc));
                if date > 0.0 && self.is_wanted(address, &locals[segment]) {
                    best.offer(self.bonus(address, &locals[segment]), address);
                }
            }
        }
        best.into_vec()
    }

    fn hits(&self, ranked: Vec<Ranked<f32>>, found: &[Found]) -> tantivy::Result<Vec<Hit>> {
        let mut hits = Vec::with_capacity(ranked.len());
        for Ranked { rank, address } in ranked {
            let [own, near] = [0, 1].map(|field| self.coverage(found, field, address));
            hits.push(hit(self.columns, address, rank, own, near)?);
        }
        hits.sort_by(|a, b| {
            b.score.compare(&a.score).then((b.at, b.ordinal, b.id).cmp(&(a.at, a.ordinal, a.id)))
        });
        Ok(hits)
    }

    /// The share of the question's terms that a field of the document holds, weighed by their rarity.
    fn coverage(&self, found: &[Found], field: usize, address: Address) -> f32 {
        let (mut all, mut held) = (0.0, 0.0);
        for term in found.iter().filter(|term| !self.question.names.contains(&term.term)) {
            all += term.idf;
            held += if term.is_in(field, address) { term.idf } else { 0.0 };
        }
        if all > 0.0 { held / all } else { 0.0 }
    }
}

/// Reads a document back.
pub(in crate::search) fn hit(
    columns: &[Arc<Columns>],
    Address { segment, doc }: Address,
    score: f32,
    coverage: f32,
    context_coverage: f32,
) -> tantivy::Result<Hit> {
    let columns = &columns[segment];
    Ok(Hit {
        id: columns.id(doc),
        kind: columns.kind(doc),
        conversation: columns.conversation(doc)?,
        ordinal: columns.ordinal(doc),
        at: columns.at(doc),
        score,
        coverage,
        context_coverage,
    })
}
