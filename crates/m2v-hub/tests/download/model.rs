//! Models load from a hub as from any source, and only what they are made of is fetched.

use m2v_core::{Checkpoint, Config, Dir, EmbeddingTable, Memory, Source, Tensor};
use m2v_hub::Error;

use crate::server::sha256;
use crate::{CONFIG, ID, World, content, error_of, table};

/// The files of a model, under a prefix.
fn files(prefix: &str) -> Vec<(String, Vec<u8>)> {
    let rows = m2v_core::ndarray::array![[0.5f32, 1.0], [2.0, -3.0]];
    let table = EmbeddingTable::try_new(Tensor::from_array(&rows), None, None).unwrap();
    let mut memory = Memory::new();
    Checkpoint::new(Config::default(), table, br#"{"version": "1.0"}"#).save(&mut memory).unwrap();
    memory.files().map(|(name, bytes)| (format!("{prefix}{name}"), bytes.to_vec())).collect()
}

#[test]
fn a_model_loads_and_only_what_it_needs_is_fetched() {
    let world = World::new();
    world
        .server
        .add("org/whole", &files("").iter().map(|(name, bytes)| (&**name, bytes)).collect::<Vec<_>>());
    world.server.add("org/whole", &[("pytorch_model.bin", "x"), ("onnx/model.onnx", "y")]);
    let load = |source: &dyn Source| Checkpoint::load(source).unwrap();
    let checkpoint = load(&world.hub().model("org/whole").unwrap());
    assert_eq!(checkpoint.table.rows(), 2);
    assert_eq!(&*checkpoint.tokenizer, br#"{"version": "1.0"}"#);
    let asked = world.asked();
    assert!(!asked.iter().any(|path| path.ends_with(".bin") || path.ends_with(".onnx")), "{asked:?}");
    // Again, also what there is not: no request.
    assert_eq!(load(&world.hub().model("org/whole").unwrap()).table, checkpoint.table);
    assert_eq!(world.asked(), [""; 0]);
    let offline = world.builder().offline(true).build().unwrap();
    assert_eq!(load(&offline.model("org/whole").unwrap()).table, checkpoint.table);
}

#[test]
fn the_example_makes_a_folder_and_says_how_to_get_it_again() {
    let world = World::new();
    let add = || {
        let files = files("");
        world.server.add("org/whole", &files.iter().map(|(name, bytes)| (&**name, bytes)).collect::<Vec<_>>())
    };
    let (_old, commit) = (add(), add());
    let out = world.folder.path().join("vendored");
    let said = crate::vendor::vendor(&world.hub(), "org/whole", &out).unwrap();
    let loaded = Checkpoint::load(&world.hub().model("org/whole").unwrap()).unwrap();
    assert_eq!(Checkpoint::load(&Dir::open(&out).unwrap()).unwrap().table, loaded.table);
    assert!(said.contains("2 × 2 float32"), "{said}");

    // What it says is what pins the model.
    let id = said.split('"').nth(1).unwrap();
    assert_eq!(id, format!("org/whole@{commit}"));
    let (hash, file) = said.lines().last().and_then(|line| line.split_once("  ")).unwrap();
    let pinned = world.hub().model(id).unwrap().sha256(file, hash).unwrap();
    assert_eq!(Checkpoint::load(&pinned).unwrap().table, loaded.table);
}

#[test]
fn subfolders_and_small_files_that_are_redirected() {
    let world = World::new();
    world.server.store().redirect_small_files = true;
    world
        .server
        .add("org/many", &files("a/b/").iter().map(|(name, bytes)| (&**name, bytes)).collect::<Vec<_>>());
    let checkpoint = Checkpoint::load(&world.hub().model("org/many@main:a/b").unwrap()).unwrap();
    assert_eq!(checkpoint.table.rows(), 2);
    let other = Checkpoint::load(&world.hub().model("org/many").unwrap()).unwrap_err();
    assert!(other.to_string().contains("org/many@main"), "{other}");
    let listed = world.hub().model("org/many:a/b").unwrap().files().unwrap();
    assert!(listed.iter().any(|file| file.name == "a/b/config.json"), "{listed:?}");
}

#[test]
fn the_folder_around_a_subfolder_is_of_the_same_commit() {
    let world = World::new();
    let pin = sha256(b"other");
    let below = world.hub().model("org/model:onnx").unwrap().sha256("model.onnx", &pin).unwrap();
    below.commit_hash().unwrap();
    world.server.add(ID, &[("config.json", b"{}")]);
    let around = below.parent().unwrap();
    assert_eq!(around.id().to_string(), ID);
    assert_eq!(content(&around, "config.json"), CONFIG);
    assert!(matches!(error_of(&around, "onnx/model.onnx"), Error::Digest { .. }));
    assert!(around.parent().is_none());
    // And down again, or from the beginning.
    let again = around.subfolder("onnx").unwrap();
    assert!(matches!(error_of(&again, "model.onnx"), Error::Digest { .. }));
    let named = world.hub().model(ID).unwrap().sha256("onnx/model.onnx", &pin).unwrap();
    assert!(matches!(error_of(&named.subfolder("onnx").unwrap(), "model.onnx"), Error::Digest { .. }));
}

#[test]
fn renamed_repositories_are_found() {
    let world = World::new();
    world.server.store().aliases.insert("old/name".to_owned(), ID.to_owned());
    assert_eq!(content(&world.hub().model("old/name").unwrap(), "model.safetensors"), table());
}

#[test]
fn a_commit_stays_what_it_is() {
    let world = World::new();
    let new = world.server.add(ID, &[("config.json", b"{}")]);
    let pinned = || world.repo().revision(&world.commit).unwrap();
    assert_eq!(content(&pinned(), "config.json"), CONFIG);
    assert!(!world.asked().iter().any(|path| path.contains("/revision/")));
    assert_eq!(content(&world.repo(), "config.json"), b"{}");
    assert_eq!(world.repo().commit_hash().unwrap(), new);
    assert_eq!(content(&pinned(), "config.json"), CONFIG);
    assert_eq!(pinned().commit_hash().unwrap(), world.commit);
    // Only names have an entry.
    assert_eq!(crate::walk(&world.path("refs")), ["main"]);
}

#[test]
fn a_pinned_file_is_that_file() {
    let world = World::new();
    let (good, bad) = (sha256(&table()), sha256(b"other"));
    for pin in [good.clone(), good.to_uppercase()] {
        let repo = world.repo().sha256("model.safetensors", &pin).unwrap();
        assert_eq!(content(&repo, "model.safetensors"), table());
    }
    for repo in [world.repo(), world.offline()] {
        let repo = repo.sha256("model.safetensors", &bad).unwrap();
        let error = error_of(&repo, "model.safetensors");
        assert!(
            matches!(&error, Error::Digest { expected, found, .. } if expected.contains(&bad) && found.contains(&good)),
            "{error}"
        );
        assert!(matches!(repo.fetch("model.safetensors"), Err(Error::Digest { .. })));
    }
    // Names are relative to a subfolder: a pin of another name would pin nothing.
    let below = || world.hub().model("acme/tiny:sub/folder").unwrap();
    let error = below().sha256("sub/folder/model.safetensors", &good).unwrap_err();
    assert!(matches!(error, Error::Name { what: "file name", .. }), "{error:?}");
    drop(below().sha256("sub/folder.txt", &good).unwrap());
    // A file in git has another hash, and can be pinned all the same; a file that is not there cannot.
    let repo = world.repo().sha256("config.json", &sha256(CONFIG)).unwrap();
    assert_eq!(content(&repo, "config.json"), CONFIG);
    let repo = world.repo().sha256("config.json", &bad).unwrap().sha256("nothing.json", &bad).unwrap();
    assert!(matches!(error_of(&repo, "config.json"), Error::Digest { .. }));
    assert!(matches!(error_of(&repo, "nothing.json"), Error::Digest { .. }));
    for not_one in ["", "abc", &"0".repeat(40), &"x".repeat(64)] {
        assert!(world.repo().sha256("config.json", not_one).is_err(), "{not_one:?}");
    }
}

#[test]
fn a_file_that_is_pinned_to_something_else_is_not_fetched() {
    let world = World::new();
    let repo = world.repo().sha256("model.safetensors", &sha256(b"other")).unwrap();
    assert!(matches!(error_of(&repo, "model.safetensors"), Error::Digest { .. }));
    assert!(!world.asked().iter().any(|path| path.contains("/resolve/")));
    assert!(world.files().is_empty());
}
