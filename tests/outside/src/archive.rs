//! All files of a model in one: names, lengths and bytes one after the other.

use std::io::{self, Write};

use m2v_core::{Buffer, Sink, Source};

/// A packed model, to read from.
#[derive(Clone, Debug)]
pub struct Archive {
    files: Vec<(String, Buffer)>,
}

/// A model that is being packed.
#[derive(Debug, Default)]
pub struct Packing {
    pending: Vec<u8>,
    /// The archive, once it is finished.
    pub packed: Option<Vec<u8>>,
}

impl Archive {
    /// Reads the list of files; the files are parts of `bytes`, not copied.
    ///
    /// # Errors
    /// If it ends too early, or a name is not UTF-8.
    pub fn open(bytes: impl Into<Buffer>) -> io::Result<Self> {
        let bytes = bytes.into();
        let (mut files, mut at) = (Vec::new(), 0);
        while at < bytes.len() {
            let name = take(&bytes, &mut at)?;
            let name = std::str::from_utf8(&name).map_err(io::Error::other)?.to_owned();
            files.push((name, take(&bytes, &mut at)?));
        }
        Ok(Self { files })
    }
}

/// The next length and as many bytes.
fn take(bytes: &Buffer, at: &mut usize) -> io::Result<Buffer> {
    let rest = bytes.get(*at..).unwrap_or_default();
    let (len, _) = rest.split_first_chunk().ok_or(io::ErrorKind::UnexpectedEof)?;
    let len = usize::try_from(u64::from_le_bytes(*len)).map_err(io::Error::other)?;
    let start = *at + size_of::<u64>();
    let end = start.checked_add(len).filter(|end| *end <= bytes.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
    *at = end;
    Ok(bytes.slice(start..end))
}

impl Source for Archive {
    fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
        Ok(self.files.iter().find(|(found, _)| found == name).map(|(_, bytes)| bytes.clone()))
    }

    fn locate(&self, name: &str) -> String {
        format!("archive:{name}")
    }
}

impl Sink for Packing {
    fn write(
        &mut self,
        name: &str,
        len: u64,
        body: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
    ) -> io::Result<()> {
        self.pending.extend((name.len() as u64).to_le_bytes());
        self.pending.extend(name.as_bytes());
        self.pending.extend(len.to_le_bytes());
        body(&mut self.pending)
    }

    fn finish(&mut self) -> io::Result<()> {
        self.packed = Some(std::mem::take(&mut self.pending));
        Ok(())
    }
}
