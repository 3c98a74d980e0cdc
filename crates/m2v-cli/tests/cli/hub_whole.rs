//! Models of sentence-transformers on a hub, by the name of their module too.

use crate::hub::{Setup, expected, shipped_files};
use crate::server::sha256;
use crate::support::*;

/// The shipped model, as sentence-transformers saves one.
fn setup(folder: &str) -> Setup {
    let setup = Setup::new();
    let mut files = Vec::new();
    for (name, bytes) in shipped_files() {
        match &*name {
            "config.json" => {}
            "model.safetensors" | "tokenizer.json" => {
                files.push((format!("{folder}0_StaticEmbedding/{name}"), bytes));
            }
            _ => files.push((format!("{folder}{name}"), bytes)),
        }
    }
    files.push((format!("{folder}config_sentence_transformers.json"), b"{}".to_vec()));
    let modules: &[u8] = br#"[
        {"idx": 0, "name": "0", "path": "0_StaticEmbedding",
            "type": "sentence_transformers.models.StaticEmbedding"},
        {"idx": 1, "name": "1", "path": "1_Normalize", "type": "sentence_transformers.models.Normalize"}]"#;
    files.retain(|file| !file.0.ends_with("modules.json"));
    files.push((format!("{folder}modules.json"), modules.to_vec()));
    setup.server.add("acme/st", &files.iter().map(|(name, bytes)| (&**name, bytes)).collect::<Vec<_>>());
    setup
}

#[test]
fn a_module_stands_for_the_whole_of_its_model() {
    for folder in ["", "de/"] {
        let setup = setup(folder);
        let whole = if folder.is_empty() { "acme/st" } else { "acme/st:de" };
        let module = format!("acme/st:{folder}0_StaticEmbedding");
        assert_eq!(setup.run([&"encode", &module], &[]).ok().stdout, expected());
        let asked = setup.server.take_requests();
        for part in ["/revision/", "/tree/"] {
            assert_eq!(asked.iter().filter(|request| request.target.contains(part)).count(), 1, "{asked:?}");
        }
        assert_eq!(setup.run([&"encode", &whole], &[]).ok().stdout, expected());
        assert_eq!(setup.run([&"encode", &module, &"--offline"], &[]).ok().stdout, expected());
        let about = setup.run([&"inspect", &module, &"--json"], &[]).ok().stdout;
        assert!(about.contains(r#""layout":"static_embedding""#), "{about}");

        let pulls = [whole, &module].map(|id| setup.run([&"pull", &id], &[]).ok().stdout);
        assert_eq!(pulls[0], pulls[1]);
        let out = setup.home.path().join("out");
        setup.run([&"pull", &module, &"--to", &out], &[]).ok();
        assert!(
            out.join("0_StaticEmbedding/model.safetensors").is_file() && out.join("modules.json").is_file()
        );
        assert_eq!(
            run_with([&"encode", &out], b"Take this.\n").ok().stdout,
            expected().lines().nth(1).unwrap().to_owned() + "\n"
        );
    }
}

#[test]
fn pins_are_of_files_beside_the_name() {
    let setup = setup("");
    let right = sha256(&std::fs::read(shipped().join("model.safetensors")).unwrap());
    let wrong = "0".repeat(64);
    let id = "acme/st:0_StaticEmbedding";
    for command in ["encode", "pull"] {
        setup.run([&command, &id, &"--sha256", &right], &[]).ok();
        setup
            .run([&command, &id, &"--sha256", &wrong], &[])
            .failed(1, &["model.safetensors", &wrong, &right]);
        let other = format!("modle.safetensors={wrong}");
        setup.run([&command, &id, &"--sha256", &other], &[]).failed(1, &["modle.safetensors", &wrong]);
    }
}

#[test]
fn a_module_with_a_configuration_is_a_model_itself() {
    let setup = Setup::new();
    let small = small_model(setup.home.path(), false);
    let read = |name: &str| std::fs::read(small.join(name)).unwrap();
    let mut files: Vec<_> =
        names(&small).into_iter().map(|name| (format!("0_StaticEmbedding/{name}"), read(&name))).collect();
    files.push(("config_sentence_transformers.json".to_owned(), b"{}".to_vec()));
    setup.server.add("acme/own", &files.iter().map(|(name, bytes)| (&**name, bytes)).collect::<Vec<_>>());
    let about = setup.run([&"inspect", &"acme/own:0_StaticEmbedding", &"--json"], &[]).ok().stdout;
    assert!(about.contains(r#""layout":"model2vec""#), "{about}");
}
