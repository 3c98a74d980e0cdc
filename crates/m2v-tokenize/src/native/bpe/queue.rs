//! Merging long pieces.
//!
//! Pairs are taken by rank, then by position, and new pairs join in: a priority queue. A heap of 10 million entries
//! misses the cache at each of its levels, so this queue has a list of positions for each rank, and a heap of ranks
//! only. A list is nearly always filled from left to right, and reading it walks through the symbols in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::pairs::{NO_RANK, Pairs};

#[derive(Default)]
pub(super) struct Queue {
    symbols: Vec<Symbol>,
    /// The ranks that have a list.
    ranks: BinaryHeap<Reverse<u32>>,
    /// The list of each rank, or [`NONE`].
    list_of: Vec<u32>,
    lists: Vec<List>,
    /// Lists that no rank has.
    free: Vec<u32>,
}

#[derive(Clone, Copy)]
struct Symbol {
    /// [`NONE`] once it is part of the symbol before it.
    id: u32,
    /// Beyond all symbols if there is none, as is `next`.
    previous: u32,
    next: u32,
}

/// Positions of the left symbols of pairs with the same rank.
#[derive(Default)]
struct List {
    positions: Vec<u32>,
    /// How many were taken.
    taken: usize,
    /// Whether the others need sorting.
    unsorted: bool,
}

const NONE: u32 = u32::MAX;

/// More symbols than this are not kept room for.
const KEEP: usize = 1 << 16;

impl Queue {
    /// Merges symbols, fewer than 2³², in place; how many are left.
    pub(super) fn merge(&mut self, pairs: &Pairs, ids: &mut [u32]) -> usize {
        self.fill(pairs, ids);
        while let Some(&Reverse(rank)) = self.ranks.peek() {
            self.merge_rank(pairs, rank);
        }
        let left = self.symbols.iter().map(|symbol| symbol.id).filter(|&id| id != NONE);
        let len = ids.iter_mut().zip(left).map(|(id, symbol)| *id = symbol).count();
        if self.symbols.len() > KEEP {
            *self = Self::default();
        }
        len
    }

    fn fill(&mut self, pairs: &Pairs, ids: &[u32]) {
        self.symbols.clear();
        let symbol = |(id, at): (&u32, u32)| Symbol { id: *id, previous: at.wrapping_sub(1), next: at + 1 };
        self.symbols.extend(ids.iter().zip(0..).map(symbol));
        self.list_of.resize(pairs.len(), NONE);
        for (pair, at) in ids.windows(2).zip(0..) {
            let rank = pairs.rank(pair[0], pair[1]);
            if rank != NO_RANK {
                self.push(rank, at);
            }
        }
    }

    /// Takes the pairs of the lowest rank, from the left, until there are none or there is a lower rank.
    fn merge_rank(&mut self, pairs: &Pairs, rank: u32) {
        let at = self.list_of[rank as usize] as usize;
        loop {
            let list = &mut self.lists[at];
            if list.unsorted {
                list.positions[list.taken..].sort_unstable();
                list.unsorted = false;
            }
            let Some(&position) = list.positions.get(list.taken) else {
                list.positions.clear();
                list.taken = 0;
                self.list_of[rank as usize] = NONE;
                self.free.push(at as u32);
                self.ranks.pop();
                return;
            };
            list.taken += 1;
            if self.merge_at(pairs, rank, position) < rank {
                return;
            }
        }
    }

    /// Merges the pair that a queue entry stands for, unless it is stale. The lowest rank of new pairs.
    #[inline]
    fn merge_at(&mut self, pairs: &Pairs, rank: u32, at: u32) -> u32 {
        let Symbol { id, previous, next } = self.symbols[at as usize];
        let Some(&right) = self.symbols.get(next as usize).filter(|_| id != NONE) else { return NO_RANK };
        let merged = pairs.merged(rank);
        let current = pairs.rank(id, right.id);
        // Another pair will do if it becomes the same.
        if current == NO_RANK || pairs.merged(current) != merged {
            return NO_RANK;
        }
        self.symbols[at as usize] = Symbol { id: merged, previous, next: right.next };
        self.symbols[next as usize].id = NONE;
        let mut lowest = NO_RANK;
        if let Some(before) = self.symbols.get(previous as usize) {
            let rank = pairs.rank(before.id, merged);
            if rank != NO_RANK {
                self.push(rank, previous);
                lowest = rank;
            }
        }
        if let Some(after) = self.symbols.get_mut(right.next as usize) {
            after.previous = at;
            let rank = pairs.rank(merged, after.id);
            if rank != NO_RANK {
                self.push(rank, at);
                lowest = lowest.min(rank);
            }
        }
        lowest
    }

    #[inline]
    fn push(&mut self, rank: u32, position: u32) {
        let list = &mut self.list_of[rank as usize];
        if *list == NONE {
            *list = self.free.pop().unwrap_or_else(|| {
                self.lists.push(List::default());
                self.lists.len() as u32 - 1
            });
            self.ranks.push(Reverse(rank));
        }
        let list = &mut self.lists[*list as usize];
        list.unsorted |= list.positions.last().is_some_and(|&last| last > position);
        list.positions.push(position);
    }
}
