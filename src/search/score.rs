//! Scoring the documents of a scope by BM25 with the statistics of that scope alone, and no more of them than can be
//! among the best.
//!
//! The lists of the words that say most are read first, and they are short. As soon as what the rest could add does not
//! lift a document among the best, it is let go; as soon as that holds for every document that no list has named yet,
//! the long lists of common words are asked only about those that are left. Until that can be, nobody looks whether it
//! is. The result is that of reading everything.

use tantivy::DocId;
use tantivy::fieldnorm::FieldNormReader;

use crate::search::layout::TEXTS;
use crate::search::postings::{Found, Ground, List};
use crate::search::rank::{Address, Best};

/// BM25's constants, as in tantivy and Lucene.
const K1: f32 = 1.2;
const B: f32 = 0.75;
/// The score of a document that was let go, whatever is added to it.
const LET_GO: f32 = f32::NEG_INFINITY;
/// Looking through the candidates pays where so many times as many postings are still to be read.
const WORTH_A_LOOK: u64 = 2;

/// What is wanted of the documents that hold a term.
pub(in crate::search) struct Wanted<F> {
    /// What each field's terms are worth.
    pub(in crate::search) boosts: [f32; TEXTS],
    /// So many.
    pub(in crate::search) limit: usize,
    /// What a document is worth besides its words; `None` for one that is not wanted.
    pub(in crate::search) bonus: F,
    /// No bonus is larger.
    pub(in crate::search) most_bonus: f32,
}

/// A document that may be among the best.
#[derive(Clone, Copy)]
struct Candidate {
    address: Address,
    bonus: f32,
    /// What it has, as of the last [`floor`].
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
    let lengths = Lengths::of(ground);
    let mut sums = Sums::over(ground);
    let mut candidates: Vec<Candidate> = Vec::new();
    // Everything before was looked at once, and is wanted.
    let mut looked_at = 0;
    let mut is_open = true;
    // The worst of the best has no more than this.
    let mut most_floor = wanted.most_bonus;
    for weighed in weigh(ground, found, &wanted.boosts) {
        if is_open {
            add(ground, &weighed, &lengths, &mut sums, |address| {
                candidates.push(Candidate { address, bonus: 0.0, score: 0.0 });
            })?;
        } else {
            add_to(ground, &weighed, &lengths, &mut sums, &candidates)?;
        }
        most_floor += weighed.weight;
        let may_close = most_floor > weighed.rest + wanted.most_bonus;
        if is_open && !may_close || weighed.rest_postings < WORTH_A_LOOK * candidates.len() as u64 {
            continue;
        }
        look_at(&mut candidates, looked_at, wanted, &mut sums);
        looked_at = candidates.len();
        let Some(floor) = floor(&mut candidates, wanted.limit, &sums) else { continue };
        most_floor = wanted.most_bonus.max(floor.above);
        let closes = is_open && weighed.rest + wanted.most_bonus < floor.below;
        candidates.retain(|candidate| {
            let reaches = candidate.score + weighed.rest >= floor.below;
            if !reaches {
                sums.let_go(candidate.address);
            }
            reaches
        });
        looked_at = candidates.len();
        if closes {
            is_open = false;
            // Each list added its own in this order, which this sort makes use of.
            candidates.sort_by_key(|candidate| candidate.address);
        }
    }
    look_at(&mut candidates, looked_at, wanted, &mut sums);
    Ok(best(candidates, wanted.limit, &sums))
}

/// The best of the given documents (ascending, each once, all alive) that hold a term.
pub(in crate::search) fn best_of<F: Fn(Address) -> Option<f32>>(
    ground: &Ground<'_>,
    found: &[Found],
    documents: &[Address],
    wanted: &Wanted<F>,
) -> tantivy::Result<Best<f32>> {
    let bonus = |address: &Address| {
        Some(Candidate { address: *address, bonus: (wanted.bonus)(*address)?, score: 0.0 })
    };
    let mut candidates: Vec<Candidate> = documents.iter().filter_map(bonus).collect();
    if candidates.is_empty() {
        return Ok(Best::new(wanted.limit));
    }
    let lengths = Lengths::of(ground);
    let mut sums = Sums::over(ground);
    for weighed in weigh(ground, found, &wanted.boosts) {
        add_to(ground, &weighed, &lengths, &mut sums, &candidates)?;
    }
    candidates.retain(|candidate| sums.of(candidate.address) > 0.0);
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

/// Adds a list, and tells `sink` of each document that it is the first to name.
fn add(
    ground: &Ground<'_>,
    weighed: &Weighed<'_>,
    lengths: &Lengths,
    sums: &mut Sums,
    mut sink: impl FnMut(Address),
) -> tantivy::Result<()> {
    for segment in 0..ground.view.parts.len() {
        ground.each(weighed.list, weighed.field, segment, |doc, times, norm| {
            let address = Address::new(segment, doc);
            let sum = sums.at(address);
            if *sum == 0.0 {
                sink(address);
            }
            *sum += weighed.weight * lengths.share(weighed.field, times, norm);
        })?;
    }
    Ok(())
}

/// Adds a list to the `candidates` (ascending) alone.
fn add_to(
    ground: &Ground<'_>,
    weighed: &Weighed<'_>,
    lengths: &Lengths,
    sums: &mut Sums,
    candidates: &[Candidate],
) -> tantivy::Result<()> {
    for of_segment in candidates.chunk_by(|a, b| a.address.segment() == b.address.segment()) {
        let Some(segment) = of_segment.first().map(|candidate| candidate.address.segment()) else { continue };
        let documents = of_segment.iter().map(|candidate| candidate.address.doc);
        ground.each_of(weighed.list, weighed.field, segment, documents, |doc, times, norm| {
            *sums.at(Address::new(segment, doc)) +=
                weighed.weight * lengths.share(weighed.field, times, norm);
        })?;
    }
    Ok(())
}

/// Learns the bonus of those from `first` on, and lets go of those that are not wanted.
fn look_at<F: Fn(Address) -> Option<f32>>(
    candidates: &mut Vec<Candidate>,
    first: usize,
    wanted: &Wanted<F>,
    sums: &mut Sums,
) {
    let mut kept = first;
    for at in first..candidates.len() {
        let address = candidates[at].address;
        match (wanted.bonus)(address) {
            Some(bonus) => {
                candidates[kept] = Candidate { address, bonus, score: 0.0 };
                kept += 1;
            }
            None => sums.let_go(address),
        }
    }
    candidates.truncate(kept);
}

/// What the worst of the best has, rounded down and up.
struct Floor {
    below: f32,
    above: f32,
}

/// Scores the candidates, and says what the worst of the best has; `None` while there are fewer than wanted.
fn floor(candidates: &mut [Candidate], limit: usize, sums: &Sums) -> Option<Floor> {
    let is_enough = limit > 0 && candidates.len() >= limit;
    // Most are below the best of those before them, and cost one comparison.
    let mut best: Vec<f32> = Vec::with_capacity(2 * limit);
    let mut floor = LET_GO;
    for candidate in candidates {
        candidate.score = sums.of(candidate.address) + candidate.bonus;
        if is_enough && (best.len() < limit || candidate.score > floor) {
            best.push(candidate.score);
        }
        if is_enough && best.len() == 2 * limit {
            floor = keep_best(&mut best, limit);
        }
    }
    if !is_enough {
        return None;
    }
    let floor = keep_best(&mut best, limit);
    // Sums in another order are rounded otherwise.
    let rounding = floor.abs() * 1e-4;
    Some(Floor { below: floor - rounding, above: floor + rounding })
}

/// Keeps the best `limit` of at least as many, and says what the worst of them is.
fn keep_best(scores: &mut Vec<f32>, limit: usize) -> f32 {
    let (_, worst, _) = scores.select_nth_unstable_by(limit - 1, |a, b| b.total_cmp(a));
    let worst = *worst;
    scores.truncate(limit);
    worst
}

fn best(mut candidates: Vec<Candidate>, limit: usize, sums: &Sums) -> Best<f32> {
    if let Some(floor) = floor(&mut candidates, limit, sums) {
        candidates.retain(|candidate| candidate.score >= floor.below);
    }
    // Of equals always the same are kept.
    candidates.sort_unstable_by_key(|candidate| candidate.address);
    let mut best = Best::new(limit);
    for candidate in candidates {
        best.offer(candidate.score, candidate.address);
    }
    best
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

/// What every document of the scope has so far.
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

    fn let_go(&mut self, address: Address) {
        *self.at(address) = LET_GO;
    }
}
