//! AVX-512 F and BW: tiles of 256 columns, in 16 of the 32 registers; of 128 and 64 for what is left.
//!
//! 64 columns are as fast with AVX2, 256 up to a third slower: a row of those takes it four passes.
//!
//! f32 has tiles of at most 128. A row of 256 columns is 16 lines of the cache, as many as the processor fetches at a
//! time: asked for in halves, prose took 18.7 ns per token instead of 22.5 (Granite Rapids), when all
//! of them were asked for. With the [half](super::ASKED) that is now, one tile of 256 takes 1.02 to 1.04 of the time.

use std::arch::x86_64::*;
use std::ops::Range;

use bytemuck::cast;

use super::{Avx2, ask_for_first, fetch, load};
use crate::dtype::Dtype;
use crate::kernel::Kernels;
use crate::kernel::block::{Block, Job, Tile, add_integers, each_tile};
use crate::kernel::finish::finish;
use crate::kernel::widen::Widen;

/// Proof that this machine has AVX-512 F and BW.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kernel) struct Avx512(Avx2);

impl Avx512 {
    /// Columns a table must have.
    pub(in crate::kernel) const NARROWEST: usize = 64;

    pub(in crate::kernel) fn detect() -> Option<Self> {
        let detected = is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw");
        Avx2::detect().filter(|_| detected).map(Self)
    }

    pub(in crate::kernel) fn avx2(self) -> Avx2 {
        self.0
    }
}

impl Kernels for Avx512 {
    #[expect(unsafe_code, reason = "only a check at run time tells that the processor has the instructions")]
    fn pool<E: Widen, const WEIGHTED: bool>(self, job: Job<'_>) {
        // SAFETY: `self` is made only by `detect`, which has found these features.
        unsafe { pool::<E, WEIGHTED>(job) }
    }
}

#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw")]
fn pool<E: Widen, const WEIGHTED: bool>(job: Job<'_>) {
    each_tile(
        job,
        if E::DTYPE == Dtype::F32 { [128, 128, 64] } else { [256, 128, 64] },
        |tile| match tile.sum.len() {
            256 => add::<E, WEIGHTED, 256, 8, 4>(tile),
            128 => add::<E, WEIGHTED, 128, 4, 2>(tile),
            _ => add::<E, WEIGHTED, 64, 2, 1>(tile),
        },
        |sum, count, normalize| finish_apart(sum, count, normalize),
    );
}

/// As [`finish`], in a function of its own: what the compiler prepares for its loops it otherwise prepares before the
/// first text, and keeps in the registers and the memory that adding needs. Prose takes 0.97 of the time with f16, and
/// 0.95 with f32 at 64 columns; a text alone no more than before (Emerald Rapids).
#[inline(never)]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw")]
fn finish_apart(sum: &mut [f32], count: usize, normalize: bool) {
    finish::<true>(sum, count, normalize);
}

/// Adds a tile of `N` columns: `F` pairs of registers of floats, or `I` of integers.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw")]
fn add<E: Widen, const WEIGHTED: bool, const N: usize, const F: usize, const I: usize>(tile: Tile<'_>) {
    ask_for_first::<E>(&tile, N);
    if E::DTYPE == Dtype::I8 && !WEIGHTED {
        return add_integers(tile, |block, tokens, column| add_i8::<N, I>(block, tokens, column));
    }
    let Tile { block, tokens, column, sum, .. } = tile;
    let mut sums = [[_mm512_setzero_ps(); 2]; F];
    for (&id, token) in block.ids[tokens.clone()].iter().zip(tokens) {
        let row = fetch::<E>(&block, token, id, column, N);
        let weight = _mm512_set1_ps(if WEIGHTED { block.rows.weight(id) } else { 1.0 });
        for (i, sums) in sums.iter_mut().enumerate() {
            for (sum, x) in sums.iter_mut().zip(widen::<E>(row, i)) {
                *sum = _mm512_add_ps(*sum, if WEIGHTED { _mm512_mul_ps(x, weight) } else { x });
            }
        }
    }
    for (out, sums) in sum.as_chunks_mut::<32>().0.iter_mut().zip(sums) {
        *out = cast(in_order::<E>(sums));
    }
}

/// 32 columns as f32: the `index`th of a row, in the order [`in_order`] undoes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw")]
fn widen<E: Widen>(row: &[u8], index: usize) -> [__m512; 2] {
    let (left, right) = (2 * index, 2 * index + 1);
    match E::DTYPE {
        Dtype::F32 => [load(row, left), load(row, right)],
        Dtype::F16 => [halves(load(row, left)), halves(load(row, right))],
        Dtype::BF16 => {
            // Two columns in each 32 bits: the even ones shifted up, the odd ones as they are.
            let pairs: __m512i = load(row, index);
            let even = _mm512_slli_epi32::<16>(pairs);
            let odd = _mm512_and_si512(pairs, _mm512_set1_epi32(0xffff_0000_u32 as i32));
            [_mm512_castsi512_ps(even), _mm512_castsi512_ps(odd)]
        }
        Dtype::I8 => {
            let left = _mm512_cvtepi8_epi32(load(row, left));
            let right = _mm512_cvtepi8_epi32(load(row, right));
            [_mm512_cvtepi32_ps(left), _mm512_cvtepi32_ps(right)]
        }
        other => unreachable!("no kernel for {other}"),
    }
}

/// 16 halves as f32: as `_mm512_cvtph_ps`, which the compiler makes an instruction of that cannot take them straight
/// from memory. A short text alone takes 0.93 to 1 of the time, batches the same (Granite Rapids).
#[inline]
#[target_feature(enable = "avx512f")]
fn halves(bits: __m256i) -> __m512 {
    _mm512_cvt_roundph_ps::<_MM_FROUND_CUR_DIRECTION>(bits)
}

/// Sums of 32 columns in the order of the columns.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw")]
fn in_order<E: Widen>([even, odd]: [__m512; 2]) -> [__m512; 2] {
    if E::DTYPE != Dtype::BF16 {
        return [even, odd];
    }
    let low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    let high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    [_mm512_permutex2var_ps(even, low, odd), _mm512_permutex2var_ps(even, high, odd)]
}

/// Adds at most 256 int8 rows, two at a time: their columns side by side, and those pairs added in one step.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw")]
fn add_i8<const N: usize, const I: usize>(
    block: &Block<'_>,
    tokens: Range<usize>,
    column: usize,
) -> [i16; N] {
    let none = [0; N];
    let ones = _mm512_set1_epi8(1);
    let mut sums = [[_mm512_setzero_si512(); 2]; I];
    let mut add = |left: &[u8], right: &[u8]| {
        for (i, sums) in sums.iter_mut().enumerate() {
            let (left, right) = (load(left, i), load(right, i));
            let pairs = [_mm512_unpacklo_epi8(left, right), _mm512_unpackhi_epi8(left, right)];
            for (sum, pair) in sums.iter_mut().zip(pairs) {
                *sum = _mm512_add_epi16(*sum, _mm512_maddubs_epi16(ones, pair));
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
    let low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11);
    let high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
    let mut out = [0; N];
    for (out, [a, b]) in out.as_chunks_mut::<64>().0.iter_mut().zip(sums) {
        *out = cast([_mm512_permutex2var_epi64(a, low, b), _mm512_permutex2var_epi64(a, high, b)]);
    }
    out
}
