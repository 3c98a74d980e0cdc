//! Waiting, trying again, going on, stopping.

use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use m2v_hub::Error;

use crate::server::{Fault, sha256};
use crate::{CONFIG, ID, World, content, error_of, table, walk};

const OBJECT: &str = "/lfs/";

const MOMENT: Duration = Duration::from_millis(300);

#[test]
fn a_silent_server_is_not_waited_for() {
    let world = World::new();
    for part in ["/revision/", "/tree/", "/resolve/"] {
        world.server.faults("*", part, 9, Fault::Silent(Duration::from_secs(30)));
        let hub = world.builder().connect_timeout(MOMENT).first_byte_timeout(MOMENT).build().unwrap();
        let start = Instant::now();
        let error = error_of(&hub.model(ID).unwrap(), "config.json");
        assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
        assert!(start.elapsed() < Duration::from_secs(10));
        world.server.heal();
        // It is not tried again.
        let asked = world.asked();
        assert_eq!(asked.iter().filter(|path| path.contains(part)).count(), 1, "{asked:?}");
    }
    assert!(world.files().is_empty());
}

#[test]
fn a_stalled_download_is_given_up_and_goes_on_later() {
    let world = World::new();
    world.server.faults("GET", OBJECT, 9, Fault::Stall(2 << 20, Duration::from_secs(30)));
    let hub = world.builder().stall_timeout(MOMENT).retries(0).build().unwrap();
    let error = error_of(&hub.model(ID).unwrap(), "model.safetensors");
    assert!(matches!(error, Error::Timeout { what: "the next bytes", .. }), "{error:?}");
    world.server.heal();
    world.asked();
    assert_eq!(content(&world.repo(), "model.safetensors"), table());
    assert!(ranges(&world)[0].starts_with("bytes="));
}

#[test]
fn a_download_that_stalls_once_goes_on() {
    let world = World::new();
    world.server.faults("GET", OBJECT, 1, Fault::Stall(2 << 20, Duration::from_secs(30)));
    let hub = world.builder().stall_timeout(MOMENT).build().unwrap();
    assert_eq!(content(&hub.model(ID).unwrap(), "model.safetensors"), table());
    let ranges = ranges(&world);
    assert!(ranges.len() == 2 && ranges[1].starts_with("bytes="), "{ranges:?}");
}

/// The ranges of the object that were asked for.
fn ranges(world: &World) -> Vec<String> {
    let requests = world.server.take_requests();
    let objects = requests.iter().filter(|request| request.target.starts_with(OBJECT));
    objects.map(|request| request.header("range").unwrap_or("all").to_owned()).collect()
}

/// Connections that were never made are said at once.
#[test]
fn nobody_there_is_said_at_once() {
    let world = World::new();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let hub = world.builder().endpoint(format!("http://127.0.0.1:{port}")).backoff(Duration::from_secs(60));
    let start = Instant::now();
    let error = error_of(&hub.build().unwrap().model(ID).unwrap(), "config.json");
    assert!(matches!(error, Error::Connection { .. }), "{error:?}");
    assert!(error.to_string().contains(&port.to_string()), "{error}");
    assert!(start.elapsed() < Duration::from_secs(10));
}

#[test]
fn what_may_pass_is_tried_again() {
    for (part, fault) in [
        ("/revision/", Fault::status(503, "")),
        ("/tree/", Fault::Hangup),
        ("/tree/", Fault::Cut(10)),
        ("/resolve/", Fault::busy(0)),
        ("/resolve/", Fault::status(500, "")),
        (OBJECT, Fault::status(502, "")),
        (OBJECT, Fault::Hangup),
    ] {
        let world = World::new();
        world.server.faults("*", part, 2, fault.clone());
        assert_eq!(content(&world.repo(), "model.safetensors"), table(), "{fault:?}");
        let count = world.asked().iter().filter(|path| path.contains(part)).count();
        assert_eq!(count, 3, "{part} {fault:?}");
        // Once more is too often.
        let world = World::new();
        world.server.faults("*", part, 3, fault.clone());
        error_of(&world.repo(), "model.safetensors");
    }
}

#[test]
fn the_caller_is_told_before_a_retry() {
    let world = World::new();
    world.server.store().token("hf_verysecret", "org", true);
    // Whoever is busy may repeat what it was asked with.
    world.server.faults("*", OBJECT, 2, Fault::status(503, "busy with hf_verysecret"));
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let hub = world.builder().token("hf_verysecret").on_retry(move |retry| {
        assert!(matches!(retry.error, Error::Status { status: 503, .. }), "{:?}", retry.error);
        assert!(!format!("{:?}", retry.error).contains("verysecret"), "{:?}", retry.error);
        tell.lock().unwrap().push((retry.number, retry.after.as_millis()));
    });
    content(&hub.build().unwrap().model(ID).unwrap(), "model.safetensors");
    assert_eq!(*told.lock().unwrap(), [(1, 10), (2, 20)]);
}

#[test]
fn what_stays_is_not_tried_again() {
    for status in [400, 401, 403, 404, 410] {
        let world = World::new();
        world.server.faults("*", "/resolve/", 9, Fault::status(status, ""));
        error_of(&world.repo(), "model.safetensors");
        assert_eq!(world.asked().iter().filter(|path| path.contains("/resolve/")).count(), 1, "{status}");
    }
}

#[test]
fn the_server_says_how_long_to_wait_within_limits() {
    let world = World::new();
    world.server.fault("*", "/revision/", Fault::busy(1));
    let start = Instant::now();
    // 120 × 10 ms: more than is asked.
    content(&world.repo(), "config.json");
    assert!(start.elapsed() >= Duration::from_secs(1));
    let world = World::new();
    world.server.fault("*", "/revision/", Fault::busy(86_400));
    content(&world.repo(), "config.json");
    assert!(start.elapsed() < Duration::from_secs(60));
}

#[test]
fn a_cut_download_goes_on_where_it_stopped() {
    let world = World::new();
    world.server.fault("GET", OBJECT, Fault::Cut(1 << 20));
    world.server.fault("GET", OBJECT, Fault::Cut(1 << 19));
    assert_eq!(content(&world.repo(), "model.safetensors"), table());
    let ranges = ranges(&world);
    assert_eq!(ranges.len(), 3);
    assert_eq!(ranges[0], "all");
    // What was sent before the connection was closed may not all have come.
    let starts: Vec<u64> =
        ranges[1..].iter().map(|range| range[6..range.len() - 1].parse().unwrap()).collect();
    assert!(starts[0] > 0 && starts[0] <= 1 << 20 && starts[1] > starts[0], "{ranges:?}");
}

#[test]
fn a_large_file_goes_on_in_a_later_run_and_a_small_one_leaves_nothing() {
    let world = World::new();
    let part = format!("blobs/{}.incomplete", sha256(&table()));
    world.server.faults("GET", OBJECT, 3, Fault::Cut(1 << 18));
    let error = error_of(&world.repo(), "model.safetensors");
    assert!(matches!(error, Error::Cut { total: 3_145_728, .. }), "{error:?}");
    assert_eq!(walk(&world.path("")), [part]);
    ranges(&world);
    assert_eq!(content(&world.repo(), "model.safetensors"), table());
    assert!(ranges(&world)[0].starts_with("bytes="));
}

#[test]
fn servers_that_know_no_ranges_send_it_all_again() {
    let world = World::new();
    world.server.fault("GET", OBJECT, Fault::Cut(1 << 20));
    world.server.fault("GET", OBJECT, Fault::NoRange);
    assert_eq!(content(&world.repo(), "model.safetensors"), table());
    let asked = ranges(&world);
    assert!(asked.len() == 2 && asked[1].starts_with("bytes="), "{asked:?}");
    let answer = |range: &str| {
        let rest = table()[1 << 19..].to_vec();
        Fault::Answer(crate::server::Answer::new(206).header("Content-Range", range).body(rest))
    };
    // Another part than was asked for, or of another file.
    for range in ["bytes 5-3145727/3145728", "bytes 1048576-3145727/9", "nonsense"] {
        let world = World::new();
        world.server.fault("GET", OBJECT, Fault::Cut(1 << 20));
        world.server.fault("GET", OBJECT, answer(range));
        assert_eq!(content(&world.repo(), "model.safetensors"), table(), "{range}");
        assert_eq!(ranges(&world).last().map(String::as_str), Some("all"), "{range}");
    }
    // 416, as after a file that became shorter.
    let world = World::new();
    world.server.fault("GET", OBJECT, Fault::Cut(1 << 20));
    world.server.fault("GET", OBJECT, Fault::status(416, ""));
    assert_eq!(content(&world.repo(), "model.safetensors"), table());
}

#[test]
fn ctrl_c_ends_it_soon() {
    for (name, part, left) in
        [("config.json", "/resolve/", 0), ("model.safetensors", OBJECT, 1), ("config.json", "/tree/", 0)]
    {
        let world = World::new();
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        world.server.faults("*", part, 9, Fault::Stall(10, Duration::from_secs(30)));
        let hub = world.builder().cancel_when(move || asked.load(Ordering::Relaxed)).build().unwrap();
        thread::scope(|scope| {
            let reader = scope.spawn(|| error_of(&hub.model(ID).unwrap(), name));
            thread::sleep(MOMENT);
            let start = Instant::now();
            stop.store(true, Ordering::Relaxed);
            let error = reader.join().unwrap();
            assert!(matches!(error, Error::Cancelled { .. }), "{error:?}");
            assert!(start.elapsed() < Duration::from_secs(5));
        });
        // The beginning of a large file is of use.
        assert_eq!(world.files().len(), left, "{:?}", world.files());
    }
}

#[test]
fn progress_ends_at_the_whole() {
    let world = World::new();
    let calls = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&calls);
    let hub = world.builder().progress(move |progress| {
        assert_eq!((progress.repo, progress.file), (ID, "model.safetensors"));
        log.lock().unwrap().push((progress.done, progress.total));
    });
    world.server.fault("GET", OBJECT, Fault::Slow(1 << 18, Duration::from_millis(20)));
    let repo = hub.build().unwrap().model(ID).unwrap();
    content(&repo, "model.safetensors");
    let seen = std::mem::take(&mut *calls.lock().unwrap());
    assert!(seen.len() > 3 && seen.is_sorted(), "{seen:?}");
    assert!(seen.iter().all(|call| call.1 == 3 << 20));
    assert_eq!(seen.iter().filter(|call| call.0 == call.1).count(), 1);
    assert_eq!(seen.last(), Some(&(3 << 20, 3 << 20)));
    // From the cache there is none.
    content(&repo, "model.safetensors");
    assert!(calls.lock().unwrap().is_empty());
}

#[test]
fn it_works_inside_a_runtime() {
    use tokio::runtime::Builder;

    for mut runtime in [Builder::new_current_thread(), Builder::new_multi_thread()] {
        let world = World::new();
        let runtime = runtime.enable_all().build().unwrap();
        runtime.block_on(async {
            let hub = world.hub();
            let repo = hub.model(ID).unwrap();
            assert_eq!(content(&repo, "config.json"), CONFIG);
            let task = tokio::spawn(async move { content(&repo, "model.safetensors") });
            assert_eq!(task.await.unwrap(), table());
            // The last of it ends in a task too.
            tokio::spawn(async move { drop(hub) }).await.unwrap();
        });
    }
}

#[test]
fn threads_share_a_hub() {
    let world = World::new();
    let repo = world.repo();
    let bytes = AtomicU64::new(0);
    thread::scope(|scope| {
        for name in ["config.json", "model.safetensors", "onnx/model.onnx", "none.json"] {
            let (repo, bytes) = (&repo, &bytes);
            scope.spawn(move || {
                let len = m2v_core::Source::read(repo, name).unwrap().map_or(0, |bytes| bytes.len());
                bytes.fetch_add(len as u64, Ordering::Relaxed);
            });
        }
    });
    assert_eq!(bytes.into_inner(), 27 + (3 << 20) + 4);
    let asked = world.asked();
    for part in ["/revision/", "/tree/"] {
        assert_eq!(asked.iter().filter(|path| path.contains(part)).count(), 1, "{asked:?}");
    }
}
