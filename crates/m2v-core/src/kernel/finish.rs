//! From sums to means and unit vectors.

/// Squares are added in this many columns side by side.
const LANES: usize = 32;

/// Longer sums are divided by their number first, so that nothing overflows that does not in the reference.
const LONGEST: f64 = 1e37;

/// Turns the sum of `count` rows into their mean, divided by its length if `normalize`. `FUSED` where the processor
/// multiplies and adds in one step: the same bits, as no square of an f32 is rounded in f64. A short text alone takes
/// 317 ns with it, and 327 without (Granite Rapids).
#[inline(always)]
pub(super) fn finish<const FUSED: bool>(sum: &mut [f32], count: usize, normalize: bool) {
    if count == 0 {
        return;
    }
    if normalize {
        // v / (‖v‖ + ε) with v = s / n is s / (‖s‖ + n·ε), which is never below 1e-32. There and up to
        // the longest the reciprocal is a normal f32.
        let length = square::<FUSED>(sum).sqrt() + count as f64 * 1e-32;
        if length < LONGEST {
            let scale = (1.0 / length) as f32;
            return sum.iter_mut().for_each(|x| *x *= scale);
        }
    }
    let count = count as f32;
    sum.iter_mut().for_each(|x| *x /= count);
    if normalize {
        let length = square::<FUSED>(sum).sqrt() as f32 + 1e-32;
        sum.iter_mut().for_each(|x| *x /= length);
    }
}

/// ‖sum‖², in f64: no square of an f32 overflows, underflows or is rounded there. The order is fixed.
#[inline(always)]
fn square<const FUSED: bool>(sum: &[f32]) -> f64 {
    let mut squares = [0.0; LANES];
    let (chunks, rest) = sum.as_chunks();
    for chunk in chunks {
        add_squares::<FUSED>(&mut squares, chunk);
    }
    if !rest.is_empty() {
        let mut last = [0.0; LANES];
        last[..rest.len()].copy_from_slice(rest);
        add_squares::<FUSED>(&mut squares, &last);
    }
    // In halves, not one after another: 4 additions have to wait for each other instead of 16.
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            squares[i] += squares[i + half];
        }
        half /= 2;
    }
    squares[0]
}

#[inline(always)]
fn add_squares<const FUSED: bool>(squares: &mut [f64; LANES], chunk: &[f32; LANES]) {
    for (square, &x) in squares.iter_mut().zip(chunk) {
        let x = f64::from(x);
        *square = if FUSED { x.mul_add(x, *square) } else { *square + x * x };
    }
}
