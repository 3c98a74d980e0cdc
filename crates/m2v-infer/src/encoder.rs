//! The trait of everything that embeds texts, and the calls on top of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ndarray::{Array1, Array2, ArrayViewMut1, ArrayViewMut2, Axis, Slice};

use crate::blocks::Blocks;
use crate::error::{Error, Result};
use crate::scratch::{Scratch, ScratchPool};

/// The number of texts encoded at a time: enough that tokenising and pooling each stay in cache, few enough
/// that threads share the work evenly.
pub const BLOCK: usize = 256;

/// Turns blocks of texts into vectors. **The extension point of this crate.**
///
/// Implement it for another pooling, or a model of another kind; [`EncoderExt`] then gives it all the calls.
///
/// ```
/// use m2v_infer::ndarray::ArrayViewMut2;
/// use m2v_infer::{Encoder, EncoderExt, Error, Scratch};
///
/// /// Embeds a text as its length in bytes.
/// struct Length;
///
/// impl Encoder for Length {
///     fn dim(&self) -> usize {
///         1
///     }
///
///     fn encode_block(
///         &self,
///         texts: &[&str],
///         _: &mut Scratch,
///         mut out: ArrayViewMut2<'_, f32>,
///     ) -> Result<(), Error> {
///         texts.iter().zip(out.column_mut(0)).for_each(|(text, out)| *out = text.len() as f32);
///         Ok(())
///     }
/// }
///
/// assert_eq!(Length.encode(&["four", ""])?, ndarray::array![[4.0], [0.0]]);
/// # Ok::<(), m2v_infer::Error>(())
/// ```
pub trait Encoder: Send + Sync {
    /// The length of the vectors.
    fn dim(&self) -> usize;

    /// Embeds a block of texts, text `i` into row `i` of `out`, `[texts.len(), dim]`. After an error, calls of
    /// [`EncoderExt`] come again with each of the texts alone, to tell which it is about.
    ///
    /// # Errors
    /// If a text cannot be encoded or `out` has another shape; `out` is then unspecified.
    fn encode_block(&self, texts: &[&str], scratch: &mut Scratch, out: ArrayViewMut2<'_, f32>) -> Result<()>;

    /// Embeds one text into `out`, `[dim]`: for texts that come one at a time. Calls of [`EncoderExt`] with one text
    /// come here. The vector is that of [`Encoder::encode_block`], which is called with a [`Scratch`] of the
    /// [pool](Encoder::scratch_pool) or a new one, unless an encoder has a better way.
    ///
    /// ```
    /// use m2v_infer::core::Dir;
    /// use m2v_infer::{Encoder, StaticModel};
    ///
    /// # let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/minilm-l6-64d");
    /// let model = StaticModel::load(&Dir::open(folder)?)?;
    /// let mut vector = vec![0.0; model.dim()];
    /// for text in ["a query", "and the next"] {
    ///     model.encode_one_into(text, &mut vector)?;
    ///     // … search for the vector
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Encoder::encode_block`]; `out` is then unspecified.
    fn encode_one_into(&self, text: &str, out: &mut [f32]) -> Result<()> {
        let out = ArrayViewMut1::from(out).insert_axis(Axis(0));
        match self.scratch_pool() {
            Some(pool) => self.encode_block(&[text], &mut pool.borrow(), out),
            None => self.encode_block(&[text], &mut Scratch::default(), out),
        }
    }

    /// Where calls that bring no [`Scratch`] borrow one. Without a pool each block gets a new one.
    fn scratch_pool(&self) -> Option<&ScratchPool> {
        None
    }
}

macro_rules! shared {
    ($($shared:ty),*) => {$(
        /// One that is chosen at run time, or shared, goes wherever any may.
        impl<T: Encoder + ?Sized> Encoder for $shared {
            fn dim(&self) -> usize {
                (**self).dim()
            }

            fn encode_block(
                &self,
                texts: &[&str],
                scratch: &mut Scratch,
                out: ArrayViewMut2<'_, f32>,
            ) -> Result<()> {
                (**self).encode_block(texts, scratch, out)
            }

            fn encode_one_into(&self, text: &str, out: &mut [f32]) -> Result<()> {
                (**self).encode_one_into(text, out)
            }

            fn scratch_pool(&self) -> Option<&ScratchPool> {
                (**self).scratch_pool()
            }
        }
    )*};
}

shared! { &T, Box<T>, Arc<T> }

/// The calls of every [`Encoder`]. With the feature `rayon`, blocks are encoded in parallel on the pool the
/// caller is in (`ThreadPool::install`), else on rayon's global one; with one thread, on the caller's.
pub trait EncoderExt: Encoder {
    /// Embeds texts; row `i` of the result, `[texts.len(), dim]`, is text `i`. No texts: `[0, dim]`.
    ///
    /// # Errors
    /// If a text cannot be encoded; of several, [`Error::Text`] with the first of its block that cannot be alone.
    fn encode<S: AsRef<str> + Sync>(&self, texts: &[S]) -> Result<Array2<f32>> {
        self.encode_with_progress(texts, &|_| ())
    }

    /// As [`EncoderExt::encode`]; `progress` is told, from any of the threads, how many texts are done.
    ///
    /// # Errors
    /// If a text cannot be encoded.
    fn encode_with_progress<S: AsRef<str> + Sync>(
        &self,
        texts: &[S],
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Array2<f32>> {
        let mut out = m2v_core::zeros(texts.len(), self.dim());
        encode(self, texts, out.view_mut(), progress)?;
        Ok(out)
    }

    /// Embeds texts into a caller's array of shape `[texts.len(), dim]`.
    ///
    /// # Errors
    /// If a text cannot be encoded or `out` has another shape; `out` is then unspecified.
    fn encode_into<S: AsRef<str> + Sync>(&self, texts: &[S], out: ArrayViewMut2<'_, f32>) -> Result<()> {
        encode(self, texts, out, &|_| ())
    }

    /// Embeds one text.
    ///
    /// # Errors
    /// If the text cannot be encoded.
    fn encode_one(&self, text: &str) -> Result<Array1<f32>> {
        Ok(self.encode(&[text])?.remove_axis(Axis(0)))
    }

    /// Embeds a stream of texts, `block` at a time: an iterator over arrays of up to `block` rows. Memory does
    /// not grow with the stream. A multiple of [`BLOCK`] gives every thread work; 0 counts as 1. Errors count the
    /// texts of their array.
    fn encode_blocks<I>(&self, texts: I, block: usize) -> Blocks<'_, Self, I::IntoIter>
    where
        I: IntoIterator,
        I::Item: AsRef<str> + Sync,
    {
        Blocks::new(self, texts.into_iter(), block)
    }
}

impl<E: Encoder + ?Sized> EncoderExt for E {}

fn encode<E: Encoder + ?Sized, S: AsRef<str> + Sync>(
    encoder: &E,
    texts: &[S],
    mut out: ArrayViewMut2<'_, f32>,
    progress: &(dyn Fn(usize) + Sync),
) -> Result<()> {
    let shape = |what, expected, found| Err(Error::Data(m2v_core::Error::Shape { what, expected, found }));
    if texts.len() != out.nrows() {
        return shape("rows of the output", texts.len(), out.nrows());
    }
    if encoder.dim() != out.ncols() {
        return shape("columns of the output", encoder.dim(), out.ncols());
    }
    // One text takes less time than to ask how many threads there are.
    if let [text] = texts {
        let text = text.as_ref();
        match out.as_slice_mut() {
            Some(out) => encoder.encode_one_into(text, out)?,
            None => {
                let mut vector = vec![0.0; encoder.dim()];
                encoder.encode_one_into(text, &mut vector)?;
                out.iter_mut().zip(vector).for_each(|(out, x)| *out = x);
            }
        }
        progress(1);
        return Ok(());
    }
    let done = AtomicUsize::new(0);
    let encode_block = |texts: &[&str], out: ArrayViewMut2<'_, f32>| match encoder.scratch_pool() {
        Some(pool) => encoder.encode_block(texts, &mut pool.borrow(), out),
        None => encoder.encode_block(texts, &mut Scratch::default(), out),
    };
    let size = block_size(texts.len());
    let block = |(nth, (texts, mut out)): (usize, (&[S], ArrayViewMut2<'_, f32>))| {
        let texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        encode_block(&texts, out.view_mut()).map_err(|error| {
            // Which text it is tells one that fails alone.
            let alone = |(i, text): (usize, &&str)| {
                let out = out.slice_axis_mut(Axis(0), Slice::from(i..=i));
                let source = Box::new(encode_block(&[*text], out).err()?);
                Some(Error::Text { text: nth * size + i, source })
            };
            texts.iter().enumerate().find_map(alone).unwrap_or(match error {
                // An encoder that encodes its block's texts with these calls has counted them from 0.
                Error::Text { text, source } => Error::Text { text: nth * size + text, source },
                error => error,
            })
        })?;
        progress(done.fetch_add(texts.len(), Ordering::Relaxed) + texts.len());
        Ok(())
    };
    let mut blocks = texts.chunks(size).zip(out.axis_chunks_iter_mut(Axis(0), size)).enumerate();
    #[cfg(feature = "rayon")]
    if texts.len() > size && rayon::current_num_threads() > 1 {
        use rayon::iter::{IntoParallelIterator, ParallelIterator};
        return blocks.collect::<Vec<_>>().into_par_iter().try_for_each(block);
    }
    blocks.try_for_each(block)
}

/// [`BLOCK`], or less where that would leave threads without work.
fn block_size(texts: usize) -> usize {
    #[cfg(feature = "rayon")]
    let threads = rayon::current_num_threads();
    #[cfg(not(feature = "rayon"))]
    let threads = 1;
    texts.div_ceil(threads).clamp(BLOCK / 8, BLOCK)
}
