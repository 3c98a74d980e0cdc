//! A model in a zip archive: a [`Source`] of somebody else's, which is all that a model is loaded from.
//!
//! ```sh
//! (cd models/minilm-l6-64d && zip -r ../../target/model.zip .)
//! cargo run --release -p m2v-infer --example zip -- target/model.zip "It's dangerous to go alone!"
//! ```
//!
//! Stored members (`zip -0`) are read where they are, without a copy.
#![expect(clippy::print_stdout, reason = "it shows what it found")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use m2v_core::{Buffer, Source};
use m2v_infer::{EncoderExt, StaticModel};
use miniz_oxide::inflate::decompress_to_vec_with_limit;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive, crc32};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [archive, texts @ ..] = arguments.as_slice() else {
        return Err("expected ARCHIVE TEXT...".into());
    };
    let model = StaticModel::load(&Zip::open(archive)?)?;
    println!("{:.4}", model.encode(texts)?);
    Ok(())
}

/// The files in a zip archive.
struct Zip {
    path: PathBuf,
    archive: ZipSliceArchive<Buffer>,
    members: HashMap<String, Member>,
}

struct Member {
    place: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
}

impl Zip {
    /// Reads the directory of an archive; members are unpacked when they are asked for.
    fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let path = path.as_ref().to_owned();
        let archive = ZipArchive::from_slice(Buffer::from(fs::read(&path)?)).map_err(invalid)?;
        let (mut members, mut entries) = (HashMap::new(), archive.entries());
        while let Some(entry) = entries.next_entry().map_err(invalid)? {
            let name = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
            let member = Member { place: entry.wayfinder(), method: entry.compression_method() };
            members.insert(name, member);
        }
        Ok(Self { path, archive, members })
    }

    fn unpack(&self, member: &Member) -> io::Result<Buffer> {
        let entry = self.archive.get_entry(member.place).map_err(invalid)?;
        let claim = entry.claim_verifier();
        let bytes = match member.method {
            CompressionMethod::STORE => {
                let (start, end) = entry.compressed_data_range();
                self.archive.get_ref().slice(start as usize..end as usize)
            }
            // An archive that says it holds less than it does is broken: nothing is unpacked beyond what it says.
            CompressionMethod::DEFLATE => {
                decompress_to_vec_with_limit(entry.data(), claim.uncompressed_size as usize)
                    .map_err(|error| invalid(format!("{:?}", error.status)))?
                    .into()
            }
            other => return Err(invalid(format!("expected a stored or deflated member, found {other:?}"))),
        };
        if (bytes.len() as u64, crc32(&bytes)) != (claim.uncompressed_size, claim.crc) {
            return Err(invalid("its length or checksum is another than the directory says"));
        }
        Ok(bytes)
    }
}

impl Source for Zip {
    fn read(&self, name: &str) -> io::Result<Option<Buffer>> {
        self.members.get(name).map(|member| self.unpack(member)).transpose()
    }

    fn locate(&self, name: &str) -> String {
        let separator = if name.is_empty() { "" } else { "!" };
        format!("{}{separator}{name}", self.path.display())
    }
}

fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use m2v_core::Dir;
    use m2v_infer::Error;
    use miniz_oxide::deflate::compress_to_vec;
    use rawzip::{DataDescriptorOutput, ZipArchiveWriter};

    use super::*;

    const NAMES: [&str; 3] = ["config.json", "model.safetensors", "tokenizer.json"];

    fn shipped() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/minilm-l6-64d")
    }

    /// The shipped model in an archive, with its table stored and the rest deflated.
    fn packed() -> Vec<u8> {
        let mut archive = ZipArchiveWriter::new(Vec::new());
        for name in NAMES {
            let bytes = fs::read(shipped().join(name)).unwrap();
            let method = match name {
                "model.safetensors" => CompressionMethod::STORE,
                _ => CompressionMethod::DEFLATE,
            };
            let data = match method {
                CompressionMethod::STORE => bytes.clone(),
                _ => compress_to_vec(&bytes, 6),
            };
            let (mut entry, _) = archive.new_file(name).compression_method(method).start().unwrap();
            entry.write_all(&data).unwrap();
            entry.finish(DataDescriptorOutput::new(crc32(&bytes), bytes.len() as u64)).unwrap();
        }
        archive.finish().unwrap()
    }

    fn open(bytes: &[u8]) -> (tempfile::TempDir, Zip) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.zip");
        fs::write(&path, bytes).unwrap();
        let zip = Zip::open(path).unwrap();
        (folder, zip)
    }

    #[test]
    fn a_model_in_an_archive_is_the_model() {
        let (_folder, zip) = open(&packed());
        let texts = ["It's dangerous to go alone!", "Take this.", ""];
        let found = StaticModel::load(&zip).unwrap().encode(&texts).unwrap();
        let expected = StaticModel::load(&Dir::open(shipped()).unwrap()).unwrap().encode(&texts).unwrap();
        assert_eq!(found, expected);
        let table = zip.read("model.safetensors").unwrap().unwrap();
        let archive = zip.archive.get_ref().as_ptr_range();
        assert!(archive.contains(&table.as_ptr()), "a stored member is not copied");
        assert_eq!(zip.read("README.md").unwrap(), None);
    }

    #[test]
    fn a_broken_archive_says_where() {
        let mut bytes = packed();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let (_folder, zip) = open(&bytes);
        let error = StaticModel::load(&zip).unwrap_err();
        assert!(matches!(error, Error::Data(m2v_core::Error::Io { .. })), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("model.zip!model.safetensors: ") && text.contains("checksum"), "{text}");
    }
}
