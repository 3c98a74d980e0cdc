//! Paths that mean something only in a working folder. One test: the working folder is the whole process's.

use std::env;
use std::fs;

use m2v_core::{Checkpoint, Dir, DirSink, Layout, Sink};
use m2v_tests::{Result, fixture};

#[test]
fn a_model_may_be_the_working_folder_or_stand_in_it() -> Result<()> {
    let nested = fixture("models/st-nested");
    env::set_current_dir(nested.join("0_StaticEmbedding"))?;
    for path in [".", "./", "../0_StaticEmbedding"] {
        let checkpoint = Checkpoint::load(&Dir::open(path)?).map_err(|error| format!("{path}: {error}"))?;
        assert_eq!(checkpoint.layout, Layout::SentenceTransformers, "{path}");
        assert_eq!(checkpoint.config.normalize(), Some(true), "{path}");
    }
    assert_eq!(Checkpoint::load(&Dir::open("..")?)?.layout, Layout::StaticEmbedding);

    let folder = tempfile::tempdir()?;
    env::set_current_dir(folder.path())?;
    for path in ["model", "./other", "trailing/"] {
        let mut sink = DirSink::create(path)?;
        sink.write_bytes("config.json", b"{}")?;
        sink.finish()?;
        assert_eq!(fs::read(folder.path().join(path).join("config.json"))?, b"{}");
    }
    // They have no name to stage a neighbour under.
    for path in [".", "..", ""] {
        assert!(DirSink::create(path).is_err(), "{path}");
    }
    // Windows does not remove the working folder of a process.
    env::set_current_dir(nested)?;
    assert_eq!(fs::read_dir(folder.path())?.count(), 3);
    Ok(())
}
