//! Chunks that are one word as they are, where the pre-tokenizer cuts at white space only.
//!
//! A chunk none of whose characters is changed alone, and none of which joins another, stays as it is: normalizers
//! that may be here map each character on its own, or with those after it that it is composed with.

use super::characters::Entry;
use super::normalize::{Normalizer, normalize};

/// What becomes of a character: [`Entry::Same`], or [`Entry::Complex`] for all that may not stay as it is. `prefix` is
/// what a word gets before it if it does not begin with that, and is cut before.
pub(super) fn classify(normalizers: &[Normalizer], prefix: &str, c: char) -> Entry {
    let one = c.encode_utf8(&mut [0; 4]).to_owned();
    let is_kept = || normalize(normalizers, one.as_str().into()).is_ok_and(|normalised| normalised == one);
    let joins = normalizers.iter().any(|step| step.joins(c));
    if joins || c.is_whitespace() || prefix.contains(c) || !is_kept() {
        return Entry::Complex;
    }
    Entry::Same
}
