//! Folders read and mapped, single files, bytes in memory and in the binary.

use std::fs;

use m2v_core::{Checkpoint, Dir, Files, Memory, Sink, Source};
use m2v_infer::{EncoderExt, StaticModel};
use m2v_tests::{Recorded, Result, assert_bits, assert_close, fixture, shipped_model, small, texts};

use crate::vectors;

static TABLE: &[u8] = include_bytes!("../../fixtures/models/median/model.safetensors");
static TOKENIZER: &[u8] = include_bytes!("../../fixtures/models/median/tokenizer.json");

fn lies_within(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    whole.start <= part.start && part.end <= whole.end
}

#[test]
fn a_model_in_the_binary_is_not_copied() -> Result<()> {
    let files = [("config.json", &b"{}"[..]), ("model.safetensors", TABLE), ("tokenizer.json", TOKENIZER)];
    let model = StaticModel::load(&Memory::from_static(files))?;
    assert!(lies_within(model.table().embeddings().bytes(), TABLE));
    let copy = StaticModel::load(&small()?)?;
    assert!(!lies_within(copy.table().embeddings().bytes(), TABLE));
    let copy = copy.with_options(model.options());
    assert_bits("static", model.encode(&texts()?)?.view(), copy.encode(&texts()?)?.view());
    Ok(())
}

#[test]
fn a_table_is_not_copied_between_source_and_model() -> Result<()> {
    let files = small()?;
    let table = files.read("model.safetensors")?.ok_or("no table")?;
    let checkpoint = Checkpoint::load(&files)?;
    assert!(lies_within(checkpoint.table.embeddings().bytes(), &table));
    let model = StaticModel::from_checkpoint(checkpoint)?;
    let other = model.clone().with_options(model.options().with_max_length(None));
    assert!(lies_within(other.table().embeddings().bytes(), &table));
    Ok(())
}

#[test]
fn a_mapped_folder_is_the_folder() -> Result<()> {
    for recorded in Recorded::all()? {
        let folder = fixture("models").join(&recorded.name);
        let folder = if folder.exists() { folder } else { shipped_model() };
        #[expect(unsafe_code, reason = "tests what is unsafe")]
        // SAFETY: no test writes to the fixtures or the shipped model.
        let mapped = unsafe { Dir::open_mapped(&folder) }?;
        let read = Dir::open(&folder)?;
        // One is tokenised with a tokenizer that was built on a thread of its own, the other with one that was not.
        let at_hand = |source: &dyn Source| source.is_at_hand("model.safetensors");
        assert_eq!((at_hand(&mapped), at_hand(&read)), (true, false));
        let [by_map, by_read] = [StaticModel::load(&mapped)?, StaticModel::load(&read)?];
        assert_bits(&recorded.name, by_map.encode(&texts()?)?.view(), by_read.encode(&texts()?)?.view());
        let (mapped, read) = (Checkpoint::load(&mapped)?, Checkpoint::load(&read)?);
        assert_eq!(mapped.table, read.table);
        assert!(mapped.tokenizer == read.tokenizer);
        assert_bits(&recorded.name, vectors(&mapped)?.view(), vectors(&read)?.view());
    }
    Ok(())
}

#[test]
fn a_mapped_module_folder_finds_its_model() -> Result<()> {
    #[expect(unsafe_code, reason = "tests what is unsafe")]
    // SAFETY: no test writes to the fixtures.
    let mapped = unsafe { Dir::open_mapped(fixture("models/st-nested/0_StaticEmbedding")) }?;
    assert_eq!(Checkpoint::load(&mapped)?.config.normalize(), Some(true));
    Ok(())
}

#[test]
fn single_files_without_a_config_have_the_references_defaults() -> Result<()> {
    let folder = fixture("models/word-level");
    let files = Files::new(folder.join("model.safetensors"), folder.join("tokenizer.json"));
    let (recorded, texts) = (Recorded::read("word-level")?, texts()?);
    let model = StaticModel::load(&files)?;
    assert_eq!((model.options().normalize, model.options().max_length), (false, Some(512)));
    assert_bits("without a config", model.encode(&texts)?.view(), recorded.mean.view());
    let model = StaticModel::load(&files.config(folder.join("config.json")))?;
    assert_eq!((model.options().normalize, model.options().max_length), (true, Some(512)));
    assert_close("with a config", model.encode(&texts)?.view(), recorded.normalized.view());
    Ok(())
}

#[test]
fn single_files_may_have_any_name() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (table, tokenizer) = (folder.path().join("l2 supercat.bin"), folder.path().join("l2"));
    fs::write(&table, TABLE)?;
    fs::write(&tokenizer, TOKENIZER)?;
    assert_eq!(Checkpoint::load(&Files::new(table, tokenizer))?.table.rows(), 6);
    Ok(())
}

#[test]
fn memory_keeps_the_last_of_two_files_of_a_name() -> Result<()> {
    let mut files = small()?;
    files.insert("config.json", br#"{"max_length": 5}"#);
    assert_eq!(Checkpoint::load(&files)?.config.max_length(), Some(5));
    assert_eq!(files.files().count(), 4);
    Ok(())
}

#[test]
fn a_folder_is_read_only_below_itself() -> Result<()> {
    let folder = Dir::open(fixture("models/median"))?;
    assert!(folder.read("config.json")?.is_some());
    assert!(folder.read("no such file")?.is_none());
    for name in ["../median/config.json", "/etc/hostname", "..", ".", "", "a/../config.json"] {
        let error = folder.read(name).err().ok_or(name)?;
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{name}");
    }
    Ok(())
}

/// A length that a sink is told is no reason to panic.
#[test]
fn memory_for_which_there_is_no_room_is_an_error() {
    for length in [u64::MAX, 1 << 62] {
        let mut memory = Memory::new();
        let error = memory.write("a", length, &mut |_| Ok(())).unwrap_err();
        assert_eq!(memory.files().count(), 0, "{error}");
    }
}
