//! The normalizer of SentencePiece: a table of replacements, made when the model was trained.
//!
//! The table (`precompiled_charsmap`) is a double array over bytes and the replacements it leads to. The reference
//! looks up whole grapheme clusters of less than 6 bytes, and the characters of a cluster that it does not find one by
//! one. Its look-up takes the *shortest* entry that the cluster begins with and replaces the *whole* cluster, so it
//! may lose marks; models were trained with that, and so it stays.
//!
//! Most of a text is clusters of one character, and they are found without the rules of Unicode: see [`is_boundary`].
//!
//! # Cutting texts
//! A text may be cut wherever two clusters meet: each cluster is replaced on its own, and where clusters end depends on
//! what is before, never on what comes after the next character. Before a space, that is everywhere but after the few
//! characters for which [`may_cut_before_space`] says no (a mark after the space belongs to the space: it is on the
//! same side of the cut). So the text before a run of spaces and the text from it on can be normalised apart. What
//! stands between white space is normalised as it is alone if no mark is at its start either: [`stands_apart`].

#[cfg(all(test, feature = "hf"))]
pub(super) mod tests;

use base64::alphabet;
use base64::engine::{DecodePaddingMode, Engine, GeneralPurpose, GeneralPurposeConfig};
use unicode_segmentation::UnicodeSegmentation;

use crate::error::{Error, Result};

/// The normalizer.
pub(super) struct Precompiled {
    trie: Vec<u32>,
    /// Replacements, each with a NUL behind it.
    replacements: String,
    /// Bytes that are copied: ASCII characters that stay as they are, but for the carriage return, the only one to form
    /// a cluster with another.
    plain: [bool; 256],
}

/// Clusters that are not shorter are looked up character by character only.
const LONG_CLUSTER: usize = 6;

impl Precompiled {
    /// Reads a table in base 64.
    ///
    /// # Errors
    /// If it is not a table.
    pub(super) fn from_base64(charsmap: Option<&str>) -> Result<Self> {
        let charsmap = charsmap.ok_or_else(|| wrong("nothing"))?;
        Self::new(&decode_base64(charsmap).ok_or_else(|| wrong("something else"))?)
    }

    fn new(charsmap: &[u8]) -> Result<Self> {
        let (len, bytes) = charsmap.split_first_chunk().ok_or_else(|| wrong("less than 4 bytes"))?;
        let units = u32::from_le_bytes(*len) as usize / 4;
        let (trie, replacements) =
            bytes.split_at_checked(units * 4).ok_or_else(|| wrong("less than its length says"))?;
        let replacements =
            str::from_utf8(replacements).map_err(|_| wrong("replacements that are not UTF-8"))?;
        if units == 0 {
            return Err(wrong("an empty one"));
        }
        let mut table = Self {
            trie: trie.as_chunks().0.iter().map(|unit| u32::from_le_bytes(*unit)).collect(),
            replacements: replacements.to_owned(),
            plain: [false; 256],
        };
        for byte in 0..128 {
            table.plain[usize::from(byte)] = byte != b'\r' && table.replacement(&[byte]).is_none();
        }
        Ok(table)
    }

    /// Whether it leaves ASCII as it is, but for white space and control characters.
    pub(super) fn leaves_ascii(&self) -> bool {
        (b'!'..=b'~').all(|byte| self.plain[usize::from(byte)])
    }

    /// The normalised text.
    pub(super) fn normalized(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        self.normalize(text, &mut out);
        out
    }

    /// Appends the normalised text.
    pub(super) fn normalize(&self, text: &str, out: &mut String) {
        let mut rest = text;
        while !rest.is_empty() {
            let bytes = rest.as_bytes();
            let plain = bytes.iter().position(|&byte| !self.plain[usize::from(byte)]).unwrap_or(bytes.len());
            // The last of them may be in one cluster with what follows.
            let joins = bytes.get(plain).is_some_and(|byte| !byte.is_ascii());
            let (copied, other) = rest.split_at(plain - usize::from(joins && plain > 0));
            out.push_str(copied);
            let (stretch, after) = other.split_at(stretch(other));
            let mut chars = stretch.chars();
            if chars.next().is_some() && chars.next().is_none() {
                out.push_str(self.replacement(stretch.as_bytes()).unwrap_or(stretch));
            } else {
                stretch.graphemes(true).for_each(|cluster| self.normalize_cluster(cluster, out));
            }
            rest = after;
        }
    }

    fn normalize_cluster(&self, cluster: &str, out: &mut String) {
        if cluster.len() < LONG_CLUSTER
            && let Some(replacement) = self.replacement(cluster.as_bytes())
        {
            return out.push_str(replacement);
        }
        for c in cluster.chars() {
            match self.replacement(c.encode_utf8(&mut [0; 4]).as_bytes()) {
                Some(replacement) => out.push_str(replacement),
                None => out.push(c),
            }
        }
    }

    /// The replacement of the shortest entry that a text begins with. Nothing where the table leads out of itself, and
    /// the reference panics.
    fn replacement(&self, text: &[u8]) -> Option<&str> {
        let offset = |unit: u32| (unit >> 10) << ((unit & 1 << 9) >> 6);
        let unit = |at: u32| self.trie.get(at as usize).copied();
        let mut at = offset(unit(0)?);
        for &byte in text {
            at ^= u32::from(byte);
            let found = unit(at)?;
            // NUL ends the keys of the table, so none holds it.
            if byte == 0 || found & (1 << 31 | 0xFF) != u32::from(byte) {
                return None;
            }
            at ^= offset(found);
            if found >> 8 & 1 != 0 {
                let start = unit(at)? & !(1 << 31);
                return self.replacements.get(start as usize..)?.split('\0').next();
            }
        }
        None
    }
}

/// The length of the text up to the first place where two clusters meet that can be seen without the rules of Unicode.
fn stretch(text: &str) -> usize {
    let mut chars = text.char_indices();
    let Some((_, mut previous)) = chars.next() else { return 0 };
    for (at, c) in chars {
        if is_boundary(previous, c) {
            return at;
        }
        previous = c;
    }
    text.len()
}

/// Whether it is certain that two characters are in different clusters.
fn is_boundary(previous: char, next: char) -> bool {
    match kind(next) {
        Kind::Other => kind(previous) != Kind::Any || may_cut_before_space(previous),
        Kind::Syllable => kind(previous) != Kind::Any,
        Kind::Any => false,
    }
}

/// What a character is to grapheme clusters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A cluster of its own unless a mark follows or, as before a space, one of a few characters stands before it.
    Other,
    /// A Hangul syllable: the same, but parts of syllables may stand before it.
    Syllable,
    /// Not known here.
    Any,
}

/// The kind of a character, as far as ranges with nothing else in them go.
fn kind(c: char) -> Kind {
    match c {
        '\r' | '\n' => Kind::Any,
        '\0'..='\x7F'
        | '\u{AF}'..='\u{2FF}'
        | '\u{370}'..='\u{482}'
        | '\u{48A}'..='\u{590}'
        | '\u{5D0}'..='\u{5F4}'
        | '\u{620}'..='\u{64A}'
        | '\u{671}'..='\u{6D5}'
        | '\u{E01}'..='\u{E30}'
        | '\u{10A0}'..='\u{10FF}'
        | '\u{1200}'..='\u{135C}'
        | '\u{1E00}'..='\u{1FFF}'
        | '\u{2010}'..='\u{2027}'
        | '\u{2500}'..='\u{25A9}'
        | '\u{3000}'..='\u{3029}'
        | '\u{3041}'..='\u{3098}'
        | '\u{309B}'..='\u{312F}'
        | '\u{3400}'..='\u{9FFF}'
        | '\u{FF01}'..='\u{FF9D}' => Kind::Other,
        '\u{AC00}'..='\u{D7A3}' => Kind::Syllable,
        _ => Kind::Any,
    }
}

/// Whether a text can be cut between a character and a space after it, see the [module](self). No after the characters
/// that Unicode prepends to the next one (`Grapheme_Cluster_Break = Prepend`): Arabic number signs and the like.
fn may_cut_before_space(previous: char) -> bool {
    !matches!(
        previous,
        '\u{600}'..='\u{605}'
            | '\u{6DD}'
            | '\u{70F}'
            | '\u{890}'..='\u{891}'
            | '\u{8E2}'
            | '\u{D4E}'
            | '\u{110BD}'
            | '\u{110CD}'
            | '\u{111C2}'..='\u{111C3}'
            | '\u{113D1}'
            | '\u{1193F}'
            | '\u{11941}'
            | '\u{11A84}'..='\u{11A89}'
            | '\u{11D46}'
            | '\u{11F02}'
    )
}

/// Whether what stands between white space is normalised as it is alone: no mark that it begins with belongs to the
/// space before it, and what it ends with takes no space behind it.
pub(super) fn stands_apart(text: &str) -> bool {
    let begins_cluster = |c: char| kind(c) != Kind::Any || format!(" {c}").graphemes(true).count() == 2;
    text.chars().next().is_none_or(begins_cluster)
        && text.chars().next_back().is_none_or(may_cut_before_space)
}

/// Whether a character is a cluster of its own beside others of which that is certain too.
pub(super) fn is_cluster(c: char) -> bool {
    kind(c) != Kind::Any
}

fn wrong(found: &str) -> Error {
    let expected = "a table of SentencePiece in base 64";
    Error::Field { field: "normalizer.precompiled_charsmap", expected, found: found.to_owned() }
}

/// With or without padding, as the reference reads it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

fn decode_base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}
