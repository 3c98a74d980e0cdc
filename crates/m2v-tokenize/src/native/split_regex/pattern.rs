//! Expressions by their text.

use super::{Case, Digits, Kind, SplitRegex};

/// Contractions, as alternatives of their own.
const CONTRACTIONS: [(&str, Case); 6] = [
    (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)", Case::Unicode),
    (r"'(?i:[sdmt]|ll|ve|re)", Case::Unicode),
    (r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])", Case::Ascii),
    (r"'s|'t|'re|'ve|'m|'ll|'d", Case::Lower),
    (r"(?:'s|'t|'re|'ve|'m|'ll|'d)", Case::Lower),
    (r"'(?:[sdmt]|ll|ve|re)", Case::Lower),
];

impl Kind {
    /// `None` if there is no scanner for the expression.
    pub(super) fn from_pattern(pattern: &str) -> Option<Self> {
        if let Some(kind) = Self::o200k(pattern) {
            return Some(kind);
        }
        CONTRACTIONS.into_iter().find_map(|(text, contractions)| {
            let rest = pattern.strip_prefix(text)?.strip_prefix('|')?;
            let gpt2 = SplitRegex::GPT2.split_once("'d|").map(|parts| parts.1);
            if Some(rest) == gpt2 && contractions == Case::Lower {
                return Some(Self::Gpt2);
            }
            Self::cl100k(rest, contractions)
        })
    }

    /// What follows the contractions.
    fn cl100k(pattern: &str, contractions: Case) -> Option<Self> {
        let (rest, digits) = Digits::cut(pattern)?;
        let marks = match rest {
            [r"[^\r\n\p{L}\p{N}]?\p{L}+", r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"] => false,
            [
                r"[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+",
                r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            ] => true,
            _ => return None,
        };
        Some(Self::Cl100k { contractions, digits, marks })
    }

    fn o200k(pattern: &str) -> Option<Self> {
        const FIRST: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+";
        const SECOND: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*";
        let ([words, rest], digits) = Digits::cut(pattern)?;
        let optional = CONTRACTIONS.map(|(text, case)| (format!("{text}?"), Some(case)));
        let contractions = [(String::new(), None)].into_iter().chain(optional);
        let same = |text: &str| words == format!("{FIRST}{text}|{SECOND}{text}");
        // Of what is not a group, the `?` would belong to the last letter only.
        let contractions =
            contractions.into_iter().filter(|(text, _)| text.is_empty() || text.starts_with('('));
        let contractions = contractions.into_iter().find(|(text, _)| same(text))?.1;
        let slashes = match rest {
            r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+" => true,
            r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+" => false,
            _ => return None,
        };
        Some(Self::O200k { contractions, digits, slashes })
    }
}

impl Digits {
    /// What stands before and after the alternative for digits.
    fn cut(pattern: &str) -> Option<([&str; 2], Self)> {
        let three = pattern.split_once(r"|\p{N}{1,3}|").map(|parts| (parts, Self::Three));
        let (parts, digits) = three.or_else(|| Some((pattern.split_once(r"|\p{N}|")?, Self::One)))?;
        Some((parts.into(), digits))
    }
}
