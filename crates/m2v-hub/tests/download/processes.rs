//! More than one process, and one that is killed.

use std::env;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use m2v_hub::Hub;

use crate::server::Fault;
use crate::{ID, World, content, table};

/// Where the child finds the hub and the cache.
const ENDPOINT: &str = "M2V_HUB_TEST_ENDPOINT";
const CACHE: &str = "M2V_HUB_TEST_CACHE";

/// What a child process does; alone it does nothing.
#[test]
#[ignore = "the other tests of this module run it, in a process of its own"]
fn child() {
    let (Ok(endpoint), Ok(cache)) = (env::var(ENDPOINT), env::var(CACHE)) else { return };
    let hub = Hub::builder().endpoint(endpoint).cache_dir(cache).build().unwrap();
    assert_eq!(content(&hub.model(ID).unwrap(), "model.safetensors"), table());
}

fn start(world: &World) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "processes::child"]).stdout(Stdio::null()).stderr(Stdio::null());
    command.env(ENDPOINT, world.server.endpoint()).env(CACHE, world.cache_dir()).spawn().unwrap()
}

#[test]
fn two_processes_at_once_both_succeed() {
    let world = World::new();
    world.server.faults("GET", "/lfs/", 9, Fault::Slow(1 << 18, Duration::from_millis(30)));
    let children: Vec<_> = (0..2).map(|_| start(&world)).collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(world.asked().iter().filter(|path| path.starts_with("/lfs/")).count(), 1);
}

#[test]
fn a_killed_process_leaves_what_the_next_goes_on_with() {
    let world = World::new();
    world.server.fault("GET", "/lfs/", Fault::Slow(1 << 14, Duration::from_millis(50)));
    let mut child = start(&world);
    let part = world.path(&format!("blobs/{}.incomplete", crate::server::sha256(&table())));
    let start = Instant::now();
    while part.metadata().map_or(0, |metadata| metadata.len()) < 1 << 16 {
        assert!(start.elapsed() < Duration::from_secs(60), "nothing came");
        thread::sleep(Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(part.metadata().unwrap().len() < 3 << 20);
    world.asked();
    // Its lock is gone with it.
    assert_eq!(content(&world.repo(), "model.safetensors"), table());
    let requests = world.server.take_requests();
    let object = requests.iter().find(|request| request.target.starts_with("/lfs/")).unwrap();
    assert!(object.header("range").is_some());
    assert!(!part.exists());
}
