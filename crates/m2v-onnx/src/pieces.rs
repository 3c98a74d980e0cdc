//! Bytes of a file in pieces, so that a table is never gathered in memory.

use std::io::{self, Write};

use m2v_core::ndarray::Array2;
use m2v_core::{Buffer, EmbeddingTable};
use prost::{encode_length_delimiter, length_delimiter_len};

/// Rows that are widened at a time.
const ROWS: usize = 1024;

/// A part of a file.
#[derive(Clone, Debug)]
pub(crate) enum Piece {
    /// Bytes that are there already, shared.
    Bytes(Buffer),
    /// Rows that are made when they are written.
    Rows(Box<Rows>),
}

/// The rows of a table times their weights, as f32: each product rounded once, as m2v-infer rounds it.
#[derive(Clone, Debug)]
pub(crate) struct Rows {
    /// Without a mapping: ids are rows.
    pub(crate) table: EmbeddingTable,
    /// A row to write as zeros.
    pub(crate) zero: Option<u32>,
}

impl Piece {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Rows(rows) => rows.table.rows() * rows.table.dim() * size_of::<f32>(),
        }
    }

    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Bytes(bytes) => out.write_all(bytes),
            Self::Rows(rows) => rows.write_to(out),
        }
    }
}

impl Rows {
    fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        let (rows, dim) = (self.table.rows() as u32, self.table.dim());
        let mut bytes = Vec::with_capacity(ROWS * dim * size_of::<f32>());
        for start in (0..rows).step_by(ROWS) {
            let ids: Vec<u32> = (start..rows.min(start + ROWS as u32)).collect();
            let mut block = Array2::zeros((ids.len(), dim));
            self.table.lookup_into(&ids, block.view_mut()).map_err(io::Error::other)?;
            if let Some(row) = self.zero.and_then(|zero| ids.iter().position(|&id| id == zero)) {
                block.row_mut(row).fill(0.0);
            }
            bytes.clear();
            bytes.extend(block.iter().flat_map(|value: &f32| value.to_le_bytes()));
            out.write_all(&bytes)?;
        }
        Ok(())
    }
}

/// Pieces to be written one after the other.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pieces(Vec<Piece>);

impl Pieces {
    pub(crate) fn of(pieces: Vec<Piece>) -> Self {
        Self(pieces)
    }

    pub(crate) fn push(&mut self, bytes: Vec<u8>) {
        self.0.push(Piece::Bytes(bytes.into()));
    }

    pub(crate) fn extend(&mut self, pieces: Self) {
        self.0.extend(pieces.0);
    }

    /// Appends a length-delimited field of a protobuf message.
    pub(crate) fn nest(&mut self, field: u8, content: Self) {
        const LENGTH_DELIMITED: u8 = 2;
        let len = content.0.iter().map(Piece::len).sum();
        let mut header = Vec::with_capacity(1 + length_delimiter_len(len));
        header.push(field << 3 | LENGTH_DELIMITED);
        // A vector grows as needed.
        let _ = encode_length_delimiter(len, &mut header);
        self.push(header);
        self.extend(content);
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|piece| piece.len() as u64).sum()
    }

    pub(crate) fn write_to(&self, out: &mut dyn Write) -> io::Result<()> {
        self.0.iter().try_for_each(|piece| piece.write_to(out))
    }
}
