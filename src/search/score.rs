//! Scoring the documents of a scope by BM25 with the statistics of that scope alone, and no more of them than can be
//! among the best.
//!
//! The lists of the words that say most are read first, and they are short. As soon as what the rest could add does not
//! lift a document among the best that no list has named yet, only those are kept that can still come among them, and
//! long lists of common words are asked about these alone. The result is that of reading everything.

use tantivy::DocId;
use tantivy::fieldnorm::FieldNormReader;

use crate::search::layout::TEXTS;
use crate::search::postings::{Found, Ground, List};
use crate::search::rank::{Address, Best};

/// BM25's constants, as in tantivy and Lucene.
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// The score of a document that is not wanted, whatever is added to it.
const UNWANTED: f32 = f32::NEG_INFINITY;
/// Looking through the candidates pays where so many times as many postings are still to be read.
const WORTH_A_LOOK: u64 = 2;
/// Only the candidates are asked about from where the best have so many times as much as the rest could add. From 1 on
/// that is right, but then nearly everything that was named is a candidate. This was the fastest of 1 to 3.
const WORTH_CLOSING: f32 = 1.5;
/// A list that has fewer postings for each document that it is asked about is read as fast as it is asked.
const WORTH_ASKING: u64 = 4;

/// What is wanted of the documents that hold a term.
pub(in crate::search) struct Wanted<F> {
    /// What each field's terms are worth.
    pub(in crate::search) boosts: [f32; TEXTS],
    /// So many.
    pub(in crate::search) limit: usize,
    /// What a document is worth besides its words, at least 0; `None` for one that is not wanted.
    pub(in crate::search) bonus: F,
    /// No bonus is larger.
    pub(in crate::search) most_bonus: f32,
}

/// A document that may be among the best.
#[derive(Clone, Copy)]
struct Candidate {
    address: Address,
    /// What it had when it was last looked at.
    score: f32,
}

/// A list on its way into the sums. No document gets `weight` of it, whatever it holds.
struct Weighed<'a> {
    list: &'a List,
    field: usize,
    weight: f32,
    /// What all the lists after this one can add, and how many postings they have.
    rest: f32,
    rest_postings: u64,
}

/// The best of all documents of the scope that hold a term.
pub(in crate::search) fn best_of_all<F: Fn(Address) -> Option<f32>>(
    ground: &Ground<'_>,
    found: &[Found],
    wanted: &Wanted<F>,
) -> tantivy::Result<Best<f32>> {
    if wanted.limit == 0 {
        return Ok(Best::new(0));
    }
    let lengths = Lengths::of(ground);
    let mut sums = Sums::over(ground);
    let mut leaders = Leaders::new(wanted.limit);
    // None while every document may still be among the best.
    let mut candidates: Option<Vec<Candidate>> = None;
    for weighed in weigh(ground, found, &wanted.boosts) {
        match &mut candidates {
            None => {
                add_to_all(ground, &weighed, &lengths, wanted, &mut sums, &mut leaders)?;
                if leaders.floor() > WORTH_CLOSING * weighed.rest + wanted.most_bonus {
                    candidates = Some(sums.reaching(leaders.floor() - weighed.rest, wanted));
                }
            }
            Some(candidates) => {
                add_to(ground, &weighed, &lengths, &mut sums, candidates)?;
                if weighed.rest_postings >= WORTH_A_LOOK * candidates.len() as u64 {
                    let floor = look_at(candidates, wanted.limit, &sums);
                    candidates.retain(|candidate| candidate.score + weighed.rest >= floor);
                }
            }
        }
    }
    let candidates = candidates.unwrap_or_else(|| sums.reaching(leaders.floor(), wanted));
    Ok(best(candidates, wanted.limit, &sums))
}

/// The best of the given documents (ascending, each once, all alive) that hold a term.
pub(in crate::search) fn best_of<F: Fn(Address) -> Option<f32>>(
    ground: &Ground<'_>,
    found: &[Found],
    documents: &[Address],
    wanted: &Wanted<F>,
) -> tantivy::Result<Best<f32>> {
    let candidate = |address: &Address| {
        let bonus = (wanted.bonus)(*address)?;
        Some(Candidate { address: *address, score: bonus })
    };
    let mut candidates: Vec<Candidate> = documents.iter().filter_map(candidate).collect();
    if candidates.is_empty() || wanted.limit == 0 {
        return Ok(Best::new(wanted.limit));
    }
    let lengths = Lengths::of(ground);
    let mut sums = Sums::over(ground);
    for candidate in &candidates {
        *sums.at(candidate.address) = candidate.score;
    }
    for weighed in weigh(ground, found, &wanted.boosts) {
        add_to(ground, &weighed, &lengths, &mut sums, &candidates)?;
    }
    // A bonus by itself is nothing.
    candidates.retain(|candidate| sums.of(candidate.address) > candidate.score);
    Ok(best(candidates, wanted.limit, &sums))
}

/// Calls `sink` with each document that holds a term in its text, and how many of the terms it holds.
pub(in crate::search) fn tally(
    ground: &Ground<'_>,
    found: &[Found],
    mut sink: impl FnMut(Address, u32),
) -> tantivy::Result<()> {
    let mut sums = Sums::over(ground);
    let mut holding = Vec::new();
    for term in found {
        for segment in 0..ground.view.parts.len() {
            ground.each(&term.lists[0], 0, segment, |doc, _, _| {
                let sum = sums.at(Address::new(segment, doc));
                if *sum == 0.0 {
                    holding.push(Address::new(segment, doc));
                }
                *sum += 1.0;
            })?;
        }
    }
    for address in holding {
        sink(address, sums.of(address).round() as u32);
    }
    Ok(())
}

/// The lists that anything holds, those that say most first.
fn weigh<'a>(ground: &Ground<'_>, found: &'a [Found], boosts: &[f32; TEXTS]) -> Vec<Weighed<'a>> {
    let mut weighed: Vec<Weighed<'a>> = Vec::new();
    for term in found {
        for (field, (list, boost)) in term.lists.iter().zip(boosts).enumerate() {
            if list.holding > 0 {
                let weight = boost * ground.idf(list.holding) * (1.0 + K1);
                weighed.push(Weighed { list, field, weight, rest: 0.0, rest_postings: 0 });
            }
        }
    }
    weighed.sort_by(|a, b| b.weight.total_cmp(&a.weight));
    let (mut rest, mut rest_postings) = (0.0, 0);
    for weighed in weighed.iter_mut().rev() {
        (weighed.rest, weighed.rest_postings) = (rest, rest_postings);
        rest += weighed.weight;
        rest_postings += weighed.list.holding;
    }
    weighed
}

/// Adds a list, and tells the leaders.
fn add_to_all<F: Fn(Address) -> Option<f32>>(
    ground: &Ground<'_>,
    weighed: &Weighed<'_>,
    lengths: &Lengths,
    wanted: &Wanted<F>,
    sums: &mut Sums,
    leaders: &mut Leaders,
) -> tantivy::Result<()> {
    for (segment, (start, sums)) in sums.parts.iter_mut().enumerate() {
        ground.each(weighed.list, weighed.field, segment, |doc, times, norm| {
            let sum = &mut sums[(doc - *start) as usize];
            if *sum == 0.0 && wanted.has_bonuses() {
                *sum = (wanted.bonus)(Address::new(segment, doc)).unwrap_or(UNWANTED);
            }
            *sum += weighed.weight * lengths.share(weighed.field, times, norm);
            if *sum > leaders.floor {
                let address = Address::new(segment, doc);
                if wanted.wants(address) {
                    leaders.offer(address, *sum);
                }
            }
        })?;
    }
    leaders.settle();
    Ok(())
}

/// Adds a list to the `candidates` (ascending). What others have is not kept up any more.
fn add_to(
    ground: &Ground<'_>,
    weighed: &Weighed<'_>,
    lengths: &Lengths,
    sums: &mut Sums,
    candidates: &[Candidate],
) -> tantivy::Result<()> {
    let asks = weighed.list.holding >= WORTH_ASKING * candidates.len() as u64;
    for of_segment in candidates.chunk_by(|a, b| a.address.segment() == b.address.segment()) {
        let Some(segment) = of_segment.first().map(|candidate| candidate.address.segment()) else { continue };
        let (start, sums) = &mut sums.parts[segment];
        let add = |doc, times, norm| {
            sums[(doc - *start) as usize] += weighed.weight * lengths.share(weighed.field, times, norm);
        };
        if asks {
            let documents = of_segment.iter().map(|candidate| candidate.address.doc);
            ground.each_of(weighed.list, weighed.field, segment, documents, add)?;
        } else {
            ground.each(weighed.list, weighed.field, segment, add)?;
        }
    }
    Ok(())
}

/// Scores the candidates, and says what the worst of the best has, a little less at most.
fn look_at(candidates: &mut [Candidate], limit: usize, sums: &Sums) -> f32 {
    // Most are below the best of those before them, and cost one comparison.
    let mut leaders = Leaders::new(limit);
    for candidate in candidates {
        candidate.score = sums.of(candidate.address);
        if candidate.score > leaders.floor {
            leaders.offer(candidate.address, candidate.score);
        }
    }
    leaders.settle();
    leaders.floor()
}

/// The best of the candidates (ascending).
fn best(mut candidates: Vec<Candidate>, limit: usize, sums: &Sums) -> Best<f32> {
    let floor = look_at(&mut candidates, limit, sums);
    let mut best = Best::new(limit);
    // In this order: of equals always the same are kept.
    for candidate in candidates.into_iter().filter(|candidate| candidate.score >= floor) {
        best.offer(candidate.score, candidate.address);
    }
    best
}

impl<F: Fn(Address) -> Option<f32>> Wanted<F> {
    /// Otherwise a document has to be looked at only when it is among the best.
    fn has_bonuses(&self) -> bool {
        self.most_bonus > 0.0
    }

    /// Whether a document that has a sum is wanted.
    fn wants(&self, address: Address) -> bool {
        // The sums of those that are not are below everything.
        self.has_bonuses() || (self.bonus)(address).is_some()
    }
}

/// The documents that have most so far, among those that were offered.
struct Leaders {
    limit: usize,
    /// So many as wanted have at least this: any other needs more to be among the best.
    floor: f32,
    /// As of the lists before this one; each document once.
    earlier: Vec<Candidate>,
    /// Of this list; each document once.
    offered: Vec<Candidate>,
}

impl Leaders {
    fn new(limit: usize) -> Self {
        Self { limit, floor: UNWANTED, earlier: Vec::new(), offered: Vec::new() }
    }

    /// What a document needs to be among the best. Sums in another order are rounded otherwise, so a little less.
    fn floor(&self) -> f32 {
        self.floor - self.floor.abs() * 1e-4
    }

    /// Takes a document that has more than the floor; none twice until it [`settle`](Self::settle)s.
    fn offer(&mut self, address: Address, score: f32) {
        self.offered.push(Candidate { address, score });
        if self.offered.len() >= 2 * self.limit {
            self.floor = self.floor.max(keep_best(&mut self.offered, self.limit));
        }
    }

    /// Counts what was offered, each document with what it has by now.
    fn settle(&mut self) {
        if self.offered.is_empty() {
            return;
        }
        self.earlier.append(&mut self.offered);
        self.earlier.sort_unstable_by(|a, b| a.address.cmp(&b.address).then(b.score.total_cmp(&a.score)));
        self.earlier.dedup_by_key(|candidate| candidate.address);
        if self.earlier.len() >= self.limit {
            self.floor = self.floor.max(keep_best(&mut self.earlier, self.limit));
        }
    }
}

/// Keeps the best `limit` of at least as many, and says what the worst of them is.
fn keep_best(candidates: &mut Vec<Candidate>, limit: usize) -> f32 {
    let (_, worst, _) = candidates.select_nth_unstable_by(limit - 1, |a, b| b.score.total_cmp(&a.score));
    let worst = worst.score;
    candidates.truncate(limit);
    worst
}

/// The length part of BM25, by field and norm.
struct Lengths([[f32; 256]; TEXTS]);

impl Lengths {
    fn of(ground: &Ground<'_>) -> Self {
        Self(std::array::from_fn(|field| {
            std::array::from_fn(|norm| {
                let length = FieldNormReader::id_to_fieldnorm(norm as u8) as f32;
                K1 * (1.0 - B + B * length / ground.view.average_lengths[field])
            })
        }))
    }

    /// What share of its weight a term is worth that a field holds so often: below 1.
    fn share(&self, field: usize, times: u32, norm: u8) -> f32 {
        let times = times as f32;
        times / (times + self.0[field][usize::from(norm)])
    }
}

/// What every document of the scope has so far, 0 where no list has named it.
struct Sums {
    /// Per segment, from the first document of the scope on.
    parts: Vec<(DocId, Vec<f32>)>,
}

impl Sums {
    fn over(ground: &Ground<'_>) -> Self {
        let parts = ground.view.parts.iter().map(|part| {
            let start = part.stretches.first().map_or(0, |first| first.start);
            let end = part.stretches.last().map_or(0, |last| last.end);
            (start, vec![0.0; (end - start) as usize])
        });
        Self { parts: parts.collect() }
    }

    fn at(&mut self, address: Address) -> &mut f32 {
        let (start, sums) = &mut self.parts[address.segment()];
        &mut sums[(address.doc - *start) as usize]
    }

    fn of(&self, address: Address) -> f32 {
        let (start, sums) = &self.parts[address.segment()];
        sums[(address.doc - start) as usize]
    }

    /// What was named, has at least so much, and is wanted; ascending.
    fn reaching<F: Fn(Address) -> Option<f32>>(&self, least: f32, wanted: &Wanted<F>) -> Vec<Candidate> {
        let mut reaching = Vec::new();
        let least = least.max(f32::MIN_POSITIVE);
        for (segment, (start, sums)) in self.parts.iter().enumerate() {
            for (at, score) in sums.iter().enumerate() {
                if *score >= least {
                    let address = Address::new(segment, *start + at as DocId);
                    if wanted.wants(address) {
                        reaching.push(Candidate { address, score: *score });
                    }
                }
            }
        }
        reaching
    }
}
