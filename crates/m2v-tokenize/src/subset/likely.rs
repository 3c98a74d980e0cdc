//! Which unused tokens other texts of the same kind are likely to use.

use std::collections::HashMap;

/// How probable the spelling of a token is among those that texts use: a model of each character by the two before it,
/// counted on the distinct tokens.
///
/// Rare tokens are spelled as frequent ones of the same language are, and those of other languages are not; short ones
/// are more probable, as they are in texts.
#[derive(Default)]
pub(super) struct Spelling {
    /// How often two characters are followed by a third, and by any.
    three: HashMap<[char; 3], f64>,
    two: HashMap<[char; 2], f64>,
    /// How often a character is followed by another, and by any.
    pair: HashMap<[char; 2], f64>,
    one: HashMap<char, f64>,
}

/// Stands before the first character of what continues a word, and of what begins one.
const CONTINUES: char = '\u{2}';
const BEGINS: char = '\u{3}';

/// What a character after another counts that was never seen there.
const UNSEEN: f64 = 0.01;

/// How many sightings of two characters the last of them alone is worth.
const SHORTER: f64 = 2.0;

impl Spelling {
    /// Counts a token.
    pub(super) fn count(&mut self, token: &str, continues: bool) {
        for [first, second, third] in windows(token, continues) {
            *self.three.entry([first, second, third]).or_default() += 1.0;
            *self.two.entry([first, second]).or_default() += 1.0;
            *self.pair.entry([second, third]).or_default() += 1.0;
            *self.one.entry(second).or_default() += 1.0;
        }
    }

    /// The logarithm of a token's probability.
    pub(super) fn score(&self, token: &str, continues: bool) -> f64 {
        let of_window = |[first, second, third]: [char; 3]| {
            let seen = |count: Option<&f64>| count.copied().unwrap_or_default();
            let pair = seen(self.pair.get(&[second, third])) + UNSEEN;
            let shorter = pair / (seen(self.one.get(&second)) + 1.0);
            let three = seen(self.three.get(&[first, second, third])) + SHORTER * shorter;
            (three / (seen(self.two.get(&[first, second])) + SHORTER)).ln()
        };
        windows(token, continues).map(of_window).sum()
    }
}

/// Each character with the two before it.
fn windows(token: &str, continues: bool) -> impl Iterator<Item = [char; 3]> {
    let start = if continues { CONTINUES } else { BEGINS };
    let before = move |previous: &mut [char; 2], third: char| {
        let [first, second] = std::mem::replace(previous, [previous[1], third]);
        Some([first, second, third])
    };
    token.chars().scan([start, start], before)
}

/// How many tokens texts of the kind use that these did not, at least: Chao's estimate from those that occur once and
/// twice ("Nonparametric Estimation of the Number of Classes in a Population", 1984).
pub(super) fn unseen(counts: impl Iterator<Item = usize>) -> usize {
    let (mut once, mut twice) = (0, 0);
    for count in counts {
        once += usize::from(count == 1);
        twice += usize::from(count == 2);
    }
    once * once.saturating_sub(1) / (2 * (twice + 1))
}

#[cfg(test)]
mod tests {
    use super::{Spelling, unseen};

    #[test]
    fn what_is_spelled_alike_is_likely() {
        let mut spelling = Spelling::default();
        for token in ["whale", "whales", "whaling", "sailing", "sails"] {
            spelling.count(token, false);
        }
        spelling.count("ing", true);
        let score = |token| spelling.score(token, false);
        assert!(score("sailings") > score("walfisch"));
        assert!(score("whal") > score("xyzw"));
        assert!(spelling.score("ing", true) > score("ing"));
        assert!(score("żółw").is_finite() && Spelling::default().score("a", true).is_finite());
    }

    #[test]
    fn the_estimate_is_chaos() {
        assert_eq!(unseen([1, 1, 1, 1, 2, 7].into_iter()), 3);
        assert_eq!(unseen([1, 1, 1].into_iter()), 3);
        assert_eq!(unseen([5, 2].into_iter()), 0);
        assert_eq!(unseen(std::iter::empty()), 0);
    }
}
