//! Every scanner against a plain one.

use proptest::prelude::*;

use super::*;
use crate::key::key;

/// The chunks, one byte at a time.
fn plain(scanner: Scanner, text: &[u8]) -> Vec<Vec<u8>> {
    let mut chunks = vec![Vec::new()];
    for &byte in text {
        let blank =
            matches!(byte, b' ' | b'\t' | b'\n' | b'\r') || (scanner.vertical && matches!(byte, 0x0B | 0x0C));
        let lower = if scanner.lowercase { byte.to_ascii_lowercase() } else { byte };
        if blank {
            chunks.push(Vec::new());
        } else if scanner.punctuation && byte.is_ascii_punctuation() {
            chunks.extend([vec![byte], Vec::new()]);
        } else if let Some(chunk) = chunks.last_mut() {
            chunk.push(lower);
        }
    }
    chunks.retain(|chunk| !chunk.is_empty());
    chunks
}

/// The chunks and their values that each scanner of this machine finds.
fn all(scanner: Scanner, text: &[u8], known: &ShortStrings) -> Vec<Vec<(Vec<u8>, u32)>> {
    let mut found = Vec::new();
    let mut collect = |scan: &dyn Fn(&mut ScanBuffer, Each<'_>) -> Result<(), ()>| {
        let mut chunks = Vec::new();
        scan(&mut ScanBuffer::new(), &mut |batch| {
            chunks.extend(batch.values.iter().enumerate().map(|(i, &value)| {
                let (start, len) = batch.span(i);
                (batch.bytes[start..start + len].to_vec(), value)
            }));
            Ok(())
        })
        .unwrap();
        found.push(chunks);
    };
    collect(&|buffer, each| {
        scanner.scan_with(Instructions { classify, positions }, text, known, buffer, each)
    });
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(avx2) = avx2::Avx2::detect() {
            collect(&|buffer, each| avx2.scan(scanner, text, known, buffer, each));
        }
        if let Some(avx512) = avx512::Avx512::detect() {
            collect(&|buffer, each| avx512.scan(scanner, text, known, buffer, each));
        }
    }
    collect(&|buffer, each| scanner.scan(text, known, buffer, each));
    found
}

type Each<'a> = &'a mut dyn FnMut(Chunks<'_>) -> Result<(), ()>;

proptest! {
    #[test]
    fn every_scanner_finds_the_chunks_and_their_values(
        text in prop::collection::vec(prop_oneof![3 => any::<u8>(), 3 => b' '..=b'z', 1 => Just(b' ')], 0..700),
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        punctuation: bool,
        lowercase: bool,
        vertical: bool,
    ) {
        let scanner = Scanner { punctuation, lowercase, vertical };
        let chunks = plain(scanner, &text);
        // So small a table that places are full.
        let mut table = ShortStrings::with_capacity(8);
        for (chosen, value) in chosen.iter().zip(1..).filter(|_| !chunks.is_empty()) {
            let chunk = chosen.get(&chunks);
            let len = chunk.len();
            if len > ShortStrings::LONGEST || chunk.contains(&0) {
                continue;
            }
            let chunk = [chunk, &[0; 64][..]].concat();
            if table.get(&key(&chunk, 0, len)) == 0 {
                table.insert(&key(&chunk, 0, len), value);
            }
        }
        let value = |chunk: &[u8]| match chunk.len() {
            // Keys are padded with NUL; who scans texts that hold it sees to it that this does not matter.
            len if len <= ShortStrings::LONGEST => table.get(&key(&[chunk, &[0; 64]].concat(), 0, len)),
            _ => 0,
        };
        let expected: Vec<_> = chunks.into_iter().map(|chunk| (chunk.clone(), value(&chunk))).collect();
        for found in all(scanner, &text, &table) {
            prop_assert_eq!(&found, &expected);
        }
    }
}

#[test]
fn a_text_of_more_chunks_than_are_handed_on_at_a_time() {
    let scanner = Scanner { punctuation: true, lowercase: true, vertical: true };
    let long = ["a".repeat(511 * 2), " ".into(), "b".repeat(100), ". ".repeat(600)].concat();
    for text in [".".repeat(5000), "a ".repeat(3000), "x".repeat(10_000), long] {
        let expected = plain(scanner, text.as_bytes());
        for found in all(scanner, text.as_bytes(), &ShortStrings::with_capacity(1)) {
            assert_eq!(found.into_iter().map(|chunk| chunk.0).collect::<Vec<_>>(), expected);
        }
    }
}
