//! Medians.

/// The middle value; the mean of the middle two of an even number. NaN of none.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        n if n.is_multiple_of(2) => f64::midpoint(values[n / 2 - 1], values[n / 2]),
        n => values[n / 2],
    }
}

/// What two competitors had in each of several rounds.
#[derive(Default)]
pub(crate) struct Rounds(Vec<(f64, f64)>);

impl Rounds {
    pub(crate) fn push(&mut self, ours: f64, other: f64) {
        self.0.push((ours, other));
    }

    pub(crate) fn ours(&self) -> f64 {
        median(self.0.iter().map(|round| round.0))
    }

    pub(crate) fn other(&self) -> f64 {
        median(self.0.iter().map(|round| round.1))
    }

    /// The median of the rounds' own ratios, ours ÷ other: what slows both in a round does not count.
    pub(crate) fn ratio(&self) -> f64 {
        median(self.0.iter().map(|(ours, other)| ours / other))
    }
}

#[cfg(test)]
mod tests {
    use super::{Rounds, median};

    #[test]
    fn medians() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < 1e-12);
        assert!((median([4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < 1e-12);
        assert!(median([]).is_nan());
    }

    #[test]
    fn ratios_are_taken_within_a_round() {
        let mut rounds = Rounds::default();
        for slow in [1.0, 10.0, 100.0] {
            rounds.push(4.0 / slow, 2.0 / slow);
        }
        assert!((rounds.ratio() - 2.0).abs() < 1e-12);
    }
}
