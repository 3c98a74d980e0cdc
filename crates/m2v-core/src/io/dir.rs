//! A folder to read from.

use std::fs;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use super::{Source, check_name};
use crate::buffer::Buffer;
use crate::error::{Error, Result};
use crate::pages::{HUGE, ask_for_huge};
use crate::tensor_file::data_offset_of_largest;

/// A model folder on disk.
///
/// Pointed at the `0_StaticEmbedding` folder of a sentence-transformers model, it finds that model's
/// configuration in the folder above.
///
/// ```no_run
/// use m2v_core::{Checkpoint, Dir};
///
/// let checkpoint = Checkpoint::load(&Dir::open("models/minilm-l6-64d")?)?;
/// println!("{} × {}", checkpoint.table.rows(), checkpoint.table.dim());
/// # Ok::<(), m2v_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Dir {
    path: PathBuf,
    /// The folder with what the whole sentence-transformers model shares, if `path` is one module of it.
    parent: Option<PathBuf>,
    /// Always false without the feature `mmap`.
    mapped: bool,
}

/// Files of a sentence-transformers model that stand beside its module folders.
const SHARED: [&str; 3] = ["config_sentence_transformers.json", "modules.json", "README.md"];

impl Dir {
    /// A folder whose files are read into memory.
    ///
    /// # Errors
    /// [`Error::Io`] if there is no such folder.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        let error = |source| Error::Io { file: path.display().to_string(), source };
        if !fs::metadata(&path).map_err(error)?.is_dir() {
            let message = "expected a model folder, found a file";
            return Err(error(io::Error::new(io::ErrorKind::NotADirectory, message)));
        }
        let has = |folder: &Path, name: &str| folder.join(name).is_file();
        let has_config = has(&path, "config.json") || has(&path, SHARED[0]);
        // `path` may be `.` or end in `..`: ask the system for the folder above.
        let parent = if has_config { None } else { path.canonicalize().ok() };
        let parent = parent.and_then(|path| path.parent().map(Path::to_owned));
        let parent = parent.filter(|parent| has(parent, SHARED[0]));
        Ok(Self { path, parent, mapped: false })
    }

    /// As [`Dir::open`], with `.safetensors` files and `tokenizer.json` mapped into memory: they load at once, and
    /// processes that use the same model share their pages.
    ///
    /// # Errors
    /// As [`Dir::open`].
    ///
    /// # Safety
    /// While anything read from this folder is alive, no process may change or shorten those files: their
    /// bytes would change under a shared reference, and access beyond a shortened end kills the process.
    #[cfg(feature = "mmap")]
    #[expect(unsafe_code, reason = "the contract is the caller's to keep")]
    pub unsafe fn open_mapped(path: impl Into<PathBuf>) -> Result<Self> {
        Ok(Self { mapped: true, ..Self::open(path)? })
    }

    fn find(&self, name: &str) -> PathBuf {
        let path = self.path.join(name);
        match &self.parent {
            Some(parent) if SHARED.contains(&name) && !path.exists() => parent.join(name),
            _ => path,
        }
    }

    /// Whether a file is mapped.
    fn maps(&self, path: &Path) -> bool {
        let is_tokenizer = || path.file_name().is_some_and(|name| name == "tokenizer.json");
        self.mapped && (is_tensors(path) || is_tokenizer())
    }

    fn load(&self, path: &Path) -> io::Result<Buffer> {
        if path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "expected a file, found a folder"));
        }
        #[cfg(feature = "mmap")]
        if self.maps(path) {
            let file = fs::File::open(path)?;
            #[expect(unsafe_code, reason = "memory maps are unsafe by nature")]
            // SAFETY: `mapped` is set only by `open_mapped`, whose caller promised that the file does not change.
            let map = unsafe { memmap2::Mmap::map(&file)? };
            return Ok(Buffer::from_owner(map));
        }
        let mut file = fs::File::open(path)?;
        // Only a hint: what is there is read to its end.
        let len = usize::try_from(file.metadata()?.len()).unwrap_or(0);
        let table = if is_tensors(path) { largest_tensor(&mut file)? } else { 0 };
        let mut bytes = room(len, table)?;
        let before = bytes.len();
        file.read_to_end(&mut bytes)?;
        let end = bytes.len();
        Ok(Buffer::from(bytes).slice(before..end))
    }
}

fn is_tensors(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "safetensors")
}

/// Bytes of a line of the processor's cache.
const LINE: usize = 64;

/// What is smaller has small pages: a huge one would be mostly empty.
const LARGE: usize = HUGE / 2;

/// Room for `len` bytes, behind some that are not of the file, so that its byte `table` begins a line of the cache.
///
/// What is large is in huge pages from its beginning to its end: of 7.5 MB, half may lie in none otherwise.
fn room(len: usize, table: usize) -> io::Result<Vec<u8>> {
    let size = len.saturating_add(2 * LINE);
    if len < LARGE || !cfg!(target_os = "linux") {
        let mut bytes: Vec<u8> = Vec::new();
        bytes.try_reserve_exact(size)?;
        bytes.resize(lead(bytes.as_ptr(), table), 0);
        return Ok(bytes);
    }
    let size = size.checked_next_multiple_of(HUGE).unwrap_or(usize::MAX).saturating_add(HUGE);
    // New memory is zeros: those that nobody touches take neither time nor memory.
    let mut bytes: Vec<u8> = bytemuck::try_zeroed_vec(size).map_err(|()| io::ErrorKind::OutOfMemory)?;
    let page = bytes.as_ptr().align_offset(HUGE) % HUGE;
    ask_for_huge(&bytes[page..]);
    bytes.truncate(page + lead(bytes[page..].as_ptr(), table));
    Ok(bytes)
}

/// How many bytes of memory from `start` on to leave out, less than two lines: the `table`th after them begins a line.
///
/// Nor are they followed by the first bytes of a page: whole pages of a file, copied to what begins 1 to 31 bytes
/// after the beginning of one, take a system on Zen 3 three times as long. 15 MB are read in 9.3 ms then, else in 4.2.
fn lead(start: *const u8, table: usize) -> usize {
    // `align_offset` may refuse; then the table begins anywhere.
    let lead = start.wrapping_add(table).align_offset(LINE) % LINE;
    if start.addr().wrapping_add(lead) % PAGE < LINE { lead + LINE } else { lead }
}

/// The size of the pages in which systems keep files.
const PAGE: usize = 4096;

/// Where the largest tensor of a safetensors file begins, in bytes; 0 if it is none. Reads nothing.
///
/// Rows that begin with a line of the cache are read in fewer pieces: f32 rows of 256 columns take 20 ns instead of
/// 25 where most are not in cache, and 9 instead of 11.5 where they are.
fn largest_tensor(file: &mut fs::File) -> io::Result<usize> {
    let mut start = Vec::new();
    file.take(HEADER).read_to_end(&mut start)?;
    file.rewind()?;
    Ok(data_offset_of_largest(&start).unwrap_or(0))
}

/// Longer headers, of files with many tensors, are not looked at.
const HEADER: u64 = 4096;

impl Source for Dir {
    fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
        check_name(name)?;
        match self.load(&self.find(name)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn is_at_hand(&self, name: &str) -> bool {
        self.maps(Path::new(name))
    }

    fn locate(&self, name: &str) -> String {
        if name.is_empty() { self.path.display().to_string() } else { self.find(name).display().to_string() }
    }
}

#[cfg(test)]
mod tests {
    use std::ptr::without_provenance;

    use super::{Dir, HUGE, LARGE, LINE, PAGE, lead};
    use crate::io::Source;

    #[test]
    fn tables_begin_lines_and_files_no_pages() {
        for start in (PAGE..3 * PAGE).step_by(8) {
            for table in (0..3 * LINE).chain([10_000, 100_001]) {
                let lead = lead(without_provenance(start), table);
                assert!(lead < 2 * LINE);
                assert_eq!((start + lead + table) % LINE, 0, "{start} {table}");
                assert!(!(1..32).contains(&((start + lead) % PAGE)), "{start} {table}");
            }
        }
    }

    #[test]
    fn files_of_all_sizes_are_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        for len in [0, 1, PAGE, LARGE - 1, LARGE, HUGE - 2 * LINE, HUGE, 2 * HUGE + 1] {
            let content: Vec<u8> = (0..len).map(|at| (at / 7) as u8).collect();
            std::fs::write(folder.path().join("some.bin"), &content).unwrap();
            let read = Dir::open(folder.path()).unwrap().read("some.bin").unwrap().unwrap();
            assert!(*read == *content, "{len}");
        }
    }
}
