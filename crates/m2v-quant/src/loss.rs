//! What was lost: two encodings of the same texts, side by side.

use std::fmt;

use ndarray::{ArrayView1, ArrayView2};

use crate::error::{Error, Result};
use crate::neighbours::recall;
use crate::transform::Context;

/// How far embeddings moved; made by [`compare`].
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct Loss {
    /// Texts that were compared.
    pub texts: usize,
    /// The smallest cosine of a text's two embeddings; NaN if one of them holds NaN.
    pub cosine_min: f64,
    /// The 1st percentile of the cosines, interpolated linearly as numpy does.
    pub cosine_p1: f64,
    /// The mean of the cosines.
    pub cosine_mean: f64,
    /// The mean share of each text's ten nearest neighbours among the other texts, by cosine, that were among its ten
    /// nearest before, or within 1e-6 as near as the tenth. Of those that are equally near now, the first texts
    /// count as nearest; zero vectors have similarity 0; of eleven texts or fewer, all others are neighbours, so that
    /// it is 1. NaN if any component is not finite.
    pub recall_at_10: f64,
    /// The largest absolute difference of any two components; NaN if any component is NaN.
    pub max_abs_diff: f64,
}

/// Compares two encodings of the same texts, `[texts, dim]` each. The caller encodes.
///
/// Where `after` has fewer columns, those that were cut count as zeros. Cosines are computed in f64, exactly 1 for a
/// vector and itself. Two zero vectors have cosine 1, a zero and another vector 0. Every text is compared with every
/// other, in parallel: the time grows with the square of their number.
///
/// # Errors
/// [`Error::Compare`] if the shapes do not fit or there are no texts.
///
/// ```
/// use ndarray::array;
///
/// let (before, after) = (array![[3.0f32, 4.0], [1.0, 0.0]], array![[3.0f32, 4.0], [1.0, 1.0]]);
/// let loss = m2v_quant::compare(before.view(), after.view())?;
/// assert!((loss.cosine_min - 0.5f64.sqrt()).abs() < 1e-12);
/// assert_eq!(loss.max_abs_diff, 1.0);
/// # Ok::<(), m2v_quant::Error>(())
/// ```
pub fn compare(before: ArrayView2<'_, f32>, after: ArrayView2<'_, f32>) -> Result<Loss> {
    compare_with(before, after, &Context::default())
}

/// As [`compare`], with a context that is told how many texts are done, and may say to stop.
///
/// # Errors
/// As [`compare`], and [`Error::Cancelled`].
pub fn compare_with(
    before: ArrayView2<'_, f32>,
    after: ArrayView2<'_, f32>,
    context: &Context<'_>,
) -> Result<Loss> {
    let fits = before.nrows() == after.nrows() && before.ncols() >= after.ncols();
    if !fits || before.nrows() == 0 {
        return Err(Error::Compare { before: before.dim().into(), after: after.dim().into() });
    }
    let mut cosines: Vec<f64> =
        before.rows().into_iter().zip(after.rows()).map(|(a, b)| cosine(a, b)).collect();
    // NaN first, whatever its sign, so that it shows in the minimum.
    cosines.sort_unstable_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let texts = cosines.len();
    let rank = (texts - 1) as f64 * 0.01;
    let (below, above) = (cosines[rank.floor() as usize], cosines[rank.ceil() as usize]);
    let pairs = before.rows().into_iter().zip(after.rows()).flat_map(|(a, b)| pairs(a, b));
    let max_abs_diff = pairs.fold(0.0, |max: f64, (a, b)| {
        let diff = a - b;
        if diff.is_nan() || max.is_nan() { f64::NAN } else { max.max(diff.abs()) }
    });
    Ok(Loss {
        texts,
        cosine_min: cosines[0],
        cosine_p1: below + (above - below) * rank.fract(),
        cosine_mean: cosines.iter().sum::<f64>() / texts as f64,
        recall_at_10: recall(before, after, 10, context)?,
        max_abs_diff,
    })
}

fn cosine(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
    let (mut dot, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in pairs(a, b) {
        dot += a * b;
        aa += a * a;
        bb += b * b;
    }
    match (aa == 0.0, bb == 0.0) {
        (true, true) => 1.0,
        // One root of the product: of a vector and itself it is exactly their product, and the cosine 1.
        (false, false) => dot / (aa * bb).sqrt(),
        _ => 0.0,
    }
}

/// The components of two vectors; what is missing in the second is 0.
fn pairs<'v>(a: ArrayView1<'v, f32>, b: ArrayView1<'v, f32>) -> impl Iterator<Item = (f64, f64)> {
    let b = b.into_iter().copied().chain(std::iter::repeat(0.0));
    a.into_iter().zip(b).map(|(&a, b)| (f64::from(a), f64::from(b)))
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cosine min {:.6}, 1st percentile {:.6}, mean {:.6}; recall@10 {:.4}; largest difference {:.1e}; {} texts",
            self.cosine_min,
            self.cosine_p1,
            self.cosine_mean,
            self.recall_at_10,
            self.max_abs_diff,
            self.texts
        )
    }
}
