//! Every scanner against a plain one.

use proptest::prelude::*;

use super::*;
use crate::arena::Arena;
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

/// A chunk and its value.
type Found = (Vec<u8>, u32);

/// Appends what a scanner found, to the last text and to those behind it.
fn append(batch: &Chunks<'_>, chunks: &mut Vec<Vec<Found>>) {
    let mut values = Vec::new();
    let mut done = 0;
    // Those that are no known words have values, too, that stand for that.
    for &other in batch.others {
        batch.append_known(done..other as usize, &mut values);
        values.push(batch.values[other as usize].wrapping_sub(1));
        done = other as usize + 1;
    }
    batch.append_known(done..batch.len(), &mut values);
    let mut ends = batch.texts.iter().map(|&end| end as usize).peekable();
    for (i, value) in values.into_iter().enumerate() {
        while ends.next_if_eq(&i).is_some() {
            chunks.push(Vec::new());
        }
        let (start, len) = batch.span(i);
        let chunk = (batch.bytes[start..start + len].to_vec(), value.wrapping_add(1));
        chunks.last_mut().unwrap().push(chunk);
    }
    chunks.extend(ends.map(|_| Vec::new()));
}

/// What each scanner of this machine finds in a text alone.
fn alone(scanner: Scanner, text: &str, known: &ShortStrings) -> Vec<Option<Vec<Vec<Found>>>> {
    let mut found = Vec::new();
    let mut collect = |scan: ScanOne<'_>| {
        let mut buffer = OneBuffer::new();
        found.push(scan(text, &mut buffer).map(|counts| {
            let mut chunks = vec![Vec::new()];
            append(&buffer.chunks(counts.chunks, counts.others), &mut chunks);
            chunks
        }));
    };
    collect(&|text, buffer| portable::scan_one(scanner, text, known, buffer));
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(avx2) = avx2::Avx2::detect() {
            collect(&|text, buffer| avx2.scan_one(scanner, text, known, buffer));
        }
        if let Some(avx512) = avx512::Avx512::detect() {
            collect(&|text, buffer| avx512.scan_one(scanner, text, known, buffer));
        }
    }
    found
}

type ScanOne<'a> = &'a dyn Fn(&str, &mut OneBuffer) -> Option<Counts>;

/// The chunks of each text that each scanner of this machine finds, and their values: of all, or until one was refused.
fn all(
    scanner: Scanner,
    texts: &[&str],
    known: &ShortStrings,
    refuses: &dyn Fn(&str) -> bool,
) -> Vec<(bool, Vec<Vec<Found>>)> {
    let mut found = Vec::new();
    let mut collect = |scan: Scan<'_>| {
        let mut buffer = ScanBuffer::new();
        // Another scan leaves something in it, and failed before it was done.
        assert_eq!(scan(&[&"ab. c".repeat(2000)], &mut buffer, &mut |_| Err(())), Err(()));
        let mut chunks = vec![Vec::new()];
        let is_done = scan(texts, &mut buffer, &mut |batch| {
            append(&batch, &mut chunks);
            Ok(())
        })
        .unwrap();
        if is_done {
            // What is behind the end of the last text.
            assert_eq!(chunks.pop(), Some(Vec::new()));
        }
        found.push((is_done, chunks));
    };
    collect(&|texts, buffer, each| portable::scan(scanner, texts, known, buffer, refuses, each));
    #[cfg(target_arch = "x86_64")]
    {
        if let Some(avx2) = avx2::Avx2::detect() {
            collect(&|texts, buffer, each| avx2.scan(scanner, texts, known, buffer, refuses, each));
        }
        if let Some(avx512) = avx512::Avx512::detect() {
            collect(&|texts, buffer, each| avx512.scan(scanner, texts, known, buffer, refuses, each));
        }
    }
    collect(&|texts, buffer, each| scanner.scan(texts, known, buffer, refuses, each));
    found
}

type Each<'a> = &'a mut dyn FnMut(Chunks<'_>) -> Result<(), ()>;

type Scan<'a> = &'a dyn Fn(&[&str], &mut ScanBuffer, Each<'_>) -> Result<bool, ()>;

/// Bytes of all kinds that are no UTF-8 do not come here; characters of two bytes have all that matters.
fn any_text() -> impl Strategy<Value = String> {
    let character = prop_oneof![3 => prop::char::range('\0', '\u{7FF}'), 3 => prop::char::range(' ', 'z'), 1 => Just(' ')];
    prop::collection::vec(character, 0..500).prop_map(String::from_iter)
}

proptest! {
    #[test]
    fn every_scanner_finds_the_chunks_and_their_values(
        texts in prop::collection::vec(any_text(), 0..5),
        chosen in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
        punctuation: bool,
        lowercase: bool,
        vertical: bool,
        suspect in prop_oneof![Just(b'['), Just(b'a'), Just(Scanner::NONE)],
        refused in 1..3_usize,
        short in 0..BLOCK,
    ) {
        let scanner = Scanner { punctuation, lowercase, vertical, suspect, isa: Isa::best() };
        let texts: Vec<&str> = texts.iter().map(|text| &**text).collect();
        let chunks: Vec<_> = texts.iter().map(|text| plain(scanner, text.as_bytes())).collect();
        let all_chunks = chunks.concat();
        // So small a table that places are full.
        let mut table = ShortStrings::with_capacity(8, &mut Arena::default());
        for (chosen, value) in chosen.iter().zip(1..).filter(|_| !all_chunks.is_empty()) {
            let chunk = chosen.get(&all_chunks);
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
        let with_value = |chunk: Vec<u8>| (chunk.clone(), value(&chunk));
        let mut expected: Vec<Vec<_>> =
            chunks.into_iter().map(|chunks| chunks.into_iter().map(with_value).collect()).collect();
        let times = |text: &str| text.bytes().filter(|&byte| byte == suspect).count();
        let is_refused = |text: &str| times(text) == refused;
        let first = texts.iter().position(|text| is_refused(text));
        expected.truncate(first.map_or(texts.len(), |first| first + 1));
        let refuses = |text: &str| {
            assert_ne!(times(text), 0, "nobody asks about a text without the suspect");
            is_refused(text)
        };
        for found in all(scanner, &texts, &table, &refuses) {
            prop_assert_eq!(&found, &(first.is_none(), expected.clone()));
        }
        for text in texts.iter().map(|text| &text[..text.floor_char_boundary(short)]) {
            let chunks: Vec<_> = plain(scanner, text.as_bytes()).into_iter().map(with_value).collect();
            // Behind the end of a text another would begin.
            let is_taken = times(text) == 0 && chunks.len() <= FEW;
            let expected = is_taken.then(|| vec![chunks, Vec::new()]);
            for found in alone(scanner, text, &table) {
                prop_assert_eq!(&found, &expected);
            }
        }
    }
}

#[test]
fn a_text_alone_is_shorter_than_a_block() {
    let known = ShortStrings::with_capacity(1, &mut Arena::default());
    let mut buffer = OneBuffer::new();
    let isas = [Isa::Portable, Isa::best()];
    for (len, isa) in
        [1, BLOCK - 1, BLOCK, BLOCK + 1, 300].into_iter().flat_map(|len| isas.map(|isa| (len, isa)))
    {
        let scanner = Scanner { punctuation: true, lowercase: true, vertical: true, suspect: b'[', isa };
        let chunks = scanner.scan_one(&"a".repeat(len), &known, &mut buffer);
        let chunks = chunks.map(|chunks| (chunks.len(), chunks.span(0)));
        assert_eq!(chunks, (len < BLOCK).then_some((1, (0, len))));
    }
}

#[test]
fn texts_of_more_chunks_than_are_handed_on_at_a_time() {
    let long = ["a".repeat(511 * 2), " ".into(), "b".repeat(100), ". ".repeat(CHUNKS + 88)].concat();
    // The last but one is handed on at its end.
    let texts =
        [".".repeat(5000), "a ".repeat(3000), "x".repeat(50_000), long, ". ".repeat(CHUNKS), "a b".into()];
    finds_all_chunks(&texts.each_ref().map(|text| &**text));
}

#[test]
fn more_texts_than_are_handed_on_at_a_time() {
    let long = "a. ".repeat(10_000);
    finds_all_chunks(&[""; 257]);
    finds_all_chunks(&[""; 1000]);
    finds_all_chunks(&["x"; 600]);
    finds_all_chunks(&[&[""; 255][..], &[&long, "", "b"]].concat());
}

/// Whether every scanner does: in texts of which none or some are suspected, and none or some of those refused.
fn finds_all_chunks(texts: &[&str]) {
    for suspect in [Scanner::NONE, b'x', b'.', b'b'] {
        let scanner =
            Scanner { punctuation: true, lowercase: true, vertical: true, suspect, isa: Isa::best() };
        let chunks: Vec<_> = texts.iter().map(|text| plain(scanner, text.as_bytes())).collect();
        for refused in [None, Some("x"), Some("aa"), Some(". ")] {
            let is_refused = |text: &str| refused.is_some_and(|start| text.starts_with(start));
            let first = texts.iter().position(|text| text.as_bytes().contains(&suspect) && is_refused(text));
            let expected = &chunks[..first.map_or(texts.len(), |first| first + 1)];
            let known = ShortStrings::with_capacity(1, &mut Arena::default());
            for (is_done, found) in all(scanner, texts, &known, &is_refused) {
                let chunks = |text: Vec<Found>| text.into_iter().map(|chunk| chunk.0).collect();
                assert_eq!(found.into_iter().map(chunks).collect::<Vec<Vec<_>>>(), expected, "{suspect}");
                assert_eq!(is_done, first.is_none());
            }
        }
    }
}
