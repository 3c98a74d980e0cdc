//! Streams of texts.

use ndarray::Array2;

use crate::encoder::{Encoder, EncoderExt};
use crate::error::Result;

/// An iterator over the embeddings of a stream of texts; made by
/// [`EncoderExt::encode_blocks`].
#[derive(Debug)]
pub struct Blocks<'a, E: ?Sized, I: Iterator> {
    encoder: &'a E,
    texts: I,
    block: usize,
    buffer: Vec<I::Item>,
}

impl<'a, E: Encoder + ?Sized, I: Iterator> Blocks<'a, E, I> {
    pub(crate) fn new(encoder: &'a E, texts: I, block: usize) -> Self {
        Self { encoder, texts, block: block.max(1), buffer: Vec::new() }
    }
}

impl<E, I> Iterator for Blocks<'_, E, I>
where
    E: Encoder + ?Sized,
    I: Iterator,
    I::Item: AsRef<str> + Sync,
{
    type Item = Result<Array2<f32>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.buffer.clear();
        self.buffer.extend(self.texts.by_ref().take(self.block));
        if self.buffer.is_empty() { None } else { Some(self.encoder.encode(&self.buffer)) }
    }
}
