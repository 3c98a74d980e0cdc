//! The zip around it, with limits.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::HashMap;

use miniz_oxide::inflate::decompress_to_vec_with_limit;
use rawzip::{CompressionMethod, ZipArchive, ZipArchiveEntryWayfinder, ZipSliceArchive, crc32};

use crate::error::{Error, Result};

/// Members an archive may have. Heads have some twenty.
const MAX_MEMBERS: usize = 4096;
/// Bytes all members together may have when unpacked.
const MAX_BYTES: u64 = 1 << 30;
/// Bytes `schema.json` may have. Parsed, JSON can take forty times as many.
const MAX_SCHEMA_BYTES: u64 = 1 << 24;
/// Times a member may grow when unpacked, beyond its first megabyte. Weights do not even halve.
const MAX_RATIO: u64 = 64;
const FREE_BYTES: u64 = 1 << 20;

/// A zip whose directory was read and checked. Members are unpacked when they are read, and only then.
pub(super) struct Archive<'a> {
    file: &'a str,
    zip: ZipSliceArchive<&'a [u8]>,
    members: HashMap<String, Member>,
}

struct Member {
    place: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
    bytes: u64,
    was_read: Cell<bool>,
}

impl<'a> Archive<'a> {
    /// Reads the directory: `schema.json` and plainly named `.npy` members, each once, within the limits.
    pub(super) fn open(file: &'a str, bytes: &'a [u8]) -> Result<Self> {
        let broken = |error: rawzip::Error| Error::skops(file, "zip", "an archive", &error.to_string());
        let zip = ZipArchive::from_slice(bytes).map_err(broken)?;
        let (mut members, mut total) = (HashMap::new(), 0);
        let mut entries = zip.entries();
        while let Some(entry) = entries.next_entry().map_err(broken)? {
            let name = String::from_utf8_lossy(entry.file_path().as_bytes()).into_owned();
            let wrong = |expected: &str, found: &str| Error::skops(file, &name, expected, found);
            if members.len() == MAX_MEMBERS {
                return Err(wrong(&format!("at most {MAX_MEMBERS} members"), "more"));
            }
            if name != "schema.json" && !is_array_name(&name) {
                return Err(wrong("schema.json or a plainly named .npy array", "a member of another name"));
            }
            if entry.flags().is_encrypted() {
                return Err(wrong("a member that is not encrypted", "an encrypted one"));
            }
            let (packed, bytes) = (entry.compressed_size_hint(), entry.uncompressed_size_hint());
            total = u64::saturating_add(total, bytes);
            if total > MAX_BYTES {
                return Err(wrong(&format!("at most {MAX_BYTES} bytes in all"), &format!("{total}")));
            }
            if name == "schema.json" && bytes > MAX_SCHEMA_BYTES {
                return Err(wrong(&format!("at most {MAX_SCHEMA_BYTES} bytes"), &format!("{bytes}")));
            }
            if bytes > FREE_BYTES.saturating_add(packed.saturating_mul(MAX_RATIO)) {
                return Err(wrong(
                    &format!("at most {MAX_RATIO} times as many bytes as packed"),
                    &format!("{bytes} of {packed}"),
                ));
            }
            let (place, method) = (entry.wayfinder(), entry.compression_method());
            let member = Member { place, method, bytes, was_read: Cell::new(false) };
            if members.insert(name.clone(), member).is_some() {
                return Err(wrong("one member of that name", "two"));
            }
        }
        let (announced, found) = (zip.entries_hint(), members.len());
        if announced != found as u64 {
            return Err(Error::skops(file, "zip", &format!("{announced} members"), &found.to_string()));
        }
        Ok(Self { file, zip, members })
    }

    /// Unpacks a member and checks its length and checksum. Each is read once: were one the weights of a thousand
    /// layers, they would take memory that no limit has counted.
    pub(super) fn read(&self, name: &str) -> Result<Cow<'_, [u8]>> {
        let wrong = |expected: &str, found: &str| Error::skops(self.file, name, expected, found);
        let member = self.members.get(name).ok_or_else(|| wrong("a member of the archive", "nothing"))?;
        if member.was_read.replace(true) {
            return Err(wrong("a member for each array", "one that was read before"));
        }
        let entry =
            self.zip.get_entry(member.place).map_err(|error| wrong("a member", &error.to_string()))?;
        // Within MAX_BYTES, so it fits.
        let length = member.bytes as usize;
        let bytes: Cow<'_, [u8]> = match member.method {
            CompressionMethod::STORE => entry.data().into(),
            CompressionMethod::DEFLATE => decompress_to_vec_with_limit(entry.data(), length)
                .map_err(|error| {
                    wrong(&format!("deflated data of {length} bytes"), &format!("{:?}", error.status))
                })?
                .into(),
            other => return Err(wrong("a stored or deflated member", &format!("{other:?}"))),
        };
        if bytes.len() != length {
            return Err(wrong(&format!("{length} bytes"), &bytes.len().to_string()));
        }
        let (expected, found) = (entry.claim_verifier().crc, crc32(&bytes));
        if expected != found {
            return Err(wrong(&format!("checksum {expected:08x}"), &format!("{found:08x}")));
        }
        Ok(bytes)
    }
}

/// skops names arrays by the address they had. No folders, nothing hidden.
fn is_array_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    name.strip_suffix(".npy").is_some_and(|stem| !stem.is_empty() && stem.bytes().all(plain))
}
