//! Tensors of a type, shape or content they cannot have, and tables made for another tokenizer.

use m2v_core::{Buffer, Dtype, EmbeddingTable, Error, Memory, Tensor};
use m2v_infer::StaticModel;
use m2v_tests::{Result, small, small_with, tensor_file};
use ndarray::{Array1, Array2, array};

use crate::{data, refused, refused_with, says};

/// A well-formed table for the small model.
const TABLE: (&str, &str, &[usize], usize) = ("embeddings", "F32", &[6, 4], 96);

/// The small model with one row that all tokens share.
fn mapped(mapping: Tensor, weights: Option<Tensor>) -> Result<Memory> {
    let row = Tensor::from_array(&Array2::<f32>::zeros((1, 4)));
    let mut files = small()?;
    let mut tensors = vec![("embeddings", &row), ("mapping", &mapping)];
    tensors.extend(weights.as_ref().map(|weights| ("weights", weights)));
    m2v_core::write_tensors(&mut files, "model.safetensors", &tensors)?;
    Ok(files)
}

#[track_caller]
fn assert_tensor_refused(error: &m2v_infer::Error, name: &str, parts: &[&str]) {
    assert!(matches!(data(error), Error::Tensor { tensor, .. } if tensor == name), "{error:?}");
    says(error, &["(memory)/model.safetensors"]);
    says(error, parts);
}

#[test]
fn what_the_tests_below_break_is_whole() -> Result<()> {
    StaticModel::load(&small_with("model.safetensors", tensor_file(&[TABLE]))?)?;
    StaticModel::load(&mapped(Tensor::from_array(&Array1::<i32>::zeros(6)), None)?)?;
    Ok(())
}

#[test]
fn a_table_of_another_dtype_is_refused() {
    for (dtype, size, found) in [
        ("I32", 4, "int32"),
        ("I64", 8, "int64"),
        ("U8", 1, "U8"),
        ("U16", 2, "U16"),
        ("BOOL", 1, "BOOL"),
        ("F8_E4M3", 1, "F8_E4M3"),
    ] {
        for name in ["embeddings", "embedding.weight", "0"] {
            let file = tensor_file(&[(name, dtype, &[6, 4], 24 * size)]);
            let error = refused_with("model.safetensors", file);
            assert!(matches!(data(&error), Error::Tensor { .. }), "{error:?}");
            says(&error, &["(memory)/model.safetensors", "floats or int8", found, "[6, 4]"]);
        }
    }
}

/// The scale of a row is its tokens' weight. Under another name nobody would read it.
#[test]
fn scales_of_other_names_are_refused() -> Result<()> {
    let table = ("embeddings", "I8", &[6, 4][..], 24);
    for (name, shape, is_scale) in [
        ("scales", &[6][..], true),
        ("embedding_scale", &[6, 1], true),
        ("weights", &[6], false),
        ("scale", &[], false),
        ("norms", &[5], false),
    ] {
        let other = (name, "F32", shape, 4 * shape.iter().product::<usize>());
        let files = small_with("model.safetensors", tensor_file(&[table, other]))?;
        match is_scale {
            true => assert_tensor_refused(
                &refused(&files),
                name,
                &["scales of int8 rows in `weights`", "float32"],
            ),
            false => drop(StaticModel::load(&files).map_err(|error| format!("{name}: {error}"))?),
        }
    }
    // As many as rows, or as tokens.
    let (shared, mapping) = (("embeddings", "I8", &[4, 4][..], 16), ("mapping", "I32", &[6][..], 24));
    for (count, is_scale) in [(4, true), (6, true), (5, false)] {
        let shape = &[count];
        let tensors = [shared, mapping, ("scales", "F32", shape, 4 * count)];
        let files = small_with("model.safetensors", tensor_file(&tensors))?;
        match is_scale {
            true => assert_tensor_refused(&refused(&files), "scales", &["scales of int8 rows in `weights`"]),
            false => drop(StaticModel::load(&files)?),
        }
    }
    // Beside weights, or floats, it may be anything.
    let (weights, other) = (("weights", "F32", &[6][..], 24), ("idf", "F32", &[6][..], 24));
    StaticModel::load(&small_with("model.safetensors", tensor_file(&[table, weights, other]))?)?;
    let files = small_with("model.safetensors", tensor_file(&[TABLE, ("scales", "F32", &[6], 24)]))?;
    StaticModel::load(&files)?;
    Ok(())
}

#[test]
fn a_table_that_is_no_matrix_is_refused() {
    for shape in [&[][..], &[6], &[6, 4, 4], &[6, 0], &[0, 0]] {
        let length = 4 * shape.iter().product::<usize>();
        let error = refused_with("model.safetensors", tensor_file(&[("embeddings", "F32", shape, length)]));
        assert_tensor_refused(&error, "embeddings", &["[rows, dim]", &format!("float32 {shape:?}")]);
    }
}

#[test]
fn a_file_without_a_table_says_what_it_has() {
    let error =
        refused_with("model.safetensors", tensor_file(&[("vectors", "F32", &[1], 4), ("x", "U8", &[1], 1)]));
    assert!(matches!(data(&error), Error::MissingTensor { .. }), "{error:?}");
    says(&error, &["(memory)/model.safetensors", "embeddings, embedding.weight, 0", "vectors", "x"]);
}

#[test]
fn two_different_tables_are_refused() -> Result<()> {
    let (one, other) = (Tensor::from_array(&array![[1.0f32]]), Tensor::from_array(&array![[2.0f32]]));
    let mut files = small()?;
    let tensors = [("embeddings", &one), ("embedding.weight", &other)];
    m2v_core::write_tensors(&mut files, "model.safetensors", &tensors)?;
    assert_tensor_refused(&refused(&files), "embedding.weight", &["`embeddings`", "two equal ones"]);
    Ok(())
}

#[test]
fn weights_of_another_dtype_shape_or_length_are_refused() {
    for (dtype, shape, size, parts) in [
        ("I32", &[6][..], 4, ["floats", "int32 [6]"]),
        ("I8", &[6], 1, ["floats", "int8 [6]"]),
        // Types that no tensor of a model has must not be taken for an absence of weights.
        ("BOOL", &[6], 1, ["floats", "BOOL [6]"]),
        ("F8_E5M2", &[6], 1, ["floats", "F8_E5M2 [6]"]),
        ("F32", &[6, 1], 4, ["[tokens]", "float32 [6, 1]"]),
        ("F32", &[], 4, ["[tokens]", "float32 []"]),
        ("F32", &[5], 4, ["6 entries", "float32 [5]"]),
        ("F32", &[7], 4, ["6 entries", "float32 [7]"]),
    ] {
        let length = size * shape.iter().product::<usize>();
        let error =
            refused_with("model.safetensors", tensor_file(&[TABLE, ("weights", dtype, shape, length)]));
        assert_tensor_refused(&error, "weights", &parts);
    }
}

#[test]
fn a_mapping_of_another_dtype_or_shape_is_refused() {
    for (dtype, shape, size, found) in [
        ("F32", &[6][..], 4, "float32 [6]"),
        ("I8", &[6], 1, "int8 [6]"),
        ("U32", &[6], 4, "U32 [6]"),
        ("I32", &[6, 1], 4, "int32 [6, 1]"),
        ("I64", &[], 8, "int64 []"),
    ] {
        let length = size * shape.iter().product::<usize>();
        let error =
            refused_with("model.safetensors", tensor_file(&[TABLE, ("mapping", dtype, shape, length)]));
        assert_tensor_refused(&error, "mapping", &["int32 or int64", found]);
    }
}

#[test]
fn a_mapping_beyond_the_rows_is_refused() -> Result<()> {
    for (entry, found) in [(1, "1 at 4"), (-1, "-1 at 4"), (i64::MAX, "9223372036854775807 at 4")] {
        let error = refused(&mapped(Tensor::from_array(&array![0, 0, 0, 0, entry, 0]), None)?);
        assert_tensor_refused(&error, "mapping", &["0..1", found]);
    }
    for entry in [i32::MIN, i32::MAX] {
        let error = refused(&mapped(Tensor::from_array(&array![entry, 0, 0, 0, 0, 0]), None)?);
        assert_tensor_refused(&error, "mapping", &["0..1", &format!("{entry} at 0")]);
    }
    Ok(())
}

#[test]
fn a_mapping_or_weights_that_do_not_reach_the_last_token_are_refused() -> Result<()> {
    let (long, short) = (Array1::<i64>::zeros(6), Array1::<i64>::zeros(5));
    let short_weights = Tensor::from_array(&Array1::<f32>::ones(4));
    for (mapping, weights, covered) in [(short, None, 5), (long, Some(short_weights), 4)] {
        let error = refused(&mapped(Tensor::from_array(&mapping), weights)?);
        assert!(
            matches!(error, m2v_infer::Error::MappingAndTokens { covered: found, max_id: 5 } if found == covered),
            "{error:?}"
        );
        says(&error, &["tokenizer.json", &format!("cover {covered} ids"), "up to 5"]);
    }
    Ok(())
}

#[test]
fn more_or_fewer_rows_than_tokens_are_refused() {
    for rows in [0, 1, 5, 7, 600] {
        let error =
            refused_with("model.safetensors", tensor_file(&[("embeddings", "F16", &[rows, 4], 8 * rows)]));
        assert!(
            matches!(error, m2v_infer::Error::RowsAndTokens { rows: found, tokens: 6, max_id: 5 } if found == rows),
            "{error:?}"
        );
        says(&error, &["tokenizer.json", &format!("{rows} rows"), "6 tokens"]);
    }
}

/// Six tokens and six rows, but the id of one is 9.
#[test]
fn ids_with_a_hole_are_refused_without_a_mapping() -> Result<()> {
    let tokenizer =
        String::from_utf8(small()?.files().find(|file| file.0 == "tokenizer.json").unwrap().1.to_vec())?;
    assert!(tokenizer.contains(r#""ccc":3"#));
    let error = refused_with("tokenizer.json", tokenizer.replace(r#""ccc":3"#, r#""ccc":9"#));
    assert!(matches!(error, m2v_infer::Error::RowsAndTokens { rows: 6, tokens: 6, max_id: 9 }), "{error:?}");
    says(&error, &["6 rows", "6 tokens", "up to 9"]);
    Ok(())
}

#[test]
fn a_tensor_whose_bytes_do_not_fit_its_shape_is_refused() {
    for (shape, length, parts) in [
        (&[2, 3][..], 23, ["24 bytes", "23 bytes"]),
        (&[2, 3], 25, ["24 bytes", "25 bytes"]),
        (&[], 0, ["4 bytes", "0 bytes"]),
        (&[usize::MAX, 2], 8, ["fewer elements", "8 bytes"]),
        // Nothing in it, and yet too large to count: no array can have such a shape.
        (&[0, usize::MAX, usize::MAX], 0, ["fewer elements", "0 bytes"]),
        (&[usize::MAX, 0], 0, ["fewer elements", "0 bytes"]),
    ] {
        let error = Tensor::try_new(Dtype::F32, shape, Buffer::from(vec![0; length])).unwrap_err();
        assert!(matches!(error, Error::Tensor { .. }), "{error:?}");
        says(&error, &[&format!("float32 {shape:?}")]);
        says(&error, &parts);
    }
}

#[test]
fn a_table_is_checked_when_it_is_made_by_hand() {
    let table = Tensor::from_array(&Array2::<f32>::zeros((3, 2)));
    let weights = Tensor::from_array(&Array1::<f32>::zeros(2));
    let error = EmbeddingTable::try_new(table, Some(weights), None).unwrap_err();
    assert!(matches!(&error, Error::Tensor { tensor, .. } if tensor == "weights"), "{error:?}");
    says(&error, &["3 entries", "float32 [2]"]);
}
