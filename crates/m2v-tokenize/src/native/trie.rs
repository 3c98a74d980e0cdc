//! The pieces as a double array: which of them a text begins with.
//!
//! A node of the trie is a base, and its child by a byte is the unit at `base ^ byte`, if that unit is labelled
//! with the byte. So a step down is one load and one comparison, and the children of a node lie within 256 units.
//! No two nodes have the same base, or one would pass for the other's children.

use std::hint::select_unpredictable;

use crate::arena::Arena;
use crate::column::Column;
use crate::prefetch::prefetch;
use crate::token::Token;

/// A trie over the bytes of pieces.
pub(super) struct Trie {
    units: Units,
    root: u32,
}

/// What leads into a node, and where its children are.
#[derive(Clone, Copy)]
struct Unit {
    base: u32,
    /// From the lowest bit: the byte that leads here, [`TAKEN`], the id of the piece that ends here or [`NO_PIECE`].
    label_and_id: u32,
}

/// Each as its base, and its label and id; of free ones, zeros.
type Units = Column<[u32; 2]>;

/// Tells a unit labelled 0 from a free one.
const TAKEN: u32 = 1 << 8;
const LABEL: u32 = TAKEN | 0xFF;
const ID_SHIFT: u32 = 9;
const NO_PIECE: u32 = u32::MAX >> ID_SHIFT;
/// The base of nodes without children: the first block stays empty.
const NOWHERE: u32 = 0;

impl Unit {
    #[inline]
    fn has_label(self, byte: u8) -> bool {
        self.label_and_id & LABEL == TAKEN | u32::from(byte)
    }

    fn label(self) -> usize {
        self.label_and_id as usize & 0xFF
    }

    #[inline]
    fn id(self) -> Option<u32> {
        let id = self.label_and_id >> ID_SHIFT;
        (id != NO_PIECE).then_some(id)
    }
}

impl Trie {
    /// Ids are less than this.
    pub(super) const MOST: usize = NO_PIECE as usize;

    /// The trie of `count` pieces with their ids, each less than [`Trie::MOST`]; `piece` makes them of their numbers.
    pub(super) fn new<'t>(count: usize, piece: impl Fn(u32) -> Token<'t>, arena: &mut Arena) -> Self {
        // The first eight bytes and the number in one: most of sorting is to compare these.
        let entry =
            |number: u32| u128::from(piece(number).first().swap_bytes()) << u64::BITS | u128::from(number);
        let start = |entry: u128| (entry >> u64::BITS) as u64;
        let mut order = arena.open::<[u8; 16]>(count);
        (0..count as u32).for_each(|number| order.push(entry(number).to_ne_bytes()));
        arena.close(&mut order);
        let (order, entry) = (order.as_mut_slice(), u128::from_ne_bytes);
        order.sort_unstable_by_key(|&bytes| entry(bytes));
        let piece = |entry: u128| piece(entry as u32);
        let alike = order.chunk_by_mut(|&a, &b| start(entry(a)) == start(entry(b)));
        for alike in alike.filter(|alike| alike.len() > 1) {
            alike.sort_unstable_by_key(|&bytes| (piece(entry(bytes)).text(), entry(bytes)));
        }
        let mut builder = Builder::new(arena);
        let mut before: Option<u128> = None;
        for entry in order.iter().copied().map(entry) {
            let text = piece(entry).text();
            let common = before.map_or(0, |before| {
                let common = (start(before) ^ start(entry)).leading_zeros() as usize / 8;
                // Beginnings that are not longer than eight bytes are filled up with zeros.
                let texts = || text.iter().zip(piece(before).text());
                if common < 8 { common.min(text.len()) } else { texts().take_while(|(a, b)| a == b).count() }
            });
            builder.insert(common, text, piece(entry).id);
            before = Some(entry);
        }
        builder.finish(arena)
    }

    /// The length and the id of the longest piece that `text` begins with; no bytes if there is none.
    #[inline]
    pub(super) fn longest(&self, text: &[u8]) -> (usize, u32) {
        let mut base = self.root;
        let (mut longest, mut last) = (0, 0);
        for (at, &byte) in text.iter().enumerate() {
            let Some(unit) = self.unit(base, byte) else { break };
            let id = unit.label_and_id >> ID_SHIFT;
            // Whether a piece ends here cannot be predicted.
            longest = select_unpredictable(id == NO_PIECE, longest, at + 1);
            last = select_unpredictable(id == NO_PIECE, last, id);
            base = unit.base;
        }
        (longest, last)
    }

    /// Asks for what is looked at first for the pieces that `text` begins with.
    #[inline]
    pub(super) fn prefetch(&self, text: &[u8]) {
        if let &[first, second, ..] = text {
            let [base, _] = self.units.get((self.root ^ u32::from(first)) as usize).unwrap_or_default();
            prefetch(self.units.address((base ^ u32::from(second)) as usize));
        }
    }

    /// Calls `found` with the length and the id of each piece that `text` begins with, shortest first.
    #[inline]
    pub(super) fn prefixes(&self, text: &[u8], mut found: impl FnMut(usize, u32)) {
        let mut base = self.root;
        for (at, &byte) in text.iter().enumerate() {
            let Some(unit) = self.unit(base, byte) else { return };
            if let Some(id) = unit.id() {
                found(at + 1, id);
            }
            base = unit.base;
        }
    }

    /// The child by a byte.
    #[inline(always)]
    fn unit(&self, base: u32, byte: u8) -> Option<Unit> {
        let [base, label_and_id] = self.units.get((base ^ u32::from(byte)) as usize)?;
        Some(Unit { base, label_and_id }).filter(|unit| unit.has_label(byte))
    }

    /// The id of a piece.
    pub(super) fn get(&self, piece: &[u8]) -> Option<u32> {
        let mut last = Unit { base: NOWHERE, label_and_id: NO_PIECE << ID_SHIFT };
        let mut base = self.root;
        for &byte in piece {
            last = self.unit(base, byte)?;
            base = last.base;
        }
        last.id()
    }
}

/// Makes a trie of sorted pieces with ids less than [`Trie::MOST`], in one pass: a node is complete, and finds its
/// place, once a piece comes that does not go through it.
pub(super) struct Builder {
    array: Array,
    /// The nodes on the way to the last piece; the root is the first.
    path: Vec<Node>,
    /// The children of the nodes on the path that are complete themselves, in the order of the path.
    children: Vec<Unit>,
}

struct Node {
    label: u8,
    id: u32,
    first_child: usize,
}

impl Builder {
    pub(super) fn new(arena: &mut Arena) -> Self {
        let root = Node { label: 0, id: NO_PIECE, first_child: 0 };
        Self { array: Array::new(arena), path: vec![root], children: Vec::new() }
    }

    /// Adds a piece, the first `common` bytes of which are those of the piece before it, and no more. Of equal
    /// pieces, the last counts; the empty piece is left out: nothing begins with it that anyone asks for.
    pub(super) fn insert(&mut self, common: usize, piece: &[u8], id: u32) {
        // There is nothing before the first piece.
        let common = common.min(self.path.len() - 1);
        self.close(common + 1);
        for &label in &piece[common..] {
            self.path.push(Node { label, id: NO_PIECE, first_child: self.children.len() });
        }
        if let [_, .., last] = &mut *self.path {
            last.id = id;
        }
    }

    /// Completes the nodes on the path from the given depth on.
    fn close(&mut self, depth: usize) {
        for node in self.path.drain(depth..).rev() {
            let base = self.array.place(&self.children[node.first_child..]);
            self.children.truncate(node.first_child);
            let label_and_id = node.id << ID_SHIFT | TAKEN | u32::from(node.label);
            self.children.push(Unit { base, label_and_id });
        }
    }

    /// The trie.
    pub(super) fn finish(mut self, arena: &mut Arena) -> Trie {
        self.close(1);
        let root = self.array.place(&self.children);
        arena.close(&mut self.array.units);
        Trie { units: self.array.units, root }
    }
}

/// The double array, and what is free in it.
struct Array {
    units: Units,
    blocks: Vec<Block>,
    /// The first block with room for a child without siblings.
    first_free: usize,
}

/// 256 units: sets of them, by the lower 8 bits of their number.
struct Block {
    free: Set,
    /// Those that are nobody's base.
    bases: Set,
}

type Set = [u64; 4];

impl Array {
    /// How many of the last blocks are searched for a place for siblings. Children without siblings, of which there
    /// are many, fill the rest.
    const SEARCHED: usize = 4;

    fn new(arena: &mut Arena) -> Self {
        let nowhere = Block { free: [0; 4], bases: [0; 4] };
        let mut units = arena.open(256);
        units.resize(256);
        Self { units, blocks: vec![nowhere], first_free: 1 }
    }

    /// Adds a block and returns its first unit.
    fn add_block(&mut self) -> usize {
        let first = self.units.len();
        self.units.resize(first + 256);
        self.blocks.push(Block { free: [u64::MAX; 4], bases: [u64::MAX; 4] });
        first
    }

    /// Finds room for siblings and returns the base of their parent.
    fn place(&mut self, children: &[Unit]) -> u32 {
        let base = match children {
            [] => return NOWHERE,
            [_] => self.base_for_one(children),
            _ => self.base_for_all(children),
        };
        let (block, low) = (&mut self.blocks[base / 256], base % 256);
        remove(&mut block.bases, low);
        for child in children {
            remove(&mut block.free, low ^ child.label());
            self.units.set(base ^ child.label(), [child.base, child.label_and_id]);
        }
        base as u32
    }

    fn base_for_one(&mut self, child: &[Unit]) -> usize {
        while let Some(block) = self.blocks.get(self.first_free) {
            if let Some(low) = block.base_for(child) {
                return self.first_free * 256 + low;
            }
            // Full, or so full that trying again does not pay.
            self.first_free += 1;
        }
        self.add_block()
    }

    fn base_for_all(&mut self, children: &[Unit]) -> usize {
        for (index, block) in self.blocks.iter().enumerate().rev().take(Self::SEARCHED) {
            if let Some(low) = block.base_for(children) {
                return index * 256 + low;
            }
        }
        self.add_block()
    }
}

impl Block {
    /// A base that puts siblings in free units.
    #[inline]
    fn base_for(&self, children: &[Unit]) -> Option<usize> {
        (0..4).find_map(|word| {
            let bases = children.iter().try_fold(self.bases[word], |bases, child| {
                // The upper bits of a label exchange the words of a set, the lower bits the bits of a word.
                let free = self.free[word ^ (child.label() / 64)];
                let bases = bases & if free == 0 { 0 } else { exchanged(free, child.label() % 64) };
                (bases != 0).then_some(bases)
            })?;
            Some(word * 64 + bases.trailing_zeros() as usize)
        })
    }
}

/// The set of `element ^ label` for the elements of a set.
#[inline]
fn exchanged(set: u64, label: usize) -> u64 {
    const LOWER: [u64; 6] = [
        0x5555_5555_5555_5555,
        0x3333_3333_3333_3333,
        0x0F0F_0F0F_0F0F_0F0F,
        0x00FF_00FF_00FF_00FF,
        0x0000_FFFF_0000_FFFF,
        0x0000_0000_FFFF_FFFF,
    ];
    LOWER.into_iter().enumerate().fold(set, |set, (bit, lower)| {
        let other = (set & lower) << (1 << bit) | set >> (1 << bit) & lower;
        if label >> bit & 1 == 0 { set } else { other }
    })
}

fn remove(set: &mut Set, element: usize) {
    set[element / 64] &= !(1 << (element % 64));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Trie;
    use crate::arena::Arena;
    use crate::token::Token;

    /// Few bytes, those with which a table of few children is likely to be read past its end among them.
    fn any_text(longest: usize) -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(prop::sample::select(vec![0, 1, b'a', b'b', 0x80, 0xFF]), 0..=longest)
    }

    proptest! {
        #[test]
        fn finds_what_trying_each_piece_finds(
            pieces in prop::collection::vec(any_text(12), 0..300),
            texts in prop::collection::vec(any_text(14), 1..20),
        ) {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            // The largest there may be.
            let id = |number: usize| (Trie::MOST - 1 - number) as u32;
            let ids = pieces.iter().zip((0..).map(id));
            let tokens: Vec<_> = ids.map(|(&bytes, id)| Token { bytes, start: 0, end: bytes.len(), id }).collect();
            let trie = Trie::new(tokens.len(), |number| tokens[number as usize], &mut Arena::default());
            let ends: Vec<Vec<u8>> = pieces.iter().zip(&texts).map(|(piece, text)| [piece, &**text].concat()).collect();
            for text in texts.iter().chain(&ends) {
                // Of pieces that are listed twice, the last counts; the empty one does not.
                let begins = |len: usize| {
                    let number = pieces.iter().rposition(|piece| !piece.is_empty() && *piece == &text[..len])?;
                    Some((len, id(number)))
                };
                let found = trie.longest(text);
                prop_assert_eq!(found, (0..=text.len()).rev().find_map(begins).unwrap_or_default());
                let mut prefixes = Vec::new();
                trie.prefixes(text, |len, number| prefixes.push((len, number)));
                prop_assert_eq!(prefixes, (0..=text.len()).filter_map(begins).collect::<Vec<_>>());
                prop_assert_eq!(trie.get(text), begins(text.len()).map(|found| found.1));
            }
        }
    }
}
