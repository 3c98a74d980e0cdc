//! Rows of f32, and the distances between them.

use ndarray::linalg::general_mat_mul;
use ndarray::{ArrayView2, ArrayViewMut2, Axis, ShapeBuilder, ShapeError};

/// Rows are padded with zeros to a multiple of this, so that loops over them have no remainder.
const LANES: usize = 16;

/// Rows of f32, padded.
pub(super) struct Matrix {
    values: Vec<f32>,
    dim: usize,
    stride: usize,
}

impl Matrix {
    pub(super) fn zeros(rows: usize, dim: usize) -> Self {
        let stride = dim.next_multiple_of(LANES);
        Self { values: vec![0.0; rows * stride], dim, stride }
    }

    pub(super) fn rows(&self) -> usize {
        self.values.len() / self.stride.max(1)
    }

    pub(super) fn dim(&self) -> usize {
        self.dim
    }

    /// Floats from one row to the next.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    pub(super) fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values
    }

    /// One row, with its padding.
    pub(super) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.stride..][..self.stride]
    }

    /// One row, with its padding.
    pub(super) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.stride..][..self.stride]
    }

    /// Copies rows of this matrix.
    pub(super) fn gather(&self, rows: impl Iterator<Item = usize>) -> Self {
        let mut values = Vec::with_capacity(rows.size_hint().0 * self.stride);
        rows.for_each(|row| values.extend_from_slice(self.row(row)));
        Self { values, ..*self }
    }

    /// The square of each row's length.
    pub(super) fn norms(&self) -> Vec<f32> {
        self.values.chunks_exact(self.stride).map(|row| dot(row, row)).collect()
    }

    /// `count` rows from `start`, `[count, dim]`.
    pub(super) fn block(&self, start: usize, count: usize) -> ArrayView2<'_, f32> {
        let values = &self.values[start * self.stride..(start + count) * self.stride];
        // ndarray takes no such strides where there are no rows.
        let strides = if count == 0 { (0, 0) } else { (self.stride, 1) };
        shaped(ArrayView2::from_shape((count, self.dim).strides(strides), values))
    }

    /// The first columns of all rows, `[rows, columns]`.
    pub(super) fn head(&self, columns: usize) -> ArrayView2<'_, f32> {
        self.block(0, self.rows()).split_at(Axis(1), columns).0
    }
}

/// A view whose shape fits its slice.
#[expect(clippy::expect_used, reason = "callers cut the slice for the shape")]
fn shaped<V>(view: Result<V, ShapeError>) -> V {
    view.expect("the shape fits the slice")
}

/// The dot product of two padded rows.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    sums.iter().sum()
}

/// The square of the distance between two padded rows.
pub(super) fn distance(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (a, b) in a.as_chunks::<LANES>().0.iter().zip(b.as_chunks::<LANES>().0) {
        for lane in 0..LANES {
            let difference = a[lane] - b[lane];
            sums[lane] += difference * difference;
        }
    }
    sums.iter().sum()
}

/// Room for −2 x·c of a block of points `x` and a block of centres `c`: with ‖c‖² added it orders the centres
/// by their distance from the point; with ‖x‖² as well it is the square of that distance.
#[derive(Default)]
pub(super) struct Products {
    values: Vec<f32>,
}

impl Products {
    /// Multiplies, and gives a row of products for each point.
    pub(super) fn of(
        &mut self,
        points: ArrayView2<'_, f32>,
        centres: ArrayView2<'_, f32>,
    ) -> impl Iterator<Item = &[f32]> {
        let (rows, columns) = (points.nrows(), centres.nrows());
        if self.values.len() < rows * columns {
            self.values.resize(rows * columns, 0.0);
        }
        let values = &mut self.values[..rows * columns];
        let mut out = shaped(ArrayViewMut2::from_shape((rows, columns), &mut *values));
        general_mat_mul(-2.0, &points, &centres.t(), 0.0, &mut out);
        values.chunks_exact(columns.max(1))
    }
}

/// Calls `found(i, products[i] + norms[i])` for those below `limit`, which `found` gives anew.
pub(super) fn below(
    products: &[f32],
    norms: &[f32],
    mut limit: f32,
    mut found: impl FnMut(usize, f32) -> f32,
) {
    let (chunks, rest) = products.as_chunks::<LANES>();
    let (norm_chunks, norm_rest) = norms[..products.len()].as_chunks::<LANES>();
    for (chunk, (products, norms)) in chunks.iter().zip(norm_chunks).enumerate() {
        let mut values = [0.0; LANES];
        for lane in 0..LANES {
            values[lane] = products[lane] + norms[lane];
        }
        let mut least = [f32::INFINITY; 4];
        for part in values.as_chunks::<4>().0 {
            for lane in 0..4 {
                least[lane] = if part[lane] < least[lane] { part[lane] } else { least[lane] };
            }
        }
        if least.iter().any(|&value| value < limit) {
            for (lane, &value) in values.iter().enumerate() {
                if value < limit {
                    limit = found(chunk * LANES + lane, value);
                }
            }
        }
    }
    for (i, (product, norm)) in rest.iter().zip(norm_rest).enumerate() {
        if product + norm < limit {
            limit = found(chunks.len() * LANES + i, product + norm);
        }
    }
}

/// The nearest centres seen so far, ascending: lists of the same length, of ids and of what orders them.
pub(super) struct Nearest<'a> {
    pub(super) ids: &'a mut [u32],
    pub(super) values: &'a mut [f32],
}

impl Nearest<'_> {
    /// Takes in the centres whose id is `id(i)` and whose value is `products[i] + norms[i]`.
    pub(super) fn offer(&mut self, products: &[f32], norms: &[f32], id: impl Fn(usize) -> u32) {
        let last = self.values.len() - 1;
        below(products, norms, self.values[last], |i, value| {
            let mut at = last;
            while at > 0 && self.values[at - 1] > value {
                (self.values[at], self.ids[at]) = (self.values[at - 1], self.ids[at - 1]);
                at -= 1;
            }
            (self.values[at], self.ids[at]) = (value, id(i));
            self.values[last]
        });
    }
}
