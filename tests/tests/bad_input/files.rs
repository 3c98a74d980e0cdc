//! Folders that are not there, and files that are missing or are something else.

use std::fs;
use std::io;
use std::path::Path;

use m2v_core::{Checkpoint, Dir, Error, Files};
use m2v_infer::StaticModel;
use m2v_tests::{Result, fixture};
use tempfile::TempDir;

use crate::{data, refused, says};

/// A copy of a recorded model, to break.
fn copy(model: &str) -> Result<TempDir> {
    let (from, to) = (fixture("models").join(model), tempfile::tempdir()?);
    let mut folders = vec![String::new()];
    while let Some(folder) = folders.pop() {
        fs::create_dir_all(to.path().join(&folder))?;
        for entry in fs::read_dir(from.join(&folder))? {
            let entry = entry?;
            let name = Path::new(&folder).join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push(name.to_string_lossy().into_owned());
            } else {
                fs::copy(entry.path(), to.path().join(name))?;
            }
        }
    }
    Ok(to)
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let error = Dir::open("no/such/model").unwrap_err();
    assert!(
        matches!(&error, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound),
        "{error:?}"
    );
    says(&error, &["no/such/model"]);
}

#[test]
fn a_file_in_the_place_of_the_folder_is_named() {
    let error = Dir::open(fixture("texts.json")).unwrap_err();
    assert!(
        matches!(&error, Error::Io { source, .. } if source.kind() == io::ErrorKind::NotADirectory),
        "{error:?}"
    );
    says(&error, &["texts.json", "expected a model folder, found a file"]);
}

#[test]
fn an_empty_folder_is_told_what_a_model_is() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let error = refused(&Dir::open(folder.path())?);
    assert!(matches!(data(&error), Error::NoModel { .. }), "{error:?}");
    let path = folder.path().to_string_lossy();
    says(&error, &[&path, "missing config.json, config_sentence_transformers.json", "tokenizer.json"]);
    Ok(())
}

#[test]
fn each_missing_file_of_each_layout_is_named() -> Result<()> {
    let layouts: [(&str, &[&str]); 3] = [
        ("median", &["config.json", "model.safetensors", "tokenizer.json"]),
        ("st-root", &["config_sentence_transformers.json", "model.safetensors", "tokenizer.json"]),
        (
            "st-nested",
            &[
                "config_sentence_transformers.json",
                "0_StaticEmbedding/model.safetensors",
                "0_StaticEmbedding/tokenizer.json",
            ],
        ),
    ];
    for (model, files) in layouts {
        for missing in files {
            let folder = copy(model)?;
            StaticModel::load(&Dir::open(folder.path())?)?;
            fs::remove_file(folder.path().join(missing))?;
            let error = refused(&Dir::open(folder.path())?);
            let Error::NoModel { location, found } = data(&error) else { unreachable!("{error:?}") };
            assert_eq!(Path::new(location), folder.path());
            // Either "found … but not …" or "missing …".
            let absent = found.split_once(" but not ").map_or(found.as_str(), |(_, absent)| absent);
            assert!(absent.contains(missing), "{model}: {found}");
        }
    }
    Ok(())
}

#[test]
fn a_folder_in_the_place_of_a_file_is_named() -> Result<()> {
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        let folder = copy("median")?;
        fs::remove_file(folder.path().join(name))?;
        fs::create_dir(folder.path().join(name))?;
        #[expect(unsafe_code, reason = "tests what is unsafe")]
        // SAFETY: nobody else knows the folder, and it is not changed after this.
        let mapped = unsafe { Dir::open_mapped(folder.path()) }?;
        for source in [Dir::open(folder.path())?, mapped] {
            let error = refused(&source);
            assert!(
                matches!(data(&error), Error::Io { source, .. } if source.kind() == io::ErrorKind::IsADirectory),
                "{error:?}"
            );
            let path = folder.path().join(name);
            says(&error, &[&path.to_string_lossy(), "expected a file, found a folder"]);
        }
    }
    Ok(())
}

#[test]
fn each_missing_file_of_explicit_paths_is_named() {
    let there = |name: &str| fixture("models/median").join(name);
    let gone = |name: &str| fixture("models/nowhere").join(name);
    for files in [
        Files::new(gone("model.safetensors"), there("tokenizer.json")),
        Files::new(there("model.safetensors"), gone("tokenizer.json")),
        Files::new(there("model.safetensors"), there("tokenizer.json")).config(gone("config.json")),
    ] {
        let error = refused(&files);
        assert!(
            matches!(data(&error), Error::Io { source, .. } if source.kind() == io::ErrorKind::NotFound),
            "{error:?}"
        );
        says(&error, &["models/nowhere"]);
    }
}

#[test]
fn an_empty_table_file_is_refused_read_or_mapped() -> Result<()> {
    let folder = copy("median")?;
    fs::write(folder.path().join("model.safetensors"), b"")?;
    #[expect(unsafe_code, reason = "tests what is unsafe")]
    // SAFETY: nobody else knows the folder, and it is not changed after this.
    let mapped = unsafe { Dir::open_mapped(folder.path()) }?;
    for source in [Dir::open(folder.path())?, mapped] {
        let error = refused(&source);
        assert!(matches!(data(&error), Error::Safetensors { length: 0, .. }), "{error:?}");
        says(&error, &["model.safetensors", "0 bytes"]);
    }
    Ok(())
}

#[test]
fn a_head_that_is_not_there_is_named() -> Result<()> {
    let folder = copy("median")?;
    let config = r#"{"head_config": {"n_layers": 1, "activation": "softmax", "classes": null}}"#;
    fs::write(folder.path().join("config.json"), config)?;
    let error = Checkpoint::load(&Dir::open(folder.path())?).unwrap_err();
    assert!(matches!(error, Error::MissingFile { .. }), "{error:?}");
    let head = folder.path().join("head.safetensors");
    says(&error, &[&head.to_string_lossy(), "config.json has a head_config"]);
    Ok(())
}
