//! numpy's `.npy`, version 1.0.

use std::path::Path;

use ndarray::ArrayView2;

use crate::output::OutFile;
use crate::stop::Stop;

/// A matrix of f32 that is written row after row; how many there are is filled in at the end.
pub(crate) struct Npy {
    file: OutFile,
    dim: usize,
    rows: u64,
}

/// Long enough for the largest row count, and a multiple of 64 as the format asks.
const HEADER: usize = 128;

impl Npy {
    pub(crate) fn create(path: &Path, dim: usize) -> Result<Self, Stop> {
        let mut file = OutFile::create(path)?;
        file.write(&header(0, dim))?;
        Ok(Self { file, dim, rows: 0 })
    }

    /// Appends rows, which must be contiguous.
    pub(crate) fn write(&mut self, rows: ArrayView2<'_, f32>) -> Result<(), Stop> {
        let values = rows.to_slice().ok_or_else(|| Stop::error("rows with gaps between them"))?;
        self.rows += rows.nrows() as u64;
        // Little-endian, as all targets that m2v-core compiles for.
        self.file.write(bytemuck::cast_slice(values))
    }

    pub(crate) fn finish(mut self) -> Result<(), Stop> {
        self.file.patch(&header(self.rows, self.dim))?;
        self.file.finish()
    }
}

fn header(rows: u64, dim: usize) -> Vec<u8> {
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    header.extend_from_slice(&(HEADER as u16 - 10).to_le_bytes());
    let shape = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dim}), }}");
    header.extend_from_slice(shape.as_bytes());
    header.resize(HEADER - 1, b' ');
    header.push(b'\n');
    header
}

#[cfg(test)]
mod tests {
    use super::{HEADER, header};

    #[test]
    fn all_headers_have_the_same_length() {
        for header in [header(0, 1), header(u64::MAX, usize::MAX)] {
            assert_eq!(header.len(), HEADER);
            assert!(String::from_utf8_lossy(&header).trim_end().ends_with("), }"));
        }
    }
}
