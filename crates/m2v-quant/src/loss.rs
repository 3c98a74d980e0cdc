//! What was lost: two encodings of the same texts, side by side.

use std::fmt;

use ndarray::{ArrayView1, ArrayView2, Zip};

use crate::error::{Error, Result};

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
    /// The largest absolute difference of any two components; NaN if any component is NaN.
    pub max_abs_diff: f64,
}

/// Compares two encodings of the same texts, `[texts, dim]` each. The caller encodes.
///
/// Cosines are computed in f64. Two zero vectors have cosine 1, a zero and another vector 0.
///
/// # Errors
/// [`Error::Compare`] if the shapes differ or there are no texts.
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
    if before.dim() != after.dim() || before.nrows() == 0 {
        return Err(Error::Compare { before: before.dim().into(), after: after.dim().into() });
    }
    let mut cosines: Vec<f64> =
        before.rows().into_iter().zip(after.rows()).map(|(a, b)| cosine(a, b)).collect();
    // NaN first, whatever its sign, so that it shows in the minimum.
    cosines.sort_unstable_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let texts = cosines.len();
    let rank = (texts - 1) as f64 * 0.01;
    let (below, above) = (cosines[rank.floor() as usize], cosines[rank.ceil() as usize]);
    let max_abs_diff = Zip::from(before).and(after).fold(0.0, |max: f64, &a, &b| {
        let diff = f64::from(a) - f64::from(b);
        if diff.is_nan() || max.is_nan() { f64::NAN } else { max.max(diff.abs()) }
    });
    Ok(Loss {
        texts,
        cosine_min: cosines[0],
        cosine_p1: below + (above - below) * rank.fract(),
        cosine_mean: cosines.iter().sum::<f64>() / texts as f64,
        max_abs_diff,
    })
}

fn cosine(a: ArrayView1<'_, f32>, b: ArrayView1<'_, f32>) -> f64 {
    let (mut dot, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f64::from(a), f64::from(b));
        dot += a * b;
        aa += a * a;
        bb += b * b;
    }
    match (aa == 0.0, bb == 0.0) {
        (true, true) => 1.0,
        (false, false) => dot / (aa.sqrt() * bb.sqrt()),
        _ => 0.0,
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cosine min {:.6}, 1st percentile {:.6}, mean {:.6}; largest difference {:.1e}; {} texts",
            self.cosine_min, self.cosine_p1, self.cosine_mean, self.max_abs_diff, self.texts
        )
    }
}
