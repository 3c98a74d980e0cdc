//! What the kernels work on, and the order in which they do.

use std::ops::Range;

use crate::dtype::Dtype;

/// A table as the kernels read it.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    /// Row after row, without gaps, starting anywhere.
    pub(crate) bytes: &'a [u8],
    pub(crate) dtype: Dtype,
    /// Columns.
    pub(crate) dim: usize,
    /// The factor of each token.
    pub(crate) weights: Option<&'a [f32]>,
    /// The row of each token; without it, the token itself.
    pub(crate) row_of: Option<&'a [u32]>,
}

impl<'a> Rows<'a> {
    /// Where the columns from `column` of a token's row start.
    #[inline(always)]
    pub(super) fn offset<E>(&self, id: u32, column: usize) -> usize {
        let row = match self.row_of {
            None => id,
            Some(row_of) => row_of[id as usize],
        };
        (row as usize * self.dim + column) * size_of::<E>()
    }

    /// The bytes of `width` columns of a token's row.
    #[inline(always)]
    pub(super) fn part<E>(&self, id: u32, column: usize, width: usize) -> &'a [u8] {
        &self.bytes[self.offset::<E>(id, column)..][..width * size_of::<E>()]
    }

    /// The factor of a token; 1 without weights.
    #[inline(always)]
    pub(super) fn weight(&self, id: u32) -> f32 {
        self.weights.map_or(1.0, |weights| weights[id as usize])
    }
}

/// The ids of all texts of a block, one text after another, and the table they are of.
#[derive(Clone, Copy)]
pub(crate) struct Block<'a> {
    pub(crate) rows: Rows<'a>,
    pub(crate) ids: &'a [u32],
}

/// A block, where its texts end, and where their vectors go.
pub(crate) struct Job<'a> {
    pub(crate) block: Block<'a>,
    /// Where the ids of the first text start.
    pub(crate) start: usize,
    /// Where those of each text end, ascending.
    pub(crate) ends: &'a [usize],
    /// Whether each mean is divided by its length.
    pub(crate) normalize: bool,
    /// `[ends.len(), dim]`.
    pub(crate) out: &'a mut [f32],
}

/// The part of a sum that is held in registers: some columns of all tokens of a text.
pub(super) struct Tile<'a> {
    pub(super) block: Block<'a>,
    /// Indices into the block's ids.
    pub(super) tokens: Range<usize>,
    /// The first column.
    pub(super) column: usize,
    /// Gets the sum of each column. Its length is the tile's width.
    pub(super) sum: &'a mut [f32],
    /// Whether no text with tokens came before, with which its rows could have been asked for.
    #[cfg_attr(not(target_arch = "x86_64"), expect(dead_code, reason = "only kernels for x86-64 ask"))]
    pub(super) is_first: bool,
}

/// Cuts the work into tiles, each of one of the `widths` (descending), which `add` sums up, and has `finish` make a
/// vector of the sums of so many rows.
///
/// The narrowest of the widths must not exceed the number of columns. Columns may be in two tiles: columns do
/// not know of each other, so they get the same sum twice. That takes less than a tile as narrow as what is
/// left would, and no kernel needs code for it.
#[inline(always)]
pub(super) fn each_tile<const N: usize>(
    job: Job<'_>,
    widths: [usize; N],
    mut add: impl FnMut(Tile<'_>),
    finish: impl Fn(&mut [f32], usize, bool),
) {
    let Job { block, mut start, ends, normalize, mut out } = job;
    let (dim, first) = (block.rows.dim, start);
    for &end in ends {
        // What `chunks_exact_mut` divides to know beforehand takes longer than a short text can wait.
        let Some((sum, rest)) = out.split_at_mut_checked(dim) else { return };
        out = rest;
        let is_first = start == first && end > start;
        let mut column = 0;
        while column < dim {
            let columns = next_tile(column, dim, widths);
            let sum = &mut sum[columns.clone()];
            add(Tile { block, tokens: start..end, column: columns.start, sum, is_first });
            column = columns.end;
        }
        finish(sum, end - start, normalize);
        start = end;
    }
}

/// The columns of the tile that begins at `column`, or before it where it would not fit: the narrowest that
/// reaches the end, else the widest there is.
#[inline(always)]
fn next_tile<const N: usize>(column: usize, dim: usize, widths: [usize; N]) -> Range<usize> {
    let mut width = widths[N - 1];
    for wider in widths.into_iter().rev() {
        if width < dim - column && wider <= dim {
            width = wider;
        }
    }
    let start = column.min(dim - width);
    start..start + width
}

/// Adds int8 rows as integers: `add` adds as many as there may be in an i16, an f64 holds what they come to.
///
/// All of it is exact, as long as a text has less than 2⁴⁶ tokens; rounded, once, is the f32 in the end.
#[inline(always)]
pub(super) fn add_integers<const N: usize>(
    tile: Tile<'_>,
    add: impl Fn(&Block<'_>, Range<usize>, usize) -> [i16; N],
) {
    /// 256 × −128 is the least i16.
    const ROWS: usize = 256;
    let Tile { block, tokens, column, sum, .. } = tile;
    if tokens.len() <= ROWS {
        let sums = add(&block, tokens, column);
        return sum.iter_mut().zip(sums).for_each(|(sum, x)| *sum = f32::from(x));
    }
    let mut sums = [0.0f64; N];
    for start in tokens.clone().step_by(ROWS) {
        let part = add(&block, start..tokens.end.min(start + ROWS), column);
        sums.iter_mut().zip(part).for_each(|(sum, x)| *sum += f64::from(x));
    }
    sum.iter_mut().zip(sums).for_each(|(sum, x)| *sum = x as f32);
}

#[cfg(test)]
mod tests {
    use super::next_tile;

    #[test]
    fn tiles_cover_all_columns() {
        let widths = [32, 8, 1];
        for dim in 1..=300 {
            let mut column = 0;
            while column < dim {
                let tile = next_tile(column, dim, widths);
                assert!(tile.start <= column && column < tile.end && tile.end <= dim, "{dim}: {tile:?}");
                assert!(widths.contains(&tile.len()), "{dim}: {tile:?}");
                column = tile.end;
            }
        }
    }

    #[test]
    fn the_last_tile_overlaps() {
        let tiles = |dim| {
            let mut tiles = vec![next_tile(0, dim, [256, 128, 64])];
            while tiles[tiles.len() - 1].end < dim {
                tiles.push(next_tile(tiles[tiles.len() - 1].end, dim, [256, 128, 64]));
            }
            tiles
        };
        assert_eq!(tiles(64), vec![(0..64)]);
        assert_eq!(tiles(100), [0..64, 36..100]);
        assert_eq!(tiles(256), vec![(0..256)]);
        assert_eq!(tiles(300), [0..256, 236..300]);
        assert_eq!(tiles(384), [0..256, 256..384]);
        assert_eq!(tiles(768), [0..256, 256..512, 512..768]);
    }
}
