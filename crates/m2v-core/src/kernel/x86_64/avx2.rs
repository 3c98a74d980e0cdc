//! AVX2, FMA and F16C: tiles of 96 columns, in 12 of the 16 registers; of 64 and 32 for what is left.
//!
//! To find a row takes 20 instructions, to add 64 columns of it at most 16. With tiles of 96, rows of 256 are looked
//! for three times instead of four: a text of prose, 136 bytes, takes 438 ns instead of 490 with f16, and 682 instead
//! of 720 with f32 (Zen 3).
//!
//! int8 without weights has tiles of 128, because its sums take half the space.

use std::arch::x86_64::*;
use std::ops::Range;

use bytemuck::cast;

use super::{ask_for_first, fetch, load};
use crate::dtype::Dtype;
use crate::kernel::Kernels;
use crate::kernel::block::{Block, Job, Tile, add_integers, each_tile};
use crate::kernel::finish::finish;
use crate::kernel::widen::Widen;

/// Proof that this machine has AVX2, FMA and F16C.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) struct Avx2(());

impl Avx2 {
    /// Columns a table must have.
    pub(in crate::kernel) const NARROWEST: usize = 32;

    pub(in crate::kernel) fn detect() -> Option<Self> {
        let detected = is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && is_x86_feature_detected!("f16c");
        detected.then_some(Self(()))
    }
}

impl Kernels for Avx2 {
    #[expect(unsafe_code, reason = "only a check at run time tells that the processor has the instructions")]
    fn pool<E: Widen, const WEIGHTED: bool>(self, job: Job<'_>) {
        // SAFETY: `self` is made only by `detect`, which has found these features.
        unsafe { pool::<E, WEIGHTED>(job) }
    }
}

#[target_feature(enable = "avx2,fma,f16c")]
fn pool<E: Widen, const WEIGHTED: bool>(job: Job<'_>) {
    if E::DTYPE == Dtype::I8 && !WEIGHTED {
        return each_tile(
            job,
            [128, 64, 32],
            |tile| match tile.sum.len() {
                128 => add_bytes::<128, 4>(tile),
                64 => add_bytes::<64, 2>(tile),
                _ => add_bytes::<32, 1>(tile),
            },
            |sum, count, normalize| finish_apart(sum, count, normalize),
        );
    }
    each_tile(
        job,
        [96, 64, 32],
        |tile| match tile.sum.len() {
            96 => add::<E, WEIGHTED, 96, 6>(tile),
            64 => add::<E, WEIGHTED, 64, 4>(tile),
            _ => add::<E, WEIGHTED, 32, 2>(tile),
        },
        |sum, count, normalize| finish_apart(sum, count, normalize),
    );
}

/// As [`finish`], in a function of its own, as with AVX-512.
#[inline(never)]
#[target_feature(enable = "avx2,fma,f16c")]
fn finish_apart(sum: &mut [f32], count: usize, normalize: bool) {
    finish::<true>(sum, count, normalize);
}

/// Adds a tile of `N` columns: `F` pairs of registers.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add<E: Widen, const WEIGHTED: bool, const N: usize, const F: usize>(tile: Tile<'_>) {
    ask_for_first::<E>(&tile, N);
    let Tile { block, tokens, column, sum, .. } = tile;
    let mut sums = [[_mm256_setzero_ps(); 2]; F];
    for (&id, token) in block.ids[tokens.clone()].iter().zip(tokens) {
        let row = fetch::<E>(&block, token, id, column, N);
        let weight = _mm256_set1_ps(if WEIGHTED { block.rows.weight(id) } else { 1.0 });
        for (i, sums) in sums.iter_mut().enumerate() {
            for (sum, x) in sums.iter_mut().zip(widen::<E>(row, i)) {
                *sum = _mm256_add_ps(*sum, if WEIGHTED { _mm256_mul_ps(x, weight) } else { x });
            }
        }
    }
    for (out, sums) in sum.as_chunks_mut::<16>().0.iter_mut().zip(sums) {
        *out = cast(in_order::<E>(sums));
    }
}

/// 16 columns as f32: the `index`th of a row, in the order [`in_order`] undoes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn widen<E: Widen>(row: &[u8], index: usize) -> [__m256; 2] {
    let (left, right) = (2 * index, 2 * index + 1);
    match E::DTYPE {
        Dtype::F32 => [load(row, left), load(row, right)],
        Dtype::F16 => [_mm256_cvtph_ps(load(row, left)), _mm256_cvtph_ps(load(row, right))],
        Dtype::BF16 => {
            // Two columns in each 32 bits: the even ones shifted up, the odd ones as they are.
            let pairs: __m256i = load(row, index);
            let even = _mm256_slli_epi32::<16>(pairs);
            let odd = _mm256_and_si256(pairs, _mm256_set1_epi32(0xffff_0000_u32 as i32));
            [_mm256_castsi256_ps(even), _mm256_castsi256_ps(odd)]
        }
        Dtype::I8 => {
            let left = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(load(row, left)));
            let right = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(load(row, right)));
            [_mm256_cvtepi32_ps(left), _mm256_cvtepi32_ps(right)]
        }
        other => unreachable!("no kernel for {other}"),
    }
}

/// Sums of 16 columns in the order of the columns.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn in_order<E: Widen>([even, odd]: [__m256; 2]) -> [__m256; 2] {
    if E::DTYPE != Dtype::BF16 {
        return [even, odd];
    }
    let (low, high) = (_mm256_unpacklo_ps(even, odd), _mm256_unpackhi_ps(even, odd));
    [_mm256_permute2f128_ps::<0x20>(low, high), _mm256_permute2f128_ps::<0x31>(low, high)]
}

/// Adds a tile of `N` columns of int8, in `I` pairs of registers.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_bytes<const N: usize, const I: usize>(tile: Tile<'_>) {
    ask_for_first::<i8>(&tile, N);
    add_integers(tile, |block, tokens, column| add_i8::<N, I>(block, tokens, column));
}

/// Adds at most 256 int8 rows, two at a time: their columns side by side, and those pairs added in one step.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_i8<const N: usize, const I: usize>(
    block: &Block<'_>,
    tokens: Range<usize>,
    column: usize,
) -> [i16; N] {
    let none = [0; N];
    let ones = _mm256_set1_epi8(1);
    let mut sums = [[_mm256_setzero_si256(); 2]; I];
    let mut add = |left: &[u8], right: &[u8]| {
        for (i, sums) in sums.iter_mut().enumerate() {
            let (left, right) = (load(left, i), load(right, i));
            let pairs = [_mm256_unpacklo_epi8(left, right), _mm256_unpackhi_epi8(left, right)];
            for (sum, pair) in sums.iter_mut().zip(pairs) {
                *sum = _mm256_add_epi16(*sum, _mm256_maddubs_epi16(ones, pair));
            }
        }
    };
    let row = |id, token| fetch::<i8>(block, token, id, column, N);
    let (pairs, last) = block.ids[tokens.clone()].as_chunks();
    for (&[left, right], token) in pairs.iter().zip(tokens.clone().step_by(2)) {
        add(row(left, token), row(right, token + 1));
    }
    if let &[last] = last {
        add(row(last, tokens.end - 1), &none);
    }
    // `unpack` took 8 columns of each 16 into one register and the next 8 into the other.
    let mut out = [0; N];
    for (out, [a, b]) in out.as_chunks_mut::<32>().0.iter_mut().zip(sums) {
        *out = cast([_mm256_permute2x128_si256::<0x20>(a, b), _mm256_permute2x128_si256::<0x31>(a, b)]);
    }
    out
}
