//! The trait of everything that makes one model of another.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use m2v_core::Checkpoint;

use crate::error::{Error, Result};

/// Makes one model of another. **The extension point of this crate.**
///
/// ```
/// use m2v_core::{Checkpoint, EmbeddingTable, Tensor};
/// use m2v_quant::{Context, Error, Transform};
///
/// /// Makes the vectors of rare tokens count more: ids are sorted by frequency, so weights grow with them.
/// struct Sif(f32);
///
/// impl Transform for Sif {
///     fn apply(&self, mut checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint, Error> {
///         context.check()?;
///         let table = &checkpoint.table;
///         // Those that there are may be the scales of int8 rows.
///         let before = |id: usize| table.weights_f32().map_or(1.0, |weights| weights[id]);
///         let weight = |id: usize| before(id) * (1.0 - self.0 / (id as f32 + 2.0));
///         let weights: Vec<f32> = (0..table.id_count()).map(weight).collect();
///         let weights = Tensor::from_array(&ndarray::Array1::from(weights));
///         let (rows, mapping) = (table.embeddings().clone(), table.mapping().cloned());
///         checkpoint.table = EmbeddingTable::try_new(rows, Some(weights), mapping)?;
///         Ok(checkpoint)
///     }
/// }
/// ```
pub trait Transform {
    /// Transforms a model. Tensors that do not change are shared, not copied.
    ///
    /// # Errors
    /// If the model cannot be transformed so, or the context says to stop.
    fn apply(&self, checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint>;
}

macro_rules! shared {
    ($($shared:ty),*) => {$(
        /// One that is chosen at run time, or shared, goes wherever any may.
        impl<T: Transform + ?Sized> Transform for $shared {
            fn apply(&self, checkpoint: Checkpoint, context: &mut Context<'_>) -> Result<Checkpoint> {
                (**self).apply(checkpoint, context)
            }
        }
    )*};
}

shared! { &T, Box<T>, Arc<T> }

/// What a transform tells and asks its caller while it runs.
#[derive(Default)]
pub struct Context<'a> {
    progress: Option<&'a (dyn Fn(usize, usize) + Sync)>,
    cancel: Option<&'a AtomicBool>,
    texts: Option<&'a ReadTexts<'a>>,
}

/// Reads the texts that a step calls by a name.
type ReadTexts<'a> =
    dyn Fn(&str) -> Result<Vec<String>, Box<dyn std::error::Error + Send + Sync>> + Sync + 'a;

impl<'a> Context<'a> {
    /// Calls `progress(done, total)`, from any thread, with the rows (or texts, where there are some) that are done.
    #[must_use]
    pub fn with_progress(self, progress: &'a (dyn Fn(usize, usize) + Sync)) -> Self {
        Self { progress: Some(progress), ..self }
    }

    /// Stops with [`Error::Cancelled`] soon after the flag is set.
    #[must_use]
    pub fn with_cancel(self, cancel: &'a AtomicBool) -> Self {
        Self { cancel: Some(cancel), ..self }
    }

    /// Where the texts come from that a step names, such as those [`Prune`](crate::Prune) goes by: this crate reads no
    /// files. A command would take the name for a path, a program with the texts at hand can give them whatever the
    /// name is.
    #[must_use]
    pub fn with_texts(self, texts: &'a ReadTexts<'a>) -> Self {
        Self { texts: Some(texts), ..self }
    }

    /// The texts with a name.
    ///
    /// # Errors
    /// [`Error::Texts`] if they cannot be read, or the caller has not said [how](Self::with_texts).
    pub fn texts(&self, name: &str) -> Result<Vec<String>> {
        let no_source = || Err("the context has no texts (Context::with_texts)".into());
        let texts = self.texts.map_or_else(no_source, |read| read(name));
        texts.map_err(|source| Error::Texts { name: name.to_owned(), source })
    }

    /// Reports that `done` of `total` rows or texts are done.
    pub fn report(&self, done: usize, total: usize) {
        if let Some(progress) = self.progress {
            progress(done, total);
        }
    }

    /// Whether to go on.
    ///
    /// # Errors
    /// [`Error::Cancelled`] once the cancel flag is set.
    pub fn check(&self) -> Result<()> {
        match self.cancel {
            Some(cancel) if cancel.load(Ordering::Relaxed) => Err(Error::Cancelled),
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("cancel", &self.cancel).finish_non_exhaustive()
    }
}
