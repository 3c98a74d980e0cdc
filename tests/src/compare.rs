//! Comparing vectors.

use ndarray::ArrayView2;

/// Asserts that two arrays hold the same bits.
///
/// # Panics
/// If they do not; the message has the first row that differs.
#[track_caller]
pub fn assert_bits(what: &str, found: ArrayView2<'_, f32>, expected: ArrayView2<'_, f32>) {
    assert_eq!(found.shape(), expected.shape(), "{what}: shape");
    for (i, (found, expected)) in found.rows().into_iter().zip(expected.rows()).enumerate() {
        let same = found.iter().zip(expected).all(|(found, expected)| found.to_bits() == expected.to_bits());
        assert!(same, "{what}: row {i} is {found}, not {expected}");
    }
}

/// Asserts that each row differs by at most 1e-6 × max(1, ‖row‖∞).
///
/// # Panics
/// If one does not; the message has the first such row.
#[track_caller]
pub fn assert_close(what: &str, found: ArrayView2<'_, f32>, expected: ArrayView2<'_, f32>) {
    assert_eq!(found.shape(), expected.shape(), "{what}: shape");
    for (i, (found, expected)) in found.rows().into_iter().zip(expected.rows()).enumerate() {
        let largest = expected.iter().fold(1.0f32, |largest, x| largest.max(x.abs()));
        let error = found.iter().zip(expected).fold(0.0f32, |error, (x, y)| error.max((x - y).abs()));
        // Not `error > …`: a NaN has to fail, and `max` above drops it.
        let finite = found.iter().all(|x| x.is_finite());
        assert!(
            finite && error <= 1e-6 * largest,
            "{what}: row {i} is off by {error}: {found}, not {expected}"
        );
    }
}

#[cfg(test)]
mod tests {
    use ndarray::array;

    use super::{assert_bits, assert_close};

    #[test]
    fn a_difference_within_the_tolerance_passes() {
        assert_close("small", array![[1.0f32, 0.0]].view(), array![[1.0, 1e-6]].view());
        assert_close("large", array![[100.0f32, 0.0]].view(), array![[100.0, 1e-4]].view());
    }

    #[test]
    #[should_panic(expected = "row 1 is off by")]
    fn a_difference_beyond_the_tolerance_fails() {
        assert_close("", array![[1.0f32], [1.0]].view(), array![[1.0], [1.000_002]].view());
    }

    #[test]
    #[should_panic(expected = "row 0 is off by")]
    fn not_a_number_fails() {
        assert_close("", array![[f32::NAN]].view(), array![[0.0]].view());
    }

    #[test]
    #[should_panic(expected = "row 0 is")]
    fn the_sign_of_zero_is_a_bit() {
        assert_bits("", array![[0.0f32]].view(), array![[-0.0]].view());
    }
}
