//! The pieces as a double array: which of them a text begins with.
//!
//! A node of the trie is a base, and its child by a byte is the unit at `base ^ byte`, if that unit is labelled
//! with the byte. So a step down is one load and one comparison, and the children of a node lie within 256 units.
//! No two nodes have the same base, or one would pass for the other's children.

use super::pieces::Pieces;

/// A trie over the bytes of the pieces.
pub(super) struct Trie {
    units: Vec<Unit>,
    root: u32,
}

/// What leads into a node, and where its children are.
#[derive(Clone, Copy)]
struct Unit {
    base: u32,
    /// From the lowest bit: the byte that leads here, [`TAKEN`], the id of the piece that ends here or [`NO_PIECE`].
    label_and_id: u32,
}

/// Tells a unit labelled 0 from a free one.
const TAKEN: u32 = 1 << 8;
const LABEL: u32 = TAKEN | 0xFF;
const ID_SHIFT: u32 = 9;
const NO_PIECE: u32 = u32::MAX >> ID_SHIFT;
/// The base of nodes without children: the first block stays empty.
const NOWHERE: u32 = 0;

impl Unit {
    const FREE: Self = Self { base: NOWHERE, label_and_id: NO_PIECE << ID_SHIFT };

    #[inline]
    fn has_label(self, byte: u8) -> bool {
        self.label_and_id & LABEL == TAKEN | u32::from(byte)
    }

    #[inline]
    fn id(self) -> Option<u32> {
        let id = self.label_and_id >> ID_SHIFT;
        (id != NO_PIECE).then_some(id)
    }
}

impl Trie {
    /// How many pieces there may be.
    pub(super) const MOST: usize = NO_PIECE as usize;

    /// The trie of at most [`Trie::MOST`] pieces; of those that are listed twice, the last counts. The empty piece is left out: nothing begins
    /// with it that anyone asks for.
    pub(super) fn new(pieces: &Pieces) -> Self {
        let mut builder = Builder::new();
        let mut previous: &[u8] = &[];
        for id in pieces.sorted() {
            let piece = pieces.get(id).as_bytes();
            builder.insert(previous, piece, id);
            previous = piece;
        }
        builder.finish()
    }

    /// Calls `found` with the length and the id of each piece that `text` begins with, shortest first.
    #[inline]
    pub(super) fn prefixes(&self, text: &[u8], mut found: impl FnMut(usize, u32)) {
        let mut base = self.root;
        for (at, &byte) in text.iter().enumerate() {
            let Some(&unit) = self.units.get((base ^ u32::from(byte)) as usize) else { return };
            if !unit.has_label(byte) {
                return;
            }
            if let Some(id) = unit.id() {
                found(at + 1, id);
            }
            base = unit.base;
        }
    }

    /// The id of a piece.
    pub(super) fn get(&self, piece: &[u8]) -> Option<u32> {
        let mut last = Unit::FREE;
        let mut base = self.root;
        for &byte in piece {
            last = *self.units.get((base ^ u32::from(byte)) as usize)?;
            if !last.has_label(byte) {
                return None;
            }
            base = last.base;
        }
        last.id()
    }
}

/// Makes a trie of sorted pieces, in one pass: a node is complete, and finds its place, once a piece comes that does
/// not go through it.
struct Builder {
    units: Vec<Unit>,
    blocks: Vec<Block>,
    /// The first block with a free unit, if any has.
    first_free: usize,
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

/// 256 units: sets of them, by the lower 8 bits of their number.
struct Block {
    free: Set,
    /// Those that are nobody's base.
    bases: Set,
}

type Set = [u64; 4];

impl Builder {
    /// How many of the last blocks are searched for a place for siblings. The many nodes with one child fill the rest.
    const SEARCHED: usize = 4;

    fn new() -> Self {
        let mut builder = Self {
            units: Vec::new(),
            blocks: Vec::new(),
            first_free: 0,
            path: vec![Node { label: 0, id: NO_PIECE, first_child: 0 }],
            children: Vec::new(),
        };
        builder.add_block();
        builder.blocks[0] = Block { free: [0; 4], bases: [0; 4] };
        builder
    }

    fn add_block(&mut self) {
        self.units.resize(self.units.len() + 256, Unit::FREE);
        self.blocks.push(Block { free: [u64::MAX; 4], bases: [u64::MAX; 4] });
    }

    fn insert(&mut self, previous: &[u8], piece: &[u8], id: u32) {
        let common = previous.iter().zip(piece).take_while(|(a, b)| a == b).count();
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
        while self.path.len() > depth {
            let Some(node) = self.path.pop() else { return };
            let base = self.place(node.first_child);
            let label_and_id = node.id << ID_SHIFT | TAKEN | u32::from(node.label);
            self.children.push(Unit { base, label_and_id });
        }
    }

    fn finish(mut self) -> Trie {
        self.close(1);
        let root = self.place(0);
        Trie { units: self.units, root }
    }

    /// Finds room for the children from `first` on, moves them there, and returns the base of their parent.
    fn place(&mut self, first: usize) -> u32 {
        let base = match self.children[first..] {
            [] => return NOWHERE,
            [child] => self.base_for_one(child.label_and_id as u8),
            _ => self.base_for_many(first),
        };
        let (block, low) = (&mut self.blocks[base / 256], base % 256);
        remove(&mut block.bases, low);
        for child in self.children.drain(first..) {
            let label = usize::from(child.label_and_id as u8);
            remove(&mut block.free, low ^ label);
            self.units[base ^ label] = child;
        }
        base as u32
    }

    fn base_for_one(&mut self, label: u8) -> usize {
        while let Some(block) = self.blocks.get(self.first_free) {
            let label = usize::from(label);
            if let Some(unit) = elements(block.free).find(|unit| contains(&block.bases, unit ^ label)) {
                return self.first_free * 256 + (unit ^ label);
            }
            // Full, or so full that trying again does not pay.
            self.first_free += 1;
        }
        self.add_block();
        (self.blocks.len() - 1) * 256
    }

    fn base_for_many(&mut self, first_child: usize) -> usize {
        let labels = || self.children[first_child..].iter().map(|child| child.label_and_id as u8);
        for (index, block) in self.blocks.iter().enumerate().rev().take(Self::SEARCHED) {
            let bases =
                labels().fold(block.bases, |bases, label| intersection(bases, moved(block.free, label)));
            if let Some(low) = first(bases) {
                return index * 256 + low;
            }
        }
        self.add_block();
        (self.blocks.len() - 1) * 256
    }
}

/// The set of `element ^ label` for the elements of a set.
fn moved([a, b, c, d]: Set, label: u8) -> Set {
    // The upper bits of the label exchange words, the lower bits exchange parts of words.
    let [a, b, c, d] = if label & 0x80 == 0 { [a, b, c, d] } else { [c, d, a, b] };
    let [a, b, c, d] = if label & 0x40 == 0 { [a, b, c, d] } else { [b, a, d, c] };
    [a, b, c, d].map(|mut word| {
        const LOWER: [u64; 6] = [
            0x5555_5555_5555_5555,
            0x3333_3333_3333_3333,
            0x0F0F_0F0F_0F0F_0F0F,
            0x00FF_00FF_00FF_00FF,
            0x0000_FFFF_0000_FFFF,
            0x0000_0000_FFFF_FFFF,
        ];
        for (bit, lower) in LOWER.into_iter().enumerate() {
            if label >> bit & 1 != 0 {
                word = (word & lower) << (1 << bit) | (word >> (1 << bit)) & lower;
            }
        }
        word
    })
}

fn elements(set: Set) -> impl Iterator<Item = usize> {
    (0..4).flat_map(move |index| {
        let mut word = set[index];
        std::iter::from_fn(move || {
            let bit = word.trailing_zeros() as usize;
            word &= word.wrapping_sub(1);
            (bit < 64).then_some(index * 64 + bit)
        })
    })
}

fn contains(set: &Set, element: usize) -> bool {
    set[element / 64] >> (element % 64) & 1 != 0
}

fn intersection(a: Set, b: Set) -> Set {
    [a[0] & b[0], a[1] & b[1], a[2] & b[2], a[3] & b[3]]
}

fn first(set: Set) -> Option<usize> {
    let word = set.iter().position(|&word| word != 0)?;
    Some(word * 64 + set[word].trailing_zeros() as usize)
}

fn remove(set: &mut Set, element: usize) {
    set[element / 64] &= !(1 << (element % 64));
}
