//! Kernels for x86-64, and all of the `unsafe` in them.
//!
//! * [`Avx2`] and [`Avx512`] call a function that is compiled for those instruction sets, which is sound because
//!   their values are made only where the instruction set was detected. Without it there would be the scalar
//!   kernel: it takes 1.4 to 12 times as long, see the [parent module](super).
//! * The prefetch, which no safe function does: with it, pooling takes 0.5 to 0.75 of the time where the
//!   table is larger than the cache (f16 at 256 columns 21 instead of 40 ns per token, int8 6.4 instead of 9.1).

mod avx2;
mod avx512;

pub(super) use avx2::Avx2;
pub(super) use avx512::Avx512;

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use bytemuck::{AnyBitPattern, pod_read_unaligned};

use super::block::{Block, Tile};

/// How many tokens behind the one whose row is added the one is whose row is asked for.
const AHEAD: usize = 24;

/// Columns of a tile of f32 that are asked for: 4 lines of 8 with AVX-512, of 6 with AVX2.
const ASKED: usize = 64;

/// The `width` columns of a token's row from `column` on. Asks for those of a token that comes later, maybe in a later
/// text.
///
/// Of f32, for the first [`ASKED`] of them. A row of 256 columns is 16 lines, as many as the processor fetches at a
/// time, and lines behind some that were asked for it fetches by itself: prose takes 0.93 of the time with AVX-512,
/// 0.96 with AVX2, and a first pass 0.98 (Granite Rapids). With half of the lines, f16 takes 1.13.
#[inline(always)]
fn fetch<'a, E>(block: &Block<'a>, token: usize, id: u32, column: usize, width: usize) -> &'a [u8] {
    if let Some(&later) = block.ids.get(token + AHEAD) {
        let is_f32 = size_of::<E>() == size_of::<f32>();
        ask::<E>(block, later, column, if is_f32 { width.min(ASKED) } else { width });
    }
    block.rows.part::<E>(id, column, width)
}

/// With a tile of the first text, asks for its columns of the first tokens, before which there is none to do it, maybe
/// of later texts. Without that a short text alone takes 1.1 of the time; with fewer lines, or without the rows of the
/// first three tokens, 1 to 1.09 (texts of 34 bytes; Granite Rapids, when whole rows were asked for). Of a width that
/// is known, that is 14 instructions a token instead of 24.
#[inline(always)]
fn ask_for_first<E>(tile: &Tile<'_>, width: usize) {
    if tile.is_first {
        let ids = &tile.block.ids[tile.tokens.start..];
        for &id in &ids[..ids.len().min(AHEAD)] {
            ask::<E>(&tile.block, id, tile.column, width);
        }
    }
}

/// Asks for `width` columns of a token's row.
#[inline(always)]
fn ask<E>(block: &Block<'_>, id: u32, column: usize, width: usize) {
    let start = block.rows.bytes.as_ptr().wrapping_add(block.rows.offset::<E>(id, column));
    let bytes = width * size_of::<E>();
    for byte in (0..bytes).step_by(64) {
        prefetch(start.wrapping_add(byte));
    }
    // Rows start anywhere: the last byte may be in a line of its own.
    prefetch(start.wrapping_add(bytes - 1));
}

#[inline(always)]
#[expect(unsafe_code, reason = "a hint to the processor, for which there is no safe function")]
fn prefetch(address: *const u8) {
    // SAFETY: a prefetch is a hint; an address that cannot be read does no harm.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

/// The `index`th register of a row.
#[inline(always)]
fn load<T: AnyBitPattern>(row: &[u8], index: usize) -> T {
    pod_read_unaligned(&row[index * size_of::<T>()..][..size_of::<T>()])
}
