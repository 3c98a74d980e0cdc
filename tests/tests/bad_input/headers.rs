//! Safetensors files that are cut off, lie about their lengths, or have no proper header.

use m2v_core::{Buffer, Error, read_tensors};
use m2v_tests::{Result, small, tensor_file_with_header};

use crate::{data, refused_with, says};

#[track_caller]
fn assert_not_safetensors(what: &str, file: Vec<u8>) {
    let length = file.len();
    let error = refused_with("model.safetensors", file);
    assert!(
        matches!(data(&error), Error::Safetensors { length: found, .. } if *found == length),
        "{what}: {error:?}"
    );
    says(&error, &["(memory)/model.safetensors", &format!("{length} bytes")]);
}

/// A tensor entry of a header.
fn entry(name: &str, shape: &str, start: u64, end: u64) -> String {
    format!(r#""{name}":{{"dtype":"I8","shape":{shape},"data_offsets":[{start},{end}]}}"#)
}

#[test]
fn a_file_cut_off_anywhere_is_refused() -> Result<()> {
    let files = small()?;
    let (_, whole) = files.files().find(|file| file.0 == "model.safetensors").ok_or("no table")?;
    assert!(read_tensors("whole", whole).is_ok());
    for length in 0..whole.len() {
        assert_not_safetensors("cut off", whole[..length].to_vec());
    }
    assert_not_safetensors("a byte more", [whole, &b"\0"[..]].concat());
    Ok(())
}

#[test]
fn a_header_length_beyond_the_file_is_refused() {
    for length in [3, 100, 1 << 20, 1 << 30, 1 << 62, u64::MAX - 8, u64::MAX - 7, u64::MAX] {
        let file = [&length.to_le_bytes()[..], b"{}"].concat();
        assert_not_safetensors(&format!("header of {length} bytes"), file);
    }
    assert_not_safetensors("no header", vec![0; 8]);
}

#[test]
fn a_header_that_is_no_object_of_tensors_is_refused() {
    for header in [
        &b"\xff\xfe{}"[..],
        b"\"\xc3\x28\"",
        b"",
        b"{",
        b"[]",
        b"null",
        b"not json at all",
        b"{\"embeddings\": 1}",
        b"{\"embeddings\": {}}",
        br#"{"embeddings":{"dtype":"F32","shape":[1]}}"#,
        br#"{"embeddings":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}}"#,
        br#"{"embeddings":{"dtype":"F32","shape":"[1]","data_offsets":[0,4]}}"#,
        br#"{"embeddings":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#,
        br#"{"embeddings":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#,
        br#"{"embeddings":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        br#"{"embeddings":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#,
        br#"{"embeddings":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#,
        br#"{"embeddings":{"dtype":"F32","shape":[1e400],"data_offsets":[0,4]}}"#,
        br#"{"embeddings":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}}"#,
    ] {
        let what = String::from_utf8_lossy(header);
        assert_not_safetensors(&what, tensor_file_with_header(header, &[0; 4]));
    }
    let deep = "[".repeat(100_000);
    assert_not_safetensors("nested", tensor_file_with_header(deep.as_bytes(), &[]));
}

#[test]
fn offsets_that_do_not_cover_the_data_exactly_are_refused() {
    for (what, entries) in [
        ("overlap", [entry("a", "[4]", 0, 4), entry("b", "[6]", 2, 8)]),
        ("the same bytes twice", [entry("a", "[8]", 0, 8), entry("b", "[8]", 0, 8)]),
        ("a gap", [entry("a", "[2]", 0, 2), entry("b", "[4]", 4, 8)]),
        ("a gap in front", [entry("a", "[2]", 2, 4), entry("b", "[4]", 4, 8)]),
        ("bytes left over", [entry("a", "[2]", 0, 2), entry("b", "[4]", 2, 6)]),
        ("backwards", [entry("a", "[8]", 8, 0), entry("b", "[8]", 0, 8)]),
        ("beyond the end", [entry("a", "[4]", 0, 4), entry("b", "[5]", 4, 9)]),
        ("another length than the shape", [entry("a", "[3]", 0, 4), entry("b", "[4]", 4, 8)]),
        ("a name twice", [entry("a", "[4]", 0, 4), entry("a", "[4]", 4, 8)]),
    ] {
        let header = format!("{{{}}}", entries.join(","));
        assert_not_safetensors(what, tensor_file_with_header(header.as_bytes(), &[0; 8]));
    }
}

#[test]
fn sizes_that_overflow_are_refused() {
    let huge = u64::MAX;
    let eighth = huge / 8;
    let chain: Vec<String> = (0..8)
        .map(|i| entry(&i.to_string(), &format!("[{eighth}]"), i * eighth, (i + 1) * eighth))
        .chain([entry("rest", "[7]", 8 * eighth, huge)])
        .collect();
    for (what, entries) in [
        ("shape", entry("a", &format!("[{huge},{huge}]"), 0, 8)),
        ("shape that wraps to the right length", entry("a", "[4294967296,4294967296,8]", 0, 8)),
        ("bits", entry("a", &format!("[{huge}]"), 0, 8)),
        ("offset", entry("a", "[8]", 0, huge)),
        // Each entry is consistent; only their sum and the header's length overflow.
        ("chain of offsets", chain.join(",")),
    ] {
        let header = format!("{{{entries}}}");
        assert_not_safetensors(what, tensor_file_with_header(header.as_bytes(), &[0; 8]));
    }
}

/// Valid, if odd: nothing in it, and yet its shape is too large for any array.
#[test]
fn an_empty_tensor_of_an_impossible_shape_is_refused() {
    let header = format!("{{{}}}", entry("embeddings", &format!("[0,{}]", u64::MAX), 0, 0));
    let error = refused_with("model.safetensors", tensor_file_with_header(header.as_bytes(), &[]));
    assert!(matches!(data(&error), Error::Tensor { .. }), "{error:?}");
    says(&error, &["(memory)/model.safetensors", &u64::MAX.to_string()]);
}

#[test]
fn a_file_of_no_tensors_is_a_file() -> Result<()> {
    let file = tensor_file_with_header(b"{}", &[]);
    assert!(read_tensors("empty", &Buffer::from(file))?.is_empty());
    Ok(())
}
