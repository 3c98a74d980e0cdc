//! A folder that is written appears whole or not at all.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

use m2v_core::{DirSink, Error, Memory, Sink};
use m2v_tests::Result;

/// The names in a folder, hidden ones too.
fn names(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// The kind of a refused folder, and that the message names it.
fn refused(sink: m2v_core::Result<DirSink>, path: &Path) -> Result<ErrorKind> {
    match sink {
        Err(Error::Io { file, source }) => {
            assert_eq!(Path::new(&file), path);
            Ok(source.kind())
        }
        other => Err(format!("expected Error::Io, found {other:?}").into()),
    }
}

#[test]
fn nothing_is_visible_before_finish() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let target = parent.path().join("a/b/model");
    let mut sink = DirSink::create(&target)?;
    sink.write_bytes("config.json", b"{}")?;
    sink.write_bytes("0_StaticEmbedding/tokenizer.json", b"[]")?;
    assert!(!target.exists());
    assert!(names(&parent.path().join("a/b"))?.iter().all(|name| name.starts_with('.')));
    sink.finish()?;
    assert_eq!(names(&parent.path().join("a/b"))?, ["model"]);
    assert_eq!(names(&target)?, ["0_StaticEmbedding", "config.json"]);
    assert_eq!(fs::read(target.join("0_StaticEmbedding/tokenizer.json"))?, b"[]");
    Ok(())
}

#[test]
fn a_dropped_sink_leaves_nothing_behind() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let mut sink = DirSink::create(parent.path().join("model"))?;
    sink.write_bytes("config.json", b"{}")?;
    drop(sink);
    assert_eq!(names(parent.path())?, [""; 0]);
    Ok(())
}

#[test]
fn a_folder_with_something_in_it_is_refused() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let target = parent.path().join("model");
    fs::create_dir(&target)?;
    // An empty one will do.
    let mut late = DirSink::create(&target)?;
    fs::write(target.join("precious"), b"1")?;
    assert_eq!(refused(DirSink::create(&target), &target)?, ErrorKind::AlreadyExists);
    // One that was empty when the sink was made, and is no longer.
    assert_eq!(late.finish().err().map(|error| error.kind()), Some(ErrorKind::AlreadyExists));
    drop(late);
    assert_eq!(names(parent.path())?, ["model"]);
    assert_eq!(names(&target)?, ["precious"]);
    Ok(())
}

#[test]
fn an_empty_folder_is_filled() -> Result<()> {
    let target = tempfile::tempdir()?;
    let mut sink = DirSink::create(target.path())?;
    sink.write_bytes("a", b"1")?;
    sink.finish()?;
    assert_eq!(names(target.path())?, ["a"]);
    Ok(())
}

#[test]
fn replace_swaps_the_folder_at_finish() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let target = parent.path().join("model");
    for content in ["first", "second"] {
        let mut sink = DirSink::replace(&target)?;
        sink.write_bytes(content, b"")?;
        if content == "second" {
            assert_eq!(names(&target)?, ["first"]);
            // A sink that is dropped replaces nothing.
            drop(DirSink::replace(&target)?);
            assert_eq!(names(&target)?, ["first"]);
        }
        sink.finish()?;
        assert_eq!(names(&target)?, [content]);
        assert_eq!(names(parent.path())?, ["model"]);
    }
    Ok(())
}

#[cfg(unix)]
#[test]
fn a_link_is_refused() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let (elsewhere, target) = (parent.path().join("elsewhere"), parent.path().join("model"));
    fs::create_dir(&elsewhere)?;
    fs::write(elsewhere.join("precious"), b"1")?;
    std::os::unix::fs::symlink(&elsewhere, &target)?;
    let nothing = parent.path().join("nothing");
    std::os::unix::fs::symlink("no/such", &nothing)?;
    for target in [&target, &nothing, &target.join("")] {
        for sink in [DirSink::create(target), DirSink::replace(target)] {
            assert_eq!(refused(sink, target)?, ErrorKind::AlreadyExists);
        }
    }
    assert_eq!(names(&elsewhere)?, ["precious"]);
    assert_eq!(names(parent.path())?, ["elsewhere", "model", "nothing"]);
    Ok(())
}

#[test]
fn a_file_of_that_name_is_refused() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let target = parent.path().join("model");
    fs::write(&target, b"precious")?;
    for sink in [DirSink::create(&target), DirSink::replace(&target)] {
        assert_eq!(refused(sink, &target)?, ErrorKind::AlreadyExists);
    }
    assert_eq!(fs::read(&target)?, b"precious");
    assert_eq!(names(parent.path())?, ["model"]);
    Ok(())
}

#[test]
fn names_that_leave_the_folder_are_refused() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let mut sinks: [Box<dyn Sink>; 2] =
        [Box::new(DirSink::create(parent.path().join("model"))?), Box::<Memory>::default()];
    for sink in &mut sinks {
        for name in [
            "..",
            "../evil",
            "a/../../evil",
            "a/..",
            ".",
            "./a",
            "/evil",
            "//evil",
            "a//b",
            "a/",
            "",
            "a\\b",
            "..\\evil",
            "C:evil",
            "C:/evil",
            "a\0b",
        ] {
            let error = sink.write_bytes(name, b"").err().ok_or(name)?;
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{name}");
            assert!(error.to_string().contains(name), "{name}: {error}");
        }
        for name in ["a", "..a", "a..b", "d/b/c.json", "größe", ".hidden"] {
            sink.write_bytes(name, b"").map_err(|error| format!("{name}: {error}"))?;
        }
        sink.finish()?;
    }
    assert_eq!(names(parent.path())?, ["model"]);
    Ok(())
}

#[test]
fn another_number_of_bytes_than_announced_is_an_error() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let mut sinks: [Box<dyn Sink>; 2] =
        [Box::new(DirSink::create(parent.path().join("model"))?), Box::<Memory>::default()];
    for sink in &mut sinks {
        for length in [0, 4, 6, 1000] {
            let write = &mut |out: &mut dyn Write| out.write_all(b"12345");
            let error = sink.write("file", length, write).err().ok_or("written")?;
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert_eq!(error.to_string(), format!("file: expected {length} bytes, 5 were written"));
        }
    }
    Ok(())
}

#[test]
fn an_error_of_the_body_comes_back() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let mut sink = DirSink::create(parent.path().join("model"))?;
    let error = sink.write("file", 1, &mut |_| Err(io::Error::other("no more"))).err().ok_or("written")?;
    assert_eq!(error.to_string(), "no more");
    Ok(())
}

#[test]
fn a_finished_sink_takes_nothing_more() -> Result<()> {
    let parent = tempfile::tempdir()?;
    let mut sink = DirSink::create(parent.path().join("model"))?;
    sink.finish()?;
    for error in [sink.write_bytes("late", b"").err(), sink.finish().err()] {
        assert_eq!(error.map(|error| error.kind()), Some(ErrorKind::InvalidInput));
    }
    assert_eq!(names(&parent.path().join("model"))?, [""; 0]);
    Ok(())
}

#[cfg(unix)]
#[test]
fn the_folder_has_the_permissions_of_any_new_one() -> Result<()> {
    use std::os::unix::fs::PermissionsExt;

    let parent = tempfile::tempdir()?;
    fs::create_dir(parent.path().join("any"))?;
    DirSink::create(parent.path().join("model"))?.finish()?;
    let mode = |name: &str| fs::metadata(parent.path().join(name)).map(|folder| folder.permissions().mode());
    assert_eq!(mode("model")?, mode("any")?);
    Ok(())
}
