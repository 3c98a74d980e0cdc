//! Every layout of a folder, and every way to point at it.

use std::fs;

use m2v_core::{Card, Checkpoint, Dir, Layout, Memory, Source};
use m2v_tests::{Recorded, Result, assert_bits, assert_close, fixture, small};

use crate::vectors;

#[test]
fn each_layout_is_told_from_the_others() -> Result<()> {
    for (model, layout) in [
        ("word-level", Layout::Model2Vec),
        ("st-root", Layout::SentenceTransformers),
        ("st-nested", Layout::StaticEmbedding),
    ] {
        let checkpoint = Checkpoint::load(&Dir::open(fixture("models").join(model))?)?;
        assert_eq!(checkpoint.layout, layout, "{model}");
        assert_eq!(checkpoint.config.normalize(), Some(true), "{model}");
        assert_eq!(checkpoint.config.max_length(), Some(512), "{model}");
        assert_close(model, vectors(&checkpoint)?.view(), Recorded::read(model)?.normalized.view());
    }
    Ok(())
}

/// Its configuration and its Normalize module are those of the folder above.
#[test]
fn a_module_folder_is_the_model_it_belongs_to() -> Result<()> {
    let expected = vectors(&Checkpoint::load(&Dir::open(fixture("models/st-nested"))?)?)?;
    let absolute = fixture("models/st-nested/0_StaticEmbedding");
    // Relative to the package's folder, where cargo runs its tests.
    let relative = "fixtures/models/st-nested/0_StaticEmbedding";
    for path in [
        absolute.to_string_lossy().into_owned(),
        relative.to_owned(),
        format!("./{relative}"),
        format!("{relative}/"),
        format!("{relative}/."),
        format!("{relative}/../0_StaticEmbedding"),
        format!("{relative}/../../st-nested/0_StaticEmbedding/"),
    ] {
        let checkpoint = Checkpoint::load(&Dir::open(&path)?).map_err(|error| format!("{path}: {error}"))?;
        assert_eq!(checkpoint.config.normalize(), Some(true), "{path}");
        assert_bits(&path, vectors(&checkpoint)?.view(), expected.view());
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_link_to_a_module_folder_is_the_model_too() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(fixture("models/st-nested/0_StaticEmbedding"), &link)?;
    assert_eq!(Checkpoint::load(&Dir::open(link)?)?.config.normalize(), Some(true));
    Ok(())
}

#[test]
fn a_folder_with_a_config_of_its_own_does_not_ask_the_one_above() -> Result<()> {
    let above = tempfile::tempdir()?;
    fs::write(above.path().join("config_sentence_transformers.json"), r#"{"max_length": 7}"#)?;
    fs::write(above.path().join("README.md"), "Above.")?;
    let folder = above.path().join("model");
    fs::create_dir(&folder)?;
    for name in ["config.json", "model.safetensors", "tokenizer.json"] {
        fs::copy(fixture("models/median").join(name), folder.join(name))?;
    }
    let checkpoint = Checkpoint::load(&Dir::open(&folder)?)?;
    assert_eq!((checkpoint.layout, checkpoint.config.max_length()), (Layout::Model2Vec, Some(3)));
    assert_eq!(checkpoint.card, None, "the card is another model's");
    // Without it, it does.
    fs::remove_file(folder.join("config.json"))?;
    let checkpoint = Checkpoint::load(&Dir::open(&folder)?)?;
    assert_eq!((checkpoint.layout, checkpoint.config.max_length()), (Layout::SentenceTransformers, Some(7)));
    assert_eq!(checkpoint.card.as_ref().map(Card::body), Some("Above."));
    Ok(())
}

/// However its configuration is called: who wrote the table also wrote the list of modules.
#[test]
fn a_table_of_sentence_transformers_is_normalised_as_its_modules_say() -> Result<()> {
    let st = Dir::open(fixture("models/st-root"))?;
    let mut files = Memory::new();
    for name in ["model.safetensors", "tokenizer.json", "modules.json"] {
        files.insert(name, st.read(name)?.ok_or("no such file")?);
    }
    files.insert("config.json", br#"{"model_type": "x"}"#);
    let checkpoint = Checkpoint::load(&files)?;
    assert_eq!((checkpoint.layout, checkpoint.config.normalize()), (Layout::Model2Vec, Some(true)));
    assert_close("st-root", vectors(&checkpoint)?.view(), Recorded::read("st-root")?.normalized.view());
    files.insert("config.json", br#"{"normalize": false}"#);
    assert_eq!(Checkpoint::load(&files)?.config.normalize(), Some(false));
    Ok(())
}

/// A folder with files of several layouts.
fn mixed(files: &[&str]) -> Result<Memory> {
    let small = small()?;
    let mut mixed = Memory::new();
    for name in files {
        let bare = name.rsplit('/').next().unwrap_or(name);
        match small.files().find(|file| file.0 == bare) {
            Some((_, bytes)) => mixed.insert(*name, bytes.clone()),
            None => mixed.insert(*name, b"{}"),
        }
    }
    Ok(mixed)
}

#[test]
fn layouts_are_tried_in_the_references_order() -> Result<()> {
    let (config, st_config) = ("config.json", "config_sentence_transformers.json");
    let (table, tokenizer) = ("model.safetensors", "tokenizer.json");
    let (nested_table, nested_tokenizer) =
        ("0_StaticEmbedding/model.safetensors", "0_StaticEmbedding/tokenizer.json");
    for (files, layout) in [
        (&[st_config, config, table, tokenizer, nested_table, nested_tokenizer][..], Layout::Model2Vec),
        (&[st_config, table, tokenizer, nested_table, nested_tokenizer], Layout::SentenceTransformers),
        (&[st_config, nested_table, nested_tokenizer], Layout::StaticEmbedding),
        // What is not whole is passed over.
        (&[st_config, config, tokenizer, nested_table, nested_tokenizer], Layout::StaticEmbedding),
        (&[st_config, config, table, nested_table, nested_tokenizer], Layout::StaticEmbedding),
    ] {
        assert_eq!(Checkpoint::load(&mixed(files)?)?.layout, layout, "{files:?}");
    }
    Ok(())
}

/// The reference saves a `modules.json` beside `config.json`; only the latter counts there.
#[test]
fn a_config_that_does_not_say_means_not_normalised() -> Result<()> {
    let mut files = small()?;
    let modules = files.read("modules.json")?.ok_or("no modules")?;
    assert!(std::str::from_utf8(&modules)?.contains(".Normalize"));
    for config in ["{}", r#"{"normalize": null}"#] {
        files.insert("config.json", config.to_owned());
        let checkpoint = Checkpoint::load(&files)?;
        assert_eq!(checkpoint.config.normalize(), Some(false));
        assert_eq!(checkpoint.config.max_length(), Some(512));
    }
    files.insert("config.json", r#"{"max_length": null}"#.to_owned());
    assert_eq!(Checkpoint::load(&files)?.config.max_length(), None);
    Ok(())
}
