//! Element types of tables, and how they become each other.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use m2v_core::{Buffer, Dtype, Element};

/// Values that are converted at once: they stay in the first cache, however large the table.
pub(crate) const BLOCK: usize = 1024;

/// A number of a table; f64 holds each exactly.
pub(crate) trait Number: Element + Send + Sync {
    fn to_f64(self) -> f64;

    /// Writes the values as f32, of which f64 may need more than there is: see [`round_to_odd`].
    fn to_f32s(from: &[Self], to: &mut [f32]) {
        from.iter().zip(to).for_each(|(&from, to)| *to = round_to_odd(from.to_f64()));
    }
}

/// A float type to cast to.
pub(crate) trait Float: Number {
    /// Rounds once, to nearest even.
    fn from_f64(value: f64) -> Self;

    /// Rounds each value once, to nearest even. At most [`BLOCK`] values.
    fn convert<S: Number>(from: &[S], to: &mut [Self]);

    /// Whether there is no NaN and no infinity.
    fn all_finite(values: &[Self]) -> bool;
}

/// Calls `f` with at most [`BLOCK`] values at a time, and where they start, as their type.
pub(crate) fn blocks<S: Number, E>(
    bytes: &[u8],
    mut f: impl FnMut(usize, &[S]) -> Result<(), E>,
) -> Result<(), E> {
    let mut scratch = [S::zeroed(); BLOCK];
    for (block, bytes) in bytes.chunks(BLOCK * size_of::<S>()).enumerate() {
        let values = match bytemuck::try_cast_slice(bytes) {
            Ok(values) => values,
            Err(_) => {
                let scratch = &mut scratch[..bytes.len() / size_of::<S>()];
                bytemuck::cast_slice_mut(scratch).copy_from_slice(bytes);
                scratch
            }
        };
        f(block * BLOCK, values)?;
    }
    Ok(())
}

impl Number for f64 {
    fn to_f64(self) -> f64 {
        self
    }
}

impl Number for f32 {
    fn to_f64(self) -> f64 {
        self.into()
    }

    fn to_f32s(from: &[Self], to: &mut [f32]) {
        to.copy_from_slice(from);
    }
}

impl Number for f16 {
    fn to_f64(self) -> f64 {
        self.to_f32().into()
    }

    fn to_f32s(from: &[Self], to: &mut [f32]) {
        from.convert_to_f32_slice(to);
    }
}

impl Number for bf16 {
    fn to_f64(self) -> f64 {
        self.to_f32().into()
    }

    fn to_f32s(from: &[Self], to: &mut [f32]) {
        from.iter().zip(to).for_each(|(from, to)| *to = f32::from_bits(u32::from(from.to_bits()) << 16));
    }
}

impl Number for i8 {
    fn to_f64(self) -> f64 {
        self.into()
    }

    fn to_f32s(from: &[Self], to: &mut [f32]) {
        from.iter().zip(to).for_each(|(&from, to)| *to = from.into());
    }
}

impl Float for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }

    fn convert<S: Number>(from: &[S], to: &mut [Self]) {
        let mut exact = [0.0; BLOCK];
        let exact = &mut exact[..from.len()];
        S::to_f32s(from, exact);
        to.iter_mut().zip(exact).for_each(|(to, exact)| *to = (*exact).into());
    }

    fn all_finite(values: &[Self]) -> bool {
        values.iter().fold(true, |all, value| all & value.is_finite())
    }
}

impl Float for f32 {
    fn from_f64(value: f64) -> Self {
        value as Self
    }

    fn convert<S: Number>(from: &[S], to: &mut [Self]) {
        if S::DTYPE == Dtype::F64 {
            from.iter().zip(to).for_each(|(&from, to)| *to = from.to_f64() as Self);
        } else {
            S::to_f32s(from, to);
        }
    }

    fn all_finite(values: &[Self]) -> bool {
        values.iter().fold(true, |all, value| all & value.is_finite())
    }
}

impl Float for f16 {
    fn from_f64(value: f64) -> Self {
        Self::from_f32(round_to_odd(value))
    }

    fn convert<S: Number>(from: &[S], to: &mut [Self]) {
        let mut wide = [0.0; BLOCK];
        let wide = &mut wide[..from.len()];
        S::to_f32s(from, wide);
        to.convert_from_f32_slice(wide);
    }

    fn all_finite(values: &[Self]) -> bool {
        values.iter().fold(true, |all, value| all & (value.to_bits() & 0x7c00 != 0x7c00))
    }
}

impl Float for bf16 {
    fn from_f64(value: f64) -> Self {
        Self::from_f32(round_to_odd(value))
    }

    fn convert<S: Number>(from: &[S], to: &mut [Self]) {
        let mut wide = [0.0; BLOCK];
        let wide = &mut wide[..from.len()];
        S::to_f32s(from, wide);
        to.iter_mut().zip(wide).for_each(|(to, wide)| *to = Self::from_f32(*wide));
    }

    fn all_finite(values: &[Self]) -> bool {
        values.iter().fold(true, |all, value| all & (value.to_bits() & 0x7f80 != 0x7f80))
    }
}

/// Rounds to f32 so that a second rounding, to a type with at least two bits less, gives what one rounding
/// from f64 would: an inexact result is the neighbour whose last bit is set (Boldo & Melquiond, "When double
/// rounding is odd", 2005). `half::f16::from_f64` rounds twice.
pub(crate) fn round_to_odd(value: f64) -> f32 {
    let nearest = value as f32;
    let wide = f64::from(nearest);
    if wide == value || nearest.is_nan() {
        return nearest;
    }
    let bits = nearest.to_bits();
    let towards_zero = if wide.abs() > value.abs() { bits - 1 } else { bits };
    f32::from_bits(towards_zero | 1)
}

/// The bytes of a table that is about to be written: zeros that were not touched yet, in huge pages where there are
/// some, since the first write to each page costs as much as to convert what it holds.
pub(crate) struct Output {
    floats: Vec<f32>,
    len: usize,
}

impl Output {
    pub(crate) fn new(len: usize) -> Self {
        let (floats, _) = m2v_core::zeros(1, len.div_ceil(size_of::<f32>())).into_raw_vec_and_offset();
        Self { floats, len }
    }

    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        &mut bytemuck::cast_slice_mut(&mut self.floats)[..self.len]
    }

    /// The bytes to keep; not copied.
    pub(crate) fn into_buffer(self) -> Buffer {
        Buffer::from_owner(self)
    }
}

impl AsRef<[u8]> for Output {
    fn as_ref(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.floats)[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::{Float, round_to_odd};
    use half::f16;

    #[test]
    fn rounds_once() {
        // Just above the middle of two f16 numbers: f32 rounds to the middle, and from there it goes to the even one.
        let value = 1.0 + 2.0f64.powi(-11) + 2.0f64.powi(-40);
        assert_eq!(f16::from_f64(value).to_f32(), 1.0, "half rounds once by now: round_to_odd may go");
        assert_eq!(<f16 as Float>::from_f64(value).to_f32(), 1.0 + 2.0f32.powi(-10));
        assert_eq!(<f16 as Float>::from_f64(-value).to_f32(), -1.0 - 2.0f32.powi(-10));
        assert_eq!(round_to_odd(0.5), 0.5);
        assert_eq!(round_to_odd(1e300).to_bits(), f32::MAX.to_bits());
    }
}
