//! Keeping more than texts use: for other texts, and for the place where long ones are cut.

use std::cmp::{Ordering, Reverse};

use super::Subset;
use super::likely::{Spelling, unseen};
use crate::vocabulary::median;

/// How many likely tokens are kept for each that is estimated to be missing: with six, two thirds of the missing
/// occurrences were found in English texts that pruned multilingual vocabularies.
const LIKELY: usize = 6;

impl Subset<'_> {
    /// Keeps tokens that other texts of the kind are likely to use, where `counts` has the ids that texts use and how
    /// often: those whose spelling is most like that of the used ones, several times as many as texts are estimated to
    /// have that these had not, but not more than makes the whole two fifths of the vocabulary.
    ///
    /// With `keep_median`, the likely ones among the longer or the shorter tokens join them, as the
    /// [median length](Self::keep_median_token_length) needs them.
    pub fn keep_likely(&mut self, counts: &[(u32, usize)], keep_median: bool) {
        let mut spelling = Spelling::default();
        for place in counts.iter().flat_map(|(id, _)| self.entries.with_id(*id)) {
            let (core, continues) = self.core(place);
            spelling.count(core, continues);
        }
        let score = |place: usize| {
            let (core, continues) = self.core(place);
            (place, spelling.score(core, continues))
        };
        // The most likely last, where they are taken from.
        let mut likely: Vec<(usize, f64)> = self.left().map(score).collect();
        likely.sort_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)));
        let target = self.vocabulary.median_token_length();
        let (mut longer, mut shorter): (Vec<_>, Vec<_>) =
            likely.into_iter().partition(|&(place, _)| self.entries.characters(place) >= target);
        let mut wanted = unseen(counts.iter().map(|(_, count)| *count)).saturating_mul(LIKELY);
        // A few more may follow for the median, within two fifths.
        let limit = self.vocabulary.len() * 39 / 100;
        let mut kept = self.kept();
        while wanted > 0 && kept < limit {
            let score = |queue: &Vec<(usize, f64)>| queue.last().map_or(f64::NEG_INFINITY, |last| last.1);
            let is_longer_likelier = score(&longer) > score(&shorter);
            let (first, second) = match median(self.entries.lengths()).cmp(&target) {
                Ordering::Less if keep_median => (&mut longer, &mut shorter),
                Ordering::Greater if keep_median => (&mut shorter, &mut longer),
                _ => {
                    wanted -= 1;
                    if is_longer_likelier { (&mut longer, &mut shorter) } else { (&mut shorter, &mut longer) }
                }
            };
            let Some((place, _)) = first.pop().or_else(|| second.pop()) else { return };
            kept += self.keep_place(place);
        }
    }

    /// Keeps more tokens until the [median length](crate::Vocabulary::median_token_length) is that of the whole
    /// vocabulary, for it says where long texts are cut: tokens of that length first, in the order of their ids,
    /// then those nearest to it.
    pub fn keep_median_token_length(&mut self) {
        let target = self.vocabulary.median_token_length();
        // The farthest first, as they are taken from the end.
        let mut left: Vec<usize> = self.left().collect();
        left.sort_by_key(|&place| Reverse((self.entries.characters(place).abs_diff(target), place)));
        let (mut longer, mut shorter): (Vec<_>, Vec<_>) =
            left.into_iter().partition(|&place| self.entries.characters(place) >= target);
        loop {
            let (first, second) = match median(self.entries.lengths()).cmp(&target) {
                Ordering::Equal => return,
                Ordering::Less => (&mut longer, &mut shorter),
                Ordering::Greater => (&mut shorter, &mut longer),
            };
            // With everything kept, it is the median of the whole.
            let Some(place) = first.pop().or_else(|| second.pop()) else { return };
            self.keep_place(place);
        }
    }

    /// The tokens that are not kept.
    fn left(&self) -> impl Iterator<Item = usize> {
        (0..self.entries.len()).filter(|&place| !self.entries.is_kept(place))
    }
}
