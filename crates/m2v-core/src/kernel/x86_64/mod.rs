//! Kernels for x86-64.

mod avx2;
mod avx512;

pub(super) use avx2::Avx2;
pub(super) use avx512::Avx512;

use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};

use bytemuck::{AnyBitPattern, pod_read_unaligned};

use super::block::Block;

/// Tokens between the one whose row is added and the one whose row is asked for.
///
/// Of 4 to 96, 16 is best for rows of 512 bytes and more and 32 for shorter ones, by 5 % each.
const AHEAD: usize = 24;

/// Asks for the columns of a tile of a token that comes later, maybe in a later text.
#[inline(always)]
fn prefetch<E>(block: &Block<'_>, token: usize, column: usize, width: usize) {
    let Some(&id) = block.ids.get(token + AHEAD) else { return };
    let start = block.rows.bytes.as_ptr().wrapping_add(block.rows.offset::<E>(id, column));
    let bytes = width * size_of::<E>();
    for byte in (0..bytes).step_by(64) {
        prefetch_line(start.wrapping_add(byte));
    }
    // Rows start anywhere: the last byte may be in a line of its own.
    prefetch_line(start.wrapping_add(bytes - 1));
}

#[inline(always)]
#[expect(unsafe_code, reason = "a hint to the processor, for which there is no safe function")]
fn prefetch_line(address: *const u8) {
    // SAFETY: a prefetch is a hint; an address that cannot be read does no harm.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(address.cast()) }
}

/// The `index`th register of a row.
#[inline(always)]
fn load<T: AnyBitPattern>(row: &[u8], index: usize) -> T {
    pod_read_unaligned(&row[index * size_of::<T>()..][..size_of::<T>()])
}
