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

use std::borrow::Cow;

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
    /// Runs of spaces become one space, or one mark.
    joins_runs: bool,
    /// So does other ASCII white space, each alone, and in runs if those of spaces do.
    has_only_spaces: bool,
}

/// A chunk belongs to what is around it: its text has to go the exact way.
#[derive(Debug, thiserror::Error)]
#[error("a part of it does not stand apart")]
pub(super) struct NotApart;

/// White space at which texts are cut, but for U+000B and U+000C. `\r\n` is one cluster.
const SPACES: [&str; 5] = [" ", "\t", "\n", "\r", "\r\n"];

/// SentencePiece's mark, which no normalizer changes or composes with what is around it, but for tables.
const MARK: &str = "\u{2581}";

impl Apart {
    /// For normalizers and pre-tokenizers; `None` if texts cannot be cut at white space.
    pub(super) fn new(normalizers: &[Normalizer], pre_tokenizers: &[PreTokenizer]) -> Option<Self> {
        let (table, others) = match normalizers {
            [Normalizer::Precompiled(table), others @ ..] => (Some(table), others),
            others => (None, others),
        };
        let mark = match *pre_tokenizers {
            [PreTokenizer::Metaspace { replacement, prepend: PrependScheme::Always, split: true }] => {
                Some(replacement)
            }
            _ => None,
        };
        let only_spaces =
            mark.is_some() || matches!(pre_tokenizers.first(), Some(PreTokenizer::WhitespaceSplit));
        let is_local = |step: &Normalizer| match step {
            // How long a run of spaces is does not count where spaces only separate, or where it becomes one mark.
            Normalizer::ReplaceSpaces(content) if content == " " => only_spaces,
            Normalizer::ReplaceSpaces(content) => {
                content == MARK && mark.is_some_and(|mark| MARK.contains(mark))
            }
            step => step.is_local(),
        };
        if !others.iter().all(is_local) || table.is_some_and(|table| !only_spaces || !table.leaves_ascii()) {
            return None;
        }
        let made = |text: &str| normalize(normalizers, text.to_owned().into()).unwrap_or_default();
        let Some(replacement) = mark else {
            let separates = |spaces: &[&str]| {
                let is_space = |made: Cow<'_, str>| !made.is_empty() && made.chars().all(char::is_whitespace);
                spaces.iter().all(|space| is_space(made(space)))
            };
            let cuts_vertical = separates(&["\u{b}", "\u{c}"]);
            return separates(&SPACES).then_some(Self {
                has_clusters: table.is_some(),
                marked: None,
                cuts_vertical,
            });
        };
        let are_one = |spaces: &[&str]| {
            let pairs = spaces.iter().flat_map(|one| spaces.iter().map(move |two| format!("{one}{two}")));
            let more =
                pairs.clone().flat_map(|pair| spaces.iter().map(move |space| format!("{pair}{space}")));
            pairs.chain(more).all(|run| [" ", MARK].contains(&&*made(&run)))
        };
        let joins_runs = are_one(&SPACES[..1]);
        let has_only_spaces =
            SPACES.iter().all(|space| made(space) == " ") && (!joins_runs || are_one(&SPACES));
        let marked = Some(Marked { replacement, joins_runs, has_only_spaces });
        (made(" ") == " ").then_some(Self { has_clusters: table.is_some(), marked, cuts_vertical: false })
    }

    /// Whether [`Apart::takes`] takes every text.
    pub(super) fn takes_all(&self) -> bool {
        self.marked.is_none()
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
        if self.has_clusters && !stands_apart(chunk) {
            return Err(NotApart.into());
        }
        if let Some(marked) = &self.marked {
            let normalised = normalize(normalizers, chunk.into())?;
            // Next to a space it would be a run, and at the start of a word it stands for the prefix.
            let is_mark = |c: Option<char>| c.is_none_or(|c| c == ' ' || c == marked.replacement);
            if is_mark(normalised.chars().next()) || is_mark(normalised.chars().next_back()) {
                return Err(NotApart.into());
            }
        }
        Ok(())
    }
}
