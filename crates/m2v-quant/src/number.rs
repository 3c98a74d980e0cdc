//! Element types of tables, and how they become each other.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use m2v_core::{Dtype, Element};

/// Values that are converted at once: they stay in the first cache, however large the table.
pub(crate) const BLOCK: usize = 1024;

/// A number of a table; f64 holds each exactly.
pub(crate) trait Number: Element + Send + Sync {
    fn to_f64(self) -> f64;

    /// The values as f32, of which f64 may need more than there is: see [`round_to_odd`]. At most [`BLOCK`] values,
    /// written to `room` if they are not f32 already.
    fn as_f32s<'a>(values: &'a [Self], room: &'a mut [f32; BLOCK]) -> &'a [f32] {
        write(values, room, |value| round_to_odd(value.to_f64()))
    }
}

fn write<'a, S: Number>(values: &[S], room: &'a mut [f32; BLOCK], f: impl Fn(S) -> f32) -> &'a [f32] {
    values.iter().zip(&mut *room).for_each(|(&value, out)| *out = f(value));
    &room[..values.len()]
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
    let mut scratch = None;
    for (block, bytes) in bytes.chunks(BLOCK * size_of::<S>()).enumerate() {
        let values = match bytemuck::try_cast_slice(bytes) {
            Ok(values) => values,
            Err(_) => {
                let scratch = scratch.get_or_insert_with(|| [S::zeroed(); BLOCK]);
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

    fn as_f32s<'a>(values: &'a [Self], _: &'a mut [f32; BLOCK]) -> &'a [f32] {
        values
    }
}

impl Number for f16 {
    fn to_f64(self) -> f64 {
        self.to_f32().into()
    }

    fn as_f32s<'a>(values: &'a [Self], room: &'a mut [f32; BLOCK]) -> &'a [f32] {
        let room = &mut room[..values.len()];
        values.convert_to_f32_slice(room);
        room
    }
}

impl Number for bf16 {
    fn to_f64(self) -> f64 {
        self.to_f32().into()
    }

    fn as_f32s<'a>(values: &'a [Self], room: &'a mut [f32; BLOCK]) -> &'a [f32] {
        write(values, room, |value| f32::from_bits(u32::from(value.to_bits()) << 16))
    }
}

impl Number for i8 {
    fn to_f64(self) -> f64 {
        self.into()
    }

    fn as_f32s<'a>(values: &'a [Self], room: &'a mut [f32; BLOCK]) -> &'a [f32] {
        write(values, room, f32::from)
    }
}

impl Float for f64 {
    fn from_f64(value: f64) -> Self {
        value
    }

    fn convert<S: Number>(from: &[S], to: &mut [Self]) {
        let mut room = [0.0; BLOCK];
        let exact = S::as_f32s(from, &mut room);
        to.iter_mut().zip(exact).for_each(|(to, &exact)| *to = exact.into());
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
            let mut room = [0.0; BLOCK];
            to.copy_from_slice(S::as_f32s(from, &mut room));
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
        let mut room = [0.0; BLOCK];
        to.convert_from_f32_slice(S::as_f32s(from, &mut room));
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
        let mut room = [0.0; BLOCK];
        let wide = S::as_f32s(from, &mut room);
        to.iter_mut().zip(wide).for_each(|(to, &wide)| *to = round_to_bf16(wide));
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

/// Rounds to nearest even, without a branch, unlike `half::bf16::from_f32`: several at once.
fn round_to_bf16(value: f32) -> bf16 {
    let bits = value.to_bits();
    // Half of the last bit that stays, less one if that is even.
    let rounded = bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16;
    let nan = bits >> 16 | 0x40;
    bf16::from_bits(if value.is_nan() { nan } else { rounded } as u16)
}

#[cfg(test)]
mod tests {
    use super::{Float, round_to_bf16, round_to_odd};
    use half::{bf16, f16};

    #[test]
    fn rounds_to_bf16_as_half_does() {
        for high in 0..=u16::MAX {
            for low in [0, 1, 0x7fff, 0x8000, 0x8001, 0xffff] {
                let value = f32::from_bits(u32::from(high) << 16 | low);
                assert_eq!(round_to_bf16(value).to_bits(), bf16::from_f32(value).to_bits(), "{value:e}");
            }
        }
    }

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
