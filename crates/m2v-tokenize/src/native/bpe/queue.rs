//! Merging long pieces.
//!
//! Pairs are taken by rank, then by position, and new pairs join in: a priority queue. A heap of 10 million entries
//! misses the cache at each of its levels, so this queue has a list of positions for each rank, and a heap of ranks
//! only. A list is nearly always filled from left to right, and reading it walks through the symbols in order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::pairs::{Found, Pairs};

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
        self.run(pairs, ids);
        let len = ids.iter_mut().zip(self.tokens()).map(|(id, token)| *id = token.1).count();
        if self.symbols.len() > KEEP {
            *self = Self::default();
        }
        len
    }

    /// [`Queue::merge`], a window at a time, so that what it works on stays in the cache; for regular vocabularies.
    ///
    /// A window is cut between two of its tokens, and the next one starts there. What was merged before the cut
    /// is so in the whole text as well, if only nothing merges across the cut. The two tokens next to it decide
    /// that alone: a merge across it would take in parts of these two, each merged as far as it is without the
    /// other, in the same order as in any text that has the two side by side. In the window, the token before the
    /// cut stayed apart from its neighbour. If the next window begins with that same token, all is well; if not,
    /// the two are tried alone.
    pub(super) fn merge_windows(
        &mut self,
        pairs: &Pairs,
        ids: &mut [u32],
        window: usize,
        overlap: usize,
    ) -> usize {
        let Some(tokens) = self.windows(pairs, ids, window, overlap) else { return self.merge(pairs, ids) };
        ids[..tokens.len()].copy_from_slice(&tokens);
        tokens.len()
    }

    /// The tokens; `None` if a token is longer than a window, or if a cut was wrong.
    fn windows(&mut self, pairs: &Pairs, ids: &[u32], window: usize, overlap: usize) -> Option<Vec<u32>> {
        let mut tokens = Vec::new();
        let mut found: Vec<(usize, u32)> = Vec::new();
        let mut start = 0;
        // Where the last token before the window starts, and which one it stayed apart from.
        let mut before: Option<(usize, u32)> = None;
        loop {
            let end = ids.len().min(start + window);
            self.run(pairs, &ids[start..end]);
            found.clear();
            found.extend(self.tokens().map(|(at, id)| (start + at as usize, id)));
            let (_, first) = *found.first()?;
            if let Some((last, _)) = before.filter(|before| before.1 != first) {
                let first_end = found.get(1).map_or(end, |second| second.0);
                self.run(pairs, &ids[last..first_end]);
                if self.symbols[start - last].id == NONE {
                    return None;
                }
            }
            if end == ids.len() {
                tokens.extend(found.iter().map(|token| token.1));
                return Some(tokens);
            }
            let cut = found.partition_point(|token| token.0 <= end - overlap) - 1;
            let (last, _) = *found.get(cut.checked_sub(1)?)?;
            let (next, neighbour) = found[cut];
            tokens.extend(found[..cut].iter().map(|token| token.1));
            (start, before) = (next, Some((last, neighbour)));
        }
    }

    /// The tokens that are left, and where they start.
    fn tokens(&self) -> impl Iterator<Item = (u32, u32)> {
        let symbols = (0..).zip(&self.symbols).map(|(at, symbol)| (at, symbol.id));
        symbols.filter(|symbol| symbol.1 != NONE)
    }

    fn run(&mut self, pairs: &Pairs, ids: &[u32]) {
        self.fill(pairs, ids);
        while let Some(&Reverse(rank)) = self.ranks.peek() {
            self.merge_rank(pairs, rank);
        }
    }

    fn fill(&mut self, pairs: &Pairs, ids: &[u32]) {
        self.symbols.clear();
        let symbol = |(id, at): (&u32, u32)| Symbol { id: *id, previous: at.wrapping_sub(1), next: at + 1 };
        self.symbols.extend(ids.iter().zip(0..).map(symbol));
        self.list_of.resize(pairs.ranks(), NONE);
        for (pair, at) in ids.windows(2).zip(0..) {
            self.push(pairs.get(pair[0], pair[1]), at);
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
        let none = Found::NONE.rank();
        let Symbol { id, previous, next } = self.symbols[at as usize];
        let Some(&right) = self.symbols.get(next as usize).filter(|_| id != NONE) else { return none };
        let current = pairs.get(id, right.id);
        let merged = current.merged();
        // Another pair will do if it becomes the same.
        if current.rank() != rank && (current == Found::NONE || merged != pairs.merged(rank)) {
            return none;
        }
        self.symbols[at as usize] = Symbol { id: merged, previous, next: right.next };
        self.symbols[next as usize].id = NONE;
        let mut lowest = Found::NONE;
        if let Some(before) = self.symbols.get(previous as usize) {
            let found = pairs.get(before.id, merged);
            self.push(found, previous);
            lowest = found;
        }
        if let Some(after) = self.symbols.get_mut(right.next as usize) {
            after.previous = at;
            let found = pairs.get(merged, after.id);
            self.push(found, at);
            lowest = lowest.min(found);
        }
        lowest.rank()
    }

    /// Adds an entry for a pair that merges.
    #[inline]
    fn push(&mut self, found: Found, position: u32) {
        if found == Found::NONE {
            return;
        }
        let rank = found.rank();
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
