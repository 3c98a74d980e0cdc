//! The Unigram model: the most probable segmentation of a text into pieces (SentencePiece).
//!
//! # Why the ids are those of `tokenizers`
//! The crate goes through a text from the left and keeps, for each position, the best way that leads there: the same
//! is done here, with the same f64 additions in the same order, and of two equal ways the one whose last
//! piece begins first stays. A character that is no piece is as unlikely as the worst piece and ten more; neighbours of
//! that kind become one token, or the piece that they are together, or bytes.
//!
//! # Where it gives up
//! [`Unigram::new`] says no to more pieces than [`Trie::MOST`], and to scores so large that sums of them could be
//! infinite.

mod pieces;

use pieces::Pieces;
use serde::Deserialize;

use super::pipeline::MissingUnknown;
use super::trie::{Builder, Trie};
use crate::arena::Arena;
use crate::error::Result;
use crate::json;

/// A Unigram model.
pub(crate) struct Unigram {
    trie: Trie,
    /// By id.
    scores: Vec<f64>,
    unknown: Option<u32>,
    unknown_score: f64,
    /// The pieces `<0x00>` to `<0xFF>`, if text that is not in the vocabulary becomes bytes.
    bytes: Option<Box<[Option<u32>; 256]>>,
}

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    /// That of a piece: [`Vocabulary`](crate::Vocabulary) has seen to it.
    unk_id: Option<u32>,
    #[serde(default)]
    byte_fallback: bool,
}

/// What [`Unigram::tokenize`] keeps between calls.
#[derive(Default)]
pub(crate) struct UnigramScratch {
    nodes: Vec<Node>,
}

/// The best way to a position in the text.
#[derive(Clone, Copy)]
struct Node {
    score: f64,
    /// The length and the id of the last piece on it.
    len: u32,
    id: u32,
}

impl Node {
    const UNREACHED: Self = Self { score: f64::NEG_INFINITY, len: 0, id: 0 };
}

/// How much worse a character that is not in the vocabulary is than the worst piece.
const UNKNOWN_PENALTY: f64 = 10.0;

/// Scores below this cannot add up to infinity in a text of any length.
const LARGEST_SCORE: f64 = 1e200;

impl Unigram {
    /// Makes the model of its JSON; `None` if it is beyond the limits of this code.
    ///
    /// # Errors
    /// If it is not a Unigram model.
    pub(crate) fn new(model: &json::Model<'_>) -> Result<Option<Self>> {
        let settings: Settings = model.read()?;
        let mut pieces = Pieces::new(&model.tokens);
        if pieces.len() > Trie::MOST || pieces.scores.iter().any(|score| score.abs() > LARGEST_SCORE) {
            return Ok(None);
        }
        // Not beside the dictionary, which does not last.
        let mut arena = Arena::default();
        let mut builder = Builder::new(&mut arena);
        pieces.sorted(|common, piece, id| builder.insert(common, piece, id));
        let trie = builder.finish(&mut arena);
        let byte = |byte: usize| trie.get(format!("<0x{byte:02X}>").as_bytes());
        let bytes = settings.byte_fallback.then(|| Box::new(std::array::from_fn(byte)));
        let unknown_score = pieces.scores.iter().copied().fold(f64::INFINITY, f64::min) - UNKNOWN_PENALTY;
        Ok(Some(Self { trie, scores: pieces.scores, unknown: settings.unk_id, unknown_score, bytes }))
    }

    /// Appends the ids of a piece of text.
    ///
    /// # Errors
    /// If the piece holds what is not in the vocabulary, and the model has no token for that.
    pub(crate) fn tokenize(
        &self,
        piece: &str,
        scratch: &mut UnigramScratch,
        ids: &mut Vec<u32>,
    ) -> Result<(), MissingUnknown> {
        let text = piece.as_bytes();
        let nodes = &mut scratch.nodes;
        nodes.clear();
        nodes.resize(text.len() + 1, Node::UNREACHED);
        nodes[0].score = 0.0;
        let mut start = 0;
        while start < text.len() {
            let before = nodes[start].score;
            let char_len = char_len(text[start]);
            let mut known = false;
            let nodes = &mut nodes[start..];
            self.trie.prefixes(&text[start..], |len, id| {
                let score = self.scores[id as usize] + before;
                known |= len == char_len;
                if score > nodes[len].score {
                    nodes[len] = Node { score, len: len as u32, id };
                }
            });
            let score = self.unknown_score + before;
            if !known && score > nodes[char_len].score {
                let id = self.unknown.ok_or(MissingUnknown)?;
                nodes[char_len] = Node { score, len: char_len as u32, id };
            }
            start += char_len;
        }
        self.append_path(text, nodes, ids);
        Ok(())
    }

    /// Appends the ids on the best way to the end of the text.
    fn append_path(&self, text: &[u8], nodes: &[Node], ids: &mut Vec<u32>) {
        let first = ids.len();
        let mut end = text.len();
        while end > 0 {
            let node = nodes[end];
            let mut start = end - node.len as usize;
            if Some(node.id) == self.unknown {
                while start > 0 && Some(nodes[start].id) == self.unknown {
                    start -= nodes[start].len as usize;
                }
                self.append_unknown(&text[start..end], node.id, ids);
            } else {
                ids.push(node.id);
            }
            end = start;
        }
        ids[first..].reverse();
    }

    /// Appends the ids, last first, of neighbours that are unknown.
    fn append_unknown(&self, text: &[u8], unknown: u32, ids: &mut Vec<u32>) {
        // Together they may be a piece after all: the text "<unk>", or one that scores worse than its unknown parts.
        if let Some(id) = self.trie.get(text) {
            return ids.push(id);
        }
        let first = ids.len();
        let as_bytes = self.bytes.as_ref().and_then(|bytes| {
            text.iter().rev().try_for_each(|&byte| bytes[usize::from(byte)].map(|id| ids.push(id)))
        });
        if as_bytes.is_none() {
            ids.truncate(first);
            ids.push(unknown);
        }
    }
}

/// The length of the character that begins with a byte.
#[inline]
fn char_len(first: u8) -> usize {
    match first {
        0..0xC0 => 1,
        0xC0..0xE0 => 2,
        0xE0..0xF0 => 3,
        0xF0.. => 4,
    }
}
