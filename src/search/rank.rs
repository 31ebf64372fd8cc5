//! Keeping the best of many.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use tantivy::{DocId, SegmentOrdinal};

/// A document's place in the index. Small: a question may go through a hundred thousand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::search) struct Address {
    segment: SegmentOrdinal,
    pub(in crate::search) doc: DocId,
}

impl Address {
    pub(in crate::search) fn new(segment: usize, doc: DocId) -> Self {
        Self { segment: segment as SegmentOrdinal, doc }
    }

    /// The place of its segment among all.
    pub(in crate::search) fn segment(self) -> usize {
        self.segment as usize
    }
}

/// A document that was found, with what it is ranked by: greater is better.
#[derive(Debug, Clone, Copy)]
pub(in crate::search) struct Ranked<R> {
    pub(in crate::search) rank: R,
    pub(in crate::search) address: Address,
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

    pub(in crate::search) fn is_empty(&self) -> bool {
        self.heap.is_empty()
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
