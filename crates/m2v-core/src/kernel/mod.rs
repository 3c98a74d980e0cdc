//! The hot loop: adding rows of a table.
//!
//! # What is computed
//!
//! For each text, column by column and in f32: the rows of its tokens are widened, multiplied by the token's
//! weight where there are weights, and added **in the order of the tokens, to one accumulator, each product
//! rounded before it is added** (no fused multiply-add). The sum is divided by the number of tokens. That is
//! what the reference does, and any other order misses it by up to 3e-4 on long repetitive texts.
//!
//! Columns do not know of each other. So a kernel may take them in any order and as many at once as it has
//! registers for; all kernels, scalar or not, give the same bits. `tests/pooling` holds each of them to a plain
//! loop.
//!
//! * **int8 without weights** is added as integers and converted once. As long as no partial sum exceeds 2²⁴,
//!   which takes more than 131,072 tokens of −128, f32 would not have rounded either and the bits are the same;
//!   beyond that the integers are the more exact. They do not overflow: [`block::add_integers`].
//! * **Unit vectors** are the sum multiplied by 1 / (its length + 1e-32 × tokens), which equals the mean divided by
//!   (its length + 1e-32) but for two roundings and two divisions of each column less: 1.6 ns per token of f16 at 256
//!   columns on processors that divide slowly (Granite Rapids). Squares are exact in f64, and added there in a fixed
//!   order. Where the sum is longer than 1e37 the mean is taken first, so that nothing overflows that does not
//!   overflow in the reference.
//! * **f64** tables are rounded to f32 as they are read, and only have the scalar kernel.
//!
//! # How
//!
//! [`block::each_tile`] cuts a text's sum into tiles: as many columns as fit in the registers. A tile's
//! accumulators stay there while all tokens of the text pass. Rows are read through slices of checked length, at
//! any alignment; sums are written once. 24 tokens before a row is needed, also across the ends of texts, it is
//! asked for (of f32, the first columns of each tile).
//!
//! There is a kernel for each instruction set in [`Isa`]; [`Isa::best`] chooses at run time. A table narrower
//! than a kernel's narrowest tile gets the next kernel: AVX-512 from 64 columns, AVX2 from 32.
//!
//! There is none for NEON: 64-bit ARM runs the scalar loops, of which the compiler makes NEON, as it has that in any
//! case. Kernels of their own have to wait for a machine to build and measure them on.
//!
//! # Safety
//!
//! Intrinsics without pointers are safe where the compiler knows the instruction set, and `bytemuck` turns bytes
//! into registers; so the kernels themselves are safe code that checks each row it reads. That costs nothing
//! that could be measured against unchecked reads. `unsafe` is left in two places, in [`x86_64`]: entering code
//! for an instruction set that was detected, and the prefetch.
//!
//! # What it gains
//!
//! Nanoseconds per token, normalised, 28 tokens a text, Zipf-distributed over 30,000 rows; `benches/pool.rs` on
//! one of two shared cores of an AVX-512 EPYC (Zen 5), medians; in brackets with weights. Measured before unit vectors
//! were multiplied by a reciprocal, and tiles were of 128 columns for f32 with AVX-512 and of 96 with AVX2.
//!
//! | | scalar | AVX2 | AVX-512 |
//! |---|---|---|---|
//! | f32, 256 columns | 27.4 (31.8) | 12.9 (13.6) | 10.4 (10.5) |
//! | f16, 256 | 64.0 (85.0) | 9.6 (10.3) | 6.0 (6.9) |
//! | bf16, 256 | 16.4 (23.8) | 8.6 (11.0) | 5.0 (6.2) |
//! | int8, 256 | 11.4 (33.1) | 5.0 (11.3) | 3.7 (6.1) |
//! | f32, 64 | 4.1 (5.3) | 2.6 (3.2) | 2.5 (3.0) |
//! | f16, 64 | 16.3 (19.5) | 2.6 (2.9) | 2.3 (2.9) |
//! | int8, 64 | 3.4 (8.6) | 2.1 (3.2) | 2.4 (2.7) |
//!
//! Given the same prefetches, what the compiler makes of the scalar loop for these instruction sets (arrays of
//! the best of 32, 64, 128 and 256 columns) takes, in units of the kernels here and with all rows in cache:
//!
//! | | f32 | f16 | bf16 | int8 | int8, weights |
//! |---|---|---|---|---|---|
//! | AVX2 | 0.9 | 3.0 | 1.05 | 1.6 | 1.3 |
//! | AVX-512 | 1.0 | 2.5 | 1.3 | 2.8 | 1.4 |
//!
//! so f32 is there only because the others need the loop around it.
//!
//! # What was tried and left out
//!
//! * Reads without bounds checks: no difference.
//! * Prefetching 4 to 96 tokens ahead: 16 is best for rows of 512 bytes and more, 32 for shorter ones, by 5 %
//!   each; whole rows with the first tile: slower for f32. Into the second cache instead of the first: 8 to 14 %
//!   slower, and no faster with both, 64 and 12 tokens ahead (Granite Rapids).
//! * Asking for every second line of a row, for the first two, or for three quarters: f16 takes 1.1 of the time, int8
//!   1.02 to 1.05.
//! * Stores that bypass the cache: 7 to 13 % less for outputs that are larger than the cache, 2 to 5 % more for
//!   those that are reused, and the kernel is not told which it has.
//! * Sums through the units that multiply and add (x × 1 + sum has the same bits), as those that only add also turn f16
//!   into f32: 25 % less in a loop of nothing else, no difference in the kernel (Zen 3).
//! * Squares in f32: 3 % less for a short text at best, and a length that is less exact.
//! * Rows that begin at a cache line, 8 lines instead of 9: no difference. What a text alone waits for is the first.
//! * Adding up rows of equal ids, or more than one accumulator: another order.

mod block;
mod finish;
mod isa;
mod scalar;
mod widen;
#[cfg(target_arch = "x86_64")]
mod x86_64;

pub(crate) use block::{Block, Job, Rows};
pub use isa::Isa;

use half::{bf16, f16};

use crate::dtype::Dtype;
use isa::Set;
use scalar::Scalar;
use widen::Widen;

/// Pools a block of texts: `job.out` gets the mean of each, divided by its length if `job.normalize`.
///
/// Every id of the block has to be below the number of ids the table covers.
///
/// # Panics
/// If an id is not. The kernels check each row they read, so that a wrong id costs no more than a panic.
pub(crate) fn pool(isa: Isa, job: Job<'_>) {
    match isa.0 {
        Set::Scalar => run(Scalar, job),
        #[cfg(target_arch = "x86_64")]
        Set::Avx2(avx2) if job.block.rows.dim >= x86_64::Avx2::NARROWEST => run(avx2, job),
        #[cfg(target_arch = "x86_64")]
        Set::Avx2(_) => run(Scalar, job),
        #[cfg(target_arch = "x86_64")]
        Set::Avx512(avx512) if job.block.rows.dim >= x86_64::Avx512::NARROWEST => run(avx512, job),
        #[cfg(target_arch = "x86_64")]
        Set::Avx512(avx512) => pool(Isa(Set::Avx2(avx512.avx2())), job),
    }
}

/// The kernels of an instruction set.
trait Kernels {
    /// Pools a block of a table of `E`, with (`WEIGHTED`) or without weights.
    fn pool<E: Widen, const WEIGHTED: bool>(self, job: Job<'_>);
}

fn run(kernels: impl Kernels, job: Job<'_>) {
    let Rows { dtype, weights, .. } = job.block.rows;
    match (dtype, weights.is_some()) {
        (Dtype::F32, false) => kernels.pool::<f32, false>(job),
        (Dtype::F32, true) => kernels.pool::<f32, true>(job),
        (Dtype::F16, false) => kernels.pool::<f16, false>(job),
        (Dtype::F16, true) => kernels.pool::<f16, true>(job),
        (Dtype::BF16, false) => kernels.pool::<bf16, false>(job),
        (Dtype::BF16, true) => kernels.pool::<bf16, true>(job),
        (Dtype::I8, false) => kernels.pool::<i8, false>(job),
        (Dtype::I8, true) => kernels.pool::<i8, true>(job),
        // Nobody ships tables of doubles; what the compiler makes of them is good enough.
        (Dtype::F64, false) => Scalar.pool::<f64, false>(job),
        (Dtype::F64, true) => Scalar.pool::<f64, true>(job),
        // `EmbeddingTable::try_new` lets no other type through.
        (Dtype::I32 | Dtype::I64, _) => debug_assert!(false, "{dtype} is not the type of a table"),
    }
}
