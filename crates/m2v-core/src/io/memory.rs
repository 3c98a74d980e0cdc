//! Files in memory.

use std::io::{self, Write};

use indexmap::IndexMap;

use super::{Sink, Source, check_length, check_name};
use crate::buffer::Buffer;

/// Files in memory: bytes that were read elsewhere, or baked into the binary.
///
/// ```
/// use m2v_core::{Memory, Source};
///
/// let mut model = Memory::new();
/// model.insert("config.json", b"{}");
/// model.insert("model.safetensors", vec![0; 8]); // or include_bytes!("model.safetensors"), not copied
/// assert_eq!(model.read("config.json")?.as_deref(), Some(&b"{}"[..]));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: IndexMap<String, Buffer>,
}

impl Memory {
    /// No files.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Files baked into the binary; nothing is copied.
    #[must_use]
    pub fn from_static<const N: usize>(files: [(&str, &'static [u8]); N]) -> Self {
        let files = files.into_iter().map(|(name, bytes)| (name.to_owned(), bytes.into()));
        Self { files: files.collect() }
    }

    /// Adds a file, or replaces it.
    pub fn insert(&mut self, name: impl Into<String>, bytes: impl Into<Buffer>) {
        self.files.insert(name.into(), bytes.into());
    }

    /// The names and contents, in the order they were added.
    pub fn files(&self) -> impl Iterator<Item = (&str, &Buffer)> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes))
    }
}

impl Source for Memory {
    fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
        Ok(self.files.get(name).cloned())
    }

    fn is_at_hand(&self, _: &str) -> bool {
        true
    }

    fn locate(&self, name: &str) -> String {
        if name.is_empty() { "(memory)".to_owned() } else { format!("(memory)/{name}") }
    }
}

/// Whoever writes to it has it for itself: what is written is there at once, and stays if the rest fails.
impl Sink for Memory {
    fn write(
        &mut self,
        name: &str,
        len: u64,
        body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        check_name(name)?;
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(usize::try_from(len).map_err(io::Error::other)?)?;
        body(&mut bytes)?;
        check_length(name, len, bytes.len() as u64)?;
        self.insert(name, bytes);
        Ok(())
    }

    fn finish(&mut self) -> io::Result<()> {
        Ok(())
    }
}
