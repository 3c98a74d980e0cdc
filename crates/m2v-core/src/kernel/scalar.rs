//! Kernels without a line for any processor; the compiler turns them into the vectors every target has.

use std::ops::Range;

use bytemuck::pod_read_unaligned;

use super::Kernels;
use super::block::{Block, Job, Tile, add_integers, each_tile};
use super::finish::finish;
use super::widen::Widen;
use crate::dtype::Dtype;

/// The portable kernels.
#[derive(Clone, Copy)]
pub(super) struct Scalar;

impl Kernels for Scalar {
    fn pool<E: Widen, const WEIGHTED: bool>(self, job: Job<'_>) {
        each_tile(
            job,
            [32, 8, 1],
            |tile| match tile.sum.len() {
                32 => add::<E, WEIGHTED, 32>(tile),
                8 => add::<E, WEIGHTED, 8>(tile),
                _ => add::<E, WEIGHTED, 1>(tile),
            },
            finish::<false>,
        );
    }
}

fn add<E: Widen, const WEIGHTED: bool, const N: usize>(tile: Tile<'_>) {
    if E::DTYPE == Dtype::I8 && !WEIGHTED {
        return add_integers(tile, add_i8::<N>);
    }
    let Tile { block, tokens, column, sum, .. } = tile;
    let mut sums = [0.0f32; N];
    for &id in &block.ids[tokens] {
        let row: [E; N] = pod_read_unaligned(block.rows.part::<E>(id, column, N));
        if WEIGHTED {
            let weight = block.rows.weight(id);
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.widen() * weight);
        } else {
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += x.widen());
        }
    }
    sum.copy_from_slice(&sums);
}

fn add_i8<const N: usize>(block: &Block<'_>, tokens: Range<usize>, column: usize) -> [i16; N] {
    let mut sums = [0i16; N];
    for &id in &block.ids[tokens] {
        let row: [i8; N] = pod_read_unaligned(block.rows.part::<i8>(id, column, N));
        sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += i16::from(x));
    }
    sums
}
