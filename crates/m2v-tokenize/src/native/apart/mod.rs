//! What stands between white space, and yet is not tokenised as it would be alone.
//!
//! Two steps look across white space. A normalizer with a table replaces clusters, and a space is one with a mark
//! behind it. And Metaspace without a split at white space before it keeps spaces: each begins a piece, so that a run
//! of them is several pieces, as is one at the end; other white space is part of a piece.
//!
//! Both are rare. A text that has them, as far as that can be seen at once, is not [taken](Apart::takes); a chunk with
//! them is found when it is new ([`Apart::check`]), and never remembered.

#[cfg(all(test, feature = "hf"))]
mod tests;

use super::config::PrependScheme;
use super::normalize::{Normalizer, normalize};
use super::pipeline::Result;
use super::precompiled::stands_apart;
use super::pretokenize::PreTokenizer;

/// What has to be looked at where a text is cut.
pub(super) struct Apart {
    /// A table replaces clusters.
    has_clusters: bool,
    marked: Option<Marked>,
    /// Whether U+000B and U+000C separate, as other white space does.
    pub(super) cuts_vertical: bool,
}

/// Spaces become a character that begins a piece.
struct Marked {
    replacement: char,
    /// Runs of spaces become one of them before.
    joins_runs: bool,
    /// Other ASCII white space becomes spaces before.
    has_only_spaces: bool,
}

/// A chunk belongs to what is around it: its text has to go the exact way.
#[derive(Debug, thiserror::Error)]
#[error("a part of it does not stand apart")]
pub(super) struct NotApart;

impl Apart {
    /// For normalizers and pre-tokenizers; `None` if texts cannot be cut at white space.
    pub(super) fn new(normalizers: &[Normalizer], pre_tokenizers: &[PreTokenizer]) -> Option<Self> {
        let (table, others) = match normalizers {
            [Normalizer::Precompiled(table), others @ ..] => (Some(table), others),
            others => (None, others),
        };
        let splits_spaces = matches!(pre_tokenizers.first(), Some(PreTokenizer::WhitespaceSplit));
        let mark = match *pre_tokenizers {
            [PreTokenizer::Metaspace { replacement, prepend: PrependScheme::Always, split: true }] => {
                Some(replacement)
            }
            _ => None,
        };
        // How long a run of spaces is does not count where spaces only separate, or where it becomes one mark.
        let joins_runs = |step: &Normalizer| match step {
            Normalizer::ReplaceSpaces(content) if content == " " => splits_spaces || mark.is_some(),
            Normalizer::ReplaceSpaces(content) => mark.is_some_and(|mark| content.chars().eq([mark])),
            _ => false,
        };
        if !others.iter().all(|step| step.is_local() || joins_runs(step)) {
            return None;
        }
        let is_space = |c: char| if mark.is_some() { c == ' ' } else { c.is_whitespace() };
        let makes_spaces = |spaces: &[&str]| {
            table.is_none_or(|table| {
                let made = spaces.iter().map(|space| table.normalized(space));
                made.into_iter().all(|made| !made.is_empty() && made.chars().all(is_space))
            })
        };
        let is_cut = table.is_none_or(|table| table.leaves_ascii() && (splits_spaces || mark.is_some()));
        if !is_cut || !makes_spaces(&[" ", "\t", "\n", "\r", "\r\n"]) {
            return None;
        }
        let marked = mark.map(|replacement| Marked {
            replacement,
            joins_runs: others.iter().any(joins_runs),
            has_only_spaces: table.is_some(),
        });
        let cuts_vertical = makes_spaces(&["\u{b}", "\u{c}"]);
        Some(Self { has_clusters: table.is_some(), marked, cuts_vertical })
    }

    /// Whether nothing is seen in a text that does not stand apart.
    pub(super) fn takes(&self, text: &str) -> bool {
        let Some(marked) = &self.marked else { return true };
        let is_space = |byte: u8| matches!(byte, b'\t'..=b'\r' | b' ');
        let text = text.as_bytes();
        let has_runs = || text.windows(2).any(|pair| is_space(pair[0]) && is_space(pair[1]));
        let has_others = || text.iter().any(|&byte| byte != b' ' && is_space(byte));
        !text.last().is_some_and(|&last| is_space(last))
            && (marked.joins_runs || !has_runs())
            && (marked.has_only_spaces || !has_others())
    }

    /// Refuses a chunk that does not stand apart, with [`NotApart`]. Of characters none of which changes, all do.
    pub(super) fn check(&self, normalizers: &[Normalizer], chunk: &str) -> Result<()> {
        let stays_one = |marked: &Marked| -> Result<bool> {
            let normalised = normalize(normalizers, chunk.into())?;
            Ok(!normalised.is_empty() && !normalised.contains([' ', marked.replacement]))
        };
        let stands = !self.has_clusters || stands_apart(chunk);
        if stands && self.marked.as_ref().map_or(Ok(true), stays_one)? {
            Ok(())
        } else {
            Err(NotApart.into())
        }
    }
}
