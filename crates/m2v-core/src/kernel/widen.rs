//! From the types rows are stored in to f32.

use half::{bf16, f16};

use crate::dtype::Element;

/// A type that rows are stored in.
pub(super) trait Widen: Element {
    /// The same number as f32; of an f64, the nearest.
    ///
    /// Plain arithmetic without branches or calls, so that the compiler can do it for many columns at once.
    fn widen(self) -> f32;
}

impl Widen for f32 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self
    }
}

impl Widen for f64 {
    #[inline(always)]
    fn widen(self) -> f32 {
        self as f32
    }
}

impl Widen for f16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        let bits = u32::from(self.to_bits());
        let magnitude = (bits & 0x7fff) << 13;
        // Exponent and mantissa are in the right place, but the exponent is counted from another number: 112
        // less. Multiplying by 2¹¹² is exact, for subnormals too.
        let scaled = (f32::from_bits(magnitude) * f32::from_bits((112 + 127) << 23)).to_bits();
        // The largest exponent is that of infinity and NaN in f32 too.
        let special = if magnitude >= 0x1f << 23 { 0xff << 23 } else { 0 };
        f32::from_bits(scaled | special | (bits & 0x8000) << 16)
    }
}

impl Widen for bf16 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from_bits(u32::from(self.to_bits()) << 16)
    }
}

impl Widen for i8 {
    #[inline(always)]
    fn widen(self) -> f32 {
        f32::from(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_the_one_of_the_half_crate() {
        for bits in 0..=u16::MAX {
            let (half, brain) = (f16::from_bits(bits), bf16::from_bits(bits));
            for (found, expected) in [(half.widen(), half.to_f32()), (brain.widen(), brain.to_f32())] {
                let same = found.to_bits() == expected.to_bits() || found.is_nan() && expected.is_nan();
                assert!(same, "{bits:#06x}: {found}, not {expected}");
            }
        }
    }
}
