//! Python's `huggingface_hub` on the same cache and the same server.

use std::env;
use std::process::Command;

use m2v_core::Source;

use crate::{CONFIG, ID, World, content, table};

/// Runs `tests/python/check_hub.py`.
fn python(world: &World, task: &str) {
    let python = env::var("M2V_PYTHON").expect("M2V_PYTHON: a Python that has huggingface_hub");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/python/check_hub.py");
    let output = Command::new(python)
        .args([script, task, ID])
        .env("HF_ENDPOINT", world.server.endpoint())
        .env("HF_HUB_CACHE", world.cache_dir())
        .env("HF_HUB_DISABLE_XET", "1")
        .env("HF_HUB_DISABLE_TELEMETRY", "1")
        .env("HF_HUB_OFFLINE", if task == "offline" { "1" } else { "0" })
        .output()
        .unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{task}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "needs Python with huggingface_hub: M2V_PYTHON=… cargo test -p m2v-hub -- --ignored python"]
fn python_reads_what_is_fetched_here() {
    let world = World::new();
    let repo = world.repo();
    for name in ["config.json", "model.safetensors", "onnx/model.onnx"] {
        content(&repo, name);
    }
    assert_eq!(repo.read("tokenizer.json").unwrap(), None);
    world.asked();
    python(&world, "offline");
    assert_eq!(world.asked(), [""; 0]);
}

#[test]
#[ignore = "needs Python with huggingface_hub: M2V_PYTHON=… cargo test -p m2v-hub -- --ignored python"]
fn what_python_fetches_is_read_here() {
    let world = World::new();
    python(&world, "download");
    world.asked();
    for repo in [world.offline(), world.repo()] {
        assert_eq!(content(&repo, "config.json"), CONFIG);
        assert_eq!(content(&repo, "model.safetensors"), table());
        assert_eq!(repo.read("tokenizer.json").unwrap(), None);
    }
    assert_eq!(world.asked(), [""; 0]);
    // And after Python had it in its hands.
    python(&world, "offline");
}

#[test]
#[ignore = "needs Python with huggingface_hub: M2V_PYTHON=… cargo test -p m2v-hub -- --ignored python"]
fn python_and_this_at_once() {
    let world = World::new();
    let slow = crate::server::Fault::Slow(1 << 18, std::time::Duration::from_millis(50));
    world.server.faults("GET", "/lfs/", 9, slow);
    std::thread::scope(|scope| {
        scope.spawn(|| python(&world, "download"));
        let repo = world.repo();
        assert_eq!(content(&repo, "model.safetensors"), table());
    });
    python(&world, "offline");
    assert_eq!(content(&world.offline(), "model.safetensors"), table());
}
